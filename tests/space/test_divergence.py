"""Rows beside the expected ones, and the first step of a program at which rows go wrong."""

from random import Random
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl_debug import lang
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.data import sample_problems
from dsl_debug.diagnosis import faulty_names
from dsl_debug.lang import Dialect, DslError, Limits, Table, parse, print_program
from dsl_debug.lang.nodes import Value
from dsl_debug.problem import DslProblem
from dsl_debug.visitors import LIMITS
from space.handlers.divergence import Divergence, first_divergence, shortened
from space.handlers.rows import MAX_EXTRA, MAX_SHOWN, RowDiff, row_diff
from space.library import Library
from tests.problems import BUGGY, CORRECT, VISIBLE, make_problem

PROBLEM = make_problem()


def table(names: str, *rows: tuple[Value, ...]) -> Table:
    return Table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def kinds(diff: RowDiff) -> list[str]:
    return [f"{row.kind} {row.number}" for row in diff.rows]


# Rows

WANTED = table("ab", ("x", 1), ("y", 2), ("z", 3))


def test_equal_rows() -> None:
    diff = row_diff(table("ba", (1.0, "x"), (2.0000000001, "y"), (3, "z")), WANTED)
    assert diff.complete
    assert (diff.given, diff.wanted, diff.right, diff.left_out) == (3, 3, 3, 0)
    assert (diff.columns, diff.missing, diff.extra) == (("a", "b"), (), ())
    assert kinds(diff) == ["same 1", "same 2", "same 3"]
    assert diff.rows[1].given == ("y", "2.0000000001")
    assert diff.rows[1].wanted == ("y", "2")


def test_a_row_too_many_does_not_make_the_others_wrong() -> None:
    diff = row_diff(table("ab", ("q", 9), ("x", 1), ("y", 2), ("z", 3)), WANTED)
    assert kinds(diff) == ["extra 1", "same 2", "same 3", "same 4"]
    assert (diff.right, diff.complete) == (3, False)
    assert (diff.rows[0].given, diff.rows[0].wanted) == (("q", "9"), ())


def test_a_row_that_is_missing() -> None:
    diff = row_diff(table("ab", ("x", 1), ("z", 3)), WANTED)
    assert kinds(diff) == ["same 1", "missing 2", "same 2"]
    assert (diff.rows[1].given, diff.rows[1].wanted) == ((), ("y", "2"))


def test_cells_that_differ() -> None:
    diff = row_diff(table("ab", ("x", 1), ("y", 5), ("z", 3)), WANTED)
    assert kinds(diff) == ["same 1", "changed 2", "same 3"]
    assert [row.wrong for row in diff.rows] == [(False, False), (False, True), (False, False)]
    assert diff.right == 2


def test_rows_stand_beside_those_that_they_are_most_like() -> None:
    diff = row_diff(table("ab", ("q", 9), ("x", 5), ("y", 6)), WANTED)
    assert kinds(diff) == ["extra 1", "changed 2", "changed 3", "missing 3"]
    assert [row.wrong for row in diff.rows[1:3]] == [(False, True), (False, True)]


def test_rows_in_another_order() -> None:
    diff = row_diff(table("ab", ("z", 3), ("y", 2), ("x", 1)), WANTED)
    assert diff.reordered
    assert not diff.complete
    assert not row_diff(WANTED, WANTED).reordered
    assert not row_diff(table("ab", ("z", 3), ("y", 2), ("x", 2)), WANTED).reordered


def test_columns_that_are_missing_or_too_many() -> None:
    diff = row_diff(table("ac", ("x", 1), ("y", 2), ("z", 3)), WANTED)
    assert (diff.columns, diff.missing, diff.extra) == (("a", "b", "c"), ("b",), ("c",))
    assert kinds(diff) == ["changed 1", "changed 2", "changed 3"]
    assert (diff.rows[0].given, diff.rows[0].wanted) == (("x", "", "1"), ("x", "1", ""))
    assert diff.rows[0].wrong == (False, True, True)
    assert (diff.right, diff.complete) == (0, False)


def test_few_of_many_columns_too_many_are_told() -> None:
    diff = row_diff(Table({f"c{n}": [1] for n in range(500)}), WANTED)
    assert len(diff.extra) == 500
    assert len(diff.columns) == len(diff.rows[0].wrong) == 2 + MAX_EXTRA


def test_nothing_is_given_or_wanted() -> None:
    nothing = table("ab", ("x", 1))
    nothing = Table({name: [] for name in nothing.names})
    assert kinds(row_diff(nothing, WANTED)) == ["missing 1", "missing 2", "missing 3"]
    assert kinds(row_diff(WANTED, nothing)) == ["extra 1", "extra 2", "extra 3"]
    assert row_diff(nothing, nothing).complete


