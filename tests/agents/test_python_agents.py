"""Players of the arena: what they earn, and that they keep to the rules."""

from collections.abc import Iterator
from random import Random

import pytest

from dsl_debug.agents import PYTHON_AGENTS, play
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import Sandbox
from dsl_debug.scoring import ArenaOutcome, failure


def problem(
    function: str, correct: str, buggy: str, tests: list[tuple[tuple[object, ...], object]]
) -> PythonProblem:
    cases = tuple({"args": args, "expected": expected} for args, expected in tests)
    return PythonProblem(
        category="logic",
        difficulty="easy",
        family="test",
        function=function,
        source="test",
        buggy_code=buggy,
        correct_code=correct,
        description="Do what the tests say.",
        tests=cases[:-2],
        hidden_tests=cases[-2:],
    )


COUNT = """\
def count_up(n):
    found = []
    i = 0
    while i <= n:
        found.append(i)
        i += 1
    return found
"""
COUNT_TESTS = [((0,), [0]), ((2,), [0, 1, 2]), ((-1,), []), ((3,), [0, 1, 2, 3]), ((4,), [0, 1, 2, 3, 4])]
ONE_EDIT = problem("count_up", COUNT, COUNT.replace("i <= n", "i < n"), COUNT_TESTS)
GRADE = """\
def grade(points):
    if points >= 90:
        return "A"
    if points >= 50:
        return "B"
    return "C"
"""
GRADE_TESTS = [((90,), "A"), ((50,), "B"), ((10,), "C"), ((95,), "A"), ((60,), "B"), ((49,), "C")]
TWO_EDITS = problem("grade", GRADE, GRADE.replace(">=", ">"), GRADE_TESTS)
BETWEEN = "def between(x, low, high):\n    return low <= x <= high\n"
SHORT = problem(
    "between",
    BETWEEN,
    BETWEEN.replace("x <= high", "x < high"),
    [
        ((3, 1, 3), True),
        ((1, 1, 3), True),
        ((4, 1, 3), False),
        ((0, 1, 3), False),
        ((9, 5, 9), True),
        ((8, 5, 9), True),
    ],
)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(allow_missing_layers=True) as running:
        yield running


def played(name: str, problem: PythonProblem, box: Sandbox, seed: int = 0) -> PythonDebugEnv:
    """The environment after an episode, which is played by the loop that serves both environments."""
    env = PythonDebugEnv(box=box)
    outcome = play(PYTHON_AGENTS[name], env, problem, Random(seed))
    assert env.done
    assert isinstance(outcome, ArenaOutcome)
    assert outcome == env.outcome
    return env


def test_failures_are_named_as_in_the_other_environment(box: Sandbox) -> None:
    assert failure(played("unchanged", ONE_EDIT, box).outcome) == "unchanged"
    assert failure(played("reference", ONE_EDIT, box).outcome) == ""


def test_unchanged_earns_nothing(box: Sandbox) -> None:
    assert played("unchanged", ONE_EDIT, box).reward == 0.0


def test_the_reference_earns_everything(box: Sandbox) -> None:
    assert played("reference", ONE_EDIT, box).reward == pytest.approx(3.2)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("task", [ONE_EDIT, SHORT], ids=["one edit, with a loop", "one edit"])
def test_mutation_search_finds_one_edit(box: Sandbox, task: PythonProblem, seed: int) -> None:
    env = played("mutation_search", task, box, seed)
    assert env.reward == pytest.approx(3.2)
    assert env.turns <= 5
    assert env.outcome.tampering == ()


def test_mutation_search_finds_two_edits_one_after_the_other(box: Sandbox) -> None:
    env = played("mutation_search", TWO_EDITS, box)
    assert env.reward == pytest.approx(3.2)
    assert env.turns == 3


def test_mutation_search_is_deterministic(box: Sandbox) -> None:
    """Where no variant hangs; how far a hanging one gets before its time is up is the machine's affair."""
    first, second = (played("mutation_search", TWO_EDITS, box, seed=5) for _ in range(2))
    assert first.outcome.submitted == second.outcome.submitted
    assert [turn.calls for turn in first.history] == [turn.calls for turn in second.history]
