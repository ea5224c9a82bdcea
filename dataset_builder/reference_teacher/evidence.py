"""What speaks for a change: in the rows expected, in the last result, and in the program's own words."""

import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from dataset_builder.reference_teacher.changes import Change, Part, differing, differing_items
from dataset_builder.reference_teacher.facts import Fact, counted, fact, names, quotable
from dsl_debug.agents.seen import Seen
from dsl_debug.lang import Program
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Column,
    Compare,
    Compute,
    Filter,
    GroupBy,
    Join,
    Literal,
    Select,
    SortBy,
    Take,
    Value,
)
from dsl_debug.lang.table import MIXED, Table, cell

# Words in a column's name that speak of the function that makes it.
SPOKEN: dict[str, tuple[str, ...]] = {
    "sum": ("sum", "total", "totals"),
    "avg": ("avg", "average", "mean"),
    "min": ("min", "minimum", "lowest", "smallest", "earliest", "cheapest"),
    "max": ("max", "maximum", "highest", "largest", "latest", "dearest"),
    "count": ("count", "cnt", "num", "number", "n"),
    "count_distinct": ("distinct", "unique", "different"),
}
_MEANINGS = {
    "sum": "a total",
    "avg": "an average",
    "min": "a minimum",
    "max": "a maximum",
    "count": "a count",
    "count_distinct": "a count of different values",
}


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Visible(NamedTuple):
    """What the prompt shows: the rows expected, each stored table's columns, and the buggy program's tree."""

    goal: Seen
    schemas: dict[str, dict[str, str]]
    program: Program | None


def evidence(change: Change, seen: Visible, last: Seen | None = None) -> Fact | None:
    """What speaks for a change in the prompt, or in the last result; None where nothing is that plain."""
    goal = seen.goal.table
    if change.before is None:
        return _missing_evidence(change, seen, last)
    match change.before, change.after:
        case SortBy() as old, SortBy() as new:
            return _sort_evidence(old, new, goal, change.old)
        case Take(old_count), Take(new_count):
            return _take_evidence(change, old_count, new_count, seen)
        case Aggregate() as old, Aggregate() as new:
            return _lacking(change, goal) or _function_evidence(old, new, change.words[0])
        case (Select(), Select()) | (Compute(), Compute()):
            return _lacking(change, goal)
        case Filter() as old, Filter() as new:
            found = _filter_evidence(old, new, seen, change.old)
            return found or (_result_evidence(old, new, seen, last, change.old) if last else None)
        case GroupBy(old_keys), GroupBy(new_keys):
            added = [k.name for k in new_keys if k not in old_keys and k.name in goal.columns]
            return fact("why_keys", added=names(added), old=change.old) if added else None
        case Join() as old, Join() as new:
            return _join_evidence(old, new, seen)
    return None


def _lacking(change: Change, goal: Table) -> Fact | None:
    """Expected columns that a stage gives only after the change."""
    old, new = (_given(part) for part in (change.before, change.after))
    added = [name for name in new if name not in old and name in goal.columns]
    return fact("why_lacking", added=names(added), old=change.old) if len(added) == 1 else None


def _given(part: Part) -> list[str]:
    """The names of the columns that a stage keeps by name or makes."""
    match part:
        case Select(columns):
            return [column.name for column in columns]
        case Compute(assignments):
            return [item.name for item in assignments]
        case Aggregate(aggregations):
            return [item.name for item in aggregations]
    return []


def _sorted_by(table: Table, column: Column, descending: bool) -> bool:
    values = table.columns.get(column.name)
    if not values or table.types[column.name] == MIXED or len(set(values)) < 2:
        return False
    return values == sorted(values, reverse=descending)


def _sort_evidence(old: SortBy, new: SortBy, goal: Table, text: str) -> Fact | None:
    if not _sorted_by(goal, new.column, new.descending) or _sorted_by(goal, old.column, old.descending):
        return None
    way = "down" if new.descending else "up"
    key = "why_direction" if old.column == new.column else "why_sort"
    return fact(key, way=way, column=new.column.name, wrong=old.column.name, old=text)


def _take_evidence(change: Change, old: int, new: int, seen: Visible) -> Fact | None:
    statement = seen.program.find(seen.program.emit.name) if seen.program else None
    last = statement and statement.name == change.statement and change.stage == len(statement.stages) - 1
    if last and seen.goal.rows > old:
        return fact("why_take_more", rows=counted(seen.goal.rows), old=change.old)
    if last and seen.goal.rows == new < old:
        return fact("why_take_less", rows=counted(seen.goal.rows), old=change.old)
    return None


def spoken(name: str) -> str:
    """The aggregate function that a column's name speaks of, if it speaks of one."""
    words = name.lower().split("_")
    found = [function for function, cues in SPOKEN.items() if any(cue in words for cue in cues)]
    if "count_distinct" in found:
        return "count_distinct"
    return found[0] if len(found) == 1 else ""


