"""The pieces that every tab uses. What goes to a component is wrapped by `page`, which brings the style."""

from collections.abc import Iterable, Sequence
from urllib.parse import urlencode

from dsl_debug.replay.markup import escaped, tag

CATEGORIES = {"standard": "Standard", "nonlocal": "Nonlocal", "intent_mismatch": "Intent mismatch"}
DIFFICULTIES = {"easy": "Easy", "medium": "Medium", "hard": "Hard"}


def page(*parts: str, kind: str = "") -> str:
    """HTML for a component: `parts` in their order, in the style of the app; `kind` is a further class."""
    return tag("div", "\n".join(parts), f"dsl {kind}".strip())


def empty(title: str, words: str = "") -> str:
    """What stands where there is nothing yet: what is missing, and what brings it."""
    return tag("div", tag("b", escaped(title)) + escaped(words), "empty")


def notice(words: str, kind: str = "", **attributes: str) -> str:
    """A remark that stands out; `kind` is one of good, warn and bad, or nothing."""
    return tag("p", escaped(words), f"notice {kind}".strip(), **attributes)


def verdict(name: str, kind: str) -> str:
    """A word in a coloured box; `kind` is one of good, warn, bad and unknown."""
    return tag("span", escaped(name), f"verdict {kind}")


def link(words: str, **query: str) -> str:
    """A link to another place of the app."""
    return tag("a", escaped(words), href=f"?{urlencode(query, safe=',')}", target="_self")


def plain_name(name: str) -> str:
    """A name of the data as people write it: `intent_mismatch` -> `intent mismatch`."""
    return name.replace("_", " ")


def duration(seconds: float) -> str:
    """A time as people write it: `48 s`, `3 min 05 s`, `2 h 10 min`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def pips(spent: int, total: int) -> str:
    """A mark for each turn or attempt of a budget, those that are spent first; the words stand beside it."""
    marks = "".join(tag("i", "", "spent" if place < spent else "") for place in range(total))
    return tag("span", marks, "pips", **{"aria-hidden": "true"})


def plain_table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: int = 0) -> str:
    """A table of texts; the last `numbers` columns hold figures. It scrolls where it is too wide."""
    first = len(header) - numbers

    def cells(element: str, texts: Sequence[str]) -> str:
        kinds = ["n" if place >= first else "" for place in range(len(texts))]
        return tag("tr", "".join(tag(element, escaped(t), k) for t, k in zip(texts, kinds, strict=True)))

    body = "".join(cells("td", row) for row in rows)
    return tag("div", tag("table", tag("thead", cells("th", header)) + tag("tbody", body), "plain"), "wide")


def rows_table(header: str, body: str, label: str) -> str:
    """A table that scrolls by itself, in both directions."""
    inner = tag("table", tag("thead", tag("tr", header)) + tag("tbody", body), "plain rows")
    return tag("div", inner, "scroll", tabindex="0", role="region", **{"aria-label": label})
