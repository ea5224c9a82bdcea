"""Diagnostics: what is wrong, where, what was available, and the nearest name.

An agent, a visitor of the Space and a test all read the same text. The fields
stay on the exception, so that nobody has to parse it back.
"""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_ERRORS = 50
MAX_SHOWN = 20
MAX_LISTED = 24
MAX_SOURCE_WIDTH = 160
# What one search for the nearest name may cost, in pairs of characters: 500 pairs of names of ten letters.
MAX_COMPARED = 50_000


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing that is wrong with a program or a table.

    `line`, `column` and `end_column` count from 1 (0: no place in a program);
    `source` is the text of that line; `help` says what to do or what there is.
    """

    code: str
    message: str
    line: int = 0
    column: int = 0
    end_column: int = 0
    source: str = ""
    help: str = ""

    def __str__(self) -> str:
        lines = [f"line {self.line}, column {self.column}: {self.message}" if self.line else self.message]
        if self.source.strip():
            lines += _excerpt(self.source, self.column, self.end_column)
        if self.help:
            lines.append(f"  {self.help}")
        return "\n".join(lines)


class DslError(ValueError):
    """A program, or a table, that the language does not accept; or a run that failed.

    `diagnostics` holds at least one `Diagnostic`; the text shows the first 20.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        shown = [str(d) for d in self.diagnostics[:MAX_SHOWN]]
        more = len(self.diagnostics) - len(shown)
        if more > 0:
            shown.append(f"(and {more} more)")
        super().__init__("\n".join(shown))

    def __reduce__(self) -> tuple[type, tuple[tuple[Diagnostic, ...]]]:
        # The default would hand the joined text to __init__ when a worker process sends the error back.
        return type(self), (self.diagnostics,)


class TooManyErrors(Exception):
    """Stops a parse or a check that has found `MAX_ERRORS` mistakes."""


class SourceText:
    """The text of a program, able to turn offsets into lines and columns."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._last_line: tuple[int, str] = (-1, "")

    def line_number(self, offset: int) -> int:
        """The line that an offset lies in, from 1."""
        return self.text.count("\n", 0, offset) + 1

    def diagnostic(self, code: str, message: str, span: tuple[int, int], help: str = "") -> Diagnostic:
        """A diagnostic at `span` (offsets, end exclusive); a span over several lines is cut to its first."""
        start, end = span
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", start)
        if last < 0:
            last = len(self.text)
        if self._last_line[0] != first:  # many mistakes in one long line share its text
            self._last_line = (first, self.text[first:last].rstrip())
        column = start - first + 1
        end_column = max(min(end, last) - first + 1, column + 1)
        line, source = self.line_number(start), self._last_line[1]
        return Diagnostic(code, message, line, column, end_column, source, help)


def _excerpt(source: str, column: int, end_column: int) -> list[str]:
    """The source line and a line of carets below it; a very long line is cut around the place."""
    start = 0
    if len(source) > MAX_SOURCE_WIDTH:
        start = max(0, min(column - 1 - MAX_SOURCE_WIDTH // 4, len(source) - MAX_SOURCE_WIDTH))
        source = source[start : start + MAX_SOURCE_WIDTH]
    # Tabs stay tabs in the line of carets, or the carets would stand in the wrong place.
    before = "".join("\t" if c == "\t" else " " for c in source[: column - 1 - start])
    before += " " * (column - 1 - start - len(before))
    carets = "^" * max(1, min(end_column - column, len(source) - len(before)))
    return [f"  {_visible(source)}", f"  {before}{carets}"]


def _visible(text: str) -> str:
    """Control characters, which could redraw a terminal, are shown as a replacement character."""
    return "".join(c if c == "\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def quoted(name: str, limit: int = 60) -> str:
    """A name from a program or a table, as messages show it: in quotes, short, on one line."""
    name = _visible(name.replace("\n", " "))
    return f"'{name if len(name) <= limit else name[: limit - 1] + '…'}'"


def listed(names: Iterable[str], limit: int = MAX_LISTED) -> str:
    """`a, b, c`, cut after `limit` names with a count of the rest."""
    all_names = list(names)
    text = ", ".join(_visible(n) for n in all_names[:limit])
    return text + (f" and {len(all_names) - limit} more" if len(all_names) > limit else "")


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name`, or None when nothing is close enough to be what was meant.

    Distance: optimal string alignment (insert, delete, replace, swap of neighbours), ignoring case; at
    most a third of the longer name may differ. Ties go to the same first letter, then to the first candidate.
    """
    wanted = name.lower()[:64]
    best: tuple[int, bool, str] | None = None
    limit = 1 + max(1, len(wanted) // 3)
    budget = MAX_COMPARED
    for candidate in list(candidates)[:1000]:
        other = candidate.lower()
        if abs(len(other) - len(wanted)) >= limit:
            continue
        budget -= len(wanted) * len(other)
        if budget < 0:
            break
        distance = _distance(wanted, other, limit)
        if distance >= limit or distance > max(1, max(len(wanted), len(other)) // 3):
            continue
        found = (distance, wanted[:1] != other[:1], candidate)
        if best is None or found[:2] < best[:2]:
            best, limit = found, distance + 1
    if best:
        return best[2]
    return _by_words(wanted, candidates)


def _by_words(wanted: str, candidates: Iterable[str]) -> str | None:
    """A candidate that holds the same words in another order or a few more: `total_sales`, `sales`."""
    words = set(wanted.split("_"))
    scored = [(len(words & set(c.lower().split("_"))), c) for c in list(candidates)[:1000]]
    top = max((score for score, _ in scored), default=0)
    found = [c for score, c in scored if score == top]
    return found[0] if top and len(found) == 1 and 2 * top >= len(words) else None


def _distance(a: str, b: str, stop: int) -> int:
    """Optimal string alignment distance, given up at `stop`."""
    two_back: list[int] = []
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, two_back[j - 2] + 1)
            row.append(cost)
        if min(row) >= stop:
            return stop
        two_back, previous = previous, row
    return previous[-1]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing."""
    found = nearest(name, candidates)
    return f"; did you mean {quoted(found)}?" if found else ""
