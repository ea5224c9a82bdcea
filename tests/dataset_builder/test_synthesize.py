"""Programs that are made up: they check, run, differ, and are told apart from their neighbours."""

import json
import subprocess
import sys
from random import Random

import pytest

from dataset_builder.canonical import canonical, needed_statements, shape
from dataset_builder.model import Contents, Database, ForeignKey
from dataset_builder.programs.conditions import comparison
from dataset_builder.programs.naming import fresh, plural, singular, snake, words
from dataset_builder.programs.probe import Runs, coincidence
from dataset_builder.programs.shapes import SHAPES
from dataset_builder.programs.sketch import Sketch
from dataset_builder.seeding import seeded
from dataset_builder.synthesize import attempt, synthesize, variety
from dsl_debug.agents.bench import Bench
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.lang import Program, Table, check, parse, print_program
from dsl_debug.lang.nodes import Literal, SortBy, Take


def shop(seed: int = 1) -> Database:
    """Orders of customers for products, with categories that repeat and dense whole numbers."""
    rng = Random(seed)
    customers = Table(
        {
            "id": list(range(1, 41)),
            "name": [f"Customer {i:02}" for i in range(1, 41)],
            "city": rng.choices(["Bergen", "Lyon", "Porto", "Turin", "Ulm"], [5, 4, 3, 2, 2], k=40),
            "age": [rng.randint(20, 60) for _ in range(40)],
        }
    )
    products = Table(
        {
            "product_id": list(range(1, 26)),
            "title": [f"Product {i:02}" for i in range(1, 26)],
            "kind": rng.choices(["book", "game", "lamp", "tool"], k=25),
            "cost": [rng.randint(3, 40) for _ in range(25)],
        }
    )
    orders = Table(
        {
            "order_id": list(range(1, 161)),
            "customer_id": [rng.randint(1, 40) for _ in range(160)],
            "product_id": [rng.randint(1, 25) for _ in range(160)],
            "status": rng.choices(["late", "open", "paid", "sent"], [2, 3, 6, 4], k=160),
            "quantity": [rng.randint(1, 12) for _ in range(160)],
            "amount": [rng.randint(5, 90) for _ in range(160)],
            "day": [f"2024-{rng.randint(1, 9):02}-{rng.randint(1, 28):02}" for _ in range(160)],
        }
    )
    return Database(
        "shop",
        "test",
        {"customers": customers, "products": products, "orders": orders},
        {"customers": "id", "products": "product_id", "orders": "order_id"},
        (
            ForeignKey("orders", "customer_id", "customers", "id"),
            ForeignKey("orders", "product_id", "products", "product_id"),
        ),
    )


@pytest.fixture(scope="module")
def database() -> Database:
    return shop()


@pytest.fixture(scope="module")
def programs(database: Database) -> list[Program]:
    made = (synthesize(database, database.tables, seeded("test", i)) for i in range(40))
    return [program for program in made if program is not None]


def test_most_calls_give_a_program(programs: list[Program]) -> None:
    assert len(programs) > 30


def test_programs_check_run_and_read_back(programs: list[Program], database: Database) -> None:
    for program in programs:
        code = print_program(program)
        assert not check(code, database.tables), code
        assert parse(code) == program
        rows = Bench(database.tables).run(program)
        assert rows is not None
        assert 1 <= rows.length <= 20
        assert 2 <= len(rows.names) <= 8


def test_a_single_row_comes_only_from_a_global_first_place(
    programs: list[Program], database: Database
) -> None:
    for program in programs:
        rows = Bench(database.tables).run(program)
        assert rows is not None
        if rows.length == 1:
            stages = program.statements[-1].stages
            assert any(isinstance(s, SortBy) for s in stages)
            assert Take(1) in stages


def test_most_programs_are_told_apart_from_every_neighbour(
    programs: list[Program], database: Database
) -> None:
    other = shop(2).tables
    bad = sum(_is_ambiguous(program, database.tables, other) for program in programs[:15])
    assert bad <= 6


def _is_ambiguous(program: Program, tables: Contents, other: Contents) -> bool:
    here, there = Bench(tables), Bench(other)
    expected, expected_there = here.run(program), there.run(program)
    assert expected is not None
    for edit in neighbours(program, surroundings(program, tables)):
        rows = here.run(edit.program)
        if rows is None or not rows.matches(expected):
            continue
        again = there.run(edit.program)
        if expected_there is not None and (again is None or not again.matches(expected_there)):
            return True
    return False


def test_programs_are_of_many_shapes(programs: list[Program]) -> None:
    found = variety(programs)
    assert found["programs"] == len(programs)
    assert found["shapes"] >= 0.8 * len(programs)
    assert found["operators"]["min"] < found["operators"]["mean"] < found["operators"]["max"]
    assert 0.2 < found["shares"]["join"] < 0.95
    assert found["shares"]["branches_meet"] > 0.03
    assert {"filter", "compute", "aggregate", "join", "sort_by", "take", "select"} <= set(found["counts"])
    assert json.loads(json.dumps(found)) == found


def test_variety_of_nothing_is_zero() -> None:
    assert variety([])["programs"] == 0


@pytest.mark.parametrize("name", [n for n in SHAPES if n != "two_facts"])
def test_every_shape_can_be_built(name: str, database: Database) -> None:
    found = [attempt(name, database, database.tables, seeded(name, i)) for i in range(40)]
    assert any(found)


