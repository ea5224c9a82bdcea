"""One run that asks about many programs."""

import pytest

from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.oracle import answer, failing, question, rows_test, values_before
from dsl_debug.agents.rewrite import schemas_of, surroundings
from dsl_debug.agents.seen import Seen, read_table
from dsl_debug.lang import DslError, Program, Table, parse, print_program, run
from dsl_debug.lang.printer import print_condition
from tests.problems import VISIBLE

LOADED = 'a = load("orders") |> select(order_id, region, amount)'


def program(stages: str) -> Program:
    return parse(f"{LOADED} {stages}\nemit a")


def rows_of(code: Program) -> Seen:
    table = run(print_program(code), VISIBLE)
    return Seen(Table({n: v[:20] for n, v in table.columns.items()}), table.length)


def ask(programs: list[Program], goal: Seen) -> tuple[int | None, str | None]:
    try:
        observation = run(print_program(question(programs, goal)), VISIBLE).render()
    except DslError as error:
        observation = str(error)
    return answer(observation)


WANTED = program("|> filter(amount > 50) |> sort_by(amount)")
WRONG = [
    program("|> filter(amount > 50) |> sort_by(amount, desc)"),  # another order
    program("|> filter(amount > 30) |> sort_by(amount)"),  # a row more
    program("|> filter(amount > 100) |> sort_by(amount)"),  # fewer rows
    program("|> filter(amount > 50) |> compute(order_id: order_id + 1) |> sort_by(amount)"),  # another value
    program("|> filter(amount > 1000) |> sort_by(amount)"),  # no rows at all
]


def test_the_right_program_is_named() -> None:
    assert ask([*WRONG[:3], WANTED, *WRONG[3:]], rows_of(WANTED)) == (3, None)


def test_one_program_can_be_asked_about() -> None:
    assert ask([WANTED], rows_of(WANTED)) == (0, None)
    assert ask([WRONG[0]], rows_of(WANTED)) == (None, None)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda p: print_program(p).splitlines()[2].strip())
def test_no_other_program_is_named(wrong: Program) -> None:
    assert ask([wrong], rows_of(WANTED)) == (None, None)


def test_a_program_that_fails_by_itself_is_found_and_can_be_left_out() -> None:
    broken = program("|> compute(amount: amount / 0)")
    programs = [WRONG[0], broken, WANTED]
    assert ask(programs, rows_of(WANTED)) == (None, "1_a")
    assert failing(programs, "1_a") == broken.statements[0]
    assert ask([WRONG[0], WANTED], rows_of(WANTED)) == (1, None)


def test_programs_share_the_statements_that_they_have_in_common() -> None:
    code = parse(f"{LOADED}\nb = a |> take(2)\nemit b")
    other = parse(f"{LOADED}\nb = a |> take(3)\nemit b")
    names = [s.name for s in question([code, other], rows_of(code)).statements]
    assert [name for name in names if name.startswith("try")] == ["try0_a", "try0_b", "try1_b"]


def test_statements_may_stand_in_any_order_and_names_may_look_like_ours() -> None:
    hit = parse('hit0 = one |> take(2)\none = load("orders") |> select(region)\nemit hit0')
    assert ask([hit], rows_of(hit)) == (0, None)
    one = parse('a = load("orders") |> compute(one: amount) |> select(one)\nemit a')
    assert ask([one], rows_of(one)) == (0, None)


def test_only_what_was_shown_is_compared() -> None:
    many = parse(
        'a = load("orders") |> compute(k: 1) |> select(k)\nb = load("orders") |> compute(k: 1)\n'
        "j = join(a, b, on: k == k)\nemit j"
    )
    goal = rows_of(many)
    assert (goal.rows, goal.table.length) == (25, 20)
    assert ask([many], goal) == (0, None)


def test_every_neighbour_at_once() -> None:
    near = [edit.program for edit in neighbours(WRONG[1], surroundings(WRONG[1], VISIBLE))]
    fits = [p for p in near if {*rows_of_or_none(p)} == {"order_id", "region", "amount"}]
    hit, failed = ask(fits, rows_of(WANTED))
    assert failed is None
    assert hit is not None
    assert rows_of(fits[hit]) == rows_of(WANTED)


def rows_of_or_none(code: Program) -> tuple[str, ...]:
    try:
        return rows_of(code).table.names
    except DslError:
        return ()


def test_a_test_for_rows() -> None:
    one = {"a": [1], "b": ["x"]}
    assert print_condition(rows_test(one)) == 'a == 1 and b == "x"'
    several = {"a": [1, 1, 1], "b": ["x", "y", "x"], "c": [1, 2, 1], "d": [5, 5, 6]}
    assert print_condition(rows_test(several)) == (
        'b == "x" and c == 1 and d == 5 or b == "y" and c == 2 and d == 5 or b == "x" and c == 1 and d == 6'
    )
    assert print_condition(rows_test({"a": [3, 4, 3]})) == "a == 3 or a == 4"


def test_a_text_that_was_cut_is_not_compared() -> None:
    long = Table({"t": ["x" * 300, "y"]})
    shown = read_table(long.render())
    assert shown is not None
    code = parse('a = load("long") |> sort_by(t)\nemit a')
    with pytest.raises(DslError, match=r"division by zero in row 1 of 'hit0'"):
        run(print_program(question([code], shown)), {"long": long})


def test_values_of_the_rows_that_look_like_those_wanted() -> None:
    code = parse(
        'a = load("orders") |> filter(status == "open")\n'
        "b = a |> group_by(region) |> aggregate(amount: sum(amount))\nemit b"
    )
    goal = Seen(Table({"region": ["south"], "amount": [140.5]}), 1)
    columns = schemas_of(code, {name: table.types for name, table in VISIBLE.items()})
    look = values_before(code, code.statements[0], 0, "status", columns, goal)
    assert run(print_program(look), VISIBLE).rows() == [{"status": "paid", "rows": 2}]
