"""Aggregate functions: one literal table that checker, executor, parser and docs all read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsl_debug.lang.nodes import Value
from dsl_debug.lang.table import MIXED, NUMBER, TEXT, text_form

Values = Sequence[Value]


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """How one aggregate function is checked and computed.

    `compute` takes a group's values (never empty) and the type of their column. `result` is the type of
    what it gives, None for the type of the column. `accepts` are the types of column it takes.
    """

    compute: Callable[[Values, str], Value]
    accepts: tuple[str, ...]
    result: str | None = NUMBER
    needs_column: bool = True


def _numbers(values: Values, kind: str) -> list[int | float]:
    """The numbers among values; texts of a mixed column are left out."""
    return [v for v in values if not isinstance(v, str)] if kind == MIXED else values  # type: ignore[return-value]


def _sum(values: Values, kind: str) -> Value:
    return sum(_numbers(values, kind))


def _avg(values: Values, kind: str) -> Value:
    numbers = _numbers(values, kind)
    return sum(numbers) / len(numbers) if numbers else 0.0


def _min(values: Values, kind: str) -> Value:
    return min(values, key=text_form) if kind == MIXED else min(values)


def _max(values: Values, kind: str) -> Value:
    return max(values, key=text_form) if kind == MIXED else max(values)


def _count(values: Values, kind: str) -> Value:
    return len(values)


def _count_distinct(values: Values, kind: str) -> Value:
    return len(set(values))


_ANY = (NUMBER, TEXT, MIXED)

AGGREGATES: dict[str, AggregateFunction] = {
    "sum": AggregateFunction(_sum, (NUMBER, MIXED)),
    "avg": AggregateFunction(_avg, (NUMBER, MIXED)),
    "min": AggregateFunction(_min, _ANY, result=None),
    "max": AggregateFunction(_max, _ANY, result=None),
    "count": AggregateFunction(_count, _ANY, needs_column=False),
    "count_distinct": AggregateFunction(_count_distinct, _ANY),
}
