"""Files that survive a kill: written whole or not at all, or line by line with at most the last one torn."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished-"
"""How the name of a file begins that is still being written."""


def write_atomically(path: Path, texts: Iterable[str], mode: int = 0o600) -> None:
    """Write a file that appears whole or not at all, in place of the one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, made = tempfile.mkstemp(prefix=UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(texts)
        os.chmod(made, mode)
        os.replace(made, path)
    except BaseException:
        os.unlink(made)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file for people and programs, whole or not at all."""
    write_atomically(
        path, [json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"], mode=0o644
    )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises OSError, and ValueError, naming the file, for one that holds none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no JSON object")
    return value


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSON-lines file. A last line that was torn by a kill is left out.

    Raises OSError, and ValueError, naming file and line, for any other line that is no object.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            yield _object(line, f"{path}, line {number}")


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{where}: not a JSON object")
    return value


class Appender:
    """Adds lines to a JSON-lines file, each in one write; a torn last line is cut off first.

    Raises ValueError, in one line, for a file that another process is adding to.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        try:
            _lock(self._file)
        except BlockingIOError:
            self._file.close()
            raise ValueError(f"{path} is being written by another process: wait for it, or stop it") from None
        if path.stat().st_size:
            with path.open("rb+") as file:
                file.truncate(_whole(file))

    def __enter__(self) -> "Appender":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, value: dict[str, Any]) -> None:
        """Append one object."""
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        if self._file.write(line) != len(line):
            raise OSError(f"only a part of a line could be written to {self._file.name}")


def _lock(file: Any) -> None:
    """Lock an open file until it is closed, where the system can."""
    with suppress(ImportError):
        from fcntl import LOCK_EX, LOCK_NB, flock

        flock(file, LOCK_EX | LOCK_NB)


def _whole(file: Any) -> int:
    """How many bytes the whole lines of a file take."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 65_536)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return int(start + newline + 1)
        end = start
    return 0
