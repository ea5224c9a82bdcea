"""Texts of strangers as HTML: nothing in them is markup, moves what stands around it, or is without end."""

import html
import re
from collections.abc import Iterable

from dsl_debug.replay.programs import Answer, Line

MAX_TEXT = 20_000
"""Characters of one text that are shown."""

# Controls (line breaks and tabs stay), halves of surrogate pairs, and what turns the direction of writing.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    """A text as content or as the value of an attribute."""
    seen = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))
    return html.escape(seen)


def shortened(text: str) -> str:
    """At most `MAX_TEXT` characters, and how many there were."""
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n[cut here: {len(text) - MAX_TEXT:,} more characters]"


def tag(name: str, content: str, kind: str = "", **attributes: str) -> str:
    """An element around content that is HTML; `kind` is its class."""
    given = {"class": kind, **attributes}
    written = "".join(f' {key}="{escaped(value)}"' for key, value in given.items() if value)
    return f"<{name}{written}>{content}</{name}>"


def said(text: str) -> str:
    """Plain words, with their line breaks."""
    return tag("p", escaped(shortened(text.strip())), "said")


def plain(text: str, kind: str = "plain") -> str:
    """A text in letters of one width."""
    return tag("pre", escaped(shortened(text)), kind, tabindex="0")


def program(lines: Iterable[Line]) -> str:
    """A program with line numbers; lines that came or went are marked by sign and colour."""
    return tag("pre", "\n".join(map(_line, lines)), "code", tabindex="0")


_ELEMENTS = {"+": "ins", "-": "del", "": "span"}


def _line(line: Line) -> str:
    number = tag("span", str(line.number), "no")
    sign = tag("span", line.sign or " ", "sign")
    text = "".join(_piece(kind, words, changed) for kind, words, changed in line.pieces)
    return tag(_ELEMENTS[line.sign], f"{number}{sign}{text}", "line")


def _piece(kind: str, text: str, changed: bool) -> str:
    kinds = " ".join(name for name in (kind, "changed" if changed else "") if name)
    return tag("span", escaped(text), kinds) if kinds else escaped(text)


_MARKS = {True: "right", False: "wrong", None: ""}


def table(answer: Answer) -> str:
    """An answer in letters of one width, its rows marked as expected or not; what is no table may wrap."""
    lines = "\n".join(_row(*line) for line in answer.lines)
    return tag("pre", lines, "answer" if answer.is_table else "answer words", tabindex="0")


def _row(text: str, right: bool | None) -> str:
    return tag("span", escaped(text), f"line {_MARKS[right]}".strip())


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """A list of names and values; those without a value are left out."""
    items = [tag("div", tag("dt", escaped(k)) + tag("dd", escaped(v))) for k, v in pairs if v]
    return tag("dl", "".join(items), "facts") if items else ""


def folded(title: str, content: str, *, is_open: bool = False) -> str:
    """Content under a title that opens and closes; works without scripts."""
    start = "<details open>" if is_open else "<details>"
    return f"{start}<summary>{escaped(title)}</summary>{content}</details>"
