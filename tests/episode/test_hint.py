"""Asides, such as hints: turns of people that models do not have."""

import pytest

from dsl_debug.diagnosis import Diagnosis, diagnose, diagnose_chat
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.base import MAX_OBSERVATION, OVER, UNUSED
from dsl_debug.episode.prompts import messages
from dsl_debug.episode.tools import ToolCall, call_block, schemas
from dsl_debug.episode.transcript import transcript
from dsl_debug.replay.reading import Call, Turn, read_trace
from dsl_debug.scoring import failure
from tests.problems import BUGGY, CORRECT, make_problem

PROBLEM = make_problem()


def started(turns: int = 8) -> DSLDebugEnv:
    env = DSLDebugEnv(turns)
    env.reset(PROBLEM)
    return env


def test_an_aside_takes_a_turn() -> None:
    env = started()
    step = env.aside("hint", "Look at 'paid'.")
    assert step.observation == "Look at 'paid'.\n\n[7 turns left]"
    assert (step.done, step.reward, env.turns, env.turns_left) == (False, 0.0, 1, 7)
    assert step.info == {
        "turn": 1,
        "turns_left": 7,
        "results": [{"tool": "hint", "arguments": {}, "observation": step.observation}],
    }
    assert env.history[0].calls == (ToolCall("hint", {}),)
    assert env.history[0].message is None


def test_asides_count_as_calls_of_their_name() -> None:
    env = started()
    env.aside("hint", "One.")
    env.call("run", code=BUGGY)
    env.aside("hint", "Two.")
    step = env.call("submit", code=CORRECT)
    assert (step.reward, env.outcome.turns) == (1.0, 4)
    assert env.outcome.calls == {"hint": 2, "run": 1, "submit": 1}


def test_an_aside_on_the_last_turn_ends_the_episode() -> None:
    env = started(2)
    env.call("run", code=CORRECT)
    step = env.aside("hint", "Look.")
    assert step.observation == f"Look.\n\n{UNUSED}"
    assert (step.done, step.reward, env.turns_left, env.outcome.turns) == (True, 0.0, 0, 2)
    assert failure(env.outcome) == "never_submitted"


def test_nothing_is_told_or_counted_after_the_end() -> None:
    env = started()
    env.call("submit", code=CORRECT)
    step = env.aside("hint", "Too late.")
    assert (step.observation, step.reward, step.done) == (OVER, 1.0, True)
    assert env.outcome.calls == {"submit": 1}
    assert len(env.history) == 1


def test_an_episode_has_to_begin_first() -> None:
    with pytest.raises(RuntimeError, match="reset"):
        DSLDebugEnv().aside("hint", "Look.")


def test_the_name_of_a_tool_is_refused_and_costs_nothing() -> None:
    env = started()
    with pytest.raises(ValueError, match="'submit' is a tool"):
        env.aside("submit", "Correct.")
    assert env.turns == 0


def test_a_long_aside_is_cut_as_any_observation() -> None:
    observation = started().aside("hint", "x" * 5_000).observation
    assert observation.startswith("x" * MAX_OBSERVATION + "\n[cut here: 1,000 more characters]")


def test_a_turn_that_raised_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    env = started()
    env.call("run", code=BUGGY)
    env.aside("hint", "One.")
    before = env.outcome.calls

    def fail(*_: object, **__: object) -> str:
        raise OSError("broken")

    monkeypatch.setattr(type(env._toolbox), "run", fail)
    with pytest.raises(OSError, match="broken"):
        env.call("run", code=CORRECT)
    assert (env.turns, env.outcome.calls["run"]) == (3, 2)
    env.take_back()
    assert (env.turns, env.turns_left, env.outcome.calls) == (2, 6, before)
    env.take_back()
    assert env.turns == 2


def test_models_have_no_hints() -> None:
    env = started()
    env.aside("hint", "Look.")
    assert "hint" not in [schema["function"]["name"] for schema in schemas(env.tools)]
    step = env.step(call_block("hint", {}))
    assert step.info["results"][0]["tool"] is None
    assert env.outcome.calls == {"hint": 1}


def test_transcripts_and_replays_show_asides_as_calls() -> None:
    env = started()
    env.aside("hint", "Look at 'paid'.")
    env.call("inspect", node_name="paid")
    chat = transcript([dict(message) for message in messages(PROBLEM)], env.history)
    said, answer = chat[2:4]
    assert said["tool_calls"] == [{"type": "function", "function": {"name": "hint", "arguments": {}}}]
    assert answer == {"role": "tool", "name": "hint", "content": "Look at 'paid'.\n\n[7 turns left]"}
    task, turns = read_trace({"messages": chat})
    assert task.budget == 8
    assert turns[0] == Turn(1, "", (Call("hint", {}, "Look at 'paid'."),), "7 turns left")
    assert [call.tool for call in turns[1].calls] == ["inspect"]


def test_a_diagnosis_counts_turns_of_asides_and_nothing_else_of_them() -> None:
    env = started()
    env.aside("hint", "Look at 'paid'.")
    env.call("inspect", node_name="paid")
    env.call("submit", code=CORRECT)
    expected = Diagnosis(("paid",), inspected=True, first_visible=3, first_correct=3)
    assert diagnose(PROBLEM, env.history, env.outcome) == expected
    assert diagnose_chat(PROBLEM, transcript([], env.history)) == expected
