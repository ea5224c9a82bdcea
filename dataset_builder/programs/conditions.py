"""Filters at values that matter: the neighbouring comparisons and values would keep other rows."""

from collections.abc import Callable, Sequence
from itertools import accumulate

from dataset_builder.programs.sketch import Draft, Sketch, Unfit, is_calendar
from dsl_debug.lang.nodes import Column, Compare, Condition, Filter, Literal, Logic, Not, Value
from dsl_debug.lang.table import NUMBER, TEXT

MIN_KEPT, MAX_KEPT = 0.12, 0.88
"""The share of rows that a comparison keeps."""

MAX_TEXT, MAX_DIGITS = 40, 8
"""Characters of a text and of a number that a program compares with."""

EXACT, MOSTLY = 0.45, 0.8
"""Chances of a test for equality: as a rule, and where a `take` follows."""


def comparison(sketch: Sketch, draft: Draft, column: str, exact: bool = False) -> Compare | None:
    """A comparison of a column with one of its values that tells the neighbouring comparisons apart.

    `exact` asks for `==` or `!=`, None where the column has no values that repeat.
    """
    counts: dict[Value, int] = {}
    for value in draft.table.columns[column]:
        counts[value] = counts.get(value, 0) + 1
    kind = draft.table.types[column]
    if kind not in (NUMBER, TEXT) or len(counts) < 2:
        return None
    present = sorted(counts, key=lambda v: (isinstance(v, str), v))
    below = dict(zip(present, accumulate((counts[v] for v in present), initial=0), strict=False))
    found = [
        (op, value)
        for op, value in _candidates(draft, column, kind, present, counts)
        if (op in ("==", "!=") or not exact)
        and MIN_KEPT <= _KEPT[op](below[value], counts[value], draft.table.length) <= MAX_KEPT
    ]
    if not found:
        return None
    weights = [counts[value] for _, value in found]
    op, value = sketch.rng.choices(found, weights)[0]
    return Compare(op, Column(column), Literal(value))


def _candidates(
    draft: Draft, column: str, kind: str, present: list[Value], counts: dict[Value, int]
) -> list[tuple[str, Value]]:
    found: list[tuple[str, Value]] = []
    repeated = len(counts) <= draft.table.length // 3
    for i, value in enumerate(present):
        if len(str(value)) > (MAX_TEXT if isinstance(value, str) else MAX_DIGITS):
            continue
        before, after = present[max(0, i - 1)], present[min(len(present) - 1, i + 1)]
        inner = 0 < i < len(present) - 1
        if repeated and counts[value] > 1 and (inner or len(present) < 4):
            found += (
                [("==", value), ("==", value)] if kind == TEXT or is_calendar(column) else [("==", value)]
            )
            found.append(("!=", value))
        if column not in draft.keys and inner and (kind == NUMBER or _is_date(value)):
            if kind == TEXT or _near(value, after):
                found += [(">", value), ("<=", value)]
            if kind == TEXT or _near(before, value):
                found += [(">=", value), ("<", value)]
    return found


def _near(low: Value, high: Value) -> bool:
    """Whether a number off by one would show: another value lies within one."""
    return not isinstance(low, str) and not isinstance(high, str) and 0 < high - low <= 1


def _is_date(value: Value) -> bool:
    return isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-" and len(value) <= 19


_KEPT: dict[str, Callable[[int, int, int], float]] = {
    "==": lambda below, equal, all: equal / all,
    "!=": lambda below, equal, all: 1 - equal / all,
    "<": lambda below, equal, all: below / all,
    "<=": lambda below, equal, all: (below + equal) / all,
    ">": lambda below, equal, all: 1 - (below + equal) / all,
    ">=": lambda below, equal, all: 1 - below / all,
}
"""Comparison -> the share of rows that it keeps, of how many are below the value, equal to it, and there."""


def condition(
    sketch: Sketch, draft: Draft, columns: Sequence[str] | None = None, exact: float = EXACT
) -> Condition:
    """A condition over one or two columns, or over two columns against each other.

    `exact` is the chance of a test for equality: which rows it keeps does not hang on the few next to a
    bound, which a `take` further down may well leave out.
    """
    rng = sketch.rng
    names = list(columns or draft.table.names)
    if rng.random() < 0.12:
        pair = _column_pair(sketch, draft, names)
        if pair:
            return pair
    wanted = 1 if rng.random() < 0.65 else 2
    found: list[Compare] = []
    for name in rng.sample(names, len(names)):
        part = comparison(sketch, draft, name, rng.random() < exact)
        found += [part] if part else []
        if len(found) == wanted:
            break
    if not found:
        raise Unfit("no column to filter by")
    first = found[0]
    if len(found) < 2:
        return Not(first) if rng.random() < 0.04 and first.op in ("==", ">", "<") else first
    return Logic(rng.choice(("and", "or")), (first, found[1]))


def _column_pair(sketch: Sketch, draft: Draft, names: Sequence[str]) -> Compare | None:
    """Two columns of one type that are equal in some rows and not in others."""
    pairs: list[Compare] = []
    usable = [n for n in names if n not in draft.keys and draft.table.types[n] in (NUMBER, TEXT)][:8]
    for i, first in enumerate(usable):
        for second in usable[i + 1 :]:
            if draft.table.types[first] != draft.table.types[second]:
                continue
            both = list(zip(draft.table.columns[first], draft.table.columns[second], strict=True))
            equal = sum(a == b for a, b in both)
            greater = sum(a > b for a, b in both) if equal else 0  # type: ignore[operator]
            if equal and MIN_KEPT <= greater / len(both) <= MAX_KEPT:
                op = sketch.rng.choice((">", ">=", "<", "<="))
                pairs.append(Compare(op, Column(first), Column(second)))
    return sketch.rng.choice(pairs) if pairs else None


def filtered(
    sketch: Sketch, draft: Draft, columns: Sequence[str] | None = None, exact: float = EXACT
) -> Draft:
    """The draft with a filter. Raises Unfit where nothing tells the rows apart."""
    return sketch.add(draft, Filter(condition(sketch, draft, columns, exact)))


def maybe_filtered(sketch: Sketch, draft: Draft, chance: float, exact: float = EXACT) -> Draft:
    """The draft, sometimes with a filter."""
    if sketch.rng.random() >= chance:
        return draft
    try:
        return filtered(sketch, draft, None, exact)
    except Unfit:
        return draft
