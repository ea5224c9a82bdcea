"""A checked program -> one SQL query with the same meaning, written from the language's reference.

It shares nothing with the language but the tree and the names of the column types, so that it can serve as an
oracle in the tests as well as a peer in the benchmarks. The SQL is what a careful person would write: rows
keep their order through columns that are carried along for the last ORDER BY, and window functions are used
only where an order has to become a single number.

Tables are t0, t1, ... and their columns c0, c1, ... in the order of `tables`: SQL names ignore case, the
language's do not.
"""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from dsl_debug.lang import Table
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Assignment,
    Column,
    Compare,
    Compute,
    Condition,
    Expression,
    Filter,
    GroupBy,
    Join,
    Literal,
    Load,
    Logic,
    Negate,
    Not,
    Program,
    Ref,
    Select,
    SortBy,
    Source,
    Statement,
    Take,
    Value,
    columns_of,
)
from dsl_debug.lang.table import MIXED, NUMBER, TEXT

Types = Mapping[str, Mapping[str, str]]


class NotCovered(Exception):
    """The engine has no simple counterpart for what a program does with a mixed column."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Where two databases want different SQL.

    `real` wraps a number that is not whole; `text_form` wraps a value of a mixed column, or is None where
    such a column can only be held as texts, and so only be carried along and ordered.
    """

    real: str
    text_form: str | None


SQLITE = Engine(
    real="{}",
    text_form="CASE typeof({0}) WHEN 'real' THEN text_form({0}) WHEN 'integer' THEN {0} || '' ELSE {0} END",
)
# A number like 0.1 would be a decimal there.
DUCKDB = Engine(real="CAST({} AS DOUBLE)", text_form=None)


class Query(NamedTuple):
    """A translated program: its text, and the names and types of the columns that it gives."""

    sql: str
    types: dict[str, str]


class _Cell(NamedTuple):
    sql: str
    kind: str


class _Term(NamedTuple):
    """A term of an ORDER BY."""

    sql: str
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.sql} DESC" if self.descending else self.sql


@dataclass(frozen=True, slots=True)
class _Rows:
    """A SELECT in the making: where its rows come from, and what column of the language is what there."""

    source: str
    columns: dict[str, _Cell]
    order: tuple[_Term, ...]
    where: tuple[str, ...] = ()
    limit: int | None = None

    @property
    def plain(self) -> bool:
        """Whether another query may read the source itself: nothing is filtered or computed on the way."""
        names = (self.source, *(term.sql for term in self.order))
        return not self.where and self.limit is None and all(map(str.isidentifier, names))

    def tail(self, last: bool = False) -> str:
        """What follows the columns of the SELECT; the order only where it tells rows apart or is `last`."""
        text = f"FROM {self.source}"
        if self.where:
            text += f" WHERE {' AND '.join(self.where)}"
        if last or self.limit is not None:
            text += f" ORDER BY {_listed(self.order)}"
        return text if self.limit is None else f"{text} LIMIT {self.limit}"


def translate(program: Program, types: Types, engine: Engine = SQLITE) -> Query:
    """The query for a program that checks against tables of these types (table -> column -> type).

    Raises NotCovered where the engine cannot say what the program does.
    """
    translator = _Translator(program, types, engine)
    rows = translator.statement(program.emit.name)
    cells = ", ".join(cell.sql for cell in rows.columns.values())
    head = f"WITH {', '.join(translator.parts)} " if translator.parts else ""
    kinds = {name: cell.kind for name, cell in rows.columns.items()}
    return Query(f"{head}SELECT {cells} {rows.tail(last=True)}", kinds)


