"""Descriptions of input values, drawn in two ways: from a seeded generator, and as hypothesis strategies.

The builder draws from `random.Random`, so that a seed gives the same inputs with every version of every
library. The same descriptions as strategies serve whoever searches for a failing input and wants it shrunk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Input:
    """One kind of value: how to draw one, and its hypothesis strategy (made when asked for)."""

    draw: Callable[[Random], Any]
    strategy: Callable[[], "SearchStrategy[Any]"]


def _strategies() -> Any:
    """hypothesis is needed for the strategies only."""
    from hypothesis import strategies

    return strategies


def integers(low: int, high: int) -> Input:
    """Whole numbers from `low` to `high`, both included."""
    return Input(lambda rng: rng.randint(low, high), lambda: _strategies().integers(low, high))


def choices(*values: Any) -> Input:
    """One of the values."""
    return Input(lambda rng: rng.choice(values), lambda: _strategies().sampled_from(values))


def texts(alphabet: str, shortest: int, longest: int) -> Input:
    """Text of characters of the alphabet."""
    return Input(
        lambda rng: "".join(rng.choices(alphabet, k=rng.randint(shortest, longest))),
        lambda: _strategies().text(alphabet, min_size=shortest, max_size=longest),
    )


def lists(item: Input, shortest: int, longest: int) -> Input:
    """Lists of items of one kind."""
    return Input(
        lambda rng: [item.draw(rng) for _ in range(rng.randint(shortest, longest))],
        lambda: _strategies().lists(item.strategy(), min_size=shortest, max_size=longest),
    )


def tuples(*items: Input) -> Input:
    """Tuples with an item of each kind; the arguments of a function are such a tuple."""
    return Input(
        lambda rng: tuple(item.draw(rng) for item in items),
        lambda: _strategies().tuples(*(item.strategy() for item in items)),
    )


def mapped(function: Callable[[Any], Any], item: Input) -> Input:
    """What `function` makes of each value."""
    return Input(lambda rng: function(item.draw(rng)), lambda: item.strategy().map(function))


def either(*kinds: Input) -> Input:
    """A value of one of the kinds."""
    return Input(
        lambda rng: rng.choice(kinds).draw(rng),
        lambda: _strategies().one_of(*(kind.strategy() for kind in kinds)),
    )


def dicts(key: Input, value: Input, shortest: int, longest: int) -> Input:
    """Dicts made of pairs; a key that is drawn twice keeps its last value."""
    return mapped(dict, lists(tuples(key, value), shortest, longest))


def ascending(item: Input, shortest: int, longest: int) -> Input:
    """Sorted lists."""
    return mapped(sorted, lists(item, shortest, longest))


def grids(item: Input, largest: int) -> Input:
    """Lists of 1 to `largest` rows of one length, which is 1 to `largest` as well."""

    def cut(drawn: tuple[int, int, list[Any]]) -> list[list[Any]]:
        height, width, cells = drawn
        return [cells[row * width : (row + 1) * width] for row in range(height)]

    size = integers(1, largest)
    return mapped(cut, tuples(size, size, lists(item, largest * largest, largest * largest)))
