"""What `dsl-debug doctor` reports: versions, optional packages, layers that isolate untrusted code."""

import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterator

from dsl_debug import __version__
from dsl_debug.sandbox import LAYERS, layers

_REQUIREMENT = re.compile(r"""(?P<package>[\w.-]+).*;\s*extra\s*==\s*['"](?P<extra>[\w-]+)['"]""")


def report() -> str:
    """The whole report, as text. Finding out about the layers starts a sandbox for a moment."""
    lines = [
        f"dsl-debug  {__version__}",
        f"python     {platform.python_version()} ({sys.executable})",
        f"platform   {platform.platform()}",
        "",
        "optional packages",
        *_packages(),
        "",
        "isolation layers",
        *_layers(),
    ]
    return "\n".join(lines)


def _packages() -> Iterator[str]:
    extras = _extras()
    if not extras:
        yield "  unknown: dsl-debug itself is not installed"
    for package, needed_by in extras.items():
        yield f"  {package:<18} {_version(package) or 'missing':<12} extra {', '.join(needed_by)}"


def _extras() -> dict[str, list[str]]:
    """Package -> the extras that bring it, from the installed metadata; the developers' extra is left out."""
    try:
        required = importlib.metadata.requires("dsl-debug") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for match in filter(None, map(_REQUIREMENT.match, required)):
        if match["extra"] != "dev":
            found.setdefault(match["package"], []).append(match["extra"])
    return dict(sorted(found.items()))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _layers() -> Iterator[str]:
    found = layers()
    for name, purpose in LAYERS.items():
        state = found[name].splitlines()[0]
        yield f"  {name:<18} {state}" if state != "present" else f"  {name:<18} present      {purpose}"
