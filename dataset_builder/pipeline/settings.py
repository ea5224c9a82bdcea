"""What a build is asked for, and what its result depends on."""

import platform
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import dsl_debug
from dataset_builder.model import CATALOG, REFERENCE
from dataset_builder.pipeline import teaching
from dataset_builder.pipeline.shards import digest
from dataset_builder.pipeline.sources import Source, fingerprint
from dataset_builder.presets import Preset

# What only writes, shows or checks the folder, so that work which is done stays good when it changes.
_NO_RESULTS = {
    *("__main__.py", "cli.py", "cli_arena.py", "cli_build.py", "cli_common.py", "clock.py", "scale.py"),
    *("arena_export.py", "card.py", "export.py", "figures.py", "folders.py", "parquet_files.py"),
    *("crosscheck.py", "dissect.py", "recheck.py", "remarks.py", "replay.py", "stats.py", "verify.py"),
    *("plots.py", "processes.py", "report.py"),
}


@dataclass(frozen=True)
class Settings:
    """What is built, from what, and to where. `teacher` is `reference` or an endpoint (see `teaching`)."""

    preset: Preset
    out: Path
    work: Path
    sources: tuple[Source, ...] = (Source(CATALOG),)
    seed: int = 0
    arena: bool = True
    strict: bool = False
    teacher: str = REFERENCE
    writer: str | None = None
    workers: int = 1


def identity(settings: Settings) -> dict[str, Any]:
    """All that the result depends on; the work folder is named after it."""
    return {
        "preset": asdict(settings.preset),
        "seed": settings.seed,
        "teacher": settings.teacher,
        "writer": settings.writer,
        "version": dsl_debug.__version__,
        "code": _code_digest(),
        "python": platform.python_version(),
        "faker": _version_of("faker"),
        "sources": [fingerprint(source) for source in settings.sources],
    }


@cache
def _code_digest() -> str:
    """Of the texts that the results of jobs come from: another state of them would give other rows."""
    packages = Path(dsl_debug.__file__).parent, Path(__file__).parent.parent
    files = [(package.parent, path) for package in packages for path in sorted(package.rglob("*.py"))]
    files += [(packages[0].parent, path) for path in sorted(packages[0].rglob("*.md"))]
    kept = [(base, path) for base, path in files if path.name not in _NO_RESULTS]
    return digest([[path.relative_to(base).as_posix(), path.read_text("utf-8")] for base, path in kept])


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def asked_for(settings: Settings) -> dict[str, Any]:
    """The head of the report."""
    return {
        "command": command(settings),
        "preset": settings.preset.name,
        "seed": settings.seed,
        "version": dsl_debug.__version__,
        "wanted": settings.preset.wanted(),
    }


def command(settings: Settings) -> str:
    """The command line that builds the same again, without the paths of this machine."""
    parts = ["python -m dataset_builder build", f"--preset {settings.preset.name}"]
    folders = any(source.folder for source in settings.sources)
    parts += [f"--databases {_named(source)}" for source in settings.sources if folders]
    parts.append(f"--seed {settings.seed}")
    if settings.teacher != REFERENCE:
        parts.append(f"--teacher {teaching.public_name(settings.teacher)}@URL")
    if settings.writer:
        parts.append(f"--writer {teaching.public_name(settings.writer)}@URL")
    return " ".join([*parts, *([] if settings.arena else ["--no-arena"])])


def _named(source: Source) -> str:
    return f"{source.name}=FOLDER" if source.folder else source.name
