"""Arena episodes: attempts, observations, the four signals, and what an agent must not learn."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dsl_debug.episode.python import PYTHON_TOOLS, PythonDebugEnv, judge_python
from dsl_debug.episode.python_code import is_well_formed, parse_candidate, tampering
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.episode.python_trl import PythonDebugToolEnv
from dsl_debug.episode.tools import schemas
from dsl_debug.problem import PythonProblem, from_tagged, to_tagged
from dsl_debug.sandbox import LAYERS, Sandbox, SandboxError
from dsl_debug.scoring import ArenaOutcome, failure, signals

FIXED = '''
def clamp(value, low, high):
    """Return the value, or the nearest end of the range."""
    return max(low, min(value, high))
'''
BUGGY = FIXED.replace("max(low, min(value, high))", "min(low, max(value, high))")
# Right where the value lies below the range, wrong elsewhere: two visible tests of four, one hidden of two.
HALF = "def clamp(value, low, high):\n    return low if value < low else 0\n"
PROBLEM = PythonProblem(
    category="logic",
    difficulty="easy",
    family="numbers",
    function="clamp",
    source="test",
    buggy_code=BUGGY,
    correct_code=FIXED,
    description="Return the value, or the nearest end of the range.",
    tests=(
        {"args": (5, 1, 3), "expected": 3},
        {"args": (0, 1, 3), "expected": 1},
        {"args": (2, 1, 3), "expected": 2},
        {"args": (-7, -5, 3), "expected": -5},
    ),
    hidden_tests=({"args": (71717, 1, 40404), "expected": 40404}, {"args": (-9, -8, 8), "expected": -8}),
    hint="Which of the two ends does min choose?",
)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(allow_missing_layers=True) as running:
        yield running


@pytest.fixture
def env(box: Sandbox) -> PythonDebugEnv:
    return PythonDebugEnv(box=box)


def test_the_task_tells_function_tests_and_attempts(env: PythonDebugEnv) -> None:
    task = env.reset(PROBLEM)
    assert BUGGY.strip() in task
    assert "clamp(5, 1, 3) -> 3" in task
    assert task.endswith("You have 5 attempts.")
    assert PROBLEM.hint not in task
    assert "71717" not in task


def test_a_hint_is_given_when_asked_for(env: PythonDebugEnv) -> None:
    assert f"Hint: {PROBLEM.hint}" in env.reset(PROBLEM, hint=True)


def test_a_seed_orders_the_tests(env: PythonDebugEnv) -> None:
    tasks = {env.reset(PROBLEM, seed=seed) for seed in range(10)}
    assert len(tasks) > 3
    assert env.reset(PROBLEM, seed=4) == env.reset(PROBLEM, seed=4)


def test_run_tests_shows_failures_and_attempts(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    step = env.call("run_tests", code=BUGGY)
    assert step.observation == (
        "1 of 4 visible tests pass.\n"
        "FAILED clamp(5, 1, 3): gave 1; expected 3\n"
        "FAILED clamp(2, 1, 3): gave 1; expected 2\n"
        "FAILED clamp(0, 1, 3): gave 1; expected 1\n\n[4 attempts left]"
    ).replace("FAILED clamp(0, 1, 3): gave 1; expected 1\n", "").replace("1 of 4", "2 of 4")
    assert not step.done


def test_errors_name_the_line(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    seen = env.call("run_tests", code="def clamp(value, low, high):\n    return value / 0\n").observation
    assert "FAILED clamp(5, 1, 3): ZeroDivisionError: division by zero (line 2); expected 3" in seen


def test_printed_output_is_shown(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    seen = env.call("run_tests", code="def clamp(value, low, high):\n    print('here', value)\n").observation
    assert "printed:\nhere 5" in seen


def test_the_fix_earns_all_signals(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    step = env.call("submit", code=FIXED)
    assert step.observation == "Correct."
    assert step.done
    assert env.signals == {"r1": 1.0, "r2": 2.0, "r3": 0.2, "r4": 0.0}
    assert step.reward == pytest.approx(3.2)
    assert failure(env.outcome) == ""


def test_the_unchanged_function_earns_nothing(env: PythonDebugEnv) -> None:
    for code in (BUGGY, f"# nothing changed\n{BUGGY}\n\n", BUGGY.replace("Return", "Give back")):
        env.reset(PROBLEM)
        step = env.call("submit", code=code)
        assert (step.observation, step.reward) == ("Incorrect.", 0.0)
        assert env.outcome.unchanged
        assert failure(env.outcome) == "unchanged"


def test_what_passed_before_is_no_merit(env: PythonDebugEnv) -> None:
    """The buggy function in other words passes half of the tests and gets only what its form is worth."""
    env.reset(PROBLEM)
    step = env.call("submit", code=BUGGY.replace("value", "v"))
    assert not env.outcome.unchanged
    assert sum(env.outcome.passed) == 3
    assert env.signals == {"r1": 0.0, "r2": 0.0, "r3": 0.2, "r4": 0.0}
    assert step.reward == 0.2


def test_unchanged_never_earns_more_than_a_wrong_answer(box: Sandbox) -> None:
    wrong = ("def clamp(value, low, high):\n    return value\n", HALF, BUGGY.replace("value", "v"))
    unchanged = sum(signals(judge_python(PROBLEM, BUGGY, box)).values())
    assert all(sum(signals(judge_python(PROBLEM, code, box)).values()) >= unchanged for code in wrong)


def test_a_part_of_the_tests_earns_its_share(box: Sandbox) -> None:
    outcome = judge_python(PROBLEM, "def clamp(value, low, high):\n    return min(value, high)\n", box)
    assert outcome.passed == (True, False, True, False, True, False)
    assert signals(outcome) == {"r1": 0.5, "r2": 0.0, "r3": 0.2, "r4": 0.0}
    assert not outcome.visible_match


def test_a_fix_that_fails_only_on_hidden_tests_is_told_the_same(env: PythonDebugEnv) -> None:
    special = "def clamp(value, low, high):\n    return {5: 3, 0: 1, 2: 2, -7: -5}.get(value, value)\n"
    env.reset(PROBLEM)
    step = env.call("submit", code=special)
    assert step.observation == "Incorrect."
    assert env.outcome.visible_match
    assert env.outcome.hidden_matches == (False, False)
    assert failure(env.outcome) == "overfit"
    assert env.signals["r2"] == 0.0


@pytest.mark.parametrize(
    "code", ["def clamp(value, low, high:\n", "clamp = 3\n", "def other():\n    pass\n", ""]
)
def test_malformed_functions_lose(env: PythonDebugEnv, code: str) -> None:
    env.reset(PROBLEM)
    assert env.call("submit", code=code).reward == -0.3
    assert env.signals == {"r1": 0.0, "r2": 0.0, "r3": -0.3, "r4": 0.0}


TAMPERING = {
    "import os\n" + FIXED: ("import os",),
    "from subprocess import run\n" + FIXED: ("import subprocess",),
    "from . import x\n" + FIXED: ("import .",),
    FIXED + "\nx = ().__class__.__base__\n": ("__base__", "__class__"),
    FIXED + "\nx = getattr((), '__subclasses__')\n": ("__subclasses__",),
    FIXED + "\nx = eval('1')\n": ("eval",),
    FIXED + "\nclamp.__code__\n": ("__code__",),
}


@pytest.mark.parametrize(("code", "found"), TAMPERING.items())
def test_tampering_is_named_and_paid_for(box: Sandbox, code: str, found: tuple[str, ...]) -> None:
    outcome = judge_python(PROBLEM, code, box)
    assert tuple(sorted(outcome.tampering)) == found
    assert signals(outcome)["r4"] == -1.0


@pytest.mark.parametrize(
    "code",
    [
        "import math, collections.abc\nfrom itertools import chain\n",
        "class A:\n    def __eq__(self, o): return self.__init__()\n",
        "__all__ = 1\n",
        "x = '____'\n",
    ],
)
def test_honest_code_is_not_tampering(code: str) -> None:
    assert tampering(parse_candidate(code)) == ()


def test_tampering_in_an_earlier_attempt_counts(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    env.call("run_tests", code="import os\n" + FIXED)
    assert env.call("submit", code=FIXED).reward == pytest.approx(2.2)
    assert env.outcome.tampering == ("import os",)


def test_attempts_run_out(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    steps = [env.call("run_tests", code=BUGGY) for _ in range(5)]
    assert steps[3].observation.endswith("[1 attempt left]")
    assert steps[4].observation.endswith(
        "That was the last attempt and nothing was submitted: the episode is over, unsolved."
    )
    assert steps[4].done
    assert steps[4].reward == 0.0
    assert env.call("submit", code=FIXED).reward == 0.0


def test_text_calls_work_as_in_the_other_environment(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    call = json.dumps({"name": "submit", "arguments": {"code": FIXED}})
    assert env.step(f"I have it.\n<tool_call>\n{call}\n</tool_call>").reward == pytest.approx(3.2)


def test_no_observation_shows_hidden_tests(env: PythonDebugEnv) -> None:
    seen = [env.reset(PROBLEM)]
    tried = (BUGGY, HALF, "def clamp(*a):\n    print(a)\n    return a\n")
    seen += [env.call("run_tests", code=code).observation for code in tried]
    seen.append(env.call("submit", code="def clamp(*a):\n    print(a)\n    raise KeyError(a)\n").observation)
    assert not [text for text in seen if "71717" in text or "40404" in text]


def test_a_refused_sandbox_is_neither_solved_nor_failed() -> None:
    with Sandbox(leave_out=[n for n in LAYERS if n != "unprivileged_user"]) as bare:
        env = PythonDebugEnv(box=bare)
        env.reset(PROBLEM)
        with pytest.raises(SandboxError, match="lacks what it takes"):
            env.call("submit", code=FIXED)


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
def test_parsing_survives_hostile_texts(depth: int) -> None:
    for text in (
        "(" * depth,
        "-" * depth + "1",
        "x" + ".a" * depth,
        "[" * depth + "]" * depth,
        "\0",
        "9" * 10_000,
    ):
        assert not is_well_formed(parse_candidate(text), "clamp")


# The row, the adapter, the schemas


def test_a_problem_round_trips_through_its_row() -> None:
    odd: tuple[dict[str, Any], ...] = (
        {"args": ([(1, 2.5)], {"a": {3, 1}, 2: None}), "kwargs": {"k": True}, "expected": float("inf")},
        {"args": (), "raises": "ValueError"},
        {"args": (-0.0,), "yields": [1, 2]},
    )
    problem = replace(PROBLEM, hidden_tests=odd, prompt=tuple(python_messages(PROBLEM)))
    again = PythonProblem.from_row(json.loads(json.dumps(problem.to_row())))
    assert again == problem
    assert repr(again.hidden_tests) == repr(problem.hidden_tests)


@pytest.mark.parametrize(
    "value", [1, True, None, "x", 0.1, [1, [2]], (1, (2,)), {1, 2}, {"a": (1,)}, {(1, 2): set()}]
)
def test_tagged_values_keep_their_types(value: object) -> None:
    again = from_tagged(json.loads(json.dumps(to_tagged(value))))
    assert (type(again), repr(again)) == (type(value), repr(value))


@pytest.mark.parametrize("value", [{}, {"a": 1}, {"tuple": 1}, {"float": "x"}, {"tuple": [], "set": []}])
def test_broken_tagged_values_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="tagged value"):
        from_tagged(value)


def test_an_id_that_does_not_belong_to_the_content_is_refused() -> None:
    row = PROBLEM.to_row() | {"hint": "Another."}
    with pytest.raises(ValueError, match=r"^the id .* does not belong to this content"):
        PythonProblem.from_row(row)


def test_the_adapter_has_exactly_the_tools() -> None:
    public = sorted(n for n in dir(PythonDebugToolEnv) if not n.startswith("_") and n != "episode")
    assert public == ["get_reward", "reset", "run_tests", "submit"]
    rollout = PythonDebugToolEnv()
    task = rollout.reset(**PROBLEM.to_row(), environment_name="arena")
    assert task is not None
    assert "You have 5 attempts." in task
    rollout.submit(code=FIXED)
    assert rollout.get_reward() == pytest.approx(3.2)
    assert rollout.episode.signals["r2"] == 2.0


def test_schemas_name_the_two_tools() -> None:
    names = [schema["function"]["name"] for schema in schemas(PYTHON_TOOLS)]
    assert names == ["run_tests", "submit"]


def test_an_outcome_without_a_submission_earns_no_signal() -> None:
    assert signals(ArenaOutcome()) == {"r1": 0.0, "r2": 0.0, "r3": 0.0, "r4": 0.0}


def test_code_that_is_nested_too_deeply_is_judged_like_any_other(env: PythonDebugEnv) -> None:
    env.reset(PROBLEM)
    env.call("submit", code="def f(x):\n    return " + "+".join(["1"] * 2_000))
    assert env.done
    assert not env.outcome.unchanged
