"""A trace as turns: who said what, which call was answered how, and what the problem looked like.

Traces come from files of strangers. What is missing or of another kind is left out, as long as there are
messages at all.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LEFT = re.compile(r"\n\n\[(\d{1,6} (?:turn|attempt)s? left)\]\s*\Z")
_BUDGET = re.compile(r"^You have (\d{1,6}) (?:turn|attempt)s?\.$", re.MULTILINE)

# What stands around the parts of a prompt, in either environment.
_DSL = {
    "program": ("# Program\n\n```\n", "\n```\n\n# Expected rows"),
    "goal": ("# Expected rows\n\n```\n", "\n```\n\n# Tables"),
    "tables": ("# Tables\n\n", "\n\n"),
}
_PYTHON = {
    "purpose": ("What it should do: ", "\n\n# Function"),
    "program": ("# Function\n\n```python\n", "\n```\n\n# Visible tests"),
    "goal": ("# Visible tests\n\n```\n", "\n```"),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What the agent started from. Parts that the prompt does not have are empty; `budget` is None then.

    `goal` holds the expected rows or the visible tests, `purpose` what a function should do.
    """

    prompt: str
    system: str
    budget: int | None
    purpose: str = ""
    program: str = ""
    goal: str = ""
    tables: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call and its answer. `tool` is empty where the call could not be read."""

    tool: str
    arguments: Mapping[str, Any]
    answer: str

    @property
    def code(self) -> str | None:
        """The program in the call, if it has one."""
        code = self.arguments.get("code")
        return code if isinstance(code, str) else None


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the agent. `left` is what it was told of its budget, such as `5 turns left`."""

    number: int
    remark: str
    calls: tuple[Call, ...]
    left: str


def read_trace(trace: Mapping[str, Any]) -> tuple[Task, list[Turn]]:
    """The task and the turns of a trace. Raises ValueError, in one line, for a trace without messages."""
    messages = trace.get("messages")
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)) or not messages:
        raise ValueError("a trace without messages cannot be shown")
    if not all(isinstance(message, Mapping) for message in messages):
        raise ValueError("a trace whose messages are no objects cannot be shown")
    start = next((i for i, m in enumerate(messages) if m.get("role") == "assistant"), len(messages))
    return _task(messages[:start]), list(_turns(messages[start:]))


def text_of(value: object) -> str:
    """A value as text; nothing for None."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def _task(messages: Sequence[Mapping[str, Any]]) -> Task:
    said = {text_of(m.get("role")): text_of(m.get("content")) for m in messages}
    prompt = said.get("user", "")
    around = _DSL if _DSL["program"][0] in prompt else _PYTHON
    parts = {name: _between(prompt, *marks) for name, marks in around.items()}
    budget = _BUDGET.findall(prompt)
    return Task(prompt, said.get("system", ""), int(budget[-1]) if budget else None, **parts)


def _between(text: str, start: str, end: str) -> str:
    found = text.partition(start)[2]
    return found.partition(end)[0]


def _turns(messages: Sequence[Mapping[str, Any]]) -> Iterator[Turn]:
    """One turn for each message of the assistant, with the answers that follow it."""
    starts = [place for place, message in enumerate(messages) if message.get("role") == "assistant"]
    ends = [*starts[1:], len(messages)][: len(starts)]  # there is none in an episode before its first turn
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1):
        message = messages[start]
        answers, left = _without_budget(messages[start + 1 : end])
        calls = tuple(_calls(_said_calls(message.get("tool_calls")), answers))
        yield Turn(number, text_of(message.get("content")), calls, left)


def _without_budget(messages: Sequence[Mapping[str, Any]]) -> tuple[list[tuple[str, str]], str]:
    """(tool, answer) of each message, and what the last of them says of the turns left."""
    answers = [(text_of(m.get("name")), text_of(m.get("content"))) for m in messages]
    found = _LEFT.search(answers[-1][1]) if answers else None
    if not found:
        return answers, ""
    tool, text = answers[-1]
    return [*answers[:-1], (tool, text[: found.start()])], found[1]


def _said_calls(calls: object) -> list[tuple[str, Mapping[str, Any]]]:
    """The structured calls of a message: tool and arguments, which may be JSON text."""
    found = []
    for call in calls if isinstance(calls, Sequence) and not isinstance(calls, str) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            found.append((text_of(function.get("name")), _arguments(function.get("arguments"))))
    return found


def _arguments(value: object) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {"": value}
    return value if isinstance(value, Mapping) else {}


def _calls(
    said: Sequence[tuple[str, Mapping[str, Any]]], answers: Sequence[tuple[str, str]]
) -> Iterator[Call]:
    """Calls with their answers, in the order of these; an answer that fits no call is to one that could not
    be read."""
    waiting = list(said)
    spare = len(answers) - len(said)
    for name, answer in answers:
        if waiting and (spare <= 0 or name == waiting[0][0]):
            yield Call(*waiting.pop(0), answer)
        else:
            spare -= 1
            yield Call("", {}, answer)
    yield from (Call(tool, arguments, "") for tool, arguments in waiting)
