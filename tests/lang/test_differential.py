"""Random programs, run by the language and by sqlite3 through an independent translation: the same rows.

The translation (benchmarks/sql.py) is written from the reference of the language and shares nothing with the
executor. Constants of the programs come from the data, so that most results have rows.
"""

import math
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.sql import connect, load, translate
from dsl_debug.lang import DslError, Table, parse, print_program, run
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Compare,
    Compute,
    Condition,
    Emit,
    Expression,
    Filter,
    Logic,
    Negate,
    Not,
    Program,
    SortBy,
    Stage,
    Statement,
    Take,
    Value,
    references,
)
from tests.lang.programs import COMPARISONS, random_program, random_tables, random_text, shape

SEED = 20261120
MAX_ROWS = 60
# 8 x 650 = 5,200 programs over Spider, in parts that may run side by side; 50 x 20 over random tables.
PARTS, SPIDER_PROGRAMS = 8, 650
SYNTHETIC_DATABASES, SYNTHETIC_PROGRAMS = 50, 20


@dataclass
class Tally:
    """What a run of many programs has seen."""

    programs: int = 0
    with_rows: int = 0
    divisions_by_zero: int = 0
    shapes: set[str] = field(default_factory=set)
    mismatches: list[str] = field(default_factory=list)


# The databases


def spider_database(path: Path) -> dict[str, Table]:
    """The tables of a SQLite file, cut to `MAX_ROWS` rows and cleaned for the language, which has no null."""
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    connection.text_factory = lambda data: data.decode(errors="replace").replace("\0", "")
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    tables = {}
    for (name,) in names:
        cursor = connection.execute(f'SELECT * FROM "{name}" LIMIT {MAX_ROWS}')
        header = [column[0] for column in cursor.description]
        columns = cleaned(header, cursor.fetchall())
        if columns:
            tables[name] = Table(columns, name)
    connection.close()
    return tables


def cleaned(header: list[str], rows: list[tuple[Any, ...]]) -> dict[str, list[Value]]:
    """Columns without nulls: those that are mostly null go, then the rows that have one."""
    columns: dict[str, list[Value]] = {}
    for name, values in zip(header, zip(*rows, strict=True), strict=False):
        sound = [is_value(v) for v in values]
        if sum(sound) > 0.7 * len(rows):
            columns[identifier(name, columns)] = list(values)
    kept = [i for i in range(len(rows)) if all(is_value(values[i]) for values in columns.values())]
    return {name: [values[i] for i in kept] for name, values in columns.items()} if kept else {}


def is_value(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, (int, float)) and math.isfinite(value))


def identifier(name: str, taken: Mapping[str, object]) -> str:
    name = re.sub(r"\W", "_", name)
    name = f"_{name}" if not name or name[0].isdigit() else name
    while name in taken:
        name += "_"
    return name


# The comparison


@contextmanager
def database(tables: Mapping[str, Table]) -> Iterator[sqlite3.Connection]:
    """The tables in sqlite3, in memory."""
    with closing(connect()) as connection:
        load(connection, tables)
        yield connection


def differences(rng: Random, tables: Mapping[str, Table], tally: Tally, count: int) -> None:
    """Run `count` random programs both ways and note in `tally` what came out."""
    with database(tables) as connection:
        for _ in range(count):
            program = random_program(rng, tables)
            text = random_text(rng, program)
            tally.programs += 1
            tally.shapes.add(shape(program))
            found = compare(program, text, tables, connection, tally)
            if parse(text) != program:
                found = "the text parses to another tree"
            if found:
                tally.mismatches.append(f"{text}\n{found}")


def compare(
    program: Program, text: str, tables: Mapping[str, Table], connection: sqlite3.Connection, tally: Tally
) -> str:
    """What differs between the language and sqlite3, or nothing."""
    divides_by_zero = any(has_null(part, tables, connection) for part in up_to_divisions(program))
    try:
        result = run(text, tables)
    except DslError as error:
        tally.divisions_by_zero += 1
        is_division = [d.code for d in error.diagnostics] == ["division-by-zero"]
        return "" if divides_by_zero and is_division else f"sqlite3 has no division by zero: {error}"
    if divides_by_zero:
        return "sqlite3 divides by zero"
    names, rows = sqlite_rows(program, tables, connection)
    tally.with_rows += bool(rows)
    if list(result.names) == names and same_rows(list(result.tuples()), rows):
        return ""
    return f"language: {result.names} {list(result.tuples())[:5]}\nsqlite3:  {names} {rows[:5]}"


