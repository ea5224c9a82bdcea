"""Visible and hidden contents: sizes, joins that hit, and what has to hold of every set of tables."""

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from dataset_builder.contents import visible_contents
from dataset_builder.databases import Unusable, discover, read_database
from dataset_builder.hidden import hidden_contents
from dataset_builder.model import MAX_ROWS, Contents, Database, ForeignKey
from dataset_builder.seeding import seeded
from dsl_debug.lang import Table

COUNT = 12


def chain(customers: int = 600, orders: int = 3000, lines: int = 9000) -> Database:
    """Lines of orders of customers, drawn with skew; every table as long as asked for."""
    rng = seeded("chain")
    tables = {
        "customers": Table(
            {
                "id": [n + 1 for n in range(customers)],
                "name": [f"customer {n}" for n in range(customers)],
                "city": rng.choices(["Rome", "Oslo", "Lima", "Cairo"], (8, 4, 2, 1), k=customers),
                "member": rng.choices([0, 1], k=customers),
            }
        ),
        "orders": Table(
            {
                "code": [f"O-{n:05}" for n in range(orders)],
                "customer_id": [
                    min(int(rng.expovariate(8 / customers)), customers - 1) + 1 for _ in range(orders)
                ],
                "weight": [round(rng.uniform(0.5, 9), 1) for _ in range(orders)],
            }
        ),
        "lines": Table(
            {
                "order_code": [f"O-{rng.randrange(orders):05}" for _ in range(lines)],
                "pieces": [rng.randint(1, 30) for _ in range(lines)],
                "price": [rng.randint(100, 9900) / 100 for _ in range(lines)],
                "change": [rng.randint(-20, 20) for _ in range(lines)],
            }
        ),
    }
    keys = (
        ForeignKey("orders", "customer_id", "customers", "id"),
        ForeignKey("lines", "order_code", "orders", "code"),
    )
    return Database("chain", "test", tables, {"customers": "id", "orders": "code"}, keys)


def small() -> Database:
    return chain(customers=12, orders=40, lines=110)


def made(database: Database) -> tuple[Contents, list[Contents]]:
    visible = visible_contents(database, seeded(database.id, "visible"))
    return visible, hidden_contents(database, visible, seeded(database.id, "hidden"), COUNT)


# Visible


def test_tables_that_fit_are_shown_whole() -> None:
    database = small()
    assert visible_contents(database, seeded(1)) == database.tables


def test_larger_tables_are_cut_to_real_rows_in_their_order() -> None:
    database = chain()
    for name, table in visible_contents(database, seeded(1)).items():
        assert table.length == MAX_ROWS
        rows = iter(database.tables[name].tuples())
        assert all(row in rows for row in table.tuples())


def test_joins_of_a_sample_hit_and_have_groups() -> None:
    database = chain()
    visible = visible_contents(database, seeded(1))
    for key in database.foreign_keys:
        targets = visible[key.target].columns[key.target_column]
        values = visible[key.table].columns[key.column]
        assert sum(value in targets for value in values) >= 0.9 * len(values)
        assert len(set(values)) <= len(values) / 2


def test_tables_that_refer_to_one_another_are_sampled() -> None:
    database = chain()
    circle = ForeignKey("customers", "name", "lines", "price")
    tables = {**database.tables, "lines": Table({"price": [f"customer {n}" for n in range(600)]})}
    keys = (database.foreign_keys[0], circle, ForeignKey("lines", "price", "orders", "code"))
    visible = visible_contents(Database("circle", "test", tables, {}, keys), seeded(1))
    assert {table.length for table in visible.values()} == {MAX_ROWS}


# Hidden


def check_hidden(database: Database, visible: Contents, hidden: Contents) -> None:
    assert list(hidden) == list(visible)
    references = [(key.table, key.column) for key in database.foreign_keys]
    for name, shown in visible.items():
        table = hidden[name]
        assert table.names == shown.names
        assert Table(table.columns).types == table.types == database.tables[name].types
        assert min(shown.length, 2) <= table.length <= MAX_ROWS
        for column, values in table.columns.items():
            check_column(values, database.tables[name].columns[column], (name, column) in references)
        if name in database.keys:
            assert len(set(table.columns[database.keys[name]])) == table.length
    for key in database.foreign_keys:
        targets = hidden[key.target].columns[key.target_column]
        assert set(hidden[key.table].columns[key.column]) <= set(targets)


def check_column(values: list, full: list, refers: bool) -> None:
    if len(full) >= 5 and len(set(full)) == len(full):
        assert len(set(values)) == len(values)
    if all(isinstance(value, int) for value in full):
        assert all(isinstance(value, int) for value in values)
    if isinstance(full[0], str):
        assert refers or set(values) <= set(full)
    elif min(full) >= 0:
        assert min(values) >= 0
        assert refers or min(values) > 0 or min(full) == 0


