"""Values that were never shown: a program that picks rows by the values it saw must not find them all.

Half of the hidden contents get new names, categories and keys for some rows, and numbers beyond the largest.
Most rows keep their values, so that what a program filters by is still there.
"""

from collections.abc import Callable
from random import Random

from dataset_builder.model import Contents, Database
from dsl_debug.lang import Table
from dsl_debug.lang.nodes import Value

SHARE = 0.25
"""Of the distinct values of a key, or of the rows of any other column, so many get new values."""

CHANGED = 0.9
"""The share of the columns that change, in contents that do."""

FEW = 12
"""Up to so many distinct numbers, with repeats, are categories."""

Place = tuple[str, str]


def with_strangers(contents: Contents, database: Database, rng: Random) -> Contents:
    """The contents with new values in some columns; keys and what refers to them change together."""
    columns = {(name, c): values for name, table in contents.items() for c, values in table.columns.items()}
    linked = _linked(database, columns)
    changed: dict[Place, list[Value]] = {}
    for places in linked:
        renamed = _renamed(_distinct(columns, places), rng)
        for place in places:
            changed[place] = [renamed.get(value, value) for value in columns[place]]
    for place, values in columns.items():
        if place not in changed and rng.random() < CHANGED:
            changed[place] = _some_new(values, rng) if _tells_apart(values) else _some_beyond(values, rng)
    return {
        name: Table.trusted(
            {c: changed.get((name, c), values) for c, values in table.columns.items()},
            table.length,
            dict(table.types),
        )
        for name, table in contents.items()
    }


def _linked(database: Database, columns: dict[Place, list[Value]]) -> list[list[Place]]:
    """The columns that foreign keys tie together, with the keys that nothing refers to by themselves."""
    group: dict[Place, list[Place]] = {}
    for key in database.foreign_keys:
        ends = (key.table, key.column), (key.target, key.target_column)
        if all(end in columns for end in ends):
            merged = list(dict.fromkeys([p for end in ends for p in group.get(end, [end])]))
            group.update((place, merged) for place in merged)
    groups = list({id(places): places for places in group.values()}.values())
    alone = [(table, key) for table, key in database.keys.items() if (table, key) in columns]
    return groups + [[place] for place in alone if place not in group]


def _distinct(columns: dict[Place, list[Value]], places: list[Place]) -> list[Value]:
    return list(dict.fromkeys(value for place in places for value in columns[place]))


def _renamed(distinct: list[Value], rng: Random) -> dict[Value, Value]:
    """New values for some of the distinct ones."""
    chosen = rng.sample(distinct, max(1, round(SHARE * len(distinct)))) if distinct else []
    new = _new_values(distinct)
    return {value: new(value) for value in chosen}


def _tells_apart(values: list[Value]) -> bool:
    """Whether a column holds names or categories: texts, or few numbers with repeats."""
    distinct = dict.fromkeys(values)
    are_texts = any(isinstance(value, str) for value in distinct)
    return are_texts or len(distinct) <= min(FEW, len(values) // 2)


def _some_new(values: list[Value], rng: Random) -> list[Value]:
    """Some rows get a new value: in a column without repeats each its own, otherwise one or two in all."""
    rows = rng.sample(range(len(values)), max(1, round(SHARE * len(values))))
    distinct = list(dict.fromkeys(values))
    new = _new_values(distinct)
    changed = list(values)
    if len(distinct) == len(values):
        fresh = [new(values[row]) for row in rows]
    else:
        names = [new(value) for value in rng.sample(distinct, min(2, len(distinct)))]
        fresh = [rng.choice(names) for _ in rows]
    for row, value in zip(rows, fresh, strict=True):
        changed[row] = value
    return changed


def _some_beyond(values: list[Value], rng: Random) -> list[Value]:
    """Numbers, two of which become larger than all others: a bound at the largest shown must not do."""
    numbers = [value for value in values if not isinstance(value, str)]
    largest = max(numbers)
    span = max(largest - min(numbers), 1)
    changed = list(values)
    for row in rng.sample(range(len(values)), min(2, len(values))):
        larger = largest + span * rng.uniform(0.05, 0.5)
        whole = all(isinstance(number, int) for number in numbers)
        largest = max(round(larger), largest + 1) if whole else round(larger, 2)
        changed[row] = largest
    return changed


def _new_values(distinct: list[Value]) -> Callable[[Value], Value]:
    """Makes values that are not among these: texts with a mark, numbers beyond the largest."""
    taken = dict.fromkeys(distinct)

    def new(value: Value) -> Value:
        made: Value = f"{value} b" if isinstance(value, str) else value + 1
        while made in taken:
            made = f"{made}b" if isinstance(made, str) else made + 1
        taken[made] = None
        return made

    return new
