"""An episode as chat messages: what trainers learn from, the Space replays, and servers are sent."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from dsl_debug.episode.base import Step, Turn
from dsl_debug.episode.tools import OPEN, MalformedCall, ToolCall, without_thought

Chat = list[dict[str, Any]]
"""Messages with `role` and `content`; those of the assistant also hold `tool_calls`, those of a tool its
`name` (empty where what was called is no tool)."""


def transcript(
    prompt: Iterable[dict[str, Any]], history: Sequence[Turn], remarks: Sequence[str] = ()
) -> Chat:
    """The prompt, then for each turn the agent's message with structured calls and one answer per call.

    `remarks` holds what the agent said beside its calls, turn by turn, where that is not in the message. A
    malformed call cannot be structured: the text of such a message is kept as it was.
    """
    chat = [dict(message) for message in prompt]
    for turn, remark in zip_longest(history, remarks, fillvalue=""):
        if isinstance(turn, Turn):
            chat += _of_turn(turn, str(remark))
    return chat


def _of_turn(turn: Turn, remark: str) -> Chat:
    malformed = any(isinstance(call, MalformedCall) for call in turn.calls)
    text = turn.message or ""
    content = "\n".join(filter(None, [remark, text])) if malformed else remark or said_before_calls(text)
    calls = [(call.name, call.arguments) for call in turn.calls if isinstance(call, ToolCall)]
    return [said(content, calls), *answers(turn.step)]


def said(content: str, calls: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """A message of the assistant."""
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": [
            {"type": "function", "function": {"name": name, "arguments": dict(arguments)}}
            for name, arguments in calls
        ],
    }


def answers(step: Step) -> Chat:
    """The answers to the calls of a message, in their order."""
    return [
        {"role": "tool", "name": result["tool"] or "", "content": result["observation"]}
        for result in step.info["results"]
    ]


def said_before_calls(text: str) -> str:
    """What a message says before its first call, thoughts included; bare JSON calls come without a remark."""
    place = text.find(OPEN, len(text) - len(without_thought(text)))
    return text[:place].strip() if place >= 0 else ""
