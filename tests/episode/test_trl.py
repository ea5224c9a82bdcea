"""The class that TRL makes environments of: its methods, its rows, and whole rollouts as TRL plays them."""

import inspect
import json
from typing import Any

import pytest

from dsl_debug.episode import (
    TOOLS,
    DSLDebugEnv,
    DSLDebugToolEnv,
    messages,
    schemas,
    system_prompt,
    user_prompt,
)
from dsl_debug.episode.tools import describe
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem

PROBLEM = make_problem(prompt=tuple(messages(make_problem())))
ROW = PROBLEM.to_row()


def rollout(row: dict[str, Any], calls: list[tuple[str, dict[str, Any]]], env: DSLDebugToolEnv) -> list[str]:
    """Play calls as TRL's tool loop does: by name, with errors turned into messages."""
    env.reset(**row)
    tools = {
        name: getattr(env, name)
        for name, _ in inspect.getmembers(type(env), predicate=inspect.isfunction)
        if name not in ("reset", "get_reward") and not name.startswith("_")
    }
    answers = []
    for name, arguments in calls:
        try:
            answers.append(tools[name](**arguments))
        except Exception as error:  # TRL catches whatever a tool raises
            answers.append(str({"error": str(error)}))
    return answers


def test_public_methods_are_the_tools_reset_and_get_reward() -> None:
    methods = [n for n, _ in inspect.getmembers(DSLDebugToolEnv, inspect.isfunction) if not n.startswith("_")]
    assert methods == ["get_reward", "inspect", "read_docs", "reset", "run", "submit"]


@pytest.mark.parametrize("name", list(TOOLS))
def test_tools_have_no_return_annotation(name: str) -> None:
    signature = inspect.signature(getattr(DSLDebugToolEnv, name))
    assert signature.return_annotation is inspect.Signature.empty


def test_schemas_are_those_of_the_episode() -> None:
    assert json.dumps(schemas(describe(_OnlyTools))) == json.dumps(schemas(TOOLS))


class _OnlyTools:
    """The tools of the class, without what TRL takes for itself."""

    inspect = DSLDebugToolEnv.inspect
    read_docs = DSLDebugToolEnv.read_docs
    run = DSLDebugToolEnv.run
    submit = DSLDebugToolEnv.submit


@pytest.mark.parametrize(("code", "reward"), [(CORRECT, 1.0), (OVERFIT, 0.0), (BUGGY, 0.0), ("x", 0.0)])
def test_a_rollout(code: str, reward: float) -> None:
    env = DSLDebugToolEnv()
    calls = [("run", {"code": BUGGY}), ("inspect", {"node_name": "paid"}), ("submit", {"code": code})]
    answers = rollout(ROW, calls, env)
    assert answers[0].endswith("[7 turns left]")
    assert answers[-1].splitlines()[-1] == ("Correct." if reward else "Incorrect.")
    assert env.get_reward() == reward
    assert type(env.get_reward()) is float
    assert env.episode.outcome.submitted == code


def test_answers_are_those_of_the_episode() -> None:
    direct = DSLDebugEnv()
    direct.reset(PROBLEM)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("inspect", {"node_name": "paid", "code": CORRECT}),
        ("read_docs", {"operation": "filter"}),
        ("run", {"code": 5}),
        ("submit", {"code": CORRECT}),
        ("submit", {"code": CORRECT}),
    ]
    assert rollout(ROW, calls, DSLDebugToolEnv()) == [direct.call(n, **a).observation for n, a in calls]


def test_without_a_submission_nothing_is_earned() -> None:
    env = DSLDebugToolEnv(max_turns=2)
    assert env.get_reward() == 0.0
    answers = rollout(ROW, [("run", {"code": CORRECT})] * 3, env)
    assert env.get_reward() == 0.0
    assert answers[2] == "The episode is over: nothing is run or scored any more."


def test_calls_after_the_submission_change_nothing() -> None:
    env = DSLDebugToolEnv()
    rollout(ROW, [("submit", {"code": BUGGY}), ("submit", {"code": CORRECT})], env)
    assert env.get_reward() == 0.0


def test_instances_are_used_again() -> None:
    env = DSLDebugToolEnv()
    for code, reward in ((CORRECT, 1.0), (BUGGY, 0.0), (CORRECT, 1.0)):
        rollout(ROW, [("submit", {"code": code})], env)
        assert env.get_reward() == reward


def test_the_kind_of_reward() -> None:
    env = DSLDebugToolEnv(reward_kind="visible")
    rollout(ROW, [("submit", {"code": OVERFIT})], env)
    assert env.get_reward() == 1.0


# Rows


def test_a_row_with_a_prompt_needs_nothing_more() -> None:
    assert DSLDebugToolEnv().reset(**ROW) is None


@pytest.mark.parametrize("row", [ROW | {"prompt": []}, {k: v for k, v in ROW.items() if k != "prompt"}])
def test_a_row_without_a_prompt_gets_the_whole_task(row: dict[str, Any]) -> None:
    env = DSLDebugToolEnv(max_turns=4)
    assert env.reset(**row) == f"{system_prompt(PROBLEM)}\n\n{user_prompt(PROBLEM, 4)}"


def test_other_columns_are_ignored_and_the_environment_may_be_missing() -> None:
    # With several environments, TRL keeps the column `environment` to itself.
    row = {k: v for k, v in ROW.items() if k != "environment"} | {"weight": 0.5, "images": None}
    env = DSLDebugToolEnv()
    env.reset(**row)
    assert env.episode.problem.id == PROBLEM.id


def test_rows_of_a_problem_share_its_tables() -> None:
    first, second = DSLDebugToolEnv(), DSLDebugToolEnv()
    first.reset(**ROW)
    second.reset(**json.loads(json.dumps(ROW)))
    assert first.episode.problem is second.episode.problem


def test_a_row_that_is_no_problem() -> None:
    with pytest.raises(ValueError, match=r"^the row lacks the columns: tables$"):
        DSLDebugToolEnv().reset(**{k: v for k, v in ROW.items() if k != "tables"})
    with pytest.raises(ValueError, match=r"^the id .* does not belong to this content"):
        DSLDebugToolEnv().reset(**ROW | {"buggy_code": CORRECT})
    with pytest.raises(ValueError, match=r"^this row is of the environment 'python', not 'dsl'$"):
        DSLDebugToolEnv().reset(**ROW | {"environment": "python"})


def test_whole_messages_can_be_handed_to_the_episode() -> None:
    env = DSLDebugToolEnv()
    env.reset(**ROW)
    submit = json.dumps({"name": "submit", "arguments": {"code": CORRECT}})
    env.episode.step("No call in here.")
    env.episode.step(f"<tool_call>{submit}</tool_call>")
    assert env.get_reward() == 1.0
    assert env.episode.turns == 2