def test_numbers_and_texts_are_told_apart() -> None:
    diff = row_diff(table("a", ("1",), (2,)), table("a", (1,), (2,)))
    assert kinds(diff) == ["changed 1", "same 2"]
    assert diff.rows[0].given == ('"1"',)


def test_rows_begin_before_the_first_wrong_one() -> None:
    many = list(range(200))
    diff = row_diff(Table({"a": [*many[:120], -1, *many[121:]]}), Table({"a": many}))
    assert kinds(diff)[:5] == ["same 118", "same 119", "same 120", "changed 121", "same 122"]
    assert (len(diff.rows), diff.left_out, diff.right) == (MAX_SHOWN, 150, 199)


def test_few_expected_rows_are_found_among_many() -> None:
    diff = row_diff(Table({"a": list(range(1_000))}), Table({"a": [500, 501]}))
    assert (diff.right, diff.given, diff.wanted) == (2, 1_000, 2)


def test_large_tables_are_compared_by_place_and_at_once() -> None:
    start = thread_time()
    diff = row_diff(Table({"a": [7, *range(1, 100_000)]}), Table({"a": list(range(200))}))
    assert thread_time() - start < 2
    assert (diff.given, diff.wanted, diff.right) == (100_000, 200, 199)
    assert kinds(diff)[:2] == ["changed 1", "same 2"]
    assert diff.left_out == 100_000 - MAX_SHOWN


def test_tables_that_are_hard_to_align_do_not_hold_anybody_up() -> None:
    random = Random(3)
    one, other = (Table({"a": [random.randrange(3) for _ in range(300)]}) for _ in range(2))
    start = thread_time()
    row_diff(one, other)
    assert thread_time() - start < 2


values = st.one_of(st.integers(-2, 2), st.sampled_from([0.5, 1.0, 1 + 5e-10, 1 + 1.5e-9, 1.1]), st.just("1"))
columns = st.lists(values, max_size=7)


@given(columns, columns)
def test_it_agrees_with_the_equality_of_results(
    mine: list[int | float | str], others: list[int | float | str]
):
    one, other = Table({"a": mine}), Table({"a": others})
    diff = row_diff(one, other)
    assert diff.complete == one.matches(other)
    assert diff.complete == all(row.kind == "same" for row in diff.rows)
    assert sum(bool(row.given) for row in diff.rows) == len(mine)
    assert sum(bool(row.wanted) for row in diff.rows) == len(others)
    assert diff.right == sum(row.kind == "same" for row in diff.rows)


# The first step that is wrong


def first_wrong(problem: DslProblem, code: str, limits: Limits = LIMITS) -> Divergence | None:
    """What is found for a program; for one that fails, as if it had given nothing."""
    try:
        table = lang.run(code, problem.tables, limits, problem.dialect)
    except DslError:
        table = Table({})
    return first_divergence(problem, code, table, limits)


def words(code: str, problem: DslProblem = PROBLEM) -> str:
    found = first_wrong(problem, code)
    return found.words if found else ""


def test_a_wrong_filter() -> None:
    found = first_wrong(PROBLEM, BUGGY)
    assert found is not None
    assert (found.node, found.stage, found.line, found.text) == ("paid", 2, 3, 'filter(status != "paid")')
    assert found.words == (
        "Rows first differ from those of the reference at line 3, filter(status != \"paid\") in 'paid': "
        "2 rows, where the reference has 3."
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("sum(amount)", "avg(amount)", "line 5, group_by(region) |> aggregate("),
        ("sum(amount)", "avg(amount)", "2 rows, as the reference has, but other values in 'revenue'."),
        ("group_by(region)", "group_by(status)", "line 5, group_by(status)"),
        ("desc", "asc", "sort_by(revenue, asc) in 'totals': the 2 rows of the reference, in another order."),
        ("orders: count()", "number: count()", "2 rows, but not the columns of the reference."),
        ('status == "paid"', 'status == "paid" or amount < 500', "line 3, filter("),
        ('load("orders")', 'load("regions") |> compute(status: "paid", amount: 1, region: code)', "line 2, "),
    ],
)
def test_other_mistakes(old: str, new: str, says: str) -> None:
    assert says in words(CORRECT.replace(old, new))


def test_a_stage_that_is_left_out() -> None:
    assert words(CORRECT.replace('\n  |> filter(status == "paid")', "")) == (
        "'paid' ends at line 2, load(\"orders\"), with 5 rows, where the reference has 3: "
        "a stage may be missing or wrong."
    )
    assert words(CORRECT.replace("\n  |> sort_by(revenue, desc)", "\n  |> take(1)")).startswith(
        "Rows first differ from those of the reference at line 7, take(1) in 'totals': no step of the"
    )


