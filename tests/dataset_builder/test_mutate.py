"""Bugs: each kind occurs and does what it says, and each mutant gives other rows."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from dataset_builder.model import Contents, Mutant
from dataset_builder.mutate import MUTATIONS, mutate
from dataset_builder.mutations.places import Patch, clash, difference, distance, line_of, patched, path, shown
from dataset_builder.mutations.text import misspelt
from dataset_builder.mutations.words import SAYINGS, describe
from dataset_builder.seeding import seeded
from dsl_debug.agents.bench import Bench
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.data import sample_problems
from dsl_debug.lang import DslError, Program, Table, parse, print_program, run
from dsl_debug.problem import CATEGORIES

ROOT = Path(__file__).resolve().parents[2]
STANDARD, NONLOCAL, INTENT = CATEGORIES
TURNS = 20

SHOP = {
    "orders": Table.from_rows(
        [
            {"order_id": 1, "shop_id": 1, "city": "Oslo", "kind": "book", "price": 12.0, "pieces": 3},
            {"order_id": 2, "shop_id": 2, "city": "Rome", "kind": "game", "price": 30.0, "pieces": 1},
            {"order_id": 3, "shop_id": 3, "city": "Oslo", "kind": "book", "price": 8.5, "pieces": 7},
            {"order_id": 4, "shop_id": 1, "city": "Bonn", "kind": "toy", "price": 19.0, "pieces": 2},
            {"order_id": 5, "shop_id": 2, "city": "Rome", "kind": "toy", "price": 22.0, "pieces": 5},
            {"order_id": 6, "shop_id": 4, "city": "Bonn", "kind": "game", "price": 45.0, "pieces": 4},
            {"order_id": 7, "shop_id": 4, "city": "Oslo", "kind": "toy", "price": 5.0, "pieces": 9},
            {"order_id": 8, "shop_id": 3, "city": "Rome", "kind": "book", "price": 14.0, "pieces": 6},
        ]
    ),
    "refunds": Table.from_rows(
        [
            {"order_id": 9, "shop_id": 2, "city": "Oslo", "kind": "toy", "price": 2.0, "pieces": 8},
            {"order_id": 10, "shop_id": 1, "city": "Rome", "kind": "game", "price": 33.0, "pieces": 2},
            {"order_id": 11, "shop_id": 3, "city": "Bonn", "kind": "book", "price": 9.0, "pieces": 5},
        ]
    ),
    "shops": Table.from_rows(
        [
            {"shop_id": 1, "owner": "Ada", "city": "Rome", "staff": 4},
            {"shop_id": 2, "owner": "Bo", "city": "Oslo", "staff": 2},
            {"shop_id": 3, "owner": "Ada", "city": "Bonn", "staff": 6},
            {"shop_id": 4, "owner": "Cy", "city": "Oslo", "staff": 3},
        ]
    ),
}

UPSTREAM = """\
-- What the owners take for a piece.
sold = load("orders")
  |> compute(share: (price - pieces) * 2 / pieces)
  |> filter(price >= 8.5 and kind != "game")
shops = load("shops")

both = join(sold, shops, on: shop_id == shop_id)

owners = both
  |> group_by(owner, city)
  |> aggregate(n: count(), kinds: count_distinct(kind), revenue: sum(price), most: max(pieces))
  |> compute(ratio: revenue / n)

report = owners
  |> sort_by(revenue, desc)
  |> take(3)
  |> select(owner, city, ratio, kinds)

emit report
"""

SHORT = """\
cheap = load("orders")
  |> sort_by(price, asc)
  |> take(5)
  |> filter(kind == "book" or kind == "toy")
  |> select(city, price, pieces)

emit cheap
"""

TOP = """\
per_kind = load("orders")
  |> group_by(shop_id, kind)
  |> aggregate(n: count(), got: sum(price), pieces: sum(pieces))
  |> sort_by(got, desc)
  |> take(5)
shops = load("shops")

report = join(per_kind, shops, on: shop_id == shop_id)
  |> filter(staff > 2)
  |> group_by(owner)
  |> aggregate(kinds: count(), got: sum(got), pieces: avg(pieces))
  |> sort_by(got, asc)

emit report
"""

BRANCHES = """\
orders = load("orders")
cheap = orders
  |> filter(price < 20)

per_shop = cheap
  |> group_by(shop_id)
  |> aggregate(n: count(), got: sum(price))
shops = load("shops")

report = join(per_shop, shops, on: shop_id == shop_id)
  |> sort_by(got, desc)
  |> select(owner, n, got)

