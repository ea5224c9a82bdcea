"""A checked program -> a lazy Polars frame with the same meaning.

A mixed column is held as its texts: it can be carried along and ordered. Everything else that the language
does with one raises NotCovered. A division by zero gives infinity or NaN and is not looked for.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add, and_, eq, ge, gt, le, lt, mul, ne, or_, sub, truediv
from typing import NamedTuple

import polars as pl

from benchmarks.sql import NotCovered
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
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
    Stage,
    Statement,
    Take,
)
from dsl_debug.lang.table import MIXED, NUMBER, TEXT

_OPERATORS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    **{"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge},
    **{"+": add, "-": sub, "*": mul, "/": truediv, "and": and_, "or": or_},
}


class Frame(NamedTuple):
    """A lazy frame and the types of its columns, in the language's terms."""

    lazy: pl.LazyFrame
    kinds: dict[str, str]


def translate(program: Program, tables: Mapping[str, Frame]) -> Frame:
    """The frame of what a program emits. Raises NotCovered for what is done with a mixed column."""
    done: dict[str, Frame] = {}

    def named(name: str) -> Frame:
        if name not in done:
            statement = program.find(name)
            if statement is None:
                raise ValueError(f"the program has no table {name!r}")
            done[name] = _stages(statement, first(statement.source))
        return done[name]

    def first(source: Source) -> Frame:
        match source:
            case Load(table):
                return tables[table]
            case Ref(name):
                return named(name)
            case Join(left, right):
                return _join(source, named(left.name), named(right.name))
        raise ValueError("a source that did not parse has no translation")

    return named(program.emit.name)


def _join(join: Join, left: Frame, right: Frame) -> Frame:
    a, b = join.left_key.name, join.right_key.name
    _refuse_mixed(left.kinds[a], right.kinds[b])
    if left.kinds[a] != right.kinds[b]:
        raise NotCovered("a join of a number and a text")
    # On a shared name the right value wins and stays where the left had it.
    shared = [name for name in right.kinds if name in left.kinds]
    # Polars joins no whole numbers with fractions.
    keys = [pl.col(key).cast(pl.Float64) if left.kinds[a] == NUMBER else pl.col(key) for key in (a, b)]
    joined = left.lazy.join(
        right.lazy, left_on=keys[0], right_on=keys[1], coalesce=False, maintain_order="left_right"
    )
    wins = [pl.col(f"{name}_right").alias(name) for name in shared]
    kinds = left.kinds | right.kinds
    return Frame(joined.with_columns(wins).select(list(kinds)), kinds)


def _stages(statement: Statement, frame: Frame) -> Frame:
    keys: list[str] = []
    for stage in statement.stages:
        if isinstance(stage, GroupBy):
            keys = [column.name for column in stage.keys]
        else:
            frame = _stage(stage, frame, keys)
    return frame


def _stage(stage: Stage, frame: Frame, keys: list[str]) -> Frame:
    lazy, kinds = frame
    match stage:
        case Filter(condition):
            return Frame(lazy.filter(_condition(condition, kinds)), kinds)
        case Select(columns):
            names = [column.name for column in columns]
            return Frame(lazy.select(names), {name: kinds[name] for name in names})
        case Compute(assignments):
            for item in assignments:
                lazy = lazy.with_columns(_expression(item.value).alias(item.name))
                kinds = kinds | {item.name: _kind(item.value, kinds)}
            return Frame(lazy, kinds)
        case Aggregate(aggregations):
            _refuse_mixed(*(kinds[key] for key in keys))
            made = [_aggregation(item, kinds).alias(item.name) for item in aggregations]
            after = {key: kinds[key] for key in keys} | {a.name: _result(a, kinds) for a in aggregations}
            return Frame(lazy.group_by(keys, maintain_order=True).agg(made), after)
        case SortBy(column, descending):
            return Frame(lazy.sort(column.name, descending=descending, maintain_order=True), kinds)
        case Take(count):
            return Frame(lazy.head(count), kinds)
    raise ValueError(f"no translation of {type(stage).__name__}")


def _refuse_mixed(*kinds: str) -> None:
    if MIXED in kinds:
        raise NotCovered("mixed column")


def _condition(condition: Condition, kinds: Mapping[str, str]) -> pl.Expr:
    match condition:
        case Compare(op, left, right):
            a, b = _kind(left, kinds), _kind(right, kinds)
            _refuse_mixed(a, b)
            if a != b:
                return pl.lit(op == "!=")
            return _OPERATORS[op](_expression(left), _expression(right))
        case Not(part):
            return ~_condition(part, kinds)
        case Logic(op, parts):
            return reduce(_OPERATORS[op], (_condition(part, kinds) for part in parts))


def _expression(expression: Expression) -> pl.Expr:
    match expression:
        case Column(name):
            return pl.col(name)
        case Literal(value):
            return pl.lit(value)
        case Negate(operand):
            return -_expression(operand)
        case Arithmetic(op, left, right):
            return _OPERATORS[op](_expression(left), _expression(right))


def _kind(expression: Expression, kinds: Mapping[str, str]) -> str:
    match expression:
        case Column(name):
            return kinds[name]
        case Literal(str()):
            return TEXT
    return NUMBER


def _aggregation(item: Aggregation, kinds: Mapping[str, str]) -> pl.Expr:
    if item.column is None or item.function == "count":
        return pl.len()
    column = pl.col(item.column.name)
    if item.function in ("min", "max"):
        return column.min() if item.function == "min" else column.max()
    _refuse_mixed(kinds[item.column.name])
    return {"sum": column.sum(), "avg": column.mean(), "count_distinct": column.n_unique()}[item.function]


def _result(item: Aggregation, kinds: Mapping[str, str]) -> str:
    return kinds[item.column.name] if item.column and item.function in ("min", "max") else NUMBER
