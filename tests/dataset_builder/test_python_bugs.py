"""The hand-written bugs and the checks that every arena problem has to stand up to."""

import ast
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from dataset_builder.python_bugs.cases import Runner, canonical, is_plain
from dataset_builder.python_bugs.checks import verify
from dataset_builder.python_bugs.families import FAMILIES, hand_written_problems
from dataset_builder.python_bugs.hand_written import HandWritten, case, refused, to_problem
from dsl_debug.problem import DIFFICULTIES, PYTHON_CATEGORIES, PythonProblem
from tests.dataset_builder.test_python_bugs_runner import fast_runner

BUGS = hand_written_problems()


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    with fast_runner() as runner:
        yield runner


# ---- the curriculum


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.function)
def test_every_bug_fails_as_shipped_and_passes_when_fixed(bug: PythonProblem, run: Runner) -> None:
    assert verify(bug, run) == []


def test_there_are_enough_bugs_of_every_kind() -> None:
    assert len(BUGS) >= 64
    categories = Counter(bug.category for bug in BUGS)
    assert set(categories) == set(PYTHON_CATEGORIES)
    assert min(categories.values()) >= 6
    difficulties = Counter(bug.difficulty for bug in BUGS)
    assert set(difficulties) == set(DIFFICULTIES)
    assert min(difficulties.values()) >= len(BUGS) / 5
    assert len({bug.family for bug in BUGS}) >= 12


def test_no_bug_comes_twice() -> None:
    for field in ("id", "function", "description", "buggy_code", "correct_code"):
        values = [getattr(bug, field) for bug in BUGS]
        assert len(set(values)) == len(values), field


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_lists_all_that_its_file_has(family: str) -> None:
    module = FAMILIES[family]
    written = [value for value in vars(module).values() if isinstance(value, HandWritten)]
    assert list(module.BUGS) == written


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.function)
def test_nothing_in_the_code_gives_the_bug_away(bug: PythonProblem) -> None:
    assert "#" not in bug.buggy_code.replace('"#"', ""), "no comments"
    assert "bug" not in bug.buggy_code.lower()
    assert bug.description.endswith(".")
    assert bug.hint.endswith((".", "?"))


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.function)
def test_the_place_of_the_bug_is_where_the_codes_differ(bug: PythonProblem) -> None:
    (found,) = bug.bugs
    correct, buggy = bug.correct_code.splitlines(), bug.buggy_code.splitlines()
    assert correct[: found.line - 1] == buggy[: found.line - 1]
    assert found.original in bug.correct_code
    assert found.mutated in bug.buggy_code
    assert bug.correct_code.replace(found.original, found.mutated).split() == bug.buggy_code.split()


def test_the_bugs_do_not_loop(run: Runner) -> None:
    for bug in BUGS:
        outcomes = run(bug.buggy_code, bug.function, bug.tests)
        assert "timeout" not in [outcome.reason for outcome in outcomes], bug.function


def halve(number: int) -> int:
    """Return half of a number."""
    return number // 2


def test_a_change_has_to_fit_exactly_once() -> None:
    entry = HandWritten(
        halve, "logic", "easy", ("number", "numbers"), "Which?", (case(2, gives=1),), (refused(1),)
    )
    with pytest.raises(ValueError, match="halve: 'number' stands 3 times in the function"):
        to_problem(entry, "numbers")


# ---- the record


def test_plain_data_is_exact_types_only() -> None:
    class Sly(int):
        pass

    assert is_plain([1, (2.5, "x"), {3}, {"k": None, 4: True}])
    for value in (
        Sly(1),
        float("nan"),
        b"x",
        object(),
        [lambda: 1],
        {"k": {1: [Sly(2)]}},
        1 + 2j,
        "\ud800",
        10**4300,
    ):
        assert not is_plain(value)
    cycle: list[Any] = []
    cycle.append(cycle)
    assert not is_plain(cycle)


def test_canonical_text_keeps_types_apart_and_order_out() -> None:
    apart: list[Any] = [1, 1.0, True, "1", [1], (1,), {1}, {1: 1}, None, [], (), set(), {}, -0.0, 0.0]
    assert len({canonical(value) for value in apart}) == len(apart)
    assert canonical({"b": 1, "a": {3, 1, 2}}) == canonical({"a": {2, 3, 1}, "b": 1})


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.function)
def test_every_problem_survives_the_row_of_a_dataset(bug: PythonProblem) -> None:
    row = json.loads(json.dumps(bug.to_row()))
    back = PythonProblem.from_row(row)
    assert back == bug
    assert canonical(list(back.tests)) == canonical(list(bug.tests)), "1, 1.0 and True are equal to =="
    assert canonical(list(back.hidden_tests)) == canonical(list(bug.hidden_tests))


