"""What the files of jobs hold: databases, problems and trajectories as JSON, and back."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, overload

from dataset_builder.model import Database, ForeignKey, Trajectory
from dataset_builder.pipeline.selection import Head
from dsl_debug.lang import Table
from dsl_debug.problem import DslProblem, Row


def database_to_json(database: Database) -> Row:
    """A database as values that JSON can hold."""
    return {
        "id": database.id,
        "source": database.source,
        "title": database.title,
        "tables": {name: table.to_json() for name, table in database.tables.items()},
        "keys": dict(database.keys),
        "foreign_keys": [asdict(key) for key in database.foreign_keys],
    }


def database_from_json(row: Mapping[str, Any]) -> Database:
    """The inverse of `database_to_json`."""
    return Database(
        id=row["id"],
        source=row["source"],
        tables={name: Table.from_json(table, name) for name, table in row["tables"].items()},
        keys=row["keys"],
        foreign_keys=tuple(ForeignKey(**key) for key in row["foreign_keys"]),
        title=row["title"],
    )


def trajectory_to_json(trajectory: Trajectory) -> Row:
    """A trajectory as values that JSON can hold."""
    return asdict(trajectory)


def trajectory_from_json(row: Mapping[str, Any]) -> Trajectory:
    """The inverse of `trajectory_to_json`."""
    return Trajectory(**{**row, "messages": tuple(row["messages"])})


def read_problem(work: Path, file: str, offset: int) -> DslProblem:
    """The problem whose row begins at a byte of a file below the work folder."""
    with (work / file).open("rb") as lines:
        lines.seek(offset)
        return DslProblem.from_row(json.loads(lines.readline()))


def read_heads(path: Path, work: Path) -> tuple[Row, list[Head]]:
    """The first line of a file of problems, without its heads; and those, with the places of their rows."""
    with path.open("rb") as lines:
        summary = json.loads(lines.readline())
        offset, heads = lines.tell(), []
        for head, line in zip(summary.pop("heads"), lines, strict=True):
            heads.append(Head(**head, file=path.relative_to(work).as_posix(), offset=offset))
            offset += len(line)
    return summary, heads


class StoredProblems(Sequence[DslProblem]):
    """Problems that stay on disk until one is asked for: all of a large build would not fit into memory."""

    def __init__(self, work: Path, places: Sequence[tuple[str, int]]) -> None:
        self._work = work
        self._places = tuple(places)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> DslProblem: ...
    @overload
    def __getitem__(self, place: slice) -> "StoredProblems": ...
    def __getitem__(self, place: int | slice) -> "DslProblem | StoredProblems":
        if isinstance(place, slice):
            return StoredProblems(self._work, self._places[place])
        return read_problem(self._work, *self._places[place])

    def __iter__(self) -> Iterator[DslProblem]:
        return (read_problem(self._work, *place) for place in self._places)