emit report
"""

Work = tuple[Program, Contents]


@cache
def work() -> tuple[Work, ...]:
    """Programs to break and their tables."""
    samples = [(parse(p.correct_code), p.tables) for p in sample_problems()]
    return (*samples, *((parse(code), SHOP) for code in (UPSTREAM, SHORT, TOP, BRANCHES)))


@cache
def mutants(category: str) -> tuple[tuple[Work, Mutant], ...]:
    """Many bugs of a category in each program."""
    return tuple(drawn(category, range(TURNS)))


def drawn(category: str, turns: Iterable[int]) -> Iterator[tuple[Work, Mutant]]:
    benches = [Bench(tables) for _, tables in work()]
    for turn in turns:
        for number, (item, bench) in enumerate(zip(work(), benches, strict=True)):
            mutant = mutate(*item, category, seeded(category, number, turn), bench=bench)
            if mutant is not None:
                yield item, mutant


def errs(mutant: Mutant, tables: Contents) -> bool:
    try:
        run(mutant.code, tables)
    except DslError:
        return True
    return False


# ---- every mutant


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_kind_that_a_category_lists_occurs(category: str) -> None:
    listed = {kind for kind, mutation in MUTATIONS.items() if category in mutation.weights}
    found: set[str] = set()
    for _, mutant in chain(mutants(category), drawn(category, range(TURNS, 6 * TURNS))):
        found |= {bug.kind for bug in mutant.bugs}
        if found == listed:
            break
    assert found == listed


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_mutant_gives_other_rows_or_the_error_that_its_kind_promises(category: str) -> None:
    for (program, tables), mutant in mutants(category):
        assert mutant.category == category
        breaks = MUTATIONS[mutant.bugs[0].kind].breaks
        assert errs(mutant, tables) == breaks, mutant.code
        if not breaks:
            assert not run(mutant.code, tables).matches(run(print_program(program), tables))
            assert mutant.program is not None
            assert parse(mutant.code) == mutant.program
            assert print_program(mutant.program) == mutant.code


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_bug_names_the_line_of_the_buggy_text_that_holds_it(category: str) -> None:
    for (program, _), mutant in mutants(category):
        lines = mutant.code.split("\n")
        correct = [line.strip() for line in print_program(program).split("\n")]
        for bug in mutant.bugs:
            assert 1 <= bug.line <= len(lines)
            # Two stages in the other order are told in one line.
            first_before, first_after = (t.split(" |> ")[0] for t in (bug.original, bug.mutated))
            assert first_before in correct
            if bug.mutated:
                assert lines[bug.line - 1].strip() == first_after


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_bug_says_what_is_wrong(category: str) -> None:
    for _, mutant in mutants(category):
        for bug in mutant.bugs:
            assert bug.original != bug.mutated
            assert bug.description[0].islower()
            assert bug.description != "says something else than what is meant"


# ---- categories


def test_about_a_fifth_of_standard_bugs_are_errors() -> None:
    errors = [MUTATIONS[mutant.bugs[0].kind].breaks for _, mutant in mutants(STANDARD)]
    assert 0.1 < sum(errors) / len(errors) < 0.25


def test_few_standard_bugs_give_no_rows() -> None:
    tables = [run(m.code, t) for (_, t), m in mutants(STANDARD) if not MUTATIONS[m.bugs[0].kind].breaks]
    assert sum(not table.length for table in tables) / len(tables) < 0.05


def test_a_standard_or_nonlocal_bug_is_one_mistake() -> None:
    for category in (STANDARD, NONLOCAL):
        for _, mutant in mutants(category):
            assert len(mutant.bugs) == 1
            assert mutant.alone == ()


def test_one_edit_repairs_what_is_not_left_out() -> None:
    checked = Counter[bool]()
    for (program, tables), mutant in mutants(NONLOCAL)[::7]:
        if mutant.program is not None and mutant.bugs[0].kind != "dropped_stage":
            edits = neighbours(mutant.program, surroundings(mutant.program, tables))
            checked[any(edit.program == program for edit in edits)] += 1
    assert checked[True] > 20
    assert checked[False] <= 0.1 * checked[True]


def test_a_nonlocal_bug_lies_far_upstream_and_keeps_the_columns() -> None:
    for (program, tables), mutant in mutants(NONLOCAL):
        stages, mixes = distance(program, mutant.place)
        assert stages >= 2
        assert mixes
        assert mutant.bugs[0].stages_to_emit == stages
        right, wrong = (run(code, tables) for code in (print_program(program), mutant.code))
        assert set(right.names) == set(wrong.names)


def test_a_program_without_an_upstream_has_no_nonlocal_bug() -> None:
    assert all(mutate(parse(SHORT), SHOP, NONLOCAL, seeded(turn)) is None for turn in range(10))


def test_each_mistake_of_an_intent_mismatch_changes_the_rows_alone_and_beside_the_others() -> None:
    sizes = Counter[int]()
    for (program, tables), mutant in mutants(INTENT):
        right = run(print_program(program), tables)
        results = [run(print_program(alone), tables) for alone in mutant.alone]
        sizes[len(results)] += 1
        assert len(results) == len(mutant.bugs) == len({bug.kind for bug in mutant.bugs})
        assert not any(result.matches(right) for result in results)
        assert not any(result.matches(run(mutant.code, tables)) for result in results)
    assert sizes.keys() == {2, 3}


def test_mistakes_stand_beside_their_programs_in_the_order_of_the_lines() -> None:
    for (program, _), mutant in mutants(INTENT):
        assert [bug.line for bug in mutant.bugs] == sorted(bug.line for bug in mutant.bugs)
        for bug, alone in zip(mutant.bugs, mutant.alone, strict=True):
            patch = difference(program, alone)
            assert patch is not None
            assert shown(patch, patch.after) == bug.mutated


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(ValueError, match="no category 'odd'"):
        mutate(*work()[0], "odd", seeded(1))


@pytest.mark.parametrize(
    "code", ['x = load("nothing")\nemit x', 'x = load("orders")\n  |> filter(price > 99)\nemit x']
)
def test_a_program_that_fails_or_gives_no_rows_has_no_mutants(code: str) -> None:
    assert all(mutate(parse(code), SHOP, category, seeded(1)) is None for category in CATEGORIES)


# ---- places


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("sold", -1), (8, True)),
        (("sold", 1), (6, True)),
        (("shops", -1), (6, True)),
        (("both", -1), (5, True)),
        (("owners", 0), (4, False)),
        (("owners", 1), (4, False)),
        (("report", 2), (0, False)),
        (("nowhere", 0), (0, False)),
    ],
)
def test_distance_counts_a_join_and_a_group_with_its_aggregate_once(
    place: tuple[str, int], expected: tuple[int, bool]
) -> None:
    assert distance(parse(UPSTREAM), place) == expected


def test_distance_is_that_of_the_longest_path() -> None:
    code = """\
