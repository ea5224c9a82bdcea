"""A program under construction: every stage is run as it is added, so that columns and values are known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from dataset_builder.model import Contents, Database
from dataset_builder.programs.naming import fresh, snake, stem
from dsl_debug.lang import Program, Table
from dsl_debug.lang.dialect import STANDARD
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Column,
    Emit,
    GroupBy,
    Join,
    Load,
    Ref,
    Source,
    Stage,
    Statement,
)
from dsl_debug.lang.operators import RunError, Words, compile_stage, join
from dsl_debug.lang.table import NUMBER, TEXT

MAX_JOINED_ROWS = 5_000
WORDS = Words(STANDARD, "")

_IDENTIFIER_ENDINGS = ("_id", "_code", "_number", "_no", "_key", "phone", "zip", "zipcode", "postcode")
_YEARS = ("year", "month", "day", "date", "quarter", "week")


class Unfit(Exception):
    """The tables at hand have nothing for what a shape needs."""


@dataclass(frozen=True)
class Draft:
    """A table of the program that is still being built: its source, its stages and the rows so far.

    `noun` names its rows. `keys` are the columns that identify something and are not to be reckoned with;
    `made` the columns that the program itself made, which results should show.
    """

    source: Source
    stages: tuple[Stage, ...]
    table: Table
    noun: str
    keys: tuple[str, ...]
    made: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.table.names)


class Sketch:
    """The statements of a program so far, over certain tables."""

    def __init__(self, database: Database, tables: Contents, rng: Random) -> None:
        self.database = database
        self.tables = tables
        self.rng = rng
        self.statements: list[Statement] = []

    def load(self, name: str) -> Draft:
        """All rows of a table."""
        table = self.tables[name]
        foreign = [k.column for k in self.database.foreign_keys if k.table == name]
        targets = [k.target_column for k in self.database.foreign_keys if k.target == name]
        own = self.database.keys.get(name)
        known = {*foreign, *targets, *([own] if own else [])}
        keys = tuple(c for c in table.names if c in known or is_identifier(c))
        return Draft(Load(name), (), table, snake(name), keys)

    def add(self, draft: Draft, stage: Stage) -> Draft:
        """The draft with one more stage, run. Raises Unfit where it fails or leaves nothing."""
        before = draft.stages[-1] if draft.stages else None
        step = compile_stage(stage, before, draft.table.types, WORDS)
        try:
            table = step(draft.table) if step else draft.table
        except (RunError, OverflowError) as error:
            raise Unfit(str(error)) from None
        if not table.length:
            raise Unfit("no rows are left")
        keys = tuple(key for key in draft.keys if key in table.columns)
        made = tuple(name for name in draft.made if name in table.columns)
        return replace(draft, stages=(*draft.stages, stage), table=table, keys=keys, made=made)

    def grouped(self, draft: Draft, keys: Sequence[str], aggregations: Sequence[Aggregation]) -> Draft:
        """One row for each group, called after the keys."""
        draft = self.add(draft, GroupBy(tuple(Column(key) for key in keys)))
        draft = self.add(draft, Aggregate(tuple(aggregations)))
        noun = "_and_".join(stem(key) for key in keys)
        return replace(draft, noun=noun, made=(*draft.made, *(item.name for item in aggregations)))

    def close(self, draft: Draft, name: str) -> Draft:
        """The draft as a statement of its own, to be read by its name."""
        if isinstance(draft.source, Ref) and not draft.stages:
            return draft
        name = fresh(snake(name), (s.name for s in self.statements))
        self.statements.append(Statement(name, draft.source, draft.stages))
        return replace(draft, source=Ref(name), stages=())

    def join(self, left: Draft, right: Draft, left_key: str, right_key: str, noun: str = "") -> Draft:
        """Both drafts, closed under the names of their rows, joined. Raises Unfit for too many rows."""
        left, right = self.close(left, left.noun), self.close(right, right.noun)
        if not isinstance(left.source, Ref) or not isinstance(right.source, Ref):
            raise ValueError("only statements can be joined")
        source = Join(left.source, right.source, Column(left_key), Column(right_key))
        try:
            table = join(source, MAX_JOINED_ROWS)(left.table, right.table)
        except RunError as error:
            raise Unfit(error.message) from None
        if not table.length:
            raise Unfit("no rows match")
        keys = tuple(dict.fromkeys((*left.keys, *right.keys)))
        made = tuple(dict.fromkeys((*left.made, *right.made)))
        return Draft(source, (), table, noun or f"{left.noun}_with_{right.noun}", keys, made)

    def program(self, draft: Draft, name: str) -> Program:
        """The program that emits this draft; statements that it does not need are left out."""
        last = self.close(draft, name).source
        if not isinstance(last, Ref):
            raise ValueError("only a statement can be emitted")
        return Program(tuple(self.statements), Emit(last.name))


def is_identifier(column: str) -> bool:
    """Whether a column's name says that its values name things and are no quantities."""
    lowered = snake(column)
    return lowered in ("id", "code", "number") or lowered.endswith(_IDENTIFIER_ENDINGS)


def is_calendar(column: str) -> bool:
    """Whether a column's name says that its numbers are years, months or days."""
    return any(word in _YEARS for word in snake(column).split("_"))


def variety_of(draft: Draft, column: str) -> int:
    """How many different values a column has."""
    return len(set(draft.table.columns[column]))


def measures(draft: Draft) -> list[str]:
    """Columns of quantities: numbers that vary and name nothing."""
    types = draft.table.types
    return [
        c
        for c in draft.table.names
        if types[c] == NUMBER
        and c not in draft.keys
        and not is_calendar(c)
        and variety_of(draft, c) >= min(5, draft.table.length)
    ]


def categories(draft: Draft, least: int = 2, most: int | None = None) -> list[str]:
    """Columns whose values repeat, so that rows can be grouped by them."""
    most = most or max(2, draft.table.length * 2 // 5)
    types = draft.table.types
    quantities = measures(draft)
    return [
        c
        for c in draft.table.names
        if types[c] in (NUMBER, TEXT)
        and c not in draft.made
        and (c not in quantities or variety_of(draft, c) <= 6)
        and least <= variety_of(draft, c) <= most
    ]


def labels(draft: Draft) -> list[str]:
    """Columns of short texts that tell rows apart, such as names."""
    return [
        c
        for c in draft.table.names
        if draft.table.types[c] == TEXT
        and variety_of(draft, c) > draft.table.length // 2
        and max(len(str(v)) for v in draft.table.columns[c]) <= 40
    ]


def choose(rng: Random, items: Sequence[str]) -> str:
    """One of the items. Raises Unfit where there is none."""
    if not items:
        raise Unfit("nothing to choose from")
    return rng.choice(items)


def some(rng: Random, items: Iterable[str], count: int) -> list[str]:
    """Up to `count` of the items, in their order."""
    listed = list(items)
    chosen = rng.sample(range(len(listed)), min(count, len(listed)))
    return [listed[i] for i in sorted(chosen)]