def test_the_wrong_table_is_given_out() -> None:
    assert words(CORRECT.replace("emit totals", "emit paid")) == (
        "Every step gives rows that the reference has, too, "
        "but the columns of 'paid' are not those of its result."
    )


def test_steps_in_another_table_are_not_wrong() -> None:
    moved = """\
paid = load("orders")
totals = paid
  |> filter(status == "paid")
  |> group_by(region)
  |> aggregate(revenue: max(amount), orders: count())
  |> sort_by(revenue, desc)
emit totals
"""
    assert "differ from those of the reference at line 4, group_by(region)" in words(moved)


def test_fewer_columns_are_not_wrong() -> None:
    narrow = BUGGY.replace('filter(status != "paid")', "select(status, region, amount)")
    assert "line 5, " not in words(narrow)
    assert words(narrow).startswith("'paid' ends at line 3, select(status, region, amount), with 5 rows")


def test_columns_of_ones_own_are_not_wrong() -> None:
    own = CORRECT.replace("totals = paid", "totals = paid\n  |> compute(half: amount / 2)")
    assert words(own) == ""
    assert "aggregate(revenue: min(amount)" in words(own.replace("sum(", "min("))
    assert words(
        CORRECT.replace("emit", "more = totals |> compute(mean: revenue / orders)\nemit more\n--")
    ) == (
        "Every step gives rows that the reference has, too, "
        "but the columns of 'more' are not those of its result."
    )


def test_only_steps_that_the_result_needs_count() -> None:
    unused = CORRECT.replace("desc", "asc").replace("totals =", 'no = load("regions")\ntotals =')
    assert "sort_by(revenue, asc)" in words(unused)


@pytest.mark.parametrize(
    "code",
    [
        *(CORRECT, "", "emit", "emit nothing", "a = a\nemit a", "a = b\nb = a\nemit a", "x" * 300_000),
        *(
            'a = load("orders")\n  |> compute(b: amount / 0)\nemit a',
            "\ud800",
            CORRECT.replace("paid", "p\0"),
        ),
    ],
)
def test_programs_without_a_divergence(code: str) -> None:
    assert first_wrong(PROBLEM, code) is None


def test_a_program_with_too_many_steps_is_given_up_in_time() -> None:
    code = 'a0 = load("orders")\n' + "".join(f"a{n} = a{n - 1}\n" for n in range(1, 1_400)) + "emit a1399\n"
    start = thread_time()
    assert first_wrong(PROBLEM, code) is None
    assert thread_time() - start < 2


def test_a_step_that_is_stopped_is_not_blamed() -> None:
    code = 'm = load("orders")\na = join(m, m, on: region == region)\nemit a'
    blamed = first_wrong(PROBLEM, code)
    assert blamed is not None
    assert blamed.node == "a"
    assert first_wrong(PROBLEM, code, Limits(rows=VISIBLE["orders"].length)) is None


def test_programs_in_a_dialect() -> None:
    problem = make_problem(dialect=Dialect.random(Random(7)))
    found = first_wrong(problem, problem.buggy_code)
    assert found is not None
    assert (found.node, found.stage, found.line) == ("paid", 2, 3)


def runs(problem: DslProblem) -> bool:
    try:
        lang.run(problem.buggy_code, problem.tables, dialect=problem.dialect)
    except DslError:
        return False
    return True


def test_buggy_programs_are_blamed_where_their_mistakes_are(library: Library) -> None:
    problems = [p for p in [*sample_problems(), *library.problems.values()] if runs(p)]
    found = {p.id: first_wrong(p, p.buggy_code) for p in problems}
    for problem in problems:
        divergence = found[problem.id]
        assert divergence is not None
        assert divergence.node in faulty_names(problem)
        assert divergence.text.removesuffix("…") in " ".join(problem.buggy_code.split())
    assert len(problems) >= 20


def test_single_edits_of_the_reference_are_blamed_where_they_are() -> None:
    program = parse(CORRECT)
    right = {statement.name: statement for statement in program.statements}
    blamed = []
    for edit in neighbours(program, surroundings(program, PROBLEM.tables)):
        code = print_program(edit.program)
        divergence = first_wrong(PROBLEM, code)
        if divergence:
            changed = [s.name for s in edit.program.statements if s != right[s.name]]
            assert divergence.node in (changed or [edit.program.emit.name]), code
            blamed.append(divergence)
    assert len(blamed) > 20


def test_long_steps_are_shortened() -> None:
    assert shortened("x" * 101) == "x" * 99 + "…"
    assert shortened("x" * 100) == "x" * 100