@dataclass(slots=True)
class _Translator:
    program: Program
    types: Types
    engine: Engine
    parts: list[str] = field(default_factory=list)
    done: dict[str, _Rows] = field(default_factory=dict)

    def close(self, columns: dict[str, _Cell], order: Iterable[_Term], tail: str) -> _Rows:
        """These columns and this order as a part of their own, behind plain names."""
        terms, number = tuple(order), len(self.parts)
        # No name is used twice: ORDER BY would look among the new names first.
        cells = {name: _Cell(f"c{number}_{i}", cell.kind) for i, (name, cell) in enumerate(columns.items())}
        ordered = tuple(_Term(f"o{number}_{i}", term.descending) for i, term in enumerate(terms))
        made = [f"{a.sql} AS {b.sql}" for a, b in zip(columns.values(), cells.values(), strict=True)]
        made += [f"{a.sql} AS {b.sql}" for a, b in zip(terms, ordered, strict=True)]
        self.parts.append(f"q{number} AS (SELECT {', '.join(made)} {tail})")
        return _Rows(f"q{number}", cells, ordered)

    # Statements and sources

    def statement(self, name: str) -> _Rows:
        statement = self.program.find(name)
        if statement is None:
            raise ValueError(f"the program has no table {name!r}")
        rows = self.table_source(statement.source)
        return self.stages(statement, rows)

    def reference(self, name: str) -> _Rows:
        """A named table, closed, so that it is written once however often it is read."""
        if name not in self.done:
            rows = self.statement(name)
            self.done[name] = rows if rows.plain else self.close(rows.columns, rows.order, rows.tail())
        return self.done[name]

    def table_source(self, source: Source) -> _Rows:
        match source:
            case Load(table):
                number = list(self.types).index(table)
                kinds = self.types[table].items()
                cells = {name: _Cell(f"c{i}", kind) for i, (name, kind) in enumerate(kinds)}
                return _Rows(f"t{number}", cells, (_Term("rowid"),))
            case Ref(name):
                return self.reference(name)
            case Join():
                return self.join(source)
        raise ValueError("a source that did not parse has no translation")

    def join(self, join: Join) -> _Rows:
        left = _qualified(self.reference(join.left.name), "l")
        right = _qualified(self.reference(join.right.name), "r")
        a, b = left.columns[join.left_key.name], right.columns[join.right_key.name]
        source = f"{left.source} AS l JOIN {right.source} AS r ON {self.equality(a, '=', b)}"
        return _Rows(source, left.columns | right.columns, left.order + right.order)

    # Stages

    def stages(self, statement: Statement, rows: _Rows) -> _Rows:
        keys: list[str] = []
        for stage in statement.stages:
            if rows.limit is not None and not isinstance(stage, Select):
                rows = self.close(rows.columns, rows.order, rows.tail())
            match stage:
                case Filter(condition):
                    rows = replace(rows, where=(*rows.where, self.condition(condition, rows)))
                case Select(columns):
                    rows = replace(rows, columns={c.name: rows.columns[c.name] for c in columns})
                case Compute(assignments):
                    rows = self.compute(assignments, rows)
                case GroupBy(columns):
                    keys = [c.name for c in columns]
                case Aggregate(aggregations):
                    rows = self.aggregate(keys, aggregations, rows)
                case SortBy(column, descending):
                    key = self.order_form(rows.columns[column.name])
                    rows = replace(rows, order=(_Term(key, descending), *rows.order))
                case Take(count):
                    rows = replace(rows, limit=count)
        return rows

    def compute(self, assignments: tuple[Assignment, ...], rows: _Rows) -> _Rows:
        columns, made = dict(rows.columns), set[str]()
        for item in assignments:
            if made & {c.name for c in columns_of(item.value)}:
                rows = self.close(columns, rows.order, rows.tail())
                columns, made = dict(rows.columns), set()
            columns[item.name] = self.expression(item.value, rows)
            made.add(item.name)
        return self.close(columns, rows.order, rows.tail())

    def expression(self, expression: Expression, rows: _Rows) -> _Cell:
        match expression:
            case Column(name):
                return rows.columns[name]
            case Literal(value):
                return self.literal(value)
            case Negate(operand):
                return _Cell(f"(-{self.expression(operand, rows).sql})", NUMBER)
            case Arithmetic(op, left, right):
                a, b = self.expression(left, rows).sql, self.expression(right, rows).sql
                return _Cell(f"(CAST({a} AS DOUBLE) / {b})" if op == "/" else f"({a} {op} {b})", NUMBER)

    def literal(self, value: Value) -> _Cell:
        if isinstance(value, str):
            if "\0" in value:
                raise ValueError("a text with a null character cannot be written in SQL")
            return _Cell("'" + value.replace("'", "''") + "'", TEXT)
        written = self.engine.real.format(repr(value)) if isinstance(value, float) else str(value)
        return _Cell(f"({written})" if value < 0 else written, NUMBER)

    # Conditions

    def condition(self, condition: Condition, rows: _Rows) -> str:
        match condition:
            case Compare():
                return self.comparison(condition, rows)
            case Not(part):
                return f"(NOT {self.condition(part, rows)})"
            case Logic(op, parts):
                return "(" + f" {op.upper()} ".join(self.condition(part, rows) for part in parts) + ")"

    def comparison(self, compare: Compare, rows: _Rows) -> str:
        op = {"==": "=", "!=": "<>"}.get(compare.op, compare.op)
        a, b = self.expression(compare.left, rows), self.expression(compare.right, rows)
        if op in ("=", "<>"):
            return self.equality(a, op, b)
        self.needs_values(a, b)
        if MIXED not in (a.kind, b.kind):
            return f"({a.sql} {op} {b.sql})"
        texts = " OR ".join(f"typeof({cell.sql}) = 'text'" for cell in (a, b))
        as_texts = f"{self.text_form(a)} {op} {self.text_form(b)}"
        return f"(CASE WHEN {texts} THEN {as_texts} ELSE {a.sql} {op} {b.sql} END)"

    def equality(self, a: _Cell, op: str, b: _Cell) -> str:
        self.needs_values(a, b)
        if self.engine is DUCKDB and a.kind != b.kind:
            return "FALSE" if op == "=" else "TRUE"
        return f"({a.sql} {op} {b.sql})"

    def text_form(self, cell: _Cell) -> str:
        return f"({self.engine.text_form.format(cell.sql)})" if self.engine.text_form else cell.sql

    def order_form(self, cell: _Cell) -> str:
        """What a column is ordered by: texts where it is mixed, else its values."""
        return self.text_form(cell) if cell.kind == MIXED else cell.sql

    def needs_values(self, *cells: _Cell) -> None:
        """Refuse a mixed column where the engine holds only its texts."""
        if self.engine.text_form is None and any(cell.kind == MIXED for cell in cells):
            raise NotCovered("mixed column")

    # Groups

    def aggregate(self, keys: list[str], aggregations: tuple[Aggregation, ...], rows: _Rows) -> _Rows:
        self.needs_values(*(rows.columns[key] for key in keys))
        rows, first = self.numbered(rows, keys, aggregations)
        columns = {key: _chosen(rows.columns[key], first.get(key)) for key in keys}
        columns |= {item.name: self.aggregation(item, rows, first.get(item.name)) for item in aggregations}
        by = ", ".join(rows.columns[key].sql for key in keys)
        order = [_Term(f"min({rows.order[0].sql})")]
        return self.close(columns, order, f"{rows.tail()} GROUP BY {by}")

    def numbered(
        self, rows: _Rows, keys: list[str], aggregations: tuple[Aggregation, ...]
    ) -> tuple[_Rows, dict[str, str]]:
        """The rows with a single column for their order, and what marks the rows that mixed columns need.

        1 and 1.0 are one group, and 1 and "1" order alike; as values of a mixed column they differ, and the
        first in the order of the rows counts. The marks: name of the result -> SQL that is true in the row
        of each group that gives it.
        """
        wanted = {key: rows.order for key in keys if rows.columns[key].kind == MIXED}
        for item in aggregations:
            cell = rows.columns[item.column.name] if item.column else None
            if cell and cell.kind == MIXED and item.function in ("min", "max") and self.engine is SQLITE:
                wanted[item.name] = (_Term(self.text_form(cell), item.function == "max"), *rows.order)
        if not wanted and len(rows.order) == 1:
            return rows, {}
        by = ", ".join(rows.columns[key].sql for key in keys)
        number = _Term(f"row_number() OVER (ORDER BY {_listed(rows.order)})")
        marks = [
            _Term(f"row_number() OVER (PARTITION BY {by} ORDER BY {_listed(terms)}) = 1")
            for terms in wanted.values()
        ]
        closed = self.close(rows.columns, [number, *marks], rows.tail())
        order, *made = closed.order
        return replace(closed, order=(order,)), {n: m.sql for n, m in zip(wanted, made, strict=True)}

    def aggregation(self, item: Aggregation, rows: _Rows, mark: str | None) -> _Cell:
        if item.function == "count" or item.column is None:
            return _Cell("count(*)", NUMBER)
        cell = rows.columns[item.column.name]
        if item.function in ("min", "max"):
            return _chosen(cell, mark) if mark else _Cell(f"{item.function}({cell.sql})", cell.kind)
        self.needs_values(cell)
        if item.function == "count_distinct":
            return _Cell(f"count(DISTINCT {cell.sql})", NUMBER)
        if cell.kind != MIXED:
            return _Cell(f"{item.function}({cell.sql})", NUMBER)
        number = f"CASE WHEN typeof({cell.sql}) <> 'text' THEN {cell.sql} END"
        return _Cell(
            f"coalesce({item.function}({number}), {'0' if item.function == 'sum' else '0.0'})", NUMBER
        )


