"""Answers of a model: what is in a completion, sums over answers, and files of a cache.

A server that is only nearly compatible, and a model that writes anything, are what is expected here.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dsl_debug.storage import write_atomically

MAX_ANSWER = 200_000
"""Characters of an answer, calls included."""

SENT = "sent"
CACHED = "from the cache"

TIMED_OUT = "timed out"
RATE_LIMITED = "rate limited"
FAILED = "failed at the endpoint"
NOT_CONNECTED = "not connected"
UNREADABLE = "without a readable answer"
REJECTED = "rejected by the endpoint"
TOO_LONG = "longer than the model's context"
REFUSED = "refused"
CUT_SHORT = "cut short"
NO_TOOLS = "no tools at this endpoint"

ANSWERED = ("", CUT_SHORT, REFUSED)
"""Troubles, or none, of a request that a model has answered."""

SILENT = (TIMED_OUT, RATE_LIMITED, FAILED, NOT_CONNECTED, UNREADABLE, REJECTED)
"""Troubles that are those of the endpoint: they count towards `PATIENCE`, and a later run asks again."""


class CallText(NamedTuple):
    """A tool call as an endpoint gives it; the arguments are a text that should be JSON."""

    name: str
    arguments: str


class Answer(NamedTuple):
    """The text and the calls of an answer, or in `trouble` why there is none.

    An answer that was `CUT_SHORT` holds what came of it.
    """

    text: str = ""
    trouble: str = ""
    cached: bool = False
    calls: tuple[CallText, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass
class Usage:
    """Sums over answers. `counts`: requests sent, answers from the cache, and each trouble."""

    counts: Counter[str] = field(default_factory=Counter)
    tokens_in: int = 0
    tokens_out: int = 0

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        self.counts[SENT] += not answer.cached
        self.counts[CACHED] += answer.cached
        if answer.trouble:
            self.counts[answer.trouble] += 1
        self.tokens_in += answer.tokens_in
        self.tokens_out += answer.tokens_out


# Reading


def read_completion(completion: Any) -> Answer:
    """A server that is only nearly compatible may send anything."""
    choices = getattr(completion, "choices", None)
    if not isinstance(choices, list) or not choices or getattr(choices[0], "message", None) is None:
        return Answer(trouble=UNREADABLE)
    choice, spent = choices[0], _tokens(getattr(completion, "usage", None))
    end = getattr(choice, "finish_reason", None)
    if getattr(choice.message, "refusal", None) or end == "content_filter":
        return Answer("", REFUSED, False, (), *spent)
    text, calls = _content(choice), _calls(choice.message)
    if len(text or "") + sum(len(call.arguments) + len(call.name) for call in calls) > MAX_ANSWER:
        return Answer((text or "")[:MAX_ANSWER], CUT_SHORT, False, (), *spent)
    if end == "length":
        return Answer(text or "", CUT_SHORT, False, calls, *spent)
    if text is None and not calls:
        return Answer("", UNREADABLE, False, (), *spent)
    return Answer(text or "", "", False, calls, *spent)


def _content(choice: Any) -> str | None:
    """The text of a message, which some servers send in parts, or as null where the model said nothing."""
    content = getattr(choice.message, "content", None)
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        texts = [part for part in parts if isinstance(part, str)]
        return str(sound("".join(texts))) if texts else None
    if content is None and getattr(choice, "finish_reason", None) == "stop":
        return ""
    return str(sound(content)) if isinstance(content, str) else None


def _calls(message: Any) -> tuple[CallText, ...]:
    calls = getattr(message, "tool_calls", None)
    functions = [getattr(call, "function", None) for call in calls] if isinstance(calls, list) else []
    return tuple(
        CallText(_part(getattr(f, "name", None)), _part(getattr(f, "arguments", None)))
        for f in functions
        if f is not None
    )


def _part(value: Any) -> str:
    """The name or the arguments of a call: they should be texts; some servers send the object itself."""
    if value is None:
        return ""
    try:
        return str(sound(value if isinstance(value, str) else json.dumps(value)))
    except (TypeError, ValueError, RecursionError):
        return ""


def _tokens(usage: Any) -> tuple[int, int]:
    counts = [getattr(usage, name, 0) for name in ("prompt_tokens", "completion_tokens")]
    tokens_in, tokens_out = (n if type(n) is int and 0 <= n < 10**9 else 0 for n in counts)
    return tokens_in, tokens_out


def sound(value: Any) -> Any:
    """A JSON value whose texts can be written as UTF-8: half characters are replaced.

    Raises RecursionError for a value that is nested too deeply.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [sound(item) for item in value]
    if isinstance(value, dict):
        return {sound(key): sound(item) for key, item in value.items()}
    return value


# The cache


def kept_answer(path: Path) -> Answer | None:
    """An answer that was kept, None if there is none or it cannot be read."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        calls = tuple(CallText(str(name), str(arguments)) for name, arguments in kept["calls"])
        tokens_in, tokens_out = kept["tokens"]
        return Answer(str(kept["text"]), str(kept["trouble"]), True, calls, int(tokens_in), int(tokens_out))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def keep_answer(path: Path, answer: Answer) -> None:
    """Write a file of the cache, whole or not at all."""
    kept = {
        "text": answer.text,
        "trouble": answer.trouble,
        "calls": answer.calls,
        "tokens": [answer.tokens_in, answer.tokens_out],
    }
    write_atomically(path, [json.dumps(kept)])
