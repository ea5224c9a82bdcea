"""What the page of an audit is made of: its figures by name, tables over groups, paragraphs."""

import re
from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

from benchmarks.audit.figures import ALL, main_split
from dsl_debug.problem import CATEGORIES, DIFFICULTIES
from dsl_debug.results.markdown import table

Results = Mapping[str, Any]

WIDTH = 116
"""Characters of a line of text."""

NOTHING = "-"


class Page:
    """The figures of an audit, and tables of them: over the main split, its categories, the other splits."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.main = main_split(results["splits"])
        self._rates = {(r["split"], r["group"], r["over"], r["check"]): r for r in results["rates"]}
        self._counts = {(c["split"], c["group"], c["what"]): int(c["count"]) for c in results["counts"]}
        present = [group for split, group, *_ in self._rates if split == self.main]
        self.categories = [name for name in CATEGORIES if name in present]
        self.difficulties = [name for name in DIFFICULTIES if name in present]

    def rate(self, check: str, over: str = ALL, group: str = ALL, split: str = "") -> dict[str, Any]:
        """For how many problems a check holds; of the main split unless another one is named."""
        return dict(self._rates[split or self.main, group, over, check])

    def count(self, what: str) -> int:
        """A number of programs in the main split."""
        return self._counts.get((self.main, ALL, what), 0)

    def of(self, check: str, over: str = ALL) -> str:
        """In words: `169 of 435 (38.9%)`."""
        rate = self.rate(check, over)
        return f"{rate['count']} of {rate['of']} ({_percent(rate['rate'])})" if rate["of"] else "0 of 0"

    def cell(self, check: str, over: str = ALL, group: str = ALL, split: str = "") -> str:
        """In a table: `169: 38.9% [34.4, 43.5]`."""
        rate = self.rate(check, over, group, split)
        if not rate["of"]:
            return NOTHING
        low, high = (f"{100 * rate[end]:.1f}" for end in ("low", "high"))
        return f"{rate['count']}: {_percent(rate['rate'])} [{low}, {high}]"

    def table(self, checks: Mapping[str, str], over: str = ALL) -> str:
        """Checks (name -> what it says) by category, and over the other splits."""
        others = [split for split in self.results["splits"] if split != self.main]
        places = [(ALL, ""), *((name, "") for name in self.categories), *((ALL, split) for split in others)]
        base = ALL if over == ALL else over
        names = [split or (self.main if group == ALL else group) for group, split in places]
        sizes = [self._size(base, group, split) for group, split in places]
        header = ["", *(f"{name} ({size})" for name, size in zip(names, sizes, strict=True))]
        rows = [
            [label, *(self.cell(check, over, *place) for place in places)] for check, label in checks.items()
        ]
        return table(header, rows)

    def by_difficulty(self, checks: Mapping[str, str]) -> str:
        """Checks by difficulty."""
        header = ["", *(f"{name} ({self._size(ALL, name)})" for name in self.difficulties)]
        rows = [
            [label, *(self.cell(check, group=name) for name in self.difficulties)]
            for check, label in checks.items()
        ]
        return table(header, rows)

    def _size(self, over: str, group: str, split: str = "") -> int:
        """How many problems a column is over."""
        rates = self._rates.items()
        places = (rate["of"] for place, rate in rates if place[:3] == (split or self.main, group, over))
        return int(next(places))


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def prose(text: str) -> str:
    """Paragraphs and lists, parted by empty lines, with their lines filled anew."""
    return "\n\n".join(_filled(block) for block in text.strip().split("\n\n"))


def _filled(block: str) -> str:
    items = re.split(r"\n(?=- )", block) if block.startswith("- ") else [block]
    indent = "  " if block.startswith("- ") else ""
    return "\n".join(
        fill(
            " ".join(item.split()),
            WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for item in items
    )


def code_block(said: str, text: str) -> str:
    """A sentence and what it is about."""
    return f"{prose(said)}\n\n```\n{text.rstrip()}\n```"


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of other things than checks; none without rows."""
    return table(header, rows) if rows else ""
