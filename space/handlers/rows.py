"""Rows beside the expected ones: which belong together, and what is wrong with each.

Bounded, whatever a visitor's program gives.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from dsl_debug.lang import Table
from dsl_debug.lang.nodes import Value
from dsl_debug.lang.table import cell, same_value

MAX_SHOWN = 50
MAX_ALIGNED = 100_000
"""Pairs of a given and a wanted row, up to which rows are compared by what they hold."""

MAX_PAIRED = 2_500
"""The same for rows between equal ones, which are compared cell by cell."""

MAX_EXTRA = 8
"""Columns that are told, of those that nobody asked for."""

CONTEXT = 3
"""Rows that are told before the first wrong one, where not all are."""

Pair = tuple[int | None, int | None]
"""The places of a given and a wanted row that belong together."""


@dataclass(frozen=True)
class DiffRow:
    """A row that is given, wanted, or both. `number` is its place, from 1, among the rows given, or for a
    missing one among those wanted; `kind` is same, changed, extra or missing. `given` and `wanted` are the
    texts of its cells by the columns of the diff ("" where there is no such column), () where there is no
    such row; `wrong` says of each cell of a changed row whether it differs.
    """

    number: int
    kind: str
    given: tuple[str, ...]
    wanted: tuple[str, ...]
    wrong: tuple[bool, ...]


@dataclass(frozen=True)
class RowDiff:
    """Rows beside the expected ones. `columns` are those wanted, then up to 8 that are given only; `missing`
    and `extra` are the ones that are wanted or given only. `given`, `wanted` and `right` count rows: a row is
    right if it stands as it should between other right ones. `complete` is what `Table.matches` says, and
    `reordered` whether they are the right rows in another order. `rows` are at most 50 of them, in one piece
    that begins a little before the first wrong one if need be; `left_out` counts the others.
    """

    columns: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    rows: tuple[DiffRow, ...]
    given: int
    wanted: int
    right: int
    complete: bool
    left_out: int
    reordered: bool = False


def row_diff(given: Table, expected: Table) -> RowDiff:
    """The rows of a table beside the expected ones; one too many does not make those after it wrong."""
    extra = tuple(name for name in given.names if name not in expected.columns)
    missing = tuple(name for name in expected.names if name not in given.columns)
    shared = [name for name in expected.names if name in given.columns]
    columns = (*expected.names, *extra[:MAX_EXTRA])
    keys = _keys(given, expected, shared) if given.length * expected.length <= MAX_ALIGNED else None
    pairs = _aligned(*keys) if keys else _by_place(range(given.length), range(expected.length))
    is_right = [not missing and not extra and _same_row(given, expected, shared, pair) for pair in pairs]
    complete = given.matches(expected)
    same_rows = keys is not None and not missing and not extra and Counter(keys[0]) == Counter(keys[1])
    start = _start(is_right)
    rows = [_diff_row(given, expected, columns, pair) for pair in pairs[start : start + MAX_SHOWN]]
    return RowDiff(
        columns=columns,
        missing=missing,
        extra=extra,
        rows=tuple(rows),
        given=given.length,
        wanted=expected.length,
        right=sum(is_right),
        complete=complete,
        left_out=len(pairs) - len(rows),
        reordered=same_rows and not complete,
    )


def _start(is_right: Sequence[bool]) -> int:
    """Where the rows that are told begin."""
    first_wrong = next((place for place, right in enumerate(is_right) if not right), 0)
    return first_wrong - CONTEXT if first_wrong >= MAX_SHOWN - CONTEXT else 0


def _diff_row(given: Table, expected: Table, columns: Sequence[str], pair: Pair) -> DiffRow:
    here, there = pair
    if here is None or there is None:
        kind, wrong = ("missing" if here is None else "extra"), [False] * len(columns)
    else:
        wrong = [not _same_cell(given, expected, name, here, there) for name in columns]
        kind = "changed" if any(wrong) else "same"
    place = there if here is None else here
    texts = _texts(given, columns, here), _texts(expected, columns, there)
    return DiffRow((place or 0) + 1, kind, *texts, tuple(wrong))


def _texts(table: Table, columns: Iterable[str], place: int | None) -> tuple[str, ...]:
    if place is None:
        return ()
    return tuple(cell(table.columns[name][place]) if name in table.columns else "" for name in columns)


def _same_row(given: Table, expected: Table, names: Iterable[str], pair: Pair) -> bool:
    here, there = pair
    if here is None or there is None:
        return False
    return all(_same_cell(given, expected, name, here, there) for name in names)


def _same_cell(given: Table, expected: Table, name: str, here: int, there: int) -> bool:
    both = name in given.columns and name in expected.columns
    return both and same_value(given.columns[name][here], expected.columns[name][there])


# Which row belongs to which

Key = tuple[Value, ...]


def _keys(given: Table, expected: Table, names: Iterable[str]) -> tuple[list[Key], list[Key]]:
    """The rows of both tables by these columns, with one number for all numbers that count as equal."""
    one, other = [], []
    for name in names:
        place_of = _places([*given.columns[name], *expected.columns[name]])
        one.append([place_of(value) for value in given.columns[name]])
        other.append([place_of(value) for value in expected.columns[name]])
    return _rows(one, given.length), _rows(other, expected.length)


def _rows(columns: list[list[Value]], length: int) -> list[Key]:
    return list(zip(*columns, strict=True)) if columns else [()] * length


def _places(values: Iterable[Value]) -> Callable[[Value], Value]:
    """A function that leaves texts as they are and numbers the numbers; neighbours that are equal within the
    tolerance of the language have one number."""
    numbers = sorted({value for value in values if not isinstance(value, str)})
    places: dict[Value, int] = {}
    place, before = 0, None
    for number in numbers:
        place += before is None or not same_value(before, number)
        places[number], before = place, number
    return lambda value: value if isinstance(value, str) else places[value]


def _aligned(given: list[Key], wanted: list[Key]) -> list[Pair]:
    """Every row once, in order: equal rows side by side, and of what lies between them the most similar."""
    pairs: list[Pair] = []
    for what, i, i_end, j, j_end in SequenceMatcher(None, given, wanted, autojunk=False).get_opcodes():
        here, there = range(i, i_end), range(j, j_end)
        if what == "equal" or len(here) * len(there) > MAX_PAIRED:
            pairs += _by_place(here, there)
        else:
            pairs += _by_likeness(here, there, given, wanted)
    return pairs


def _by_place(here: range, there: range) -> list[Pair]:
    both = min(len(here), len(there))
    alone: list[Pair] = [(i, None) for i in here[both:]]
    alone += [(None, j) for j in there[both:]]
    return [*zip(here[:both], there[:both], strict=True), *alone]


def _by_likeness(here: range, there: range, given: list[Key], wanted: list[Key]) -> list[Pair]:
    """Pairs in order that share as many cells as possible; pairs that share none are better than single rows.

    `best[m][n]` is what can be reached with the rows from the m-th and the n-th on.
    """

    def worth(m: int, n: int) -> int:
        return 1 + 2 * sum(a == b for a, b in zip(given[here[m]], wanted[there[n]], strict=True))

    best = [[0] * (len(there) + 1) for _ in range(len(here) + 1)]
    for m in reversed(range(len(here))):
        for n in reversed(range(len(there))):
            best[m][n] = max(worth(m, n) + best[m + 1][n + 1], best[m + 1][n], best[m][n + 1])
    pairs: list[Pair] = []
    m = n = 0
    while m < len(here) and n < len(there):
        if best[m][n] == worth(m, n) + best[m + 1][n + 1]:
            pairs.append((here[m], there[n]))
            m, n = m + 1, n + 1
        elif best[m][n] == best[m + 1][n]:
            pairs.append((here[m], None))
            m += 1
        else:
            pairs.append((None, there[n]))
            n += 1
    return pairs + _by_place(here[m:], there[n:])
