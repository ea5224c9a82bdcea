"""The voice of the reference teacher: it chooses among phrases and fills them in."""

import re
from collections.abc import Mapping
from random import Random

from dataset_builder.reference_teacher.phrases import PHRASES

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")
_SPACES = re.compile(r"  +")


class Voice:
    """Chooses the words of one conversation; no phrase comes twice in a row where there are others."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._last: dict[str, str] = {}

    def say(self, key: str, slots: Mapping[str, str]) -> str:
        """A phrase of `PHRASES` with its alternatives chosen and its slots filled in.

        Raises KeyError for an unknown key and for a slot that is not given.
        """
        phrases = [p for p in PHRASES[key] if p != self._last.get(key)] or list(PHRASES[key])
        phrase = self._last[key] = self._rng.choice(phrases)
        while _CHOICE.search(phrase):
            phrase = _CHOICE.sub(lambda found: self._rng.choice(found[1].split("|")), phrase)
        phrase = _SPACES.sub(" ", phrase).strip().replace(" ,", ",").replace(" .", ".")
        phrase = phrase[:1].upper() + phrase[1:]
        return _SLOT.sub(lambda found: slots[found[1]], phrase)
