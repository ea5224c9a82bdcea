"""The catalog: every family gives sound databases that are worth writing programs for."""

import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

pytest.importorskip("faker")

from dataset_builder.catalog import FAMILIES, family_names, generate
from dataset_builder.catalog.columns import choice, decimal, key, named, part, times, to, whole
from dataset_builder.catalog.making import Family, Rows, make
from dataset_builder.model import Database
from dataset_builder.seeding import seeded
from dsl_debug.files import safe_name
from dsl_debug.lang import Table
from dsl_debug.lang.nodes import Value

ROOT = Path(__file__).resolve().parents[2]

_PRINT_DIGESTS = """
from tests.dataset_builder.test_catalog import digests
import json
print(json.dumps(digests()))
"""


@pytest.fixture(scope="module")
def databases() -> dict[str, Database]:
    return {name: generate(name, seeded("test", name)) for name in family_names()}


def as_json(database: Database) -> str:
    tables = {name: table.to_json() for name, table in database.tables.items()}
    return json.dumps([database.id, tables, database.keys, [str(key) for key in database.foreign_keys]])


def digests() -> dict[str, str]:
    """A digest of one database of each family in each of its locales."""
    made = {}
    for name, family in sorted(FAMILIES.items()):
        for locale in family.locales.split():
            text = as_json(make(dataclasses.replace(family, locales=locale), seeded("digest", name)))
            made[f"{name} {locale}"] = hashlib.sha256(text.encode()).hexdigest()
    return made


def facts(database: Database) -> Table:
    return max(database.tables.values(), key=len)


def measured(database: Database) -> list[list[Value]]:
    """The columns that neither identify rows nor refer to any, whatever their type."""
    links = {(key.table, key.column) for key in database.foreign_keys} | set(database.keys.items())
    return [
        values
        for name, table in database.tables.items()
        for column, values in table.columns.items()
        if (name, column) not in links
    ]


def is_dense(values: list[Value]) -> bool:
    whole = {value for value in values if type(value) is int}
    return len(whole) >= 4 and len(set(values)) == len(whole) >= 0.7 * (max(whole) - min(whole) + 1)


def test_there_are_many_families_in_the_order_of_their_names() -> None:
    assert len(FAMILIES) >= 44
    assert family_names() == sorted(FAMILIES)
    assert all(family.name == name for name, family in FAMILIES.items())


def test_no_two_families_share_a_name_or_a_table_signature() -> None:
    from dataset_builder.catalog import _THEMES

    assert sum(len(theme.FAMILIES) for theme in _THEMES) == len(FAMILIES)
    signatures = [
        (table, tuple(sorted(rows.columns)))
        for family in FAMILIES.values()
        for table, rows in family.tables.items()
    ]
    assert len(set(signatures)) == len(signatures)


def test_names_can_be_written_in_programs() -> None:
    for family in FAMILIES.values():
        names = [family.name, *family.tables, *(c for rows in family.tables.values() for c in rows.columns)]
        assert [name for name in names if safe_name(name) != name] == []


def test_keys_are_unique_and_references_hit(databases: dict[str, Database]) -> None:
    for database in databases.values():
        assert database.keys, database.id
        assert database.foreign_keys, database.id
        for table, column in database.keys.items():
            values = database.tables[table].columns[column]
            assert len(set(values)) == len(values), (database.id, table)
        for link in database.foreign_keys:
            there = set(database.tables[link.target].columns[link.target_column])
            assert set(database.tables[link.table].columns[link.column]) <= there, (database.id, link)
            assert database.keys[link.target] == link.target_column


def test_sizes_leave_rows_for_other_contents(databases: dict[str, Database]) -> None:
    for database in databases.values():
        assert 2 <= len(database.tables) <= 4, database.id
        assert 150 <= len(facts(database)) <= 400, database.id
        assert min(map(len, database.tables.values())) >= 6, database.id
        assert all(2 <= len(table.names) <= 12 for table in database.tables.values()), database.id


def test_columns_are_of_one_type_and_texts_short_and_plain(databases: dict[str, Database]) -> None:
    for database in databases.values():
        for table in database.tables.values():
            assert set(table.types.values()) <= {"number", "text"}
            texts = {value for values in table.columns.values() for value in values if isinstance(value, str)}
            assert [t for t in texts if not re.fullmatch(r"[A-Za-z0-9 .+/-]{1,39}", t)] == [], database.id