def _chosen(cell: _Cell, mark: str | None) -> _Cell:
    """The value of the marked row of each group; without a mark the value that all its rows share."""
    return _Cell(f"max(CASE WHEN {mark} THEN {cell.sql} END)", cell.kind) if mark else cell


def _listed(terms: Iterable[_Term]) -> str:
    return ", ".join(map(str, terms))


def _qualified(rows: _Rows, alias: str) -> _Rows:
    columns = {name: _Cell(f"{alias}.{cell.sql}", cell.kind) for name, cell in rows.columns.items()}
    return replace(
        rows, columns=columns, order=tuple(_Term(f"{alias}.{t.sql}", t.descending) for t in rows.order)
    )


# sqlite3


def connect(query: Query | None = None, kept_statements: int = 0) -> sqlite3.Connection:
    """An empty database in memory; with the text form of numbers, unless `query` can do without."""
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=kept_statements)
    if query is None or "text_form" in query.sql:
        connection.create_function("text_form", 1, str, deterministic=True)
    return connection


def load(connection: sqlite3.Connection, tables: Mapping[str, Table]) -> None:
    """Create t0, t1, ... without column types, so that sqlite3 keeps every value as it is."""
    for number, table in enumerate(tables.values()):
        create(connection, number, len(table.columns), table.tuples())


def create(connection: sqlite3.Connection, number: int, width: int, rows: Iterable[tuple[Any, ...]]) -> None:
    """One table of `width` columns and its rows."""
    names = ", ".join(f"c{i}" for i in range(width)) or "c0"
    connection.execute(f"CREATE TABLE t{number} ({names})")
    marks = ", ".join("?" * width) or "NULL"
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO t{number} VALUES ({marks})", rows)
    connection.execute("COMMIT")
