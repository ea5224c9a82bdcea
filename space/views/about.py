"""The tab About: pages of Markdown, programs in the colours of the language, and a list of all pages.

The Markdown is that of our own texts and of the language reference: headings, paragraphs, lists, tables and
fences; in a line code, bold and links. Whatever else there is stays as it is written.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from dsl_debug.replay.markup import escaped, plain, program, tag
from dsl_debug.replay.programs import Grammar, dsl_grammar, lines_of, python_grammar
from space.handlers.about import GROUPS, Page
from space.views.common import notice, page

_FENCE = re.compile(r"^```(\w*)\n(.*?)\n?```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+)\*\*|\[(?P<words>[^\]]+)\]\((?P<link>[^)\s]+)\)")
_SAFE_LINK = re.compile(r"\?|https?://")
_HEADING = re.compile(r"(#{1,4}) (.*)")
_ITEM = re.compile(r"(?:-|\d+\.) +")

_RESULTS = {"output": "What it gives", "text": "What it prints", "error": "What is said"}
"""Fences that show what comes of the program above."""


def about(shown: Page) -> str:
    """A page beside the list of all pages."""
    remark = notice(shown.remark, "warn") if shown.remark else ""
    kind = tag("p", "Language reference", "kind") if shown.is_reference else ""
    article = tag("article", remark + kind + markdown(shown.text), "text-page", tabindex="-1")
    return page(_contents(shown.topic), article, kind="about")


def _contents(current: str) -> str:
    """Links to all pages, by group."""
    groups = []
    for title, topics in GROUPS.items():
        links = "".join(tag("li", _link(topic, topic == current)) for topic in topics)
        groups.append(tag("p", escaped(title)) + tag("ul", links))
    last = tag("p", tag("a", "The whole reference on one page", **_target("all")))
    return tag("nav", "".join([*groups, last]), "contents", **{"aria-label": "Pages"})


def _link(topic: str, is_current: bool) -> str:
    current = {"aria-current": "page"} if is_current else {}
    return tag("a", escaped(topic), **_target(topic), **current)


def _target(topic: str) -> dict[str, str]:
    return {"href": f"?topic={topic}", "target": "_self", "data-topic": topic}


# Markdown


def markdown(text: str) -> str:
    """A text as HTML; nothing in it becomes an element but what the Markdown above stands for."""
    pieces = _FENCE.split(text)  # prose, kind, text, prose, kind, text, ..., prose
    parts = [_prose(pieces[0])]
    for kind, code, prose in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        parts += [_fence(kind, code), _prose(prose)]
    return "".join(parts)


def _fence(kind: str, text: str) -> str:
    if kind in _RESULTS:
        return tag("p", _RESULTS[kind], "gives") + plain(text, "plain result")
    grammar = _grammars().get(kind)
    return program(lines_of(text, grammar)) if grammar else plain(text)


@cache
def _grammars() -> Mapping[str, Grammar]:
    return {"dsl": dsl_grammar(), "python": python_grammar()}


def _prose(text: str) -> str:
    blocks = (block.strip("\n") for block in text.split("\n\n"))
    return "".join(_block(block.split("\n")) for block in blocks if block)


def _block(lines: Sequence[str]) -> str:
    """A heading and what follows it, a list, a table or a paragraph."""
    if found := _HEADING.fullmatch(lines[0]):
        rest = _block(lines[1:]) if lines[1:] else ""
        # The head of the app is the one heading of the first level.
        level = len(found[1])
        return tag(f"h{max(2, level)}", _inline(found[2]), "title" if level == 1 else "") + rest
    if lines[0].startswith("|"):
        return _table(lines)
    if _ITEM.match(lines[0]):
        name = "ul" if lines[0].startswith("-") else "ol"
        return tag(name, "".join(tag("li", _inline(item)) for item in _items(lines)))
    return tag("p", _inline(" ".join(lines)))


def _items(lines: Iterable[str]) -> list[str]:
    """The items of a list; a line that begins none goes on with the one above."""
    items: list[str] = []
    for line in lines:
        if found := _ITEM.match(line):
            items.append(line[found.end() :])
        else:
            items[-1] += f" {line.strip()}"
    return items


def _table(lines: Sequence[str]) -> str:
    rows = [[_inline(cell.strip()) for cell in line.strip("|").split("|")] for line in lines]
    head = tag("thead", tag("tr", "".join(tag("th", cell) for cell in rows[0])))
    body = "".join(tag("tr", "".join(tag("td", cell) for cell in row)) for row in rows[2:])
    return tag("div", tag("table", head + tag("tbody", body), "plain"), "wide", tabindex="0")


def _inline(text: str) -> str:
    """A line: code, bold and links; the rest as it stands."""
    parts, end = [], 0
    for found in _INLINE.finditer(text):
        parts += [escaped(text[end : found.start()]), _marked(found)]
        end = found.end()
    return "".join([*parts, escaped(text[end:])])


def _marked(found: re.Match[str]) -> str:
    if found["code"]:
        return tag("code", escaped(found["code"]))
    if found["bold"]:
        return tag("b", _inline(found["bold"]))
    if not _SAFE_LINK.match(found["link"]):
        return escaped(found[0])
    target = "_self" if found["link"].startswith("?") else "_blank"
    topic = found["link"].removeprefix("?topic=") if found["link"].startswith("?topic=") else ""
    given = {"href": found["link"], "target": target, "data-topic": topic}
    return tag("a", escaped(found["words"]), **given)