# ---- the checks

CORRECT = 'def double(number):\n    """Return twice the number."""\n    return number * 2\n'


def problem(**changes: Any) -> PythonProblem:
    content: dict[str, Any] = {
        "category": "logic",
        "difficulty": "easy",
        "family": "numbers",
        "function": "double",
        "source": "test",
        "buggy_code": CORRECT.replace("number * 2", "number + 2"),
        "correct_code": CORRECT,
        "description": "Return twice the number.",
        "tests": tuple(case(number, gives=2 * number) for number in range(6)),
        "hidden_tests": tuple(case(number, gives=2 * number) for number in range(6, 10)),
        "bugs": (),
        "hint": "",
    }
    return PythonProblem(**{**content, **changes})


TESTS = problem().tests
HIDDEN = problem().hidden_tests
RANDOM = "import random\n\n\ndef double(number):\n    return number * 2 + random.choice([0] * 9 + [1])\n"

REJECTED: dict[str, tuple[PythonProblem, str]] = {
    "no description": (problem(description=" "), "the description is empty"),
    "half a character": (
        problem(description="Return \ud800."),
        "the description holds half a character",
    ),
    "not Python": (
        problem(buggy_code="def double(number:\n    return 1\n"),
        "the buggy code is not Python: '(' was never closed (<unknown>, line 1)",
    ),
    "other name": (
        problem(correct_code=CORRECT.replace("double", "twice")),
        "the correct code does not define 'double' as a function",
    ),
    "a class": (
        problem(buggy_code="class double:\n    pass\n"),
        "the buggy code does not define 'double' as a function",
    ),
    "nothing wrong": (
        problem(buggy_code=CORRECT.replace("twice", "half of")),
        "the buggy code is the correct code",
    ),
    "few visible tests": (problem(tests=TESTS[:5]), "5 visible tests, at least 6 are wanted"),
    "few hidden tests": (problem(hidden_tests=HIDDEN[:3]), "3 hidden tests, at least 4 are wanted"),
    "no plain data": (
        problem(tests=(*TESTS, case(frozenset(), gives=0))),
        "visible test 7: it holds something that is not plain data",
    ),
    "two expectations": (
        problem(tests=(*TESTS, {"args": (9,), "expected": 18, "raises": "ValueError"})),
        "visible test 7: it has to have one of expected, yields and raises",
    ),
    "unknown exception": (
        problem(tests=(*TESTS, {"args": (9,), "raises": "Oops"})),
        "visible test 7: there is no built-in exception 'Oops'",
    ),
    "a call twice": (problem(tests=(*TESTS, TESTS[0])), "two tests make the same call"),
    "a hidden call shown": (
        problem(hidden_tests=(*HIDDEN, TESTS[1])),
        "a hidden test makes the same call as a visible one",
    ),
    "wrong reference": (
        problem(hidden_tests=(*HIDDEN, case(10, gives=21))),
        "the correct code fails hidden test 5: wrong value",
    ),
    "bug not shown": (
        problem(buggy_code=CORRECT.replace("number * 2", "number * 2 + (number > 5)")),
        "the buggy code passes all visible tests",
    ),
    "bug not pinned": (
        problem(buggy_code=CORRECT.replace("number * 2", "number * 2 + (number < 6)")),
        "the buggy code passes all hidden tests",
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_problem_with_one_fault_is_told_that_fault(name: str, run: Runner) -> None:
    bug, reason = REJECTED[name]
    assert verify(bug, run) == [reason]


def test_the_problem_without_a_fault_passes(run: Runner) -> None:
    assert verify(problem(), run) == []


def test_a_reference_that_rolls_dice_is_found_out(run: Runner) -> None:
    (reason,) = verify(problem(correct_code=RANDOM.replace("[0] * 9 + [1]", "[0, 1]")), run)
    assert reason.startswith("the correct code fails ")


def test_the_buggy_code_of_all_bugs_parses() -> None:
    for bug in BUGS:
        assert ast.parse(bug.buggy_code)
