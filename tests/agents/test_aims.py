"""What the rows wanted say about a program, listed by hand; and the order in which programs are met."""

from collections.abc import Iterator

import pytest

from dsl_debug.agents.aims import LIKELY, UNLIKELY
from dsl_debug.agents.beam import changes, explore
from dsl_debug.agents.edits import described
from dsl_debug.agents.rewrite import imagined, surroundings
from dsl_debug.agents.seen import Seen
from dsl_debug.lang import Program, Table, parse
from tests.problems import VISIBLE

AIMS = LIKELY | UNLIKELY


def seen(**columns: list[int | float | str]) -> Seen:
    table = Table(columns)
    return Seen(table, table.length)


CASES = [
    (
        "rename",
        "|> group_by(region) |> aggregate(max_amount: max(amount)) |> sort_by(max_amount)",
        seen(region=["north"], total_amount=[160]),
        [
            # The name where it is made, then everywhere, then with what the new name speaks of.
            "'|> aggregate(max_amount: max(amount))' becomes '|> aggregate(total_amount: max(amount))'",
            "'|> aggregate(max_amount: max(amount)); |> sort_by(max_amount, asc)' becomes "
            "'|> aggregate(total_amount: max(amount)); |> sort_by(total_amount, asc)'",
            "'|> aggregate(max_amount: max(amount)); |> sort_by(max_amount, asc)' becomes "
            "'|> aggregate(total_amount: sum(amount)); |> sort_by(total_amount, asc)'",
            "'|> aggregate(max_amount: max(amount)); |> sort_by(max_amount, asc)' becomes "
            "'|> aggregate(total_amount: sum(amount)); |> sort_by(total_amount, asc)'",
        ],
    ),
    (
        "as_spoken",
        "|> group_by(region) |> aggregate(count: sum(order_id))",
        seen(region=["north"], count=[2]),
        [
            "'|> aggregate(count: sum(order_id))' becomes '|> aggregate(count: count(order_id))'",
            "'|> aggregate(count: sum(order_id))' becomes '|> aggregate(count: count())'",
        ],
    ),
    (
        "operands",
        "|> filter(5 > 7) |> filter(status == paid) |> filter(region == 3)",
        seen(order_id=[1]),
        [
            *(
                f"'|> filter(5 > 7)' becomes '|> filter({name} > 7)'"
                for name in ("order_id", "region", "status", "amount")
            ),
            "'|> filter(status == paid)' becomes '|> filter(status == \"paid\")'",
            "'|> filter(region == 3)' becomes '|> filter(region == \"3\")'",
        ],
    ),
    (
        "operands",
        "|> filter(amount > 20)",
        seen(order_id=[1]),
        [f"'|> filter(amount > 20)' becomes '|> filter(amount > {n})'" for n in (25, 15, 30, 10)],
    ),
    (
        "take",
        "|> take(4)",
        seen(order_id=[1, 2]),
        [f"'|> take(4)' becomes '|> take({n})'" for n in (2, 3, 5, 10)],
    ),
    (
        "sort",
        "|> sort_by(region) |> take(2)",
        seen(order_id=[2, 1], region=["a", "b"]),
        [
            "'|> sort_by(region, asc)' becomes '|> sort_by(order_id, desc)'",
            "nothing changes",
        ],
    ),
    ("sort", "|> take(2)", seen(order_id=[2, 1]), ["with '|> sort_by(order_id, desc)' added"]),
    (
        "select",
        "|> select(order_id, status)",
        seen(order_id=[1], region=["a"]),
        [
            "'|> select(order_id, status)' becomes '|> select(order_id, region)'",
            "'|> select(order_id, status)' becomes '|> select(order_id, status, region)'",
            "'|> select(order_id, status)' becomes '|> select(order_id, status, amount)'",
            "'|> select(order_id, status)' becomes '|> select(order_id)'",
        ],
    ),
    (
        "filter",
        "|> filter(amount > 1)",
        seen(region=["north", "north"], amount=[120, 40]),
        [
            "'|> filter(amount > 1)' becomes '|> filter(region == \"north\")'",
            "with '|> filter(region == \"north\")' added",
        ],
    ),
    (
        "aggregate",
        "|> group_by(region) |> aggregate(n: count())",
        seen(region=["north"], n=[2], max_amount=[120], other=[0]),
        ["'|> aggregate(n: count())' becomes '|> aggregate(n: count(), max_amount: max(amount))'"],
    ),
]


@pytest.mark.parametrize(
    ("aim", "stages", "goal", "expected"), CASES, ids=[f"{a} {s[3:]}" for a, s, *_ in CASES]
)
def test_aims(aim: str, stages: str, goal: Seen, expected: list[str]) -> None:
    program = parse(f'a = load("orders") {stages}\nemit a')
    made = AIMS[aim](program, surroundings(program, VISIBLE), goal)
    assert [described(program, changed) for changed in made] == expected


def test_changes_come_from_the_likely_aims_first() -> None:
    program = parse('a = load("orders") |> take(3)\nemit a')
    types = {name: table.types for name, table in VISIBLE.items()}
    made = list(changes(program, imagined(program, types, {}), seen(order_id=[1, 1])))
    assert described(program, made[0]) == "'|> take(3)' becomes '|> take(2)'"
    assert described(program, made[-1]) == "with '|> filter(order_id == 1)' added"


def number(n: int) -> Program:
    return parse(f'a = load("orders") |> take({n})\nemit a')


def count_of(program: Program) -> int:
    stage = program.statements[0].stages[0]
    return getattr(stage, "count", 0)


def explored(width: int, depth: int, limit: int) -> list[tuple[int, ...]]:
    """The counts met from 1 on, where a step doubles or adds one and the score is the count."""

    def expand(program: Program) -> Iterator[Program]:
        yield number(2 * count_of(program))
        yield number(count_of(program) + 1)

    met = explore([number(1)], expand, lambda program: (count_of(program),), width, depth, limit)
    return [(*score, count_of(program)) for score, program in met]


def test_programs_are_met_once_and_breadth_first() -> None:
    assert [n for n, _ in explored(width=2, depth=3, limit=99)] == [1, 2, 4, 3, 8, 5, 6]
    assert all(score == n for score, n in explored(width=2, depth=3, limit=99))


def test_only_the_best_are_expanded() -> None:
    assert [n for n, _ in explored(width=1, depth=3, limit=99)] == [1, 2, 4, 3, 8, 5]


def test_depth_and_limit_end_it() -> None:
    assert [n for n, _ in explored(width=2, depth=1, limit=99)] == [1, 2]
    assert [n for n, _ in explored(width=2, depth=9, limit=4)] == [1, 2, 4, 3]
