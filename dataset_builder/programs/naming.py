"""Names for what a program makes: statements and columns, from the names of tables, columns and functions."""

import re
from collections.abc import Iterable

from dsl_debug.lang.dialect import WORDS

PREFIXES = {
    "sum": "total",
    "avg": "mean",
    "min": "lowest",
    "max": "highest",
    "count_distinct": "different",
}
"""Aggregate function -> the first word of the column that it makes."""

_KEY_ENDINGS = ("_id", "_code", "_key", "_number", "_no")
_MAX_NAME = 48
_UNCOUNTED = ("data", "info", "information", "staff", "media", "history", "equipment", "music")


def words(name: str) -> str:
    """A name of a table or column as words: `total_amount` and `TotalAmount` are `total amount`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ")
    return " ".join(spaced.split()).lower() or name


def plural(noun: str) -> str:
    """The plural of an English noun, itself where it already is one or has none."""
    if noun.endswith(_UNCOUNTED):
        return noun
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is")):
        return noun
    if noun.endswith("y") and noun[-2:-1] not in ("a", "e", "i", "o", "u"):
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def singular(noun: str) -> str:
    """The singular of an English noun, itself where it already is one."""
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(("sses", "xes", "ches", "shes")):
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is", "series")):
        return noun[:-1]
    return noun


def stem(column: str) -> str:
    """What a key column is about: `customer_id` is about `customer`."""
    lowered = snake(column)
    for ending in _KEY_ENDINGS:
        if lowered.endswith(ending) and len(lowered) > len(ending):
            return lowered[: -len(ending)]
    return lowered


def snake(name: str) -> str:
    """A name in lower case with underscores, as statements and made columns are called."""
    text = re.sub(r"\W+", "_", words(name)).strip("_")
    return text if text[:1].isalpha() else f"t_{text}"


def fresh(name: str, taken: Iterable[str]) -> str:
    """The name, or the name with the first number that makes it new and no word of the language."""
    while len(name) > _MAX_NAME and "_" in name:
        name = name.rsplit("_", 1)[0]
    name = name[:_MAX_NAME].rstrip("_")
    used = {*taken, *WORDS}
    if name not in used:
        return name
    return next(f"{name}_{number}" for number in range(2, len(used) + 3) if f"{name}_{number}" not in used)


def aggregate_name(function: str, column: str | None, noun: str) -> str:
    """What an aggregate is called: `total_amount`, `different_customers`, `order_count`."""
    if column is None:
        return f"{singular(noun)}_count"
    if function == "count_distinct":
        return f"{PREFIXES[function]}_{plural(stem(column))}"
    return f"{PREFIXES[function]}_{snake(column)}"