def test_every_family_has_what_programs_filter_group_and_add_up(databases: dict[str, Database]) -> None:
    for database in databases.values():
        columns = measured(database)
        texts = [values for values in columns if isinstance(values[0], str)]
        categories = [v for v in texts if 3 <= len(set(v)) <= 8 and len(v) >= 2 * len(set(v))]
        decimals = [v for v in columns if any(isinstance(x, float) and x % 1 for x in v)]
        counts = len(categories), sum(map(is_dense, columns)), len(decimals)
        assert all(there >= asked for there, asked in zip(counts, (2, 2, 1), strict=True)), (
            database.id,
            counts,
        )
        assert any(map(is_dense, facts(database).columns.values())), database.id


def test_groups_are_uneven() -> None:
    family = Family(
        "f", "", {"a": Rows(10, 10, id=key()), "b": Rows(400, 400, a=to("a"), kind=choice("x:9, y:1"))}
    )
    table = make(family, Random(1)).tables["b"]
    counts = sorted(table.columns["a"].count(key) for key in range(1, 11))
    assert counts[-1] > 2.5 * counts[0] > 0
    assert table.columns["kind"].count("x") > 3 * table.columns["kind"].count("y") > 0


def test_references_that_must_differ_do_and_pairs_do_not_repeat() -> None:
    pairs = Rows(30, 30, a=to("a"), b=to("a", once_per="a"))
    unlike = Rows(80, 80, a=to("a"), b=to("a", unlike="a"))
    tables = make(Family("f", "", {"a": Rows(12, 12, id=key()), "p": pairs, "u": unlike}), Random(5)).tables
    assert len(set(tables["p"].tuples())) == 30
    assert all(a != b for a, b in tables["u"].tuples())


def test_there_is_no_minus_zero() -> None:
    family = Family("f", "", {"a": Rows(400, 400, x=decimal(-0.2, 0.2))})
    assert "-0.0" not in map(str, make(family, Random(0)).tables["a"].columns["x"])


def test_the_largest_databases_can_be_made_in_every_locale() -> None:
    for family in FAMILIES.values():
        tables = {name: Rows(rows.high, rows.high, **rows.columns) for name, rows in family.tables.items()}
        for locale in family.locales.split():
            largest = dataclasses.replace(family, tables=tables, locales=locale)
            made = make(largest, Random(7))
            assert [len(table) for table in made.tables.values()] == [rows.high for rows in tables.values()]


def test_databases_of_a_family_differ_in_id_size_and_values() -> None:
    first, second = (generate("coffee_chain", Random(seed)) for seed in (1, 2))
    assert first.id != second.id
    assert re.fullmatch("coffee_chain_[0-9a-f]{4}", first.id)
    assert first.source == "catalog"
    assert first.title == FAMILIES["coffee_chain"].title
    assert {n: t.names for n, t in first.tables.items()} == {n: t.names for n, t in second.tables.items()}
    assert first.tables != second.tables


def test_too_few_different_names_are_an_error_not_an_endless_search() -> None:
    with pytest.raises(ValueError, match="no 40 different names of the kind prefix"):
        make(Family("f", "", {"a": Rows(40, 40, x=named("prefix"))}), Random(0))


def test_columns_build_on_the_rows_that_are_referred_to() -> None:
    hall = Rows(9, 9, id=key(), seats=whole(10, 90))
    show = Rows(99, 99, hall=to("hall"), sold=part("hall.seats", 0.5, 1), double=times("hall.seats", "hall"))
    tables = make(Family("f", "", {"hall": hall, "show": show}), Random(3)).tables
    seats = dict(zip(tables["hall"].columns["id"], tables["hall"].columns["seats"], strict=True))
    for hall_id, sold, double in tables["show"].tuples():
        assert seats[hall_id] / 2 - 1 <= sold <= seats[hall_id]
        assert double == seats[hall_id] * hall_id


def test_an_unknown_family_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        generate("nothing", Random(0))


def test_another_process_with_another_hash_seed_makes_the_same_databases() -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_DIGESTS],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert json.loads(done.stdout) == digests()
