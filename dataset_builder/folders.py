"""Folders that appear whole or not at all, and replace nothing but an earlier build."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

CARD = "README.md"
REPORT = "build_report.json"


def check_target(folder: Path, made_by: str, is_ours: Callable[[PurePath], bool]) -> None:
    """Raises ValueError for a folder that cannot be written, or that something else is in.

    An earlier build has a report that names `made_by`, and no file (paths inside the folder) but ours.
    """
    if not folder.exists():
        above = next(parent for parent in folder.resolve().parents if parent.exists())
        if not (above.is_dir() and os.access(above, os.W_OK)):
            raise ValueError(f"{folder} cannot be made: {above} is no folder that can be written to")
        return
    if not folder.is_dir():
        raise ValueError(f"{folder} is there already, and is no folder")
    names = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    if names and not (all(map(is_ours, names)) and _is_report(folder / REPORT, made_by)):
        raise ValueError(f"{folder} is there already, and holds something else than an earlier build")


def _is_report(path: Path, made_by: str) -> bool:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(report, dict) and report.get("made_by") == made_by


@contextmanager
def placed(target: Path) -> Iterator[Path]:
    """A new folder beside `target` to write to; it takes the place of `target` unless something is raised.

    Whoever calls has asked `check_target` first.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        made.chmod(0o755)
        yield made
        _put(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put(made: Path, target: Path) -> None:
    """Have `made` take the place of `target`, which is away for a moment if it has something in it."""
    if not target.is_dir() or not any(target.iterdir()):
        os.replace(made, target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    os.replace(target, old)
    try:
        os.replace(made, target)
    except OSError:
        os.replace(old, target)
        raise
    shutil.rmtree(old)
