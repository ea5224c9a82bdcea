"""The terminal of the game: asking, saying, colours where somebody sees them, and how programs look."""

import contextlib
import difflib
import io
import os
import sys
from bisect import bisect_left

import click

from dsl_debug.lang import Dialect, DslError
from dsl_debug.lang.tokens import tokenize

# A piece of a line: its text, and one of STYLES or "".
Piece = tuple[str, str]
# (start, end, style) of a part of a text.
Span = tuple[int, int, str]

STYLES: dict[str, dict[str, str | bool]] = {
    "title": {"bold": True},
    "good": {"fg": "green", "bold": True},
    "bad": {"fg": "red", "bold": True},
    "added": {"fg": "green"},
    "gone": {"fg": "red"},
    "quiet": {"dim": True},
    "word": {"fg": "cyan"},
    "text": {"fg": "green"},
    "number": {"fg": "magenta"},
}


class Screen:
    """Where the game is played: a terminal, or pipes, on which all is plain text.

    In a pipe the commands are repeated in the output, so that it reads like a session.
    """

    def __init__(self) -> None:
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self.coloured = (
            sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="replace")
        if self.interactive:
            _load_line_editing()

    def say(self, text: str = "", style: str = "") -> None:
        """Print a text of any number of lines in one style."""
        self.say_pieces([(text, style)])

    def title(self, text: str) -> None:
        """Print a heading below an empty line."""
        self.say()
        self.say(text, "title")

    def say_pieces(self, pieces: list[Piece]) -> None:
        """Print pieces as one line."""
        click.echo("".join(map(self._painted, pieces)), color=self.coloured)

    def _painted(self, piece: Piece) -> str:
        text, style = piece
        # What comes from a file of problems must not be able to steer the terminal.
        text = "".join(c if c in "\n\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
        if not (style and self.coloured):
            return text
        return click.style(text, **STYLES[style])  # type: ignore[arg-type]

    def ask(self, prompt: str) -> str | None:
        """The next line that is typed; None at the end of the input."""
        if self.interactive:
            try:
                return input(prompt)
            except EOFError:
                click.echo()
                return None
        line = sys.stdin.readline()
        if not line:
            return None
        line = line.rstrip("\r\n")
        self.say(prompt + line)
        return line


def _load_line_editing() -> None:
    """Arrow keys and a history for `input`, where Python has them."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401


def listing(code: str, dialect: Dialect) -> list[list[Piece]]:
    """The lines of a program, numbered, in colours."""
    styled = _styled(code, dialect)
    lines: list[list[Piece]] = []
    start = 0
    for number, line in enumerate(code.rstrip("\n").split("\n"), 1):
        end = start + len(line)
        first, last = bisect_left(styled, (start,)), bisect_left(styled, (end,))
        label = f"{number:>4}  " if line else f"{number:>4}"
        lines.append([(label, "quiet"), *_pieces(code, start, end, styled[first:last])])
        start = end + 1
    return lines


def _styled(code: str, dialect: Dialect) -> list[Span]:
    """What stands out in a program, in order; nothing does in a text that is too long for one."""
    try:
        tokens, comments = tokenize(code, dialect)
    except DslError:
        return []
    found = [(start, start + len(text), "quiet") for start, text in comments]
    for kind, text, start, end in tokens:
        if kind in ("text", "number"):
            found.append((start, end, kind))
        elif kind == "pipe" or (kind == "name" and dialect.canonical(text)):
            found.append((start, end, "word"))
    return sorted(found)


def _pieces(code: str, start: int, end: int, styled: list[Span]) -> list[Piece]:
    pieces: list[Piece] = []
    for first, last, style in styled:
        pieces += [(code[start:first], ""), (code[first:last], style)]
        start = last
    return [*pieces, (code[start:end], "")]


def diff(before: str, after: str) -> list[Piece]:
    """The lines in which two programs differ, with a line around each; [] if they are the same."""
    old, new = (text.rstrip("\n").split("\n") for text in (before, after))
    lines = difflib.unified_diff(old, new, n=1, lineterm="")
    styles = {"+": "added", "-": "gone", "@": "quiet"}
    return [(f"  {line}".rstrip(), styles.get(line[:1], "")) for line in list(lines)[2:]]
