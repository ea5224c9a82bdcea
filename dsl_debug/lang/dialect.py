"""Dialects: the same language with other words.

A dialect renames every keyword, every aggregate function and the pipe sign, one to one. Trees always hold
the standard words; only the tokenizer, the printer, messages and docs speak a dialect.
"""

import re
from collections.abc import Mapping
from random import Random

WORDS = (
    *("load", "join", "on", "emit"),
    *("filter", "select", "compute", "group_by", "aggregate", "sort_by", "take"),
    *("asc", "desc", "and", "or", "not"),
    *("sum", "avg", "min", "max", "count", "count_distinct"),
)
PIPE = "|>"
_NAME = re.compile(r"[^\W\d]\w*")  # as in tokens.py: fewer characters than Python's identifiers have

# What a random dialect draws from: plain words first, so that one dialect reads like a language of its own
# and not like a cipher. No word stands twice and none is a standard word.
_SYNONYMS: dict[str, tuple[str, ...]] = {
    "load": ("read", "fetch", "open_table", "source", "pull"),
    "join": ("merge", "link", "combine", "match_up", "pair"),
    "on": ("by", "via", "using", "where_keys", "matching"),
    "emit": ("output", "yield", "result_is", "show", "give"),
    "filter": ("keep", "where", "only", "retain", "sift"),
    "select": ("pick", "columns", "project", "choose", "fields"),
    "compute": ("derive", "let", "calc", "extend", "define"),
    "group_by": ("bucket", "partition", "per", "split_by", "gather"),
    "aggregate": ("summarize", "fold", "reduce", "totals", "rollup"),
    "sort_by": ("order", "arrange", "rank_by", "sorted_on", "line_up"),
    "take": ("first", "limit", "head", "top", "cut"),
    "asc": ("up", "rising", "smallest_first", "increasing", "low"),
    "desc": ("down", "falling", "largest_first", "decreasing", "high"),
    "and": ("also", "both", "with", "plus_that", "together"),
    "or": ("either", "else", "alternatively", "otherwise", "any_of"),
    "not": ("isnt", "never", "except", "without", "un"),
    "sum": ("total", "add_up", "tally", "accumulate", "whole"),
    "avg": ("mean", "average", "typical", "middle", "per_row"),
    "min": ("least", "lowest", "smallest", "floor", "bottom"),
    "max": ("most", "highest", "largest", "ceiling", "peak"),
    "count": ("size", "n_rows", "how_many", "number", "rows"),
    "count_distinct": ("unique", "n_unique", "kinds", "different", "variety"),
}
_PIPES = (">>", "->", "~>", "=>", "::", "|", "%", "&")


class Dialect:
    """Standard word -> the word that this dialect uses, and the pipe sign.

    `words` may be partial: what it does not name keeps its standard word. Raises ValueError for an unknown
    standard word, a word that is no identifier, a pipe sign that reads as something else, or two standard
    words with one meaning.
    """

    __slots__ = ("_canonical", "_surface", "pipe")

    def __init__(self, words: Mapping[str, str] | None = None, pipe: str = PIPE) -> None:
        given = dict(words or {})
        unknown = sorted(set(given) - set(WORDS))
        if unknown:
            raise ValueError(f"a dialect renames words of the language; unknown: {', '.join(unknown)}")
        bad = sorted(w for w in given.values() if not _NAME.fullmatch(w))
        if bad:
            raise ValueError(f"a word of a dialect is an identifier; not one: {', '.join(bad)}")
        if pipe != PIPE and pipe not in _PIPES:
            raise ValueError(f"the pipe sign of a dialect is one of {PIPE} {' '.join(_PIPES)}, not {pipe!r}")
        self.pipe = pipe
        self._surface = {word: given.get(word, word) for word in WORDS}
        self._canonical = {surface: word for word, surface in self._surface.items()}
        if len(self._canonical) != len(self._surface):
            raise ValueError(
                "a dialect gives every word of the language a word of its own; one is used twice"
            )

    def word(self, canonical: str) -> str:
        """The dialect's word for a standard one."""
        return self._surface[canonical]

    def canonical(self, surface: str) -> str | None:
        """The standard word that `surface` stands for, or None where it is no word of the dialect."""
        return self._canonical.get(surface)

    def words(self) -> dict[str, str]:
        """Standard word -> the dialect's, for all of them."""
        return dict(self._surface)

    @classmethod
    def random(cls, rng: Random) -> "Dialect":
        """A dialect in which no standard word and no standard pipe is left, drawn with `rng`."""
        return cls({word: rng.choice(_SYNONYMS[word]) for word in WORDS}, rng.choice(_PIPES))

    def to_json(self) -> dict[str, object]:
        """Only what differs from the standard language."""
        changed = {word: surface for word, surface in self._surface.items() if word != surface}
        return {"words": changed, "pipe": self.pipe}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Dialect":
        """The inverse of `to_json`; raises ValueError for anything else."""
        stored = value if isinstance(value, Mapping) else {"words": None}
        words, pipe = stored.get("words", {}), stored.get("pipe", PIPE)
        if not isinstance(words, Mapping) or not isinstance(pipe, str):
            raise ValueError("a dialect is stored as {'words': {...}, 'pipe': '...'}")
        return cls({str(k): str(v) for k, v in words.items()}, pipe)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dialect) and (self.pipe, self._surface) == (other.pipe, other._surface)

    def __hash__(self) -> int:
        return hash((self.pipe, *self._surface.values()))

    def __repr__(self) -> str:
        return "STANDARD" if self == STANDARD else f"Dialect({self.to_json()!r})"


STANDARD = Dialect()
