"""Programs that print the expected rows, and what they earn."""

from pathlib import Path

import pytest

from dsl_debug.agents.emitter import constant_program, key_filters
from dsl_debug.episode import judge
from dsl_debug.lang import DslError, Program, Table, parse, print_program, run
from dsl_debug.problem import DslProblem, load_published
from dsl_debug.scoring import reward
from tests.problems import TOP_BUGGY, TOP_CORRECT, VISIBLE, make_problem

PEOPLE = Table(
    {
        "id": [10, 20, 30, 40],
        "name": ["Ann", "Bo", "Cy", "Di"],
        "team": ["red", "blue", "red", "red"],
        "mixed": [1, "1", "one", 2],
    }
)
TABLES = {"people": PEOPLE}


def test_one_row_takes_one_pipe() -> None:
    program = constant_program(Table({"total": [3.5], "who": ['a "b"']}), TABLES)
    assert program is not None
    assert print_program(program) == (
        'result = load("people")\n'
        "  |> take(1)\n"
        '  |> compute(total: 3.5, who: "a \\"b\\"")\n'
        "  |> select(total, who)\n"
        "emit result\n"
    )


def test_rows_that_agree_take_one_pipe_too() -> None:
    program = constant_program(Table({"x": [1, 1, 1]}), TABLES)
    assert program is not None
    assert [len(s.stages) for s in program.statements] == [3]
    assert constant_program(Table({"x": [1] * 5}), TABLES) is None


EMITTED = {
    "no rows": Table({"a": [], "b": []}),
    "numbers": Table({"a": [3, -1, 0], "b": [0.1, 2e-9, 1e15]}),
    "as many rows as there are values": Table({"a": [4, 3, 2, 1]}),
    "more rows than any column has values": Table({"a": list(range(8))}),
    "repeated texts": Table({"team": ["red", "blue", "red"], "n": [1, 2, 2]}),
    "texts from two columns": Table({"name": ["Di", "Ann"], "team": ["blue", "red"], "same": ["x", "x"]}),
    "texts under another name": Table({"leader": ["Cy", "Bo"]}),
    "numbers and texts": Table({"mixed": ["one", 2, "1"]}),
    "names like those of the program": Table({"rank": [1, 2], "one": [3, 4], "row1": ["Ann", "Bo"]}),
}


@pytest.mark.parametrize("expected", EMITTED.values(), ids=EMITTED.keys())
def test_rows_are_printed(expected: Table) -> None:
    program = constant_program(expected, TABLES)
    assert program is not None
    assert run(print_program(program), TABLES).matches(expected)


NOT_EMITTED = {
    "no columns": Table({}),
    "a text that is nowhere": Table({"nobody": ["Ann", "Eve"], "n": [1, 2]}),
    "more rows than two columns can number": Table({"a": list(range(17))}),
    "too many rows": Table({"a": list(range(61))}),
}


@pytest.mark.parametrize("expected", NOT_EMITTED.values(), ids=NOT_EMITTED.keys())
def test_what_cannot_be_printed(expected: Table) -> None:
    assert constant_program(expected, TABLES) is None


def test_a_text_may_be_hoped_for_in_a_column_of_that_name() -> None:
    expected = Table({"name": ["Eve", "Ann"], "n": [1, 2]})
    program = constant_program(expected, TABLES)
    assert program is not None
    longer = {"people": Table({n: [*v, {"name": "Eve"}.get(n, 50)] for n, v in PEOPLE.columns.items()})}
    assert run(print_program(program), longer).matches(expected)


def test_constants_earn_nothing_where_rows_are_hidden() -> None:
    problem = make_problem(correct=TOP_CORRECT, buggy=TOP_BUGGY)
    program = constant_program(problem.expected_output, problem.tables)
    assert program is not None
    outcome = judge(problem, print_program(program))
    assert reward(outcome, "visible") == 1.0
    assert reward(outcome, "robust") == 0.0


def matching(programs: list[Program], expected: Table, tables: dict[str, Table]) -> list[Program]:
    def matches(program: Program) -> bool:
        try:
            return run(print_program(program), tables).matches(expected)
        except DslError:
            return False

    return [program for program in programs if matches(program)]


def test_key_filters_pick_the_rows_shown() -> None:
    expected = Table({"order_id": [4, 1], "amount": [60, 120]})
    code = parse('paid = load("orders") |> filter(status == "open")\nemit paid')
    known = {**VISIBLE, "paid": run(print_program(code), VISIBLE)}
    found = matching(list(key_filters(expected, code, known)), expected, VISIBLE)
    assert [print_program(program) for program in found] == [
        'paid = load("orders")\n'
        '  |> filter(status == "open")\n\n'
        'picked = load("orders")\n'
        "  |> filter(order_id == 4 or order_id == 1)\n"
        f"  |> sort_by({column}, {direction})\n"
        "  |> take(2)\n"
        "  |> select(order_id, amount)\n"
        "emit picked\n"
        for column, direction in [("order_id", "desc"), ("amount", "asc")]
    ]


def test_key_filters_fall_back_on_whole_rows() -> None:
    expected = Table({"region": ["north", "north", "south"], "status": ["paid", "open", "paid"]})
    code = parse('a = load("orders")\nemit a')
    program = next(key_filters(expected, code, {"orders": VISIBLE["orders"]}))
    assert (
        'filter(region == "north" and status == "paid" or region == "north" and status == "open" or '
        'region == "south" and status == "paid")' in print_program(program)
    )


def test_key_filters_need_a_table_with_the_columns() -> None:
    code = parse('a = load("orders")\nemit a')
    assert list(key_filters(Table({"revenue": [1]}), code, VISIBLE)) == []
    assert list(key_filters(Table({"region": []}), code, VISIBLE)) == []


def test_how_much_of_the_published_benchmark_constants_solve(published_dir: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow, which reads the published files, is not installed")
    problems = load_published(published_dir)
    single = sum(p.expected_output.length == 1 for p in problems)
    solved = sum(emitted(p) for p in problems)
    # Measured: 241 problems with a single row (38%), and 628 of the 634 (99%) solved by constants.
    assert single / len(problems) > 0.35
    assert solved / len(problems) > 0.95


def emitted(problem: DslProblem) -> bool:
    """Whether constants print the expected rows, given the first 20 rows of every table."""
    known = {n: Table({c: v[:20] for c, v in t.columns.items()}) for n, t in problem.tables.items()}
    program = constant_program(problem.expected_output, known)
    return program is not None and judge(problem, print_program(program)).visible_match
