"""Programs run as trees give what the language gives, and likeness tells near from far."""

import pytest

from dsl_debug.agents.bench import Bench, likeness
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.agents.seen import Seen
from dsl_debug.lang import DslError, Program, Table, parse, print_program, run
from tests.problems import VISIBLE

CODE = """
r = load("regions") |> select(code, manager)
o = load("orders")
  |> filter(status == "paid" or amount < 20)
  |> compute(share: amount / order_id)
j = join(o, r, on: region == code)
t = j
  |> group_by(manager)
  |> aggregate(total: sum(share), n: count())
  |> sort_by(total, desc)
  |> take(2)
emit t
"""


def run_or_none(program: Program) -> Table | None:
    try:
        return run(print_program(program), VISIBLE)
    except DslError:
        return None


def test_the_bench_agrees_with_the_language_on_every_neighbour() -> None:
    program = parse(CODE)
    bench = Bench(VISIBLE)
    near = [program] + [edit.program for edit in neighbours(program, surroundings(program, VISIBLE))]
    results = [(bench.run(p), run_or_none(p)) for p in near]
    assert len(results) > 100
    assert all(mine == theirs for mine, theirs in results)
    assert sum(theirs is None for _, theirs in results) > 10


def test_statements_that_are_not_needed_are_not_run() -> None:
    code = 'a = load("orders") |> select(region)\nb = a |> compute(x: 1 / 0)\nemit a'
    assert Bench(VISIBLE).run(parse(code)) == run(code, VISIBLE)


WANTED = Table({"name": ["a", "b", "c"], "n": [1, 2, 3.5]})
GOAL = Seen(WANTED, 3)

# From the nearest to the farthest.
RANKED = [
    WANTED,
    Table({"name": ["a", "c", "b"], "n": [1, 3.5, 2]}),
    Table({"name": ["a", "b", "c"], "n": [7, 8, 9]}),
    Table({"name": ["a", "b", "c"]}),
    Table({"other": ["x"]}),
]


def test_likeness_ranks() -> None:
    values = [likeness(table, GOAL) for table in RANKED]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
    assert values[0] == 1.0
    assert all(value < 1.0 for value in values[1:])


@pytest.mark.parametrize("table", [Table({"n": [3.5, 2, 1]}), Table({}), Table({"name": [], "n": []})])
def test_likeness_of_anything_else_is_below_one(table: Table) -> None:
    assert 0.0 <= likeness(table, GOAL) < 1.0


def test_a_column_too_many_counts_against() -> None:
    extra = Table({**WANTED.columns, "more": [1, 2, 3]})
    assert likeness(extra, GOAL) < 1.0


def test_a_goal_that_was_not_shown_whole_is_never_reached() -> None:
    assert likeness(WANTED, Seen(WANTED, 40)) < 1.0
