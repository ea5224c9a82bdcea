"""The kinds of columns that families are described with.

Lists are texts with commas: `"latte:5, flat white:3, tea"` gives weights, 1 where there is none. Columns that
build on others name them: `"cups"` of the same table, `"drink.price"` of the row that is referred to.
Groups are uneven, as they are in the world: what is drawn from a list of values follows its weights, which
each database bends a little; references and invented words follow Zipf's law.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product
from random import Random

from dataset_builder.catalog.making import Column, Making
from dsl_debug.lang.nodes import Value

MAX_NAME = 32
"""Characters of a name that Faker invents; longer ones are drawn again."""

ZIPF = 0.7
"""The weight of rank r is r**-ZIPF: with 10 values the first is five times as frequent as the last."""

_BENT = (0.6, 1.6)
_TRIES = 200
_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "đ": "d"})


# What identifies a row, and what refers to one


def key(start: int = 1) -> Column:
    """Whole numbers that identify the rows, counted from `start`."""
    return Column(lambda m: list(range(start, start + m.count)), is_key=True)


def code(form: str, start: int = 1) -> Column:
    """Texts that identify the rows: `code("BR-{:02}")` gives BR-01, BR-02."""
    return Column(lambda m: [form.format(start + number) for number in range(m.count)], is_key=True)


def to(table: str, unlike: str = "", once_per: str = "", skew: float = ZIPF) -> Column:
    """A reference to a row of a table before this one, to some of them more often than to others.

    `unlike` names a column that it differs from in each row; `once_per` one with which it is not paired
    twice, as long as there are other pairs.
    """

    def draw(m: Making) -> list[Value]:
        keys = list(m.done[table][m.keys[table]])
        weights = _zipf(m.rng, len(keys), skew)
        if unlike:
            return [_other_than([other], keys, weights, m.rng) for other in m.values(unlike)]
        if not once_per:
            return m.rng.choices(keys, weights, k=m.count)
        partners: dict[Value, list[Value]] = {}
        for other in m.values(once_per):
            taken = partners.setdefault(other, [])
            taken.append(_other_than(taken, keys, weights, m.rng))
        return [partners[other].pop() for other in m.values(once_per)]

    return Column(draw, target=table)


def _other_than(taken: list[Value], keys: list[Value], weights: list[float], rng: Random) -> Value:
    free = [number for number, key in enumerate(keys) if key not in taken] or list(range(len(keys)))
    return keys[rng.choices(free, [weights[number] for number in free])[0]]


# Texts


def choice(values: str) -> Column:
    """One of a few values, by their weights."""

    def draw(m: Making) -> list[Value]:
        words, weights = _weighted(values)
        return list(m.rng.choices(words, [w * m.rng.uniform(*_BENT) for w in weights], k=m.count))

    return Column(draw)


def some(values: str, is_key: bool = False) -> Column:
    """Each row another one of the values, of which there have to be enough."""
    return Column(lambda m: list(m.rng.sample(_words(values), m.count)), is_key)


def blend(*parts: str, is_key: bool = False) -> Column:
    """Each row another combination of a word of every part: `blend("Silent, Late", "River, Mill")`."""

    def draw(m: Making) -> list[Value]:
        names = [" ".join(words) for words in product(*map(_words, parts))]
        return list(m.rng.sample(names, m.count))

    return Column(draw, is_key)


def named(kind: str, is_key: bool = False) -> Column:
    """Each row another name by Faker: `person`, or one of its methods such as `city`, `last_name`.

    The cities of it_IT cannot be used: Faker keeps them in a set, in another order in each process.
    """
    return Column(lambda m: list(_names(m, kind, m.count)), is_key)


def repeated(kind: str, count: int) -> Column:
    """One of `count` names by Faker, some more frequent than others."""

    def draw(m: Making) -> list[Value]:
        return list(m.rng.choices(_names(m, kind, count), _zipf(m.rng, count, ZIPF), k=m.count))

    return Column(draw)


def dates(start: str, days: int, in_order: bool = False) -> Column:
    """Days from `start` on, as ISO text; `in_order` for what is written down as it happens."""

    def draw(m: Making) -> list[Value]:
        drawn: list[Value] = [_day(start, m.rng.randrange(days)) for _ in range(m.count)]
        return sorted(drawn, key=str) if in_order else drawn

    return Column(draw)


def days_after(day: str, days: str) -> Column:
    """The day that is as many days after another as a column of whole numbers says."""

    def draw(m: Making) -> list[Value]:
        pairs = zip(m.values(day), m.numbers(days), strict=True)
        return [_day(str(start), int(count)) for start, count in pairs]

    return Column(draw)


# Numbers


def whole(low: int, high: int) -> Column:
    """Whole numbers, each as likely as the other."""
    return Column(lambda m: [m.rng.randint(low, high) for _ in range(m.count)])


def counted(low: int, high: int) -> Column:
    """Whole numbers of which the small ones are frequent: pieces, goals, defects."""
    return Column(lambda m: [_skewed(m.rng, low, high) for _ in range(m.count)])


def bell(low: int, high: int) -> Column:
    """Whole numbers of which the middle ones are frequent: ages, temperatures, marks."""
    return Column(lambda m: [round(m.rng.triangular(low, high)) for _ in range(m.count)])


def decimal(low: float, high: float, digits: int = 1) -> Column:
    """Decimal numbers, the middle ones more frequent."""
    return Column(lambda m: [_rounded(m.rng.triangular(low, high), digits) for _ in range(m.count)])


def money(low: float, high: float, step: float = 0.01) -> Column:
    """Amounts in steps (0.5: only halves), the small ones more frequent."""

    def amount(rng: Random) -> Value:
        return round(round((low + (high - low) * rng.betavariate(1.5, 3.5)) / step) * step, 2)

    return Column(lambda m: [amount(m.rng) for _ in range(m.count)])


# Numbers that build on other columns


def part(of: str, low: float = 0.2, high: float = 1.0) -> Column:
    """A whole number that is a share, from `low` to `high`, of another: the seats sold of a hall."""
    return Column(lambda m: [round(value * m.rng.triangular(low, high)) for value in m.numbers(of)])


def follows(of: str, slope: float, plus: float = 0.0, noise: float = 0.1, digits: int = 2) -> Column:
    """`plus + slope * other`, give or take the share `noise`; whole numbers for 0 digits."""

    def draw(m: Making) -> list[Value]:
        return [_near(m.rng, plus + slope * value, noise, digits) for value in m.numbers(of)]

    return Column(draw)


def by(of: str, levels: str, noise: float = 0.2, digits: int = 2) -> Column:
    """A number near the level of a category: `by("seat", "economy:80, business:300")`."""

    def draw(m: Making) -> list[Value]:
        level = dict(zip(*_weighted(levels), strict=True))
        return [_near(m.rng, level[str(value)], noise, digits) for value in m.values(of)]

    return Column(draw)


def times(left: str, right: str, off: float = 0.0, digits: int = 2) -> Column:
    """The product of two columns, less a discount of 0 to `off` (a share) that some rows have."""

    def draw(m: Making) -> list[Value]:
        pairs = zip(m.numbers(left), m.numbers(right), strict=True)
        return [round(a * b * (1 - m.rng.choice((0, 0, off / 2, off))), digits) for a, b in pairs]

    return Column(draw)


# What they have in common


def _words(values: str) -> list[str]:
    return [word.strip() for word in values.split(",")]


def _weighted(values: str) -> tuple[list[str], list[float]]:
    pairs = [word.partition(":") for word in _words(values)]
    return [word for word, _, _ in pairs], [float(weight or 1) for _, _, weight in pairs]


def _zipf(rng: Random, count: int, skew: float) -> list[float]:
    weights = [rank**-skew for rank in range(1, count + 1)]
    rng.shuffle(weights)
    return weights


def _skewed(rng: Random, low: int, high: int) -> int:
    return low + int((high - low + 1) * rng.random() ** 2)


def _near(rng: Random, value: float, noise: float, digits: int) -> Value:
    near = value * (1 + noise * rng.triangular(-1, 1))
    return _rounded(near, digits) if digits else round(near)


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) + 0.0  # there is no minus zero


def _day(start: str, days: int) -> str:
    return (date.fromisoformat(start) + timedelta(days)).isoformat()


def _names(m: Making, kind: str, count: int) -> list[str]:
    """Different names in plain letters. Raises ValueError where Faker knows too few."""
    found: dict[str, None] = {}
    for _ in range(_TRIES * count):
        name = _plain(_one_name(m, kind))
        if len(name) <= MAX_NAME and re.fullmatch(r"[A-Za-z][A-Za-z .-]*", name):
            found[name] = None
        if len(found) == count:
            return list(found)
    raise ValueError(f"Faker has no {count} different names of the kind {kind}")


def _one_name(m: Making, kind: str) -> str:
    if kind == "person":
        return f"{m.fake.first_name()} {m.fake.last_name()}"
    make: Callable[[], str] = getattr(m.fake, kind)
    return make()


def _plain(name: str) -> str:
    """The name without accents."""
    parts = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    return " ".join("".join(c for c in parts if not unicodedata.combining(c)).split())
