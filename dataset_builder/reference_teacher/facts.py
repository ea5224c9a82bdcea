"""What the reference teacher may say about tables: facts that are computed from what it was shown.

A fact is a key into the phrases and what to put into them. Nothing here knows the fix, except which values
are worth a word.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dsl_debug.agents.seen import Seen
from dsl_debug.lang.nodes import Value
from dsl_debug.lang.table import NUMBER, Table, cell, same_value

MAX_QUOTED = 40
_PLACES = ("first", "second", "third")
_ERROR = re.compile(r"line (\d+), column (\d+): (.*)")


class Fact(NamedTuple):
    """A key of the phrases, and the texts for the places in them."""

    key: str
    slots: dict[str, str]


def fact(key: str, /, **slots: str) -> Fact:
    """A fact, with its slots as keywords."""
    return Fact(key, slots)


def counted(rows: int) -> str:
    """`1 row`, `12 rows`, `1,234 rows`, as observations write the number."""
    return f"{rows:,} {'row' if rows == 1 else 'rows'}"


def names(columns: Iterable[str], limit: int = 5) -> str:
    """Names in backticks, the last after `and`; of many the first few `and others`."""
    every = list(columns)
    quoted = [f"`{name}`" for name in every[:limit]]
    if len(every) > limit:
        quoted.append("others")
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)


def quotable(text: str) -> bool:
    """Whether a text can stand in backticks."""
    return 0 < len(text) <= MAX_QUOTED and "`" not in text and "\n" not in text


# A result beside the rows expected


def differences(given: Seen, goal: Seen) -> list[Fact]:
    """What tells a result from the rows expected, the most telling first; [] where they agree."""
    if given.matches(goal):
        return []
    cells = _order(given, goal) or _cells(given, goal)
    return [*_columns(given, goal), *_counts(given, goal), *cells]


def symptom(given: Seen | None, goal: Seen) -> str:
    """What is wrong with a result, in a word: error, columns, rows, order, values, or nothing."""
    if given is None:
        return "error"
    if given.matches(goal):
        return "nothing"
    if set(given.table.names) != set(goal.table.names):
        return "columns"
    if given.rows != goal.rows:
        return "rows"
    return "order" if _order(given, goal) else "values"


def _columns(given: Seen, goal: Seen) -> list[Fact]:
    have, want = given.table.names, goal.table.names
    missing = [name for name in want if name not in have]
    extra = [name for name in have if name not in want]
    if missing and extra:
        return [fact("columns_other", missing=names(missing), extra=names(extra))]
    if missing:
        return [fact("columns_missing", missing=names(missing))]
    return [fact("columns_extra", extra=names(extra))] if extra else []


def _counts(given: Seen, goal: Seen) -> list[Fact]:
    if given.rows == goal.rows:
        return [fact("rows_same", rows=counted(goal.rows))] if goal.rows > 1 else []
    key = "rows_none" if not given.rows else "rows_fewer" if given.rows < goal.rows else "rows_more"
    return [fact(key, given=counted(given.rows), goal=counted(goal.rows), n=f"{goal.rows:,}")]


def _rows(table: Table, order: Sequence[str]) -> list[tuple[Value, ...]]:
    return list(zip(*(table.columns[name] for name in order), strict=True))


def _order(given: Seen, goal: Seen) -> list[Fact]:
    """That the rows are right but for their order; only where all of them can be seen."""
    order = goal.table.names
    if not (given.complete and goal.complete) or set(order) != set(given.table.names):
        return []
    a, b = _rows(given.table, order), _rows(goal.table, order)
    if a != b and sorted(a, key=repr) == sorted(b, key=repr):
        return [fact("order")]
    return []


def _cells(given: Seen, goal: Seen) -> list[Fact]:
    """Columns that agree and differ, and the first place where two values do."""
    shared = [name for name in goal.table.names if name in given.table.names]
    rows = min(given.table.length, goal.table.length)
    if not shared or not rows:
        return []
    wrong = [name for name in shared if _differs(given.table, goal.table, name, rows)]
    right = [name for name in shared if name not in wrong]
    found = []
    if wrong and right and given.rows == goal.rows:
        found.append(fact("columns_agree", right=names(right), wrong=names(wrong), **_verbs(right, wrong)))
    elif len(wrong) > 1 and len(wrong) == len(given.table.names) and given.rows == goal.rows:
        found.append(fact("columns_all", wrong=names(wrong)))
    return found + _first_place(given.table, goal.table, wrong, right, rows)


def _verbs(right: Sequence[str], wrong: Sequence[str]) -> dict[str, str]:
    return {"agree": "agrees" if len(right) == 1 else "agree", "do": "does" if len(wrong) == 1 else "do"}


def _differs(a: Table, b: Table, name: str, rows: int) -> bool:
    pairs = zip(a.columns[name][:rows], b.columns[name][:rows], strict=True)
    return any(not same_value(x, y) for x, y in pairs)


def _first_place(a: Table, b: Table, wrong: list[str], right: list[str], rows: int) -> list[Fact]:
    for row in range(rows):
        for name in wrong:
            x, y = a.columns[name][row], b.columns[name][row]
            if same_value(x, y) or not (quotable(cell(x)) and quotable(cell(y))):
                continue
            slots = {"column": name, "given": cell(x), "goal": cell(y)}
            key, value = next(((k, cell(b.columns[k][row])) for k in right if _alone(a, b, k, row)), ("", ""))
            if key and quotable(value):
                return [fact("cell_keyed", key=key, value=value, **slots)]
            return [fact("cell_placed", place=_PLACES[row], **slots)] if row < len(_PLACES) else []
    return []


def _alone(a: Table, b: Table, name: str, row: int) -> bool:
    """Whether the value in a row is the only one of its kind in both tables, so that it names the row."""
    return all(table.columns[name].count(b.columns[name][row]) == 1 for table in (a, b))


# A table that was inspected


def contents(name: str, seen: Seen, focus: Sequence[str], wanted: Sequence[Value] = ()) -> list[Fact]:
    """What a table shows: its rows, then the columns in focus, then all columns.

    Values that are `wanted` are worth a word where a column in focus has them.
    """
    if not seen.rows:
        return [fact("node_empty", name=name)]
    found = [fact("node_rows", name=name, rows=counted(seen.rows))]
    for column in focus:
        if column in seen.table.columns:
            found += _column_fact(column, seen, wanted)
    if len(found) == 1:
        found.append(fact("node_columns", columns=names(seen.table.names)))
    return found


def _column_fact(column: str, seen: Seen, wanted: Sequence[Value]) -> list[Fact]:
    values = seen.table.columns[column]
    whole = "" if seen.complete else " in the rows shown"
    distinct = [cell(value) for value in dict.fromkeys(values)]
    kind = seen.table.types[column]
    if len(distinct) == 1 and len(values) > 1 and quotable(distinct[0]):
        return [fact("node_constant", column=column, value=distinct[0], where=whole)]
    if kind == NUMBER and len(distinct) > 3:
        numbers = [value for value in values if not isinstance(value, str)]
        low, high = cell(min(numbers)), cell(max(numbers))
        return [fact("node_range", column=column, low=low, high=high, where=whole)]
    held = [cell(value) for value in wanted if isinstance(value, str) and value in values]
    if held and quotable(held[0]):
        return [fact("node_holds", column=column, value=held[0])]
    if 1 < len(distinct) <= 4 and all(map(quotable, distinct)):
        return [fact("node_values", column=column, values=names(distinct), where=whole)]
    if quotable(distinct[0]):
        return [fact("node_first", column=column, value=distinct[0])]
    return []


# An error


def error_facts(observation: str) -> list[Fact]:
    """What an error message says first, and whether there are more."""
    lines = [found for line in observation.split("\n") if (found := _ERROR.fullmatch(line))]
    if not lines:
        first = observation.split("\n", 1)[0].strip()
        return [fact("error_plain", message=first) if _can_quote(first) else fact("error_bare")]
    line, column, message = lines[0].groups()
    many = "many_" if len(lines) > 1 else ""
    if not _can_quote(message):
        return [fact(f"error_{many}place", line=line, column=column)]
    return [fact(f"error_{many}message", line=line, column=column, message=message)]


def _can_quote(message: str) -> bool:
    return 0 < len(message) <= 160 and '"' not in message and "`" not in message
