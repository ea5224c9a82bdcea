"""Programs and tables as lines: words by kind, what changed between two programs, rows that are right.

Everything here is linear in its input but the diff, which is only made of programs of at most
`MAX_DIFF_LINES` lines.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from keyword import kwlist
from typing import NamedTuple

from dsl_debug.lang import STANDARD, Dialect
from dsl_debug.lang.dialect import WORDS

MAX_DIFF_LINES = 400

COLOURED = ("comment", "text", "number", "word", "pipe")

_RULE = re.compile(r"-+(?:\+-+)*")


class Piece(NamedTuple):
    """A part of a line: its kind (one of `COLOURED`, or nothing), and whether it is what changed."""

    kind: str
    text: str
    changed: bool = False


class Line(NamedTuple):
    """A line of a program: `+` for one that is new, `-` for one that is gone; its number in the program that
    it is in (the new one, if in both)."""

    sign: str
    number: int
    pieces: tuple[Piece, ...]


class Grammar:
    """How words of a program are told apart: those of a dialect, or those of Python."""

    def __init__(self, words: Iterable[str], comment: str, pipe: str = "") -> None:
        self.words = frozenset(words)
        kinds = {
            "comment": rf"{re.escape(comment)}[^\n]*+",
            "pipe": re.escape(pipe),
            "text": r'"(?:[^"\\\n]|\\.)*+"?|' + r"'(?:[^'\\\n]|\\.)*+'?",
            "number": r"\d[\d.]*+",
            "name": r"\w++",
            "sign": r"[<>=!+*/-]++",
            "other": r"\s++|.",
        }
        self.pattern = re.compile("|".join(f"(?P<{name}>{how})" for name, how in kinds.items() if how))

    def pieces(self, line: str) -> Iterator[Piece]:
        """The parts of a line; together they are the line."""
        for match in self.pattern.finditer(line):
            kind, text = match.lastgroup or "", match[0]
            if kind == "name" and text in self.words:
                kind = "word"
            yield Piece(kind if kind in COLOURED else "", text)


def python_grammar() -> Grammar:
    """Python, as far as one line of it shows."""
    return Grammar(kwlist, "#")


def dsl_grammar(dialect: Dialect = STANDARD) -> Grammar:
    """The words of a dialect."""
    return Grammar(map(dialect.word, WORDS), "--", dialect.pipe)


def lines_of(code: str, grammar: Grammar) -> list[Line]:
    """A program as it stands."""
    return [Line("", n, tuple(grammar.pieces(line))) for n, line in enumerate(code.rstrip().split("\n"), 1)]


def changes(before: str, after: str, grammar: Grammar) -> list[Line]:
    """The program `after`, with the lines of `before` that are gone between its own."""
    old, new = before.rstrip().split("\n"), after.rstrip().split("\n")
    if max(len(old), len(new)) > MAX_DIFF_LINES:
        return lines_of(after, grammar)
    found: list[Line] = []
    for what, i, i_end, j, j_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found += [Line("", n + 1, tuple(grammar.pieces(new[n]))) for n in range(j, j_end)]
            continue
        pairs = i_end - i == j_end - j
        for n in range(i, i_end):
            other = new[j + n - i] if pairs else None
            found.append(Line("-", n + 1, _marked(old[n], other, grammar)))
        for n in range(j, j_end):
            other = old[i + n - j] if pairs else None
            found.append(Line("+", n + 1, _marked(new[n], other, grammar)))
    return found


def _marked(line: str, other: str | None, grammar: Grammar) -> tuple[Piece, ...]:
    """The parts of a line, those marked that are not in the line that it replaces or that replaces it."""
    pieces = tuple(grammar.pieces(line))
    if other is None:
        return pieces
    others = tuple(grammar.pieces(other))
    start = _alike(pieces, others)
    end = len(pieces) - min(_alike(pieces[::-1], others[::-1]), min(len(pieces), len(others)) - start)
    return tuple(piece._replace(changed=start <= place < end) for place, piece in enumerate(pieces))


def _alike(one: tuple[Piece, ...], other: tuple[Piece, ...]) -> int:
    """How many parts at the beginning are the same."""
    pairs = zip(one, other, strict=False)  # up to the end of the shorter
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


# Tables in answers


class Answer(NamedTuple):
    """An answer's lines, each with whether it is a row that is expected at its place (None: no such row),
    and how many rows are wanted; `wanted` is 0 if the answer is no table with the expected columns."""

    lines: list[tuple[str, bool | None]]
    is_table: bool
    right: int = 0
    wanted: int = 0

    @property
    def complete(self) -> bool:
        """Whether the rows are the expected ones, as far as both are shown."""
        rows = sum(ok is not None for _, ok in self.lines)
        return bool(self.wanted) and self.right == rows == self.wanted


def compared(answer: str, goal: str) -> Answer:
    """An answer beside the expected rows."""
    lines = answer.split("\n")
    given, wanted = _rows(lines), _rows(goal.split("\n"))
    if given is None or wanted is None or not wanted or given[0].keys() != wanted[0].keys():
        return Answer([(line, None) for line in lines], given is not None)
    marks: list[bool | None] = [None, None]
    for place, row in enumerate(given[1:]):
        marks.append(place + 1 < len(wanted) and _same(row, wanted[place + 1]))
    marks += [None] * (len(lines) - len(marks))
    right = sum(mark is True for mark in marks)
    return Answer(list(zip(lines, marks, strict=True)), True, right, len(wanted) - 1)


def _rows(lines: list[str]) -> list[dict[str, str]] | None:
    """Header and rows of a table as shown, by column; None for a text that is no table."""
    if len(lines) < 3 or not _RULE.fullmatch(lines[1].strip()):
        return None
    names = _cells(lines[0])
    rows = [dict.fromkeys(names, "")]
    for line in lines[2:]:
        cells = _cells(line)
        if len(cells) != len(names) or line.startswith("("):
            break
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def _same(row: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(_same_cell(row[name], value) for name, value in wanted.items())


def _same_cell(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other), rel_tol=1e-9)
    except ValueError:
        return False