@pytest.mark.parametrize("database", [small(), chain()], ids=["small", "large"])
def test_hidden_contents_keep_what_programs_may_rely_on(database: Database) -> None:
    visible, hidden = made(database)
    assert len(hidden) == COUNT
    for contents in hidden:
        check_hidden(database, visible, contents)


@pytest.mark.parametrize("database", [small(), chain()], ids=["small", "large"])
def test_hidden_contents_differ_in_everything_else(database: Database) -> None:
    visible, hidden = made(database)
    for place, contents in enumerate(hidden):
        assert contents not in [visible, *hidden[:place]]
    lines = [contents["lines"] for contents in hidden]
    assert len({table.length for table in lines}) > COUNT / 2
    most_frequent = {Counter(c["customers"].columns["city"]).most_common(1)[0][0] for c in hidden}
    assert len(most_frequent) > 1
    largest = {Counter(c["orders"].columns["customer_id"]).most_common(1)[0] for c in hidden}
    assert len(largest) > COUNT / 2
    # A table is not always in the order of its key.
    keys = [contents["customers"].columns["id"] for contents in hidden]
    assert 0 < sum(values == sorted(values) for values in keys) < COUNT


def test_numbers_come_close_to_those_that_are_shown() -> None:
    database = small()
    visible, hidden = made(database)
    weights = set(visible["orders"].columns["weight"])
    new = [value for contents in hidden for value in contents["orders"].columns["weight"]]
    assert any(value in weights for value in new)
    assert any(value not in weights for value in new)
    assert all(round(value, 1) == value for value in new if not isinstance(value, str))
    changes = {value for contents in hidden for value in contents["lines"].columns["change"]}
    assert {-22, 22} & changes


def test_flags_stay_flags() -> None:
    _, hidden = made(small())
    assert {value for contents in hidden for value in contents["customers"].columns["member"]} == {0, 1}


def test_the_first_contents_have_other_rows_of_a_larger_table() -> None:
    database = chain()
    visible, hidden = made(database)
    names = set(hidden[0]["customers"].columns["name"])
    assert len(names - set(visible["customers"].columns["name"])) > len(names) / 3
    assert set(zip(*list(hidden[0]["lines"].columns.values())[1:], strict=True)) <= set(
        zip(*list(database.tables["lines"].columns.values())[1:], strict=True)
    )


def test_only_some_tables_may_be_asked_for() -> None:
    database = small()
    visible = {"lines": visible_contents(database, seeded(1))["lines"]}
    for contents in hidden_contents(database, visible, seeded(2), COUNT):
        assert list(contents) == ["lines"]


def test_one_to_one_tables_stay_so() -> None:
    tables = {
        "people": Table({"id": [1, 2, 3, 4, 5, 6, 7], "age": [30, 41, 35, 30, 41, 52, 30]}),
        "badges": Table({"person": [7, 3, 1, 2], "colour": ["red", "blue", "red", "red"]}),
        "keys": Table({"badge": [3, 7], "floor": [1.0, 2.0]}),
    }
    keys = (ForeignKey("keys", "badge", "badges", "person"), ForeignKey("badges", "person", "people", "id"))
    database = Database("one", "test", tables, {"people": "id", "badges": "person", "keys": "badge"}, keys)
    visible, hidden = made(database)
    for contents in hidden:
        check_hidden(database, visible, contents)


@pytest.mark.parametrize(
    "values", [[1e300, 2e300], [1e-9, 5e-7], [-1, -5], [2**62, 2**62 + 1], [0.1 + 0.2, 1 / 3], ["", "a"]]
)
def test_extreme_values_do_no_harm(values: list) -> None:
    column = values * 2 + [value * 2 for value in values]
    database = Database("odd", "test", {"t": Table({"a": column, "b": list(range(6)), "c": values * 3})})
    visible, hidden = made(database)
    for contents in hidden:
        check_hidden(database, visible, contents)


def test_a_table_of_one_cell_has_no_other_contents() -> None:
    database = Database("one", "test", {"t": Table({"a": ["x"]})})
    _, hidden = made(database)
    assert all(contents["t"].columns["a"][0] == "x" for contents in hidden)


# Both

DIGEST = """
import hashlib, json, sys
sys.path.insert(0, sys.argv[1])
from test_contents import chain, made
visible, hidden = made(chain())
text = json.dumps([{n: t.to_json() for n, t in c.items()} for c in [visible, *hidden]])
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_the_same_seed_gives_the_same_contents_under_any_hash_seed() -> None:
    def digest(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", DIGEST, str(Path(__file__).parent)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    first = digest("1")
    assert len(first) > 60
    assert digest("2") == first


def test_spider_keeps_its_keys_in_every_contents(spider_dir: Path) -> None:
    seconds = []
    for file in discover(spider_dir)[1::6]:
        try:
            database = read_database(file, "spider")
        except Unusable:
            continue
        begin = time.process_time()
        visible, hidden = made(database)
        seconds.append(time.process_time() - begin)
        for contents in hidden:
            check_hidden(database, visible, contents)
    assert sorted(seconds)[len(seconds) // 2] < 0.1
