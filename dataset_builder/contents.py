"""Rows for the tables of a database: those that a problem shows, and others that it never shows.

Visible contents are real rows, at most `MAX_ROWS` a table, sampled so that joins hit. Hidden contents are
made of them and of the rest of the database, in `dataset_builder.hidden`.
"""

from dataclasses import dataclass
from random import Random

from dataset_builder.model import MAX_ROWS, Contents, Database, ForeignKey
from dsl_debug.lang import Table
from dsl_debug.lang.nodes import Value

MAX_GROUP = 20
"""Rows that refer to one row of another table, in a sample of a larger table."""


def visible_contents(database: Database, rng: Random) -> Contents:
    """At most `MAX_ROWS` rows of every table, in their own order; all of them where that many are.

    A table that is larger comes after those that refer to it: the rows that they refer to are taken first,
    the rest is filled up with groups of rows that refer to the same rows.
    """
    needed: dict[str, dict[int, None]] = {name: {} for name in database.tables}
    chosen: dict[str, list[int]] = {}
    for name in _children_first(database):
        table = database.tables[name]
        keys = [key for key in database.foreign_keys if key.table == name]
        chosen[name] = _sample(table, list(needed[name]), _anchor(database, keys), needed, rng)
        for key in keys:
            places = _places(database, key)
            values = table.columns[key.column]
            hits = (places.get(values[row], -1) for row in chosen[name])
            needed[key.target].update((row, None) for row in hits if row >= 0)
    return {name: _rows(table, chosen[name]) for name, table in database.tables.items()}


def _children_first(database: Database) -> list[str]:
    """The tables' names, each before those that it refers to, long ones first; a cycle starts anywhere."""
    left = list(database.tables)
    order = []
    while left:
        targets = [
            key.target for key in database.foreign_keys if key.table in left and key.table != key.target
        ]
        free = [name for name in left if name not in targets] or left
        name = max(free, key=lambda name: database.tables[name].length)
        left.remove(name)
        order.append(name)
    return order


@dataclass(frozen=True, slots=True)
class _Anchor:
    """The foreign key whose target is too large to be kept whole, and the rows of that target by value."""

    key: ForeignKey
    places: dict[Value, int]


def _anchor(database: Database, keys: list[ForeignKey]) -> _Anchor | None:
    large = [key for key in keys if database.tables[key.target].length > MAX_ROWS]
    if not large:
        return None
    key = max(large, key=lambda key: database.tables[key.target].length)
    return _Anchor(key, _places(database, key))


def _places(database: Database, key: ForeignKey) -> dict[Value, int]:
    values = database.tables[key.target].columns[key.target_column]
    return {value: row for row, value in enumerate(values)}


def _sample(
    table: Table, wanted: list[int], anchor: _Anchor | None, needed: dict[str, dict[int, None]], rng: Random
) -> list[int]:
    """Rows of a table, sorted: all, or `MAX_ROWS` of them, those that are referred to first."""
    if table.length <= MAX_ROWS:
        return list(range(table.length))
    if len(wanted) > MAX_ROWS:
        wanted = rng.sample(wanted, MAX_ROWS)
    filler = _grouped(table, anchor, needed, rng) if anchor else rng.sample(range(table.length), MAX_ROWS)
    return sorted(list(dict.fromkeys([*wanted, *filler]))[:MAX_ROWS])


def _grouped(table: Table, anchor: _Anchor, needed: dict[str, dict[int, None]], rng: Random) -> list[int]:
    """Rows in groups that refer to one row each, groups of rows that are needed anyway first."""
    groups: dict[Value, list[int]] = {}
    for row, value in enumerate(table.columns[anchor.key.column]):
        groups.setdefault(value, []).append(row)
    values = list(groups)
    rng.shuffle(values)
    known = needed[anchor.key.target]
    values.sort(key=lambda value: _rank(anchor.places.get(value, -1), known))
    filler: list[int] = []
    for value in values:
        rows = groups[value]
        filler += rows if len(rows) <= MAX_GROUP else rng.sample(rows, MAX_GROUP)
        if len(filler) >= 2 * MAX_ROWS:
            break
    return filler


def _rank(place: int, known: dict[int, None]) -> int:
    """Rows that are needed come first, values that refer to nothing last."""
    if place < 0:
        return 2
    return 0 if place in known else 1


def in_reverse(table: Table) -> Table:
    """The table with its rows in reverse order: what differs then was decided by a tie."""
    columns = {name: values[::-1] for name, values in table.columns.items()}
    return Table.trusted(columns, table.length, dict(table.types))


def _rows(table: Table, rows: list[int]) -> Table:
    if len(rows) == table.length:
        return table
    columns = {name: [values[row] for row in rows] for name, values in table.columns.items()}
    return Table.trusted(columns, len(rows), dict(table.types))
