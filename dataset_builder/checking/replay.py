"""Recorded episodes, played again: each message of the agent has to be answered as it was recorded."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from dataset_builder.checking.remarks import unsupported
from dsl_debug.diagnosis import diagnose, diagnosis_columns
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.prompts import DEFAULT_PROMPT, messages
from dsl_debug.episode.tools import call_block
from dsl_debug.evaluation import problem_columns
from dsl_debug.problem import DslProblem
from dsl_debug.results.rows import outcome_columns
from dsl_debug.scoring import reward

REFERENCE = "reference"
JSON_COLUMNS = ("calls", "diagnosis")
_TURNS = re.compile(r"^You have (\d{1,4}) turns?\.$", re.MULTILINE)


def trajectory_faults(row: Mapping[str, Any], problem: DslProblem) -> Iterator[str]:
    """What differs when an expert trajectory is played again; it has to earn 1."""
    env, faults = replayed(row["messages"], problem)
    yield from faults
    if env.reward != 1.0:
        yield f"played again it earns {env.reward:g}, not 1"
    if env.turns != row["turns"]:
        yield f"it has {env.turns} turns, but {row['turns']} in the row"
    if row["teacher"] == REFERENCE:  # a model may say what it likes
        yield from (f"a remark mentions what was not shown: {what}" for what in unsupported(row["messages"]))
    yield from _label_faults(row, problem)


def trace_faults(row: Mapping[str, Any], problem: DslProblem) -> Iterator[str]:
    """What differs when the trace of a policy is played again: its answers, its outcome, its diagnosis.

    Tokens, which only the policy knew, are not compared. The diagnosis is made by the code that made it.
    """
    env, faults = replayed(row["messages"], problem, row["prompt"])
    yield from faults
    outcome = replace(env.outcome, tokens=row["tokens"])
    found = {**outcome_columns(outcome), "reward": reward(outcome)}
    found["diagnosis"] = diagnosis_columns(diagnose(problem, env.history))
    for name, value in found.items():
        if _parsed(row[name]) != value if name in JSON_COLUMNS else row[name] != value:
            yield f"played again, {name} is not what the row says"
    for name, value in problem_columns(problem).items():
        if row[name] != value:
            yield f"its {name} is not that of its problem"


def _label_faults(row: Mapping[str, Any], problem: DslProblem) -> Iterator[str]:
    for name in ("category", "difficulty"):
        if row[name] != getattr(problem, name):
            yield f"its {name} is not that of its problem"


def replayed(
    chat: list[Mapping[str, Any]], problem: DslProblem, prompt: str = DEFAULT_PROMPT
) -> tuple[DSLDebugEnv, list[str]]:
    """The episode that the agent's messages lead to, and where it differs from the recorded one."""
    start, turns = _beginning(chat)
    env = DSLDebugEnv(turns)
    env.reset(problem)
    faults = []
    if start != messages(problem, turns, prompt):
        faults.append("it does not begin with the prompt of its problem")
    place = len(start)
    while place < len(chat):
        end = _next_agent(chat, place + 1)
        answers = [message["content"] for message in chat[place + 1 : end]]
        if chat[place]["role"] != "assistant":
            faults.append(f"message {place + 1} is none of the agent's, where one was to come")
            break
        step = env.step(text_of(chat[place], len(answers)))
        given = [result["observation"] for result in step.info["results"]]
        if answers not in (given, [step.observation]):
            faults.append(f"played again, message {place + 1} is answered otherwise")
            break
        place = end
    return env, faults


def _beginning(chat: list[Mapping[str, Any]]) -> tuple[list[dict[str, str]], int]:
    """The messages before the agent's first one, and how many turns they grant."""
    start = [{"role": m["role"], "content": m["content"]} for m in chat[: _next_agent(chat, 0)]]
    found = _TURNS.findall(start[-1]["content"]) if start else []
    return start, max(int(found[-1]), 1) if found else 1


def _next_agent(chat: list[Mapping[str, Any]], start: int) -> int:
    places = range(start, len(chat))
    return next((place for place in places if chat[place]["role"] == "assistant"), len(chat))


def text_of(message: Mapping[str, Any], answers: int) -> str:
    """A message as a model writes it: its words, then its calls.

    With more answers than calls some could not be read; then its content is the whole text, calls included.
    """
    if answers > len(message["tool_calls"]):
        return str(message["content"])
    calls = (call["function"] for call in message["tool_calls"])
    blocks = (call_block(call["name"], _parsed(call["arguments"])) for call in calls)
    return "\n".join([message["content"], *blocks])


def _parsed(value: Any) -> Any:
    """A value of a JSON column, which pyarrow reads as text. Texts that are no JSON stay as they are."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value