def test_two_tables_that_refer_to_a_third_one_give_their_shape() -> None:
    base = shop()
    tables = {**base.tables, "returns": base.tables["orders"]}
    key = ForeignKey("returns", "customer_id", "customers", "id")
    database = Database("shop", "test", tables, dict(base.keys), (*base.foreign_keys, key))
    assert any(attempt("two_facts", database, tables, seeded(i)) for i in range(40))


def test_the_same_seed_gives_the_same_programs_under_any_hash_seed() -> None:
    script = (
        "import sys; sys.path[:0] = ['.', 'tests/dataset_builder']\n"
        "from test_synthesize import shop\n"
        "from dataset_builder.seeding import seeded\n"
        "from dataset_builder.synthesize import synthesize\n"
        "from dsl_debug.lang import print_program\n"
        "db = shop()\n"
        "for i in range(6):\n"
        "    p = synthesize(db, db.tables, seeded('s', i))\n"
        "    print(print_program(p) if p else None)\n"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert texts[0] == texts[1]
    assert "emit" in texts[0]


@pytest.mark.parametrize(
    "tables",
    [
        {"t": Table({"a": [1]})},
        {"t": Table({"a": [1] * 30})},
        {"t": Table({"a": ["x"] * 30, "b": [1, "y"] * 15})},
        {"t": Table({"only": list(range(30))})},
        {},
    ],
)
def test_poor_tables_give_no_program_and_no_error(tables: Contents) -> None:
    database = Database("poor", "test", tables)
    for i in range(5):
        program = synthesize(database, tables, seeded(i))
        assert program is None or not check(print_program(program), tables)


def test_a_coincidence_is_found() -> None:
    # No x lies between 6 and 8, so that `x > 7` gives the same rows here, though not elsewhere.
    table = Table({"id": list(range(8)), "town": ["a", "b"] * 4, "x": [5, 5, 6, 6, 8, 8, 9, 8]})
    full = Table({"id": list(range(9)), "town": ["a", "b"] * 4 + ["a"], "x": [5, 5, 6, 6, 8, 8, 9, 8, 7]})
    code = 'r = load("t")\n  |> filter(x > 6)\n  |> group_by(town)\n  |> aggregate(n: sum(x))\nemit r\n'
    assert coincidence(parse(code), {"t": table}, [{"t": full}]) == "number"


def test_runs_of_neighbours_agree_with_the_bench(programs: list[Program], database: Database) -> None:
    bench = Bench(database.tables)
    for program in programs[:6]:
        runs = Runs(program, database.tables)
        for edit in neighbours(program, surroundings(program, database.tables)):
            expected, found = bench.run(edit.program), runs.run(edit.program)
            if expected is not None:
                assert found is not None, edit.description
                assert found.matches(expected), edit.description


def test_filters_stand_where_neighbouring_values_differ(database: Database) -> None:
    sketch = Sketch(database, database.tables, seeded("f"))
    draft = sketch.load("orders")
    values = set(draft.table.columns["amount"])
    for _ in range(50):
        found = comparison(sketch, draft, "amount")
        assert found is not None
        assert isinstance(found.right, Literal)
        assert found.right.value in values


# Canonical forms


def test_names_and_order_of_statements_do_not_count() -> None:
    one = 'a = load("t")\nb = load("u")\nc = join(a, b, on: x == y)\nemit c\n'
    two = 'z = join(p, q, on: x == y)\nq = load("u")\np = load("t")\nunused = p\nemit z -- comment\n'
    three = 'z = join(q, p, on: x == y)\nq = load("u")\np = load("t")\nemit z\n'
    assert canonical(parse(one)) == canonical(parse(two)) != canonical(parse(three))


def test_statements_come_after_what_they_read() -> None:
    text = 'd = join(b, c, on: x == x)\nb = join(c, a, on: x == x)\nc = a\na = load("t")\nemit d\n'
    assert [s.name for s in needed_statements(parse(text))] == ["a", "c", "b", "d"]


def test_shapes_ignore_columns_tables_and_values() -> None:
    one = parse('a = load("t")\n  |> filter(x > 5)\n  |> take(3)\nemit a\n')
    two = parse('b = load("u")\n  |> filter(y > 1.5)\n  |> take(4)\nemit b\n')
    three = parse('b = load("u")\n  |> filter(y < 1.5)\n  |> take(4)\nemit b\n')
    assert shape(one) == shape(two) != shape(three)


def test_a_cycle_is_no_endless_loop() -> None:
    assert "t1" in canonical(parse("a = b\nb = a\nemit a\n"))


# Names


def test_names_read_like_english() -> None:
    assert (words("TotalAmount"), snake("Order Items"), plural("city"), singular("cities")) == (
        "total amount",
        "order_items",
        "cities",
        "city",
    )


def test_names_are_new_and_no_words_of_the_language() -> None:
    assert fresh("count", []) == "count_2"
    assert fresh("a", ["a", "a_2"]) == "a_3"
    assert fresh("x" * 80, []) == "x" * 48


def test_given_other_contents_tell_coincidences_from_equivalences(database: Database) -> None:
    # Where the other contents are those shown, nothing can be a coincidence: more programs pass.
    trusting = [synthesize(database, database.tables, seeded(i), [database.tables] * 3) for i in range(8)]
    assert all(trusting)
    assert trusting[0] == synthesize(database, database.tables, seeded(0), [database.tables] * 3)
