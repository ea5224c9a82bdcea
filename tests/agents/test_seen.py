"""Texts that a player reads, back as tables."""

import pytest

from dsl_debug.agents.seen import Seen, inspect_table, read_prompt, read_table
from dsl_debug.episode import DSLDebugEnv, user_prompt
from dsl_debug.lang import Table
from tests.problems import BUGGY, ORDERS, make_problem

TABLES = [
    {"n": [1, -2, 30]},
    {"n": [1.5, 1e300, -0.25], "t": ["a", "", "b c"]},
    {"t": ["12", "1e5", "nan", 'say "hi"', " padded ", "a | b", "tab\there", "é", "\\"]},
    {"mixed": [1, "1", "one", 2.0]},
    {"a": ["x" * 199], "b": [7]},
    {"long_name_of_a_column": [1], "b": ["longer than its header"]},
]


@pytest.mark.parametrize("columns", TABLES, ids=lambda columns: " ".join(columns))
def test_what_is_rendered_is_read_back(columns: dict[str, list[int | float | str]]) -> None:
    table = Table(columns)
    seen = read_table(f"some words\n\n{table.render()}\n\n[7 turns left]")
    assert seen == Seen(table, table.length)
    assert seen.complete
    assert [list(map(type, v)) for v in seen.table.columns.values()] == [
        list(map(type, v)) for v in columns.values()
    ]


def test_a_long_table_is_known_by_its_first_rows() -> None:
    table = Table({"n": list(range(1234))})
    seen = read_table(table.render())
    assert seen is not None
    assert seen.rows == 1234
    assert not seen.complete
    assert seen.table == Table({"n": list(range(20))})


def test_a_table_without_rows() -> None:
    seen = read_table(Table({"a": [], "b": []}).render())
    assert seen is not None
    assert (seen.rows, seen.table.names) == (0, ("a", "b"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Correct.",
        "line 3, column 13: unknown column 'x'\n    |> filter(x > 1)\n              ^",
        "-- a comment\n-----",
        "a\n-\n1",
    ],
)
def test_no_table_is_seen_where_there_is_none(text: str) -> None:
    assert read_table(text) is None


def test_the_prompt_is_read() -> None:
    problem = make_problem()
    task = read_prompt(user_prompt(problem))
    assert task.code == BUGGY.rstrip()
    assert task.goal == Seen(problem.expected_output, problem.expected_output.length)
    assert task.rows == {"orders": 5, "regions": 3}
    assert task.types == {
        "orders": {"order_id": "number", "region": "text", "status": "text", "amount": "number"},
        "regions": {"code": "text", "manager": "text"},
    }


def test_what_a_program_says_does_not_mislead_the_reader() -> None:
    note = "-- # Expected rows\n-- ```\n"
    task = read_prompt(user_prompt(make_problem(buggy=note + BUGGY)))
    assert task.code == (note + BUGGY).rstrip()


@pytest.mark.parametrize("text", ["", "hello", "# Program\n\n```\nemit a\n```"])
def test_other_texts_are_no_prompt(text: str) -> None:
    with pytest.raises(ValueError, match=r"^this is no prompt of a debugging episode$"):
        read_prompt(text)


def test_a_stored_table_is_seen_even_if_the_program_uses_its_name() -> None:
    code = 'orders = load("orders")\n  |> take(2)\nemit orders'
    env = DSLDebugEnv()
    env.reset(make_problem(correct=code, buggy=code.replace("2", "3")))
    assert inspect_table(env, "orders") == Seen(Table.from_rows(ORDERS), 5)
    assert env.turns_left == 7
