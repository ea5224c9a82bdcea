"""The tab About: our own texts, and the language reference, by topic."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dsl_debug.lang.reference import TOPICS, read_docs

FOLDER = Path(__file__).parent.parent / "about"
MOST_LETTERS = 60
"""Of a topic that is asked for; no page has a longer name."""

GROUPS: dict[str, tuple[str, ...]] = {
    "About": ("environment", "dataset", "training", "evaluation", "citation", "licence"),
    "Language": ("overview", "program", "comments", "values", "expressions"),
    "Stages": (
        *("load", "join", "filter", "select", "compute", "group_by", "aggregate", "sort_by", "take"),
        "emit",
    ),
    "Functions": ("sum", "avg", "min", "max", "count", "count_distinct"),
    "Finding bugs": ("errors", "limits", "debugging"),
}
"""All pages, in the order in which they are listed: ours first, then those of the language reference."""

OURS = GROUPS["About"]
REFERENCE = "overview"
"""The page that stands below the answer to an unknown topic."""


@dataclass(frozen=True)
class Page:
    """A page: its `topic` in addresses, its text in Markdown, and a remark on what was asked for, if it is
    not what is shown."""

    topic: str
    text: str
    remark: str = ""

    @property
    def is_reference(self) -> bool:
        """Whether it is a page of the language reference."""
        return self.topic not in OURS


def page_of(topic: object) -> Page:
    """The page about a topic, whatever it is called: `group_by`, `GROUP BY`, `where`.

    Nothing gives the first page. A topic that there is not gives an overview of the language with a remark
    that names the nearest one.
    """
    asked = topic.strip() if isinstance(topic, str) else ""
    if not asked:
        return Page(OURS[0], _ours(OURS[0]))
    asked = asked[:MOST_LETTERS]
    if asked.lower() in OURS:
        return Page(asked.lower(), _ours(asked.lower()))
    text = read_docs(asked)
    if asked.lower() == "all":
        return Page("all", text)
    name = _names().get(text)
    if name is None:
        # All topics stand beside the page.
        return Page(REFERENCE, read_docs(REFERENCE), remark=text.partition(" Topics: ")[0])
    return Page(name, text)


def page_asked(posted: object) -> Page:
    """The page that the page in the browser asks for, {"topic": ...}; the first one for anything else."""
    return page_of(posted.get("topic") if isinstance(posted, Mapping) else None)


@cache
def _ours(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8").strip()


@cache
def _names() -> dict[str, str]:
    """The topic of each page of the reference, by its text."""
    return {read_docs(topic): topic for topic in TOPICS}
