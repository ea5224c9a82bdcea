"""Shortcuts: programs that come by the rows shown for another reason than the correct program.

They keep, in place of a filter or a take, the rows with the values that were seen there: listed one by one,
all but those that were left out, between the least and the greatest, or beyond a threshold. They pick the
expected rows in these ways out of the stored tables and out of every step of the correct and the buggy
program; they sort by something else; they take the first rows in some order where a filter was meant.

Many of them are the correct program in other words: that is why none of them speaks against a problem by
itself. But where other contents tell one apart, the hidden suites should.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from dsl_debug.agents.bench import Bench
from dsl_debug.agents.emitter import emitting
from dsl_debug.lang import Program, Table
from dsl_debug.lang.checker import closure
from dsl_debug.lang.nodes import (
    Column,
    Compare,
    Condition,
    Emit,
    Filter,
    Literal,
    Load,
    Logic,
    Not,
    Ref,
    Select,
    SortBy,
    Stage,
    Statement,
    Take,
    Value,
)
from dsl_debug.lang.table import MIXED

MAX_LISTED = 40
"""Values that are listed one by one, at most."""


def shortcuts(bench: Bench, correct: Program, buggy: Program | None) -> list[Program]:
    """The shortcuts that give the expected rows on the tables of `bench`, each once, in a fixed order."""
    expected = bench.run(correct)
    if expected is None:
        return []
    found = dict.fromkeys(
        [
            *_in_place_of_stages(bench, correct),
            *_other_sorts(bench, correct),
            *_out_of_stored_tables(bench, expected),
            *(p for program in (correct, buggy) if program for p in _out_of_steps(bench, program, expected)),
        ]
    )
    found.pop(correct, None)
    results = ((program, bench.run(program)) for program in found)
    return [program for program, rows in results if rows is not None and rows.matches(expected)]


# Conditions


def conditions(table: Table, kept: Sequence[bool]) -> Iterator[Condition]:
    """Conditions on one column that keep exactly these rows of a table, and not all of them."""
    if all(kept) or not any(kept):
        return
    for name, values in table.columns.items():
        inside = dict.fromkeys(v for v, keep in zip(values, kept, strict=True) if keep)
        outside = dict.fromkeys(v for v, keep in zip(values, kept, strict=True) if not keep)
        if not inside.keys() & outside.keys():
            if len(inside) <= MAX_LISTED:
                yield _joined("or", (Compare("==", Column(name), Literal(v)) for v in inside))
            if len(outside) <= MAX_LISTED:
                yield _joined("and", (Compare("!=", Column(name), Literal(v)) for v in outside))
        if table.types[name] != MIXED:
            yield from _bounds(Column(name), list(inside), list(outside))


def _bounds(column: Column, inside: list[Value], outside: list[Value]) -> Iterator[Condition]:
    """Thresholds and ranges that part the values inside from those outside, where there are any."""
    low, high = _ends(inside)
    least, greatest = _ends(outside)
    # Values of a column that is not mixed can be ordered; mypy cannot see it.
    if greatest < low:  # type: ignore[operator]
        yield Compare(">=", column, Literal(low))
        yield Compare(">", column, Literal(greatest))
    elif least > high:  # type: ignore[operator]
        yield Compare("<=", column, Literal(high))
        yield Compare("<", column, Literal(least))
    if not any(low <= value <= high for value in outside):  # type: ignore[operator]
        yield _between(column, low, high)
    elif not any(least <= value <= greatest for value in inside):  # type: ignore[operator]
        yield Not(_between(column, least, greatest))


def _ends(values: list[Value]) -> tuple[Value, Value]:
    return min(values), max(values)


def _between(column: Column, low: Value, high: Value) -> Condition:
    return Logic("and", (Compare(">=", column, Literal(low)), Compare("<=", column, Literal(high))))


def _joined(op: str, parts: Iterable[Condition]) -> Condition:
    listed = tuple(parts)
    return Logic(op, listed) if len(listed) > 1 else listed[0]


# In place of a stage


def _in_place_of_stages(bench: Bench, program: Program) -> Iterator[Program]:
    for statement in program.statements:
        for place, stage in enumerate(statement.stages):
            if isinstance(stage, Filter | Take):
                before, after = (
                    bench.run(_until(program, statement, stages)) for stages in (place, place + 1)
                )
                if before is not None and after is not None and after.length < before.length:
                    for stages in _instead(stage, before, after):
                        yield _with(program, statement, place, place + 1, stages)


def _instead(stage: Filter | Take, before: Table, after: Table) -> Iterator[tuple[Stage, ...]]:
    """Other stages that keep what a filter or a take keeps."""
    if isinstance(stage, Take):
        kept = [row < after.length for row in range(before.length)]
    else:
        rows = set(after.tuples())
        kept = [row in rows for row in before.tuples()]
        for order in _sorts(before):
            yield order, Take(after.length)
    for condition in conditions(before, kept):
        yield (Filter(condition),)


def _other_sorts(bench: Bench, program: Program) -> Iterator[Program]:
    """Another column or direction in place of all sorts that stand together."""
    for statement in program.statements:
        stages = statement.stages
        for first, stage in enumerate(stages):
            if isinstance(stage, SortBy) and not (first and isinstance(stages[first - 1], SortBy)):
                end = next(
                    (i for i in range(first, len(stages)) if not isinstance(stages[i], SortBy)), len(stages)
                )
                before = bench.run(_until(program, statement, first))
                for order in _sorts(before) if before is not None else ():
                    yield _with(program, statement, first, end, (order,))


def _sorts(table: Table) -> Iterator[SortBy]:
    for name in table.names:
        yield from (SortBy(Column(name), descending) for descending in (False, True))


def _until(program: Program, statement: Statement, stages: int) -> Program:
    """A program that emits what a statement has after its first stages."""
    cut = replace(statement, stages=statement.stages[:stages])
    statements = tuple(cut if s is statement else s for s in program.statements)
    return replace(program, statements=statements, emit=replace(program.emit, name=statement.name))


def _with(program: Program, statement: Statement, start: int, end: int, stages: tuple[Stage, ...]) -> Program:
    changed = replace(statement, stages=(*statement.stages[:start], *stages, *statement.stages[end:]))
    return replace(program, statements=tuple(changed if s is statement else s for s in program.statements))


# Out of a table


def _out_of_stored_tables(bench: Bench, expected: Table) -> Iterator[Program]:
    for name, table in bench.tables.items():
        for stages in _picking(table, expected):
            yield Program((Statement("picked", Load(name), stages),), Emit("picked"))


def _out_of_steps(bench: Bench, program: Program, expected: Table) -> Iterator[Program]:
    """Out of every step of a program but its result."""
    for statement in program.statements:
        for stages in range(len(statement.stages) + 1):
            cut = _until(program, statement, stages)
            if cut == program:
                continue
            table = bench.run(cut)
            if table is not None:
                needed = closure(cut, statement.name)
                start = replace(cut, statements=tuple(s for s in cut.statements if s.name in needed))
                for picked in _picking(table, expected):
                    yield emitting(start, Ref(statement.name), picked)


def _picking(table: Table, expected: Table) -> Iterator[tuple[Stage, ...]]:
    """Stages that make the expected rows of a table that has them, each once."""
    rows = _places(table, expected)
    if rows is None:
        return
    chosen = set(rows)
    kept = [row in chosen for row in range(table.length)]
    select = Select(tuple(Column(name) for name in expected.names))
    for order in _orders(table, rows):
        for condition in conditions(table, kept):
            yield (Filter(condition), *order, select)
    for sort in _sorts(table):
        yield (sort, Take(len(rows)), select)


def _places(table: Table, expected: Table) -> list[int] | None:
    """Where the expected rows stand in a table, in their order; None if one is not there, or there twice."""
    if not set(expected.names) <= set(table.names):
        return None
    rows = list(_rounded(table, expected.names))
    wanted = list(_rounded(expected, expected.names))
    counts = Counter(rows)
    if any(counts[row] != 1 for row in wanted):
        return None
    where = {row: place for place, row in enumerate(rows)}
    return [where[row] for row in wanted]


def _rounded(table: Table, names: Iterable[str]) -> Iterator[tuple[Value, ...]]:
    columns = [[_alike(value) for value in table.columns[name]] for name in names]
    return zip(*columns, strict=True)


def _alike(value: Value) -> Value:
    """Numbers that count as equal become the same, but for rare ones at the border."""
    return float(f"{value:.9g}") if isinstance(value, float) else value


def _orders(table: Table, rows: list[int]) -> Iterator[tuple[SortBy, ...]]:
    """No sort, or one, after which these rows come in this order."""
    stored = sorted(rows)
    if stored == rows:
        yield ()
    for name, values in table.columns.items():
        if table.types[name] != MIXED:
            for descending in (False, True):
                if sorted(stored, key=values.__getitem__, reverse=descending) == rows:
                    yield (SortBy(Column(name), descending),)