def sqlite_rows(
    program: Program, tables: Mapping[str, Table], connection: sqlite3.Connection
) -> tuple[list[str], list[tuple[Any, ...]]]:
    query = translate(program, {name: table.types for name, table in tables.items()})
    return list(query.types), connection.execute(query.sql).fetchall()


def same_rows(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> bool:
    return len(ours) == len(theirs) and all(
        same_value(a, b) for x, y in zip(ours, theirs, strict=True) for a, b in zip(x, y, strict=True)
    )


def same_value(a: object, b: object) -> bool:
    """Texts are equal; numbers within 1e-9 of each other, whole or not.

    That is also how far a sum of fractions that cancel each other may be from 0: it depends on the version of
    Python and of sqlite3 how they are added.
    """
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


def up_to_divisions(program: Program) -> Iterator[Program]:
    """For each stage that divides, among those that the result needs: the program up to that stage."""
    for statement in needed(program):
        for i, stage in enumerate(statement.stages):
            if isinstance(stage, Compute) and any(divides(a.value) for a in stage.assignments):
                cut = replace(statement, stages=statement.stages[: i + 1])
                others = [s for s in program.statements if s is not statement]
                yield Program((*others, cut), Emit(statement.name))


def needed(program: Program) -> list[Statement]:
    waiting, found = [program.emit.name], []
    for name in waiting:  # grows while it is walked
        statement = program.find(name)
        assert statement is not None
        found.append(statement)
        waiting += [ref.name for ref in references(statement.source) if ref.name not in waiting]
    return found


def divides(value: Expression) -> bool:
    match value:
        case Arithmetic(op, left, right):
            return op == "/" or divides(left) or divides(right)
        case Negate(operand):
            return divides(operand)
    return False


def has_null(program: Program, tables: Mapping[str, Table], connection: sqlite3.Connection) -> bool:
    """sqlite3's way of saying that something was divided by zero."""
    _, rows = sqlite_rows(program, tables, connection)
    return any(None in row for row in rows)


# The tests


def check_tally(tally: Tally, programs: int) -> None:
    """No mismatch, and enough of everything for that to mean something."""
    assert tally.mismatches == []
    assert tally.programs == programs
    assert tally.with_rows >= 0.7 * programs
    assert len(tally.shapes) >= 0.7 * programs


@pytest.mark.parametrize("part", range(PARTS))
def test_spider_programs_give_what_sqlite3_gives(part: int, spider_dir: Path) -> None:
    paths = sorted(spider_dir.glob("database/*/*.sqlite"))[part::PARTS]
    databases = [tables for tables in map(spider_database, paths) if tables]
    rng, tally = Random(f"{SEED} {part}"), Tally()
    for number, tables in enumerate(databases, 1):
        count = SPIDER_PROGRAMS * number // len(databases) - tally.programs
        differences(rng, tables, tally, count)
    check_tally(tally, SPIDER_PROGRAMS)


def test_programs_over_mixed_columns_give_what_sqlite3_gives() -> None:
    rng, tally = Random(SEED), Tally()
    for _ in range(SYNTHETIC_DATABASES):
        differences(rng, random_tables(rng), tally, SYNTHETIC_PROGRAMS)
    check_tally(tally, SYNTHETIC_DATABASES * SYNTHETIC_PROGRAMS)
    assert tally.divisions_by_zero >= 3


# A mistake that an executor could make -> the stage that does it, or the stage itself where it has no place.
MISTAKES: dict[str, Callable[[Stage], Stage]] = {
    "other direction": lambda s: replace(s, descending=not s.descending) if isinstance(s, SortBy) else s,
    "no sort": lambda s: Take(MAX_ROWS**2) if isinstance(s, SortBy) else s,
    "one row more": lambda s: Take(s.count + 1) if isinstance(s, Take) else s,
    "negated": lambda s: Filter(Not(s.condition)) if isinstance(s, Filter) else s,
    "and for or": lambda s: replace(s, condition=swapped(s.condition)) if isinstance(s, Filter) else s,
    "boundary": lambda s: replace(s, condition=shifted(s.condition)) if isinstance(s, Filter) else s,
    "other function": lambda s: (
        Aggregate(tuple(map(other, s.aggregations))) if isinstance(s, Aggregate) else s
    ),
}


def swapped(condition: Condition) -> Condition:
    if isinstance(condition, Logic):
        return replace(condition, op="and" if condition.op == "or" else "or")
    return condition


def shifted(condition: Condition) -> Condition:
    ops = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
    return replace(condition, op=ops.get(condition.op, "==")) if isinstance(condition, Compare) else condition


def other(item: Aggregation) -> Aggregation:
    names = {"sum": "avg", "avg": "sum", "min": "max", "max": "min", "count_distinct": "count"}
    return replace(item, function=names.get(item.function, item.function))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_comparison_would_see_a_mistake(mistake: str) -> None:
    """What finds nothing shows nothing: here sqlite3 runs the program with one kind of mistake in it."""
    rng, changed, seen = Random(SEED), 0, 0
    for _ in range(20):
        tables = random_tables(rng)
        with database(tables) as connection:
            for _ in range(20):
                program = random_program(rng, tables)
                wrong = Program(tuple(with_mistake(s, mistake) for s in program.statements), program.emit)
                if wrong != program:
                    changed += 1
                    seen += bool(compare(wrong, print_program(program), tables, connection, Tally()))
    assert seen >= 0.3 * changed > 5


def with_mistake(statement: Statement, mistake: str) -> Statement:
    return replace(statement, stages=tuple(map(MISTAKES[mistake], statement.stages)))


# Signs, `and`, `or`, `not` and parentheses are written alike in the language and in SQL: the same text has to
# mean the same in both.

NUMBERS = Table({"a": [float(i % 7 - 3) for i in range(40)], "b": [i % 5 + 0.5 for i in range(40)]})


def random_arithmetic(rng: Random, depth: int) -> str:
    if depth == 0:
        return rng.choice(("a", "b", "2.5", "-1.5", "-a"))
    left, right = random_arithmetic(rng, depth - 1), random_arithmetic(rng, rng.randrange(depth))
    text = f"{left} {rng.choice('+-*')} {right}" if rng.random() < 0.8 else f"{left} / b"
    return rng.choice((text, text, f"({text})", f"-({text})"))


def random_logic(rng: Random, depth: int) -> str:
    if depth == 0:
        return f"{rng.choice('ab')} {rng.choice(COMPARISONS)} {rng.choice(('1.0', '-2.0', '2.5', 'b'))}"
    left, right = random_logic(rng, depth - 1), random_logic(rng, rng.randrange(depth))
    text = f"{left} {rng.choice(('and', 'or'))} {right}"
    return rng.choice((text, text, f"({text})", f"not {text}", f"not ({text})"))


def test_arithmetic_is_read_as_sql_reads_it() -> None:
    rng = Random(SEED)
    with database({"t": NUMBERS}) as connection:
        for _ in range(300):
            text = random_arithmetic(rng, rng.randint(1, 4))
            ours = run(f'x = load("t") |> compute(value: {text})\nemit x', {"t": NUMBERS}).columns["value"]
            sql = f"WITH x AS (SELECT c0 AS a, c1 AS b FROM t0) SELECT {text} FROM x"
            assert ours == [value for (value,) in connection.execute(sql)], text


def test_conditions_are_read_as_sql_reads_them() -> None:
    rng = Random(SEED)
    with database({"t": NUMBERS}) as connection:
        for _ in range(300):
            text = random_logic(rng, rng.randint(1, 4))
            ours = list(run(f'x = load("t") |> filter({text})\nemit x', {"t": NUMBERS}).tuples())
            sql = f"WITH x AS (SELECT c0 AS a, c1 AS b FROM t0) SELECT a, b FROM x WHERE {text}"
            assert ours == connection.execute(sql).fetchall(), text
