"""Edits that know the goal: what brings a program nearer to the columns and rows that it should print.

Where `EDITS` lists what may have gone wrong, these read the expected rows: a missing column is named after
the function that makes it, a column with one value may have been filtered by it, sorted rows show the sort.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import TypeVar

from dsl_debug.agents.rewrite import Surroundings, Types, in_stages
from dsl_debug.agents.seen import Seen
from dsl_debug.lang import Program
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Assignment,
    Column,
    Compare,
    Compute,
    Filter,
    Literal,
    Node,
    Select,
    SortBy,
    Stage,
    Statement,
    Take,
)
from dsl_debug.lang.table import MIXED, NUMBER

Aim = Callable[[Program, Surroundings, Seen], Iterator[Program]]
_SPOKEN = {"total": "sum", "average": "avg", "mean": "avg", "minimum": "min", "maximum": "max"}


def aimed(program: Program, around: Surroundings, goal: Seen, aims: Mapping[str, Aim]) -> Iterator[Program]:
    """What each of some aims makes of a program; it may repeat itself."""
    for aim in aims.values():
        yield from aim(program, around, goal)


def _missing(program: Program, around: Surroundings, goal: Seen) -> list[str]:
    """The columns wanted that the program neither makes nor has in its result."""
    statement = program.find(program.emit.name)
    present = around.columns(statement.name, len(statement.stages)) if statement else {}
    made = [item.name for item in _made(program)]
    return [name for name in goal.table.names if name not in present and name not in made]


# Names


def _rename(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """Give a computed column the name of one that is missing, and the function that this name speaks of."""
    made = list(_made(program))
    missing = _missing(program, around, goal)
    for old in made:
        for new in missing:
            yield _replaced(program, old, replace(old, name=new))
            if old.name not in goal.table.names:
                changed = _renamed(program, old.name, new)
                yield changed
                yield from _as_named(changed, new)


def _made(program: Program) -> Iterator[Assignment | Aggregation]:
    for statement in program.statements:
        for stage in statement.stages:
            if isinstance(stage, Compute):
                yield from stage.assignments
            elif isinstance(stage, Aggregate):
                yield from stage.aggregations


def _as_named(program: Program, name: str) -> Iterator[Program]:
    """With the aggregate `name` computed by the function, and of the column, that its name speaks of."""
    function, column = _spoken(name)
    for old in _made(program):
        if isinstance(old, Aggregation) and old.name == name and function:
            yield _replaced(program, old, replace(old, function=function))
            yield _replaced(program, old, replace(old, function=function, column=column))


def _spoken(name: str) -> tuple[str | None, Column | None]:
    """`total_price` speaks of the sum of price, `count` of a count of rows."""
    word, _, rest = name.partition("_")
    function = _SPOKEN.get(word, word)
    return (function if function in AGGREGATES else None), (Column(rest) if rest else None)


def _as_spoken(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """Every aggregate as its name says."""
    for name in goal.table.names:
        yield from _as_named(program, name)


# Stages


def _select(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """A select that keeps one column more that is wanted, or one less that is not, or just what is wanted."""

    def rewrite(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
        if isinstance(stage, Select):
            present = [column.name for column in stage.columns]
            wanted = [name for name in goal.table.names if name in types]
            if wanted:
                yield replace(stage, columns=tuple(map(Column, wanted)))
            for name in types:
                if name not in present:
                    yield replace(stage, columns=(*stage.columns, Column(name)))
            for column in stage.columns:
                rest = tuple(c for c in stage.columns if c is not column)
                if column.name not in goal.table.names and rest:
                    yield replace(stage, columns=rest)

    yield from in_stages(rewrite)(program, around)


def _take(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """A take of as many rows as are wanted, or of a round number."""

    def rewrite(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
        if isinstance(stage, Take):
            yield from (replace(stage, count=n) for n in (goal.rows, 1, 3, 5, 10) if n >= goal.rows)

    yield from in_stages(rewrite)(program, around)


def _sort(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """A sort as the rows show it, in place of one that is there, or before what ends the program."""
    orders = list(_orders(goal))

    def rewrite(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
        if isinstance(stage, SortBy):
            yield from orders

    yield from in_stages(rewrite)(program, around)
    statement = program.find(program.emit.name)
    if statement and not any(isinstance(stage, SortBy) for stage in statement.stages):
        end = len(statement.stages)
        if end and isinstance(statement.stages[-1], Take):
            end -= 1
        for order in orders:
            yield _inserted(program, statement, end, order)


def _orders(goal: Seen) -> Iterator[SortBy]:
    for name, values in goal.table.columns.items():
        if goal.table.types[name] != MIXED and len(set(values)) > 1:
            for descending in (False, True):
                if values == sorted(values, reverse=descending):
                    yield SortBy(Column(name), descending)


def _filter(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """A filter by the value that a column has in all rows, instead of one that is there or as a new stage."""
    constant = {n: v[0] for n, v in goal.table.columns.items() if v and len(set(v)) == 1}

    def rewrite(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
        if isinstance(stage, Filter):
            for name, value in constant.items():
                if name in types:
                    yield replace(stage, condition=Compare("==", Column(name), Literal(value)))

    yield from in_stages(rewrite)(program, around)
    for statement in program.statements:
        for name, value in constant.items():
            if name in around.columns(statement.name, 0):
                yield _inserted(program, statement, 0, Filter(Compare("==", Column(name), Literal(value))))


def _aggregate(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """One aggregate more, for a column that is missing."""
    missing = _missing(program, around, goal)

    def rewrite(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
        if isinstance(stage, Aggregate):
            for name in missing:
                function, column = _spoken(name)
                if function:
                    made = Aggregation(name, function, column)
                    yield replace(stage, aggregations=(*stage.aggregations, made))

    yield from in_stages(rewrite)(program, around)


def _operands(program: Program, around: Surroundings, goal: Seen) -> Iterator[Program]:
    """Another operand: a column for a number compared with a number, a text for a column that there is not,
    a text for a number where a column holds texts, a number that is off by more than a little."""

    def rewrite(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
        match stage:
            case Filter(Compare(_, Literal(), Literal()) as compare):
                for name in types:
                    yield replace(stage, condition=replace(compare, left=Column(name)))
            case Filter(Compare(_, Column(), Column(name)) as compare):
                if name not in types:
                    yield replace(stage, condition=replace(compare, right=Literal(name)))
            case Filter(Compare(_, Column(name), Literal(value)) as compare):
                if types.get(name) != NUMBER:
                    yield replace(stage, condition=replace(compare, right=Literal(str(value))))
                elif not isinstance(value, str):
                    for step in (5, -5, 10, -10):
                        yield replace(stage, condition=replace(compare, right=Literal(value + step)))

    yield from in_stages(rewrite)(program, around)


# Aims that are worth trying before the edits that ask nothing of the goal, and those for after them.
LIKELY: dict[str, Aim] = {
    "rename": _rename,
    "as_spoken": _as_spoken,
    "operands": _operands,
    "take": _take,
    "sort": _sort,
}
UNLIKELY: dict[str, Aim] = {
    "select": _select,
    "filter": _filter,
    "aggregate": _aggregate,
}


# Trees

T = TypeVar("T")


def _renamed(node: T, old: str, new: str) -> T:
    """A tree in which a column has another name wherever it is made or used."""
    if isinstance(node, tuple):
        return tuple(_renamed(item, old, new) for item in node)  # type: ignore[return-value]
    if isinstance(node, Column | Assignment | Aggregation) and node.name == old:
        node = replace(node, name=new)
    if not isinstance(node, Node | Program):
        return node
    parts = {
        f.name: _renamed(getattr(node, f.name), old, new)
        for f in fields(node)
        if f.compare and isinstance(getattr(node, f.name), Node | tuple)
    }
    return replace(node, **parts)


def _replaced(program: Program, old: Assignment | Aggregation, new: Assignment | Aggregation) -> Program:
    """The program with one assignment or aggregate, found by identity, replaced."""

    def rewrite(stage: Stage) -> Stage:
        if isinstance(stage, Aggregate) and isinstance(new, Aggregation):
            return replace(stage, aggregations=tuple(new if i is old else i for i in stage.aggregations))
        if isinstance(stage, Compute) and isinstance(new, Assignment):
            return replace(stage, assignments=tuple(new if i is old else i for i in stage.assignments))
        return stage

    statements = tuple(replace(s, stages=tuple(map(rewrite, s.stages))) for s in program.statements)
    return replace(program, statements=statements)


def _inserted(program: Program, statement: Statement, place: int, stage: Stage) -> Program:
    stages = (*statement.stages[:place], stage, *statement.stages[place:])
    changed = replace(statement, stages=stages)
    return replace(program, statements=tuple(changed if s is statement else s for s in program.statements))
