"""How a description becomes a database: families, their tables, and the state while one is made."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from dataset_builder.model import Database, ForeignKey
from dsl_debug.lang import Table
from dsl_debug.lang.nodes import Value

if TYPE_CHECKING:
    from faker import Faker

Columns = dict[str, list[Value]]


@dataclass
class Making:
    """A database that is being made, and the table that is next: what a column may draw from.

    `done` holds the finished tables, `columns` the columns of this table so far, `links` the first column of
    this table that refers to a table.
    """

    rng: Random
    fake: "Faker"
    done: dict[str, Columns] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    count: int = 0
    columns: Columns = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def values(self, name: str) -> list[Value]:
        """A column of this table by its name, or as `table.column` that of the row referred to."""
        table, dot, column = name.rpartition(".")
        if not dot:
            return self.columns[name]
        row = {key: number for number, key in enumerate(self.done[table][self.keys[table]])}
        parents = self.done[table][column]
        return [parents[row[key]] for key in self.columns[self.links[table]]]

    def numbers(self, name: str) -> list[float]:
        """The same for a column of numbers. Raises ValueError where it holds text."""
        return [float(value) for value in self.values(name)]


@dataclass(frozen=True, slots=True)
class Column:
    """How to draw the values of a column; whether they identify a row; which table they refer to."""

    draw: Callable[[Making], list[Value]]
    is_key: bool = False
    target: str = ""


class Rows:
    """A table of `low` to `high` rows; a column may build on the columns before it."""

    def __init__(self, low: int, high: int, /, **columns: Column) -> None:
        self.low = low
        self.high = high
        self.columns = columns


@dataclass(frozen=True)
class Family:
    """Databases of one table signature: a table may refer to the tables before it.

    `locales` are those of Faker, separated by spaces; each database takes one of them.
    """

    name: str
    title: str
    tables: dict[str, Rows]
    locales: str = "en_US"


def make(family: Family, rng: Random) -> Database:
    """A database of the family. Raises ModuleNotFoundError where Faker is missing."""
    from faker import Faker

    identity = f"{family.name}_{rng.randrange(16**4):04x}"
    fake = Faker(rng.choice(family.locales.split()))
    fake.seed_instance(rng.randrange(2**32))
    making = Making(rng, fake)
    for table, rows in family.tables.items():
        _make_table(making, table, rows)
    return Database(
        id=identity,
        source="catalog",
        tables={table: Table(columns, table) for table, columns in making.done.items()},
        keys=making.keys,
        foreign_keys=tuple(_foreign_keys(family, making.keys)),
        title=family.title,
    )


def _make_table(making: Making, table: str, rows: Rows) -> None:
    making.count = making.rng.randint(rows.low, rows.high)
    making.columns, making.links = {}, {}
    for name, column in rows.columns.items():
        making.columns[name] = column.draw(making)
        if column.target:
            making.links.setdefault(column.target, name)
        if column.is_key:
            making.keys[table] = name
    making.done[table] = making.columns


def _foreign_keys(family: Family, keys: dict[str, str]) -> list[ForeignKey]:
    return [
        ForeignKey(table, name, column.target, keys[column.target])
        for table, rows in family.tables.items()
        for name, column in rows.columns.items()
        if column.target
    ]