a = load("orders")
b = a
  |> group_by(city)
  |> aggregate(n: count())
  |> filter(n > 1)
c = join(a, b, on: city == city)
emit c
"""
    assert distance(parse(code), ("a", -1)) == (3, True)
    assert distance(parse(code), ("c", -1)) == (0, False)


def test_distance_ends_on_a_cycle() -> None:
    assert isinstance(distance(parse("a = b\nb = a\n  |> take(1)\nemit a"), ("b", -1)), tuple)


def test_patches_put_a_difference_back() -> None:
    program = parse(UPSTREAM)
    for edit in neighbours(program, surroundings(program, SHOP)):
        patch = difference(program, edit.program)
        assert patch is not None
        assert patched(program, [patch]) == edit.program


def test_patches_of_the_same_part_clash() -> None:
    program = parse(SHORT)
    sort, take = (Patch(("cheap", i), (program.statements[0].stages[i],), ()) for i in (0, 1))
    both = Patch(("cheap", 0), program.statements[0].stages[:2], ())
    assert not clash(sort, take)
    assert clash(sort, both)
    assert clash(take, both)
    left = patched(program, [sort, take])
    assert line_of(print_program(left), take, [sort, take]) == 2


def test_the_path_ends_at_the_smallest_node_that_holds_the_change() -> None:
    old, new = (
        parse(f'x = load("t")\n  |> filter(a > 1 and b == {value})\nemit x').statements[0].stages[0]
        for value in (2, 3)
    )
    assert [type(node).__name__ for node, _ in path(old, new)] == ["Filter", "Logic", "Compare", "Literal"]


# ---- words


def test_each_kind_of_mistake_in_the_tree_has_words() -> None:
    assert SAYINGS.keys() == {kind for kind, mutation in MUTATIONS.items() if not mutation.breaks}


def test_what_has_no_words_of_its_own_is_told_in_general_ones() -> None:
    program = parse(SHORT)
    patch = Patch(("cheap", 0), program.statements[0].stages[:1], program.statements[0].stages[1:2])
    assert describe("filter_value", patch) == "says something else than what is meant"


def test_misspelt_words_keep_their_first_letter() -> None:
    words = {misspelt("filter", seeded(turn)) for turn in range(50)}
    assert {"fliter", "fiter", "fillter"} <= words
    assert all(word[0] == "f" and abs(len(word) - 6) <= 1 for word in words)


# ---- determinism

SAME = """
from dataset_builder.mutate import mutate
from dataset_builder.seeding import seeded
from dsl_debug.data import sample_problems
from dsl_debug.lang import parse
for number, problem in enumerate(sample_problems()):
    for category in ("standard", "nonlocal", "intent_mismatch"):
        print(mutate(parse(problem.correct_code), problem.tables, category, seeded(number)))
"""


def test_the_same_seed_gives_the_same_bugs_under_any_hash_seed() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", SAME],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].count("Mutant(") > 20


def test_a_bench_that_is_shared_changes_nothing() -> None:
    program, tables = work()[5]
    bench = Bench(tables)
    for turn in range(20):
        for category in CATEGORIES:
            alone = mutate(program, tables, category, seeded(turn))
            assert mutate(program, tables, category, seeded(turn), bench=bench) == alone
