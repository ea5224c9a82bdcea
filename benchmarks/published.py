"""The published programs beside the same programs on sqlite3, DuckDB and Polars.

The clock runs in two ways. `loaded`: the tables are in the engine's own form, and the rows come back as
tuples. `rows`: lists of dicts go in and come out, so that everything is included, making a database and
filling it as well. The SQL texts are there beforehand, as the texts of the programs are.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

import dsl_debug
from benchmarks import frames, sql
from benchmarks.clock import best, forget_programs, summary
from dsl_debug.lang import Program, Table, parse
from dsl_debug.lang.table import MIXED, text_form
from dsl_debug.problem import DslProblem, load_published

Row = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A program and its tables, as every engine gets them."""

    code: str
    program: Program
    tables: dict[str, Table]
    rows: dict[str, list[Row]]
    types: dict[str, dict[str, str]]

    @classmethod
    def of(cls, problem: DslProblem) -> "Task":
        tables = problem.tables
        rows = {name: table.rows() for name, table in tables.items()}
        types = {name: table.types for name, table in tables.items()}
        return cls(problem.correct_code, parse(problem.correct_code), tables, rows, types)


@dataclass(frozen=True)
class Case:
    """One task on one engine: what is timed in the two ways (None: not measured), and what to do before."""

    loaded: Callable[[], list[tuple[Any, ...]]]
    rows: Callable[[], list[Row]] | None = None
    before: Callable[[], object] | None = None


def ours(task: Task, before: Callable[[], object] | None) -> Case:
    return Case(
        lambda: list(dsl_debug.lang.run(task.code, task.tables).tuples()),
        lambda: dsl_debug.run(task.code, task.rows),
        before,
    )


def sqlite(task: Task) -> Case:
    query = sql.translate(task.program, task.types)
    connection = sql.connect(query)
    sql.load(connection, task.tables)

    def rows() -> list[Row]:
        with closing(sql.connect(query)) as fresh:
            for number, table in enumerate(task.rows.values()):
                sql.create(fresh, number, len(table[0]), [tuple(row.values()) for row in table])
            return named(query, fresh.execute(query.sql).fetchall())

    return Case(lambda: connection.execute(query.sql).fetchall(), rows)


def sqlite_prepared(task: Task) -> Case:
    query = sql.translate(task.program, task.types)
    connection = sql.connect(query, kept_statements=8)
    sql.load(connection, task.tables)
    return Case(lambda: connection.execute(query.sql).fetchall())


def duck(task: Task) -> Case:
    query = sql.translate(task.program, task.types, sql.DUCKDB)

    def filled() -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        for number, (name, rows) in enumerate(task.rows.items()):
            table = pa.Table.from_pylist(without_mixed(rows, task.types[name]))
            table = table.rename_columns([f"c{i}" for i in range(table.num_columns)])
            connection.register("arriving", table)
            connection.execute(f"CREATE TABLE t{number} AS SELECT * FROM arriving")
        return connection

    def rows() -> list[Row]:
        with filled() as fresh:
            return named(query, fresh.execute(query.sql).fetchall())

    connection = filled()
    return Case(lambda: connection.execute(query.sql).fetchall(), rows)


def polars(task: Task) -> Case:
    def frame(name: str) -> frames.Frame:
        rows = without_mixed(task.rows[name], task.types[name])
        data = pl.DataFrame(rows, infer_schema_length=None, strict=False)
        return frames.Frame(data.lazy(), task.types[name])

    def collect(tables: Mapping[str, frames.Frame]) -> pl.DataFrame:
        return frames.translate(task.program, tables).lazy.collect()

    loaded = {name: frame(name) for name in task.rows}
    collect(loaded)  # raises NotCovered, if at all
    return Case(
        lambda: collect(loaded).rows(),
        lambda: collect({name: frame(name) for name in task.rows}).rows(named=True),
    )


def without_mixed(rows: list[Row], types: Mapping[str, str]) -> list[Row]:
    """The rows with the values of mixed columns as texts, for engines whose columns have one type."""
    mixed = [name for name, kind in types.items() if kind == MIXED]
    return [row | {name: text_form(row[name]) for name in mixed} for row in rows] if mixed else rows


def named(query: sql.Query, rows: list[tuple[Any, ...]]) -> list[Row]:
    names = list(query.types)
    return [dict(zip(names, row, strict=True)) for row in rows]


FIRST, AGAIN = "DSL Debug, first time", "DSL Debug, seen before"
PEER, PREPARED = "sqlite3", "sqlite3, prepared before"
ENGINES: dict[str, Callable[[Task], Case]] = {
    FIRST: partial(ours, before=forget_programs),
    AGAIN: partial(ours, before=None),
    PEER: sqlite,
    PREPARED: sqlite_prepared,
    "Polars": polars,
    "DuckDB": duck,
}
REPEATS = {"Polars": 3, "DuckDB": 3}


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Every published program on every engine. Raises ValueError where one gives other rows."""
    tasks = [Task.of(problem) for problem in load_published(folder)[:: 16 if quick else 1]]
    times: dict[tuple[str, str], dict[int, float]] = {}
    for number, task in enumerate(tasks):
        expected = dsl_debug.lang.run(task.code, task.tables)
        for engine, make in ENGINES.items():
            try:
                case = make(task)
            except sql.NotCovered:
                continue
            check_rows(engine, task, expected, case)
            for way, action in (("loaded", case.loaded), ("rows", case.rows)):
                if action:
                    seconds = best(action, REPEATS.get(engine, 7), case.before)
                    times.setdefault((way, engine), {})[number] = seconds
    return {
        "programs": len(tasks),
        "median_rows": median(table.length for task in tasks for table in task.tables.values()),
        "loaded": summaries(times, "loaded"),
        "rows": summaries(times, "rows"),
    }


def summaries(times: Mapping[tuple[str, str], Mapping[int, float]], way: str) -> dict[str, Any]:
    found = {}
    for (measured, engine), seconds in times.items():
        if measured == way:
            peer = times[way, PEER]
            found[engine] = {"programs": len(seconds)} | summary(seconds.values(), [peer[i] for i in seconds])
    return found


def check_rows(engine: str, task: Task, expected: Table, case: Case) -> None:
    """Compare what an engine gives in both ways; texts stand for the values of mixed columns."""
    kinds = sql.translate(task.program, task.types).types
    wanted = table_of(kinds, list(expected.tuples()))
    given = [table_of(kinds, case.loaded())]
    if case.rows:
        given.append(table_of(kinds, [tuple(row[name] for name in kinds) for row in case.rows()]))
    if not all(table.matches(wanted) for table in given):
        raise ValueError(f"{engine} gives other rows for this program:\n{task.code}")


def table_of(kinds: Mapping[str, str], rows: list[tuple[Any, ...]]) -> Table:
    columns = {name: [row[i] for row in rows] for i, name in enumerate(kinds)}
    for name, kind in kinds.items():
        if kind == MIXED:
            columns[name] = [text_form(value) for value in columns[name]]
    return Table.trusted(columns, len(rows))
