"""What is wrong with a patched program, in words: one function for each kind of mistake in the tree.

The words complete "the program ...": they begin with a verb in lower case and have no full stop.
"""

from collections.abc import Callable
from typing import TypeVar

from dataset_builder.mutations.places import Patch, path
from dsl_debug.lang.nodes import (
    Aggregation,
    Assignment,
    Column,
    Compare,
    Emit,
    Filter,
    GroupBy,
    Join,
    Load,
    Node,
    Ref,
    SortBy,
    Source,
    Take,
)
from dsl_debug.lang.printer import print_condition, print_expression, print_source, print_stage

N = TypeVar("N", bound=Node)
Say = Callable[[Patch], str]

DOES = {
    "sum": "adds up",
    "avg": "averages",
    "min": "takes the smallest of",
    "max": "takes the largest of",
    "count": "counts",
    "count_distinct": "counts the different values of",
}
MEANT = {
    "sum": "the total",
    "avg": "the average",
    "min": "the smallest value",
    "max": "the largest value",
    "count": "the number of rows",
    "count_distinct": "the number of different values",
}


def describe(kind: str, patch: Patch) -> str:
    """What is wrong, in one sentence; in general words where the kind's own words do not fit."""
    try:
        return SAYINGS[kind](patch)
    except LookupError:
        return "says something else than what is meant"


def _pair(patch: Patch, kind: type[N]) -> tuple[N, N]:
    """The changed nodes of a type on both sides. Raises LookupError where there are none."""
    for old, new in path(patch.before[0], patch.after[0]):
        if isinstance(old, kind) and isinstance(new, kind):
            return old, new
    raise LookupError(f"no {kind.__name__} in this patch")


def _column(doing: str) -> Say:
    def say(patch: Patch) -> str:
        old, new = _pair(patch, Column)
        return f"{doing} `{new.name}` instead of `{old.name}`"

    return say


def _compute_column(patch: Patch) -> str:
    (made, _), (old, new) = _pair(patch, Assignment), _pair(patch, Column)
    return f"computes `{made.name}` from `{new.name}` instead of `{old.name}`"


def _formula(patch: Patch) -> str:
    old, new = _pair(patch, Assignment)
    wrong, right = print_expression(new.value), print_expression(old.value)
    return f"computes `{old.name}` as `{wrong}` instead of `{right}`"


def _aggregate_column(patch: Patch) -> str:
    (item, _), (old, new) = _pair(patch, Aggregation), _pair(patch, Column)
    return f"{DOES[item.function]} `{new.name}`{_for(item, old)} instead of `{old.name}`"


def _aggregate_function(patch: Patch) -> str:
    old, new = _pair(patch, Aggregation)
    what = f"`{new.column.name}`" if new.column and new.function != "count" else "rows"
    meant = MEANT[old.function]
    if old.column and not new.column:
        meant += f" of `{old.column.name}`"
    return f"{DOES[new.function]} {what}{_for(old, new.column)} where {meant} is meant"


def _for(item: Aggregation, column: Column | None) -> str:
    """Which figure it is about, unless it is called like the column that stands there anyway."""
    return "" if column and column.name == item.name else f" for `{item.name}`"


def _compare(patch: Patch) -> str:
    old, new = _pair(patch, Compare)
    return f"keeps rows with `{print_condition(new)}` instead of `{print_condition(old)}`"


def _condition(patch: Patch) -> str:
    old, new = _pair(patch, Filter)
    return f"keeps rows with `{print_condition(new.condition)}` instead of `{print_condition(old.condition)}`"


def _direction(patch: Patch) -> str:
    old, new = _pair(patch, SortBy)
    ways = ("from the smallest up", "from the largest down")
    return f"sorts by `{old.column.name}` {ways[new.descending]} instead of {ways[old.descending]}"


def _count(patch: Patch) -> str:
    old, new = _pair(patch, Take)
    return f"keeps the first {new.count} rows instead of the first {old.count}"


def _keys(patch: Patch) -> str:
    old, new = _pair(patch, GroupBy)
    wrong, right = (", ".join(f"`{key.name}`" for key in stage.keys) for stage in (new, old))
    return f"groups by {wrong} instead of by {right}"


def _on(patch: Patch) -> str:
    old, new = _pair(patch, Join)
    wrong, right = (f"`{join.left_key.name} == {join.right_key.name}`" for join in (new, old))
    return f"joins on {wrong} instead of {right}"


def _dropped(patch: Patch) -> str:
    return f"lacks the stage `{_stages(patch.before)}`"


def _forgotten(patch: Patch) -> str:
    return f"forgets to keep only the rows with `{_inner(patch)}`"


def _inner(patch: Patch) -> str:
    stage = patch.before[0]
    return print_condition(stage.condition) if isinstance(stage, Filter) else _stages(patch.before)


def _swapped(patch: Patch) -> str:
    # Two neighbours in the other order; either may be a group_by with its aggregate.
    first = next((i for i, part in enumerate(patch.after) if part == patch.before[0]), 1)
    return f"has `{_stages(patch.after[:first])}` before `{_stages(patch.after[first:])}` instead of after it"


def _stages(parts: tuple[object, ...]) -> str:
    return " |> ".join(print_stage(part) for part in parts)  # type: ignore[arg-type]


def _table(patch: Patch) -> str:
    old, new = _pair(patch, Load)
    return f"loads `{new.table}` instead of `{old.table}`"


def _name(patch: Patch) -> str:
    old, new = patch.before[0], patch.after[0]
    if isinstance(old, Ref) and isinstance(new, Ref):
        return f"reads `{new.name}` instead of `{old.name}`"
    return f"has `{_source(new)}` instead of `{_source(old)}`"


def _round(patch: Patch) -> str:
    old, new = _pair(patch, Join)
    return f"joins `{new.right.name}` to `{new.left.name}` instead of `{old.right.name}` to `{old.left.name}`"


def _source(part: Source | object) -> str:
    if isinstance(part, Load | Join | Ref):
        return print_source(part)
    raise LookupError("no source in this patch")


def _emit(patch: Patch) -> str:
    old, new = _pair(patch, Emit)
    return f"emits `{new.name}` instead of `{old.name}`"


SAYINGS: dict[str, Say] = {
    "filter_column": _compare,
    "filter_operator": _compare,
    "filter_value": _compare,
    "filter_logic": _condition,
    "other_value": _compare,
    "filter_side": _compare,
    "forgotten_filter": _forgotten,
    "compute_column": _compute_column,
    "compute_number": _formula,
    "arithmetic": _formula,
    "parentheses": _formula,
    "ratio": _formula,
    "select_column": _column("keeps the column"),
    "group_key": _column("groups by"),
    "granularity": _keys,
    "aggregate_column": _aggregate_column,
    "measure": _aggregate_column,
    "aggregate_function": _aggregate_function,
    "sort_column": _column("sorts by"),
    "sort_direction": _direction,
    "take_count": _count,
    "top_size": _count,
    "join_key": _on,
    "join_order": _round,
    "dropped_stage": _dropped,
    "swapped_stages": _swapped,
    "source_table": _table,
    "source_name": _name,
    "emit": _emit,
}
