"""Problems from wherever they are: the Hub, a built folder, a file, or the samples of this package."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from dsl_debug.data import sample_problems
from dsl_debug.problem import (
    PYTHON_ENVIRONMENT,
    DslProblem,
    PythonProblem,
    load_problems,
    load_published,
)

SAMPLES = "samples"
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class Data:
    """Problems, and in `facts` where they come from: `place`, `config`, `split`, `revision` (the commit of a
    repository on the Hub, None elsewhere) and `limit`.
    """

    problems: list[DslProblem | PythonProblem]
    facts: dict[str, Any]


def load_data(
    place: str,
    config: str = "problems",
    split: str = "test",
    revision: str | None = None,
    limit: int | None = None,
) -> Data:
    """The problems of one split of a dataset, or the first `limit` of them.

    `place` is a dataset repository (`user/name`), a folder that the builder made, a JSON-lines file of rows,
    a parquet file of the published benchmark, or "samples"; only the first two have configs and splits.
    Raises ValueError, in one line, for whatever is no such thing, and ImportError, saying what to install.
    """
    path = Path(place)
    facts: dict[str, Any] = {"place": place, "config": None, "split": None, "revision": None, "limit": limit}
    problems: Iterable[DslProblem | PythonProblem]
    if place == SAMPLES:
        problems = sample_problems()
    elif path.is_file():
        problems = load_published(path) if path.suffix == ".parquet" else load_problems(path)
    elif path.is_dir() or _REPOSITORY.fullmatch(place):
        sha = None if path.is_dir() else commit_of(place, revision)
        facts |= {"config": config, "split": split, "revision": sha}
        problems = _of_rows(rows_of(place, config, split, sha, limit), f"{place}, config {config}, {split}")
    else:
        raise ValueError(f"no data at {place}: give a folder, a file, user/name on the Hub, or '{SAMPLES}'")
    found = list(islice(problems, limit))
    if not found:
        raise ValueError(f"{place} holds no problems")
    return Data(found, facts)


def commit_of(repository: str, revision: str | None = None) -> str | None:
    """The commit that a revision of a dataset repository stands for now. Raises as `load_data` does."""
    try:
        from huggingface_hub import HfApi
    except ImportError:
        raise _missing("huggingface_hub") from None
    try:
        return HfApi().dataset_info(repository, revision=revision).sha
    except Exception as error:  # the client's own errors, and those of whatever it speaks HTTP with
        raise ValueError(
            f"there is no folder {repository}, and as a dataset on the Hub it cannot be read: {_line(error)}"
        ) from None


def rows_of(
    place: str, config: str, split: str, revision: str | None = None, limit: int | None = None
) -> Iterator[Mapping[str, Any]]:
    """The rows of a split, read as they are needed: whoever wants one split does not pay for the others.

    `place` is a dataset repository or a folder that the builder made. Raises as `load_data` does.
    """
    try:
        from datasets import load_dataset
    except ImportError:
        raise _missing("datasets") from None
    try:
        rows = load_dataset(place, config, split=split, revision=revision, streaming=True)
        yield from rows if limit is None else rows.take(limit)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{place}, config {config}, split {split}: {_line(error)}") from None


def _of_rows(rows: Iterable[Mapping[str, Any]], where: str) -> Iterator[DslProblem | PythonProblem]:
    for number, row in enumerate(rows):
        if "environment" not in row:
            raise ValueError(f"{where}: these rows are no problems")
        kind = PythonProblem if row["environment"] == PYTHON_ENVIRONMENT else DslProblem
        try:
            yield kind.from_row(row)
        except ValueError as error:
            raise ValueError(f"{where}, row {number}: {error}") from None


def _missing(package: str) -> ImportError:
    return ImportError(f"reading datasets needs {package}: pip install 'dsl-debug[eval]'")


def _line(error: BaseException) -> str:
    """What went wrong, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