def _function_evidence(old: Aggregate, new: Aggregate, wrong: str) -> Fact | None:
    pair = differing_items(old, new)
    if pair is None or pair[0].name != pair[1].name:
        return None
    a, b = pair
    if a.function != b.function and spoken(b.name) == b.function:
        return fact("why_function", name=b.name, meaning=_MEANINGS[b.function], wrong=wrong)
    if a.function == b.function and b.column and _speaks_of(a, b):
        key = "why_same_name" if b.name == b.column.name else "why_measured"
        return fact(key, name=b.name, column=b.column.name, wrong=wrong)
    return None


def _speaks_of(a: Aggregation, b: Aggregation) -> bool:
    right, wrong = (item.column.name if item.column else "" for item in (b, a))
    return bool(right) and right in b.name and wrong not in b.name


def _join_evidence(old: Join, new: Join, seen: Visible) -> Fact | None:
    key = new.left_key.name
    holders = [name for name, columns in seen.schemas.items() if key in columns]
    if key == new.right_key.name and old.left_key.name != old.right_key.name and len(holders) > 1:
        return fact(
            "why_join", key=key, tables=names(holders), left=old.left_key.name, right=old.right_key.name
        )
    return None


def _filter_evidence(old: Filter, new: Filter, seen: Visible, text: str) -> Fact | None:
    """An expected row that the filter, as it stands, would drop."""
    pair = differing(old.condition, new.condition)
    if pair is None or not isinstance(old.condition, Compare):
        return None
    match pair[0]:
        case Compare(op, Column(name), Literal(bound)) if _passes_down(name, seen):
            for value in seen.goal.table.columns.get(name, ()):
                fits = isinstance(value, str) == isinstance(bound, str) and quotable(cell(value))
                if fits and not _HOLDS[op](value, bound):
                    return fact("why_filter", column=name, value=cell(value), old=text)
    return None


def _result_evidence(old: Filter, new: Filter, seen: Visible, last: Seen, text: str) -> Fact | None:
    """A row of the result that the corrected filter would drop, or rows that are too many or too few."""
    pair = differing(old.condition, new.condition)
    if pair and isinstance(new.condition, Compare):
        match pair[1]:
            case Compare(op, Column(name), Literal(bound)) if _passes_down(name, seen):
                surplus = _surplus(op, name, bound, seen.goal, last)
                if surplus:
                    return fact("why_surplus", column=name, value=surplus, old=text)
    if last.rows == seen.goal.rows:
        return None
    return fact("why_loose" if last.rows > seen.goal.rows else "why_strict", old=text)


def _missing_evidence(change: Change, seen: Visible, last: Seen | None) -> Fact | None:
    """That rows are too many, unsorted, or should have been dropped, where a stage is missing."""
    goal, name = seen.goal, change.statement
    match change.after:
        case Take(count) if last and last.rows > goal.rows == count:
            return fact("why_uncut", rows=counted(goal.rows), statement=name)
        case SortBy(column, descending) if change.kind == "missing" and _sorted_by(
            goal.table, column, descending
        ):
            way = "down" if descending else "up"
            return fact("why_unsorted", way=way, column=column.name, statement=name)
        case Filter(Compare(op, Column(column), Literal(bound))) if last and _passes_down(column, seen):
            surplus = _surplus(op, column, bound, goal, last)
            slots = {"column": column, "value": surplus, "statement": name}
            return Fact("why_unfiltered", slots) if surplus else None
    return None


def _surplus(op: str, column: str, bound: Value, goal: Seen, last: Seen) -> str:
    """A value that came out, is not expected, and would be dropped by a comparison; "" if there is none."""
    expected = goal.table.columns.get(column)
    if expected is None or not goal.complete:
        return ""
    for value in last.table.columns.get(column, ()):
        fits = isinstance(value, str) == isinstance(bound, str) and quotable(cell(value))
        if fits and value not in expected and not _HOLDS[op](value, bound):
            return cell(value)
    return ""


def error_evidence(change: Change, message: str) -> Fact | None:
    """A name that an error message quotes and that only the text before the change has."""
    for name in re.findall(r"'([^']+)'", message):
        if quotable(name) and _holds_word(change.old, name) and not _holds_word(change.new, name):
            return fact("why_error", name=name, old=change.old)
    return None


def _holds_word(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _passes_down(column: str, seen: Visible) -> bool:
    """Whether a column of the result can only be the stored column of that name, unchanged."""
    if seen.program is None or sum(column in columns for columns in seen.schemas.values()) != 1:
        return False
    if seen.schemas and any(columns.get(column) == MIXED for columns in seen.schemas.values()):
        return False
    made = [
        item.name
        for statement in seen.program.statements
        for stage in statement.stages
        for item in (
            stage.assignments
            if isinstance(stage, Compute)
            else stage.aggregations
            if isinstance(stage, Aggregate)
            else ()
        )
    ]
    return column not in made
