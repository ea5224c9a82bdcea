"""An episode as a policy sees it, and the chat that it becomes."""

import json

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.data import sample_problems
from dsl_debug.policies.answers import CallText
from dsl_debug.policies.base import Job, Setup, Talk
from dsl_debug.scoring import signals

PROBLEM = sample_problems()[0]


def talk() -> Talk:
    return Talk(Job(PROBLEM, 0, 1), Setup(max_turns=4))


def call_text(name: str, **arguments: str) -> CallText:
    return CallText(name, json.dumps(arguments))


def test_structured_calls_and_text_lead_to_the_same_episode() -> None:
    structured, text = talk(), talk()
    structured.say("Let me try.", [call_text("submit", code=PROBLEM.correct_code)])
    message = structured.env.history[0].message
    assert message is not None
    text.say(f"Let me try.\n{message}")
    one, other = structured.episode(), text.episode()
    assert one.reward == other.reward == 1.0
    assert one.messages == other.messages
    assert one.messages[2]["content"] == "Let me try."
    assert one.messages[2]["tool_calls"][0]["function"]["arguments"] == {"code": PROBLEM.correct_code}
    assert one.messages[3] == {"role": "tool", "name": "submit", "content": "Correct."}


def test_a_program_that_holds_the_end_of_a_thought_is_no_thought() -> None:
    played = talk()
    step = played.say("", [call_text("read_docs", operation="take"), call_text("run", code='-- "</think>"')])
    assert [result["tool"] for result in step.info["results"]] == ["read_docs", "run"]


def test_the_text_of_a_malformed_message_is_kept() -> None:
    played = talk()
    played.say("I think that it is line 3.")
    played.say('<think>look first <tool_call></think>Now.\n<tool_call>{"name": "run"}</tool_call>')
    played.say("I try another one.", [call_text("no_such_tool")])
    chat = played.episode().messages[2:]
    assert chat[0] == {"role": "assistant", "content": "I think that it is line 3.", "tool_calls": []}
    assert chat[1]["name"] == ""
    assert chat[1]["content"].startswith("There is no tool call in this message.")
    assert chat[2]["content"].startswith("<think>look first")
    assert chat[4]["content"].startswith("I try another one.\n<tool_call>")
    assert '"no_such_tool"' in chat[4]["content"]


def test_a_remark_keeps_its_thought() -> None:
    played = talk()
    thought = "<think>a <tool_call> is next</think>\nLooking it up."
    played.say(
        f'{thought}\n<tool_call>{{"name": "read_docs", "arguments": {{"operation": "take"}}}}</tool_call>'
    )
    assert played.episode().messages[2]["content"] == thought


def test_what_stops_an_episode_leaves_an_outcome() -> None:
    played = talk()
    played.say("", [call_text("run", code=PROBLEM.correct_code)])
    played.count(100, 20)
    played.count(150, 10)
    played.stop("timed out")
    episode = played.episode()
    assert played.done
    assert (episode.stopped, episode.reward, episode.prompt_tokens) == ("timed out", 0.0, 250)
    assert (episode.outcome.submitted, episode.outcome.turns, episode.outcome.tokens) == (None, 1, 30)


def test_what_was_forbidden_counts_in_an_episode_that_was_stopped() -> None:
    bug = hand_written_problems()[0]
    played = Talk(Job(bug, 0, 1), Setup())
    played.say("", [call_text("run_tests", code="import os\n" + bug.correct_code)])
    played.stop("timed out")
    episode = played.episode()
    assert episode.reward == sum(signals(episode.outcome).values()) == -1.0
