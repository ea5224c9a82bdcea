"""How the time of a stage grows with the rows, from 100 to 1,000,000, beside sqlite3 in the same run.

Both work on one thread, and some of it takes seconds, so it is processor time that is measured.
"""

import sqlite3
from contextlib import closing
from random import Random
from time import thread_time
from typing import Any

from benchmarks import sql
from benchmarks.clock import best
from dsl_debug.lang import Limits, Table, parse, run

SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
PROGRAMS = {
    "filter": 'x = load("orders") |> filter(amount > 500 and region != "north")\nemit x',
    "group": 'x = load("orders") |> group_by(customer) |> aggregate(total: sum(amount), n: count())\nemit x',
    "join": 'a = load("orders")\nb = load("customers")\nx = join(a, b, on: customer == id)\nemit x',
    "sort": 'x = load("orders") |> sort_by(weight, desc)\nemit x',
}
# The clock is not what is measured here.
LIMITS = Limits(seconds=3600)


def tables(rows: int) -> dict[str, Table]:
    """Orders, and a tenth as many customers, each with about ten orders."""
    rng, customers = Random(rows), max(1, rows // 10)
    return {
        "orders": Table(
            {
                "customer": [rng.randrange(customers) for _ in range(rows)],
                "region": [rng.choice(("north", "south", "east", "west")) for _ in range(rows)],
                "amount": [rng.randrange(1000) for _ in range(rows)],
                "weight": [rng.random() for _ in range(rows)],
            }
        ),
        "customers": Table(
            {"id": list(range(customers)), "name": [f"customer {i}" for i in range(customers)]}
        ),
    }


def measure(quick: bool) -> list[dict[str, Any]]:
    """One row per stage and size: milliseconds of both, and how often more than at a tenth of the rows.

    Both start with the tables loaded and end with all rows as tuples. Raises ValueError where they differ.
    """
    found: dict[str, list[dict[str, Any]]] = {stage: [] for stage in PROGRAMS}
    for size in SIZES[:3] if quick else SIZES:
        data = tables(size)
        with closing(sql.connect()) as connection:
            sql.load(connection, data)
            for stage, code in PROGRAMS.items():
                found[stage].append({"stage": stage, "rows": size, **times(code, data, connection, size)})
    return [row for rows in found.values() for row in with_factors(rows)]


def times(code: str, data: dict[str, Table], connection: sqlite3.Connection, size: int) -> dict[str, float]:
    query = sql.translate(parse(code), {name: table.types for name, table in data.items()})

    def ours() -> list[tuple[Any, ...]]:
        return list(run(code, data, LIMITS).tuples())

    def theirs() -> list[tuple[Any, ...]]:
        return connection.execute(query.sql).fetchall()

    if ours() != theirs():
        raise ValueError(f"sqlite3 gives other rows for this program:\n{code}")
    repeats = 3 if size >= 100_000 else 15
    return {
        "ms": best(ours, repeats, clock=thread_time) * 1e3,
        "sqlite3_ms": best(theirs, repeats, clock=thread_time) * 1e3,
    }


def with_factors(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for before, row in zip([None, *rows], rows, strict=False):
        for key in ("ms", "sqlite3_ms"):
            name = key.replace("ms", "factor")
            row[name] = round(row[key] / before[key], 1) if before else None
    for row in rows:
        row.update({key: round(row[key], 3) for key in ("ms", "sqlite3_ms")})
    return rows
