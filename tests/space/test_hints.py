"""Hints: from vague to clear, and right about lines."""

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.problem import Bug
from space.handlers.hints import hints_of
from space.library import Library
from tests.problems import BUGGY, CORRECT, make_problem


def test_from_the_purpose_to_the_mistake() -> None:
    problem = make_problem(bugs=(Bug("filter", 3, "keeps what is not paid", "", "", 3),))
    assert hints_of(problem) == [
        "What the program is for: What each region paid.",
        "Look at 'paid': there is 1 mistake in this program.",
        "Line 3 of the program you were given: keeps what is not paid.",
    ]


def test_several_mistakes() -> None:
    bugs = (Bug("filter", 3, "keeps what is not paid", "", ""), Bug("sum", 6, "takes the average", "", ""))
    problem = make_problem(buggy=BUGGY.replace("sum(", "avg("), bugs=bugs)
    assert hints_of(problem)[1:] == [
        "Look at 'paid' and 'totals': there are 2 mistakes in this program.",
        "Line 3 of the program you were given: keeps what is not paid.",
        "Line 6 of the program you were given: takes the average.",
    ]


def test_what_a_problem_does_not_tell_is_left_out() -> None:
    assert hints_of(make_problem(bugs=(), intent=" ")) == ["Look at 'paid'."]
    unclear = make_problem(buggy=CORRECT.replace("emit totals", "emit total"), bugs=(), intent="")
    assert hints_of(unclear) == []


@pytest.mark.parametrize("line", [0, -1, 9, 10_000])
def test_lines_that_there_are_not_are_not_named(line: int) -> None:
    problem = make_problem(bugs=(Bug("filter", line, "keeps what is not paid", "", ""),))
    assert hints_of(problem)[-1] == "A mistake: keeps what is not paid."


def test_every_problem_has_hints_and_lines_are_those_of_the_program_that_is_given(library: Library) -> None:
    for problem in [*sample_problems(), *library.problems.values()]:
        assert len(hints_of(problem)) == 2 + len(problem.bugs)
        lines = problem.buggy_code.split("\n")
        for bug in problem.bugs:
            if bug.mutated and " |> " not in bug.mutated:
                assert bug.mutated in lines[bug.line - 1]
