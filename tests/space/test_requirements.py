"""What the host of the Space installs: all that the app imports and nothing else."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent.parent
LINES = [
    line
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
PINNED = dict(re.fullmatch(r"([\w.-]+)(?:\[\w+\])?==([\w.]+)", line).groups() for line in LINES)

# Models that run in the process of the app, and what publishes the app: the Space has neither.
NOT_OF_THE_SPACE = ("dsl_debug.policies.hf", "dsl_debug.policies.vllm", "space.publish")

# Packages whose version is that of another one, which brings them.
BROUGHT = {"anyio": "gradio", "httpx2": "openai", "pyarrow": "datasets"}


def file_of(name: str) -> Path | None:
    """The file of one of our modules."""
    places = (
        ROOT.joinpath(*name.split(".")).with_suffix(".py"),
        ROOT.joinpath(*name.split("."), "__init__.py"),
    )
    return next((place for place in places if place.is_file()), None)


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, at any depth; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            yield from (part.value for part in node.args if isinstance(part, ast.Constant))


def above(name: str) -> list[str]:
    """A dotted name and the packages that it is in."""
    return [name.rsplit(".", count)[0] for count in range(name.count(".") + 1)]


def reached() -> tuple[set[str], set[str]]:
    """Our modules that the app may load, and the packages of others that these import."""
    waiting, ours, others = ["app"], set(), set()
    while waiting:
        name = waiting.pop()
        path = file_of(name)
        if name in ours or path is None or name in NOT_OF_THE_SPACE:
            continue
        ours.add(name)
        for found in imports(path):
            if found.partition(".")[0] in ("space", "dsl_debug"):
                waiting += above(found)
            else:
                others.add(found.partition(".")[0])
    return ours, {package for package in others if package not in sys.stdlib_module_names}


MODULES, PACKAGES = reached()


def test_the_walk_finds_what_the_app_is_made_of() -> None:
    assert {"space.ui.play", "space.views.play", "dsl_debug.policies.openai"} <= MODULES
    assert not any(module.startswith("dsl_debug.cli") for module in MODULES)
    assert {"gradio", "pyseccomp"} <= PACKAGES


def test_everything_that_is_imported_is_pinned() -> None:
    missing = sorted(PACKAGES - PINNED.keys() - BROUGHT.keys())
    assert not missing, f"imported by the app, but not in requirements.txt: {missing}"


def test_nothing_else_is_pinned() -> None:
    unused = sorted(PINNED.keys() - PACKAGES)
    assert not unused, f"in requirements.txt, but not imported by the app: {unused}"


@pytest.mark.parametrize(("package", "by"), BROUGHT.items())
def test_what_another_package_brings_is_required_by_it(package: str, by: str) -> None:
    assert by in PINNED
    assert package in [re.split(r"[^\w.-]", line)[0] for line in requires(by) or []]


@pytest.mark.parametrize("package", PINNED)
def test_the_tests_run_with_the_versions_of_the_space(package: str) -> None:
    assert version(package) == PINNED[package]


def test_the_extra_of_the_package_asks_for_the_same() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [line for name in ("space", "sandbox") for line in extras["optional-dependencies"][name]]
    ranges = dict(re.match(r"([\w-]+)[^<>=]*(.*)", line).groups() for line in wanted)
    del ranges["dsl-debug"]
    assert sorted(ranges) == sorted(PINNED)
    outside = [name for name, spread in ranges.items() if PINNED[name] not in SpecifierSet(spread)]
    assert not outside


def test_the_system_brings_what_the_sandbox_binds_to() -> None:
    assert (ROOT / "packages.txt").read_text(encoding="utf-8").split() == ["libseccomp2"]
