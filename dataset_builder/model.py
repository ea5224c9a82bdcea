"""What the stages of the builder hand to one another: databases, broken programs, trajectories."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dsl_debug.lang import Program, Table
from dsl_debug.problem import Bug

CATALOG = "catalog"
"""The source of the databases that are made up here."""

SPLITS = ("train", "validation", "test")
"""The splits that a published config may have, in the order in which they are listed."""

REFERENCE = "reference"
"""The teacher that needs no model, in the rows of `sft`."""

MAX_ROWS = 120
"""Rows of a table in the contents that a problem shows, and in hidden ones, at most."""

Contents = dict[str, Table]
"""Rows for the tables of a database, by the tables' names, in the order of the database."""


Progress = Callable[[int, int], None]
"""Hears how many of how many pieces of work are done."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A column whose values are found in a column of another table."""

    table: str
    column: str
    target: str
    target_column: str


@dataclass(frozen=True)
class Database:
    """A cleaned database: names that programs can write, no nulls, no table without rows.

    `source` says where it comes from: `spider`, `catalog`, or what a user calls their own. `keys` maps a
    table to its column of unique values that rows are identified by; a table may have none.
    """

    id: str
    source: str
    tables: Contents
    keys: dict[str, str] = field(default_factory=dict)
    foreign_keys: tuple[ForeignKey, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Mutant:
    """A program with a bug.

    `program` is the tree of `code`, None where the text does not parse. `alone` holds, for a bug of several
    mistakes, the correct program with each one of them only; for a single mistake it is empty.
    `place` is the root cause in the correct program: a statement's name and the index of a stage in it, or -1
    for its source.
    """

    category: str
    code: str
    program: Program | None
    bugs: tuple[Bug, ...]
    place: tuple[str, int]
    alone: tuple[Program, ...] = ()


@dataclass(frozen=True)
class Trajectory:
    """One recorded episode: chat messages with structured `tool_calls`, and what came of it."""

    problem_id: str
    teacher: str
    messages: tuple[dict[str, Any], ...]
    turns: int
    reward: float
