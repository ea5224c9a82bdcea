"""Mutants of the library: deterministic, killed by visible tests, pinned by hidden ones, never equivalent."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builder.python_bugs.cases import Runner, canonical, is_plain
from dataset_builder.python_bugs.checks import verify
from dataset_builder.python_bugs.families import hand_written_problems
from dataset_builder.python_bugs.inputs import integers, lists, tuples
from dataset_builder.python_bugs.library import LibraryFunction, draw_inputs, expected_case, library
from dataset_builder.python_bugs.mutate import generate
from dsl_debug.agents.python_mutations import mutants_of
from tests.dataset_builder.test_python_bugs_runner import fast_runner

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = library()
BY_NAME = {function.name: function for function in LIBRARY}


@pytest.fixture(scope="module")
def run() -> Iterator[Runner]:
    with fast_runner() as runner:
        yield runner


# ---- the library


def test_the_library_is_large_and_has_nothing_of_the_hand_written_functions() -> None:
    assert len(LIBRARY) >= 60
    assert len(BY_NAME) == len(LIBRARY)
    assert not BY_NAME.keys() & {bug.function for bug in hand_written_problems()}


@pytest.mark.parametrize("function", LIBRARY, ids=lambda function: function.name)
def test_library_functions_answer_many_plain_inputs(function: LibraryFunction) -> None:
    inputs = draw_inputs(function, 0, 32)
    assert len(inputs) >= 20
    cases = [expected_case(function, args) for args in inputs]
    assert all(is_plain(case["args"]) and is_plain(case.get("expected")) for case in cases)
    assert len({canonical(case.get("expected")) for case in cases}) >= 2
    assert function.description.startswith("Return ")


@pytest.mark.parametrize("function", LIBRARY, ids=lambda function: function.name)
def test_library_functions_leave_their_arguments_alone(function: LibraryFunction) -> None:
    for args in draw_inputs(function, 1, 10):
        before = canonical(args)
        try:
            function.call(*args)
        except ValueError:
            continue
        assert canonical(args) == before


def test_inputs_depend_on_the_seed_and_the_function_only() -> None:
    function = BY_NAME["closest"]
    assert draw_inputs(function, 5, 20) == draw_inputs(function, 5, 20)
    assert draw_inputs(function, 5, 20)[:7] == draw_inputs(function, 5, 7)
    assert draw_inputs(function, 5, 20) != draw_inputs(function, 6, 20)


@settings(max_examples=60)
@given(st.data())
def test_the_strategies_give_what_the_functions_take(data: st.DataObject) -> None:
    function = data.draw(st.sampled_from(LIBRARY))
    args = data.draw(function.arguments.strategy())
    assert isinstance(args, tuple)
    assert is_plain(expected_case(function, args).get("expected"))


# ---- the mutants


@pytest.mark.parametrize("function", LIBRARY[::4], ids=lambda function: function.name)
def test_mutants_are_python_and_differ_in_one_place(function: LibraryFunction) -> None:
    shapes = {ast.dump(ast.parse(function.code))}
    for edits in mutants_of(function.code).values():
        for _, text in edits:
            shape = ast.dump(ast.parse(text))
            assert shape not in shapes
            shapes.add(shape)


# ---- generated problems

SOME = ("closest", "mirrored", "out_of_place", "initials")


def test_generated_bugs_stand_up_to_the_checks(run: Runner) -> None:
    for name in SOME:
        bugs = generate(BY_NAME[name], 3, 4, run)
        assert bugs, name
        for bug in bugs:
            assert verify(bug, run) == [], bug.buggy_code
            assert bug.buggy_code.splitlines()[bug.bugs[0].line - 1 :] != bug.correct_code.splitlines()


def test_a_bug_depends_on_seed_function_and_index_only(run: Runner) -> None:
    function = BY_NAME["shared_span"]
    bugs = generate(function, 3, 6, run)
    assert len(bugs) == 6
    assert generate(function, 3, 2, run) == bugs[:2]
    assert generate(function, 4, 6, run) != bugs


GENERATE = """
from dataset_builder.python_bugs.library import library
from dataset_builder.python_bugs.mutate import generate
from tests.dataset_builder.test_python_bugs_runner import fast_runner
function = next(function for function in library() if function.name == "count_items")
with fast_runner() as run:
    print(*[bug.id for bug in generate(function, 3, 5, run)])
"""


def test_generation_does_not_depend_on_the_hash_seed(run: Runner) -> None:
    bugs = generate(BY_NAME["count_items"], 3, 5, run)
    for hash_seed in ("0", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", GENERATE]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.stdout.split() == [bug.id for bug in bugs], done.stderr


def at_least_zero(numbers: list[int]) -> int:
    """Return the largest of the numbers and zero."""
    best = 0
    for number in numbers:
        if number > best:
            best = number
    return best


def countdown(number: int) -> list[int]:
    """Return the numbers from the given one down to 1."""
    numbers = []
    while number > 0:
        numbers.append(number)
        number -= 1
    return numbers


def test_equivalent_mutants_are_dropped(run: Runner) -> None:
    function = LibraryFunction("lists", at_least_zero, tuples(lists(integers(-3, 5), 0, 5)))
    equivalent = function.code.replace("number > best", "number >= best")
    assert equivalent in [text for edits in mutants_of(function.code).values() for _, text in edits]
    bugs = generate(function, 0, 100, run)
    assert bugs
    assert equivalent not in [bug.buggy_code for bug in bugs]


def test_mutants_that_do_not_end_are_dropped(run: Runner) -> None:
    function = LibraryFunction("numbers", countdown, tuples(integers(-5, 30)))
    looping = function.code.replace("        number -= 1\n", "")
    assert looping in [text for edits in mutants_of(function.code).values() for _, text in edits]
    bugs = generate(function, 0, 100, run)
    assert bugs
    assert looping not in [bug.buggy_code for bug in bugs]


def test_all_tests_together_kill_the_other_mutants(run: Runner) -> None:
    function = BY_NAME["next_departure"]
    bugs = generate(function, 3, 100, run)
    tests = [*bugs[0].tests, *bugs[0].hidden_tests]
    for other in bugs[1:]:
        outcomes = run(other.buggy_code, function.name, tests)
        assert not all(outcome.passed for outcome in outcomes), other.buggy_code
