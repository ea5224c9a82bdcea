"""Whether what a teacher says is backed by what it has been shown: the check on remarks of trajectories.

What it guards: names, values, numbers and quotations that nobody showed. What it does not guard: true names
in a false sentence; the reference teacher computes its facts from observations for that reason.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_NUMBER = r"\d{1,3}(?:,\d{3})+(?![\d,])|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(rf"[^\W\d]\w*|{_NUMBER}|[<>=!]=|[<>]")
_SPOKEN_NUMBER = re.compile(rf"(?<![\w.])(?:{_NUMBER})")
# Whichever begins first holds the other: code with texts in it, a quotation with code in it.
_MARKED = re.compile(r'`(?P<code>[^`\n]*)`|"(?P<text>[^"\n]+)"')
_ROWS = re.compile(r"([\d,]*\d) rows?\b")
_NAME = re.compile(r"\b[^\W\d_]\w*_\w+")
_SPACE = re.compile(r"\s+")

Messages = Sequence[Mapping[str, Any]]


def unsupported(messages: Messages) -> list[str]:
    """What the remarks of a conversation mention without having been shown it; [] if there is nothing.

    A remark is the content of a message of the assistant. Shown before it is what stands in the messages of
    the system, the user and the tools, and in the arguments of the assistant's earlier calls; remarks show
    nothing. The rule, in five parts:

    - code or values in backticks: each of their names, numbers and comparison signs was shown, or stands in
      the arguments of the calls that the same message makes (the change that it proposes);
    - a text in double quotes was shown word for word, however it was broken into lines;
    - a number outside of both was shown as a number of its own (1,234 and 1234 are one);
    - a number of rows (`12 rows`) was shown as one, and not just as some number;
    - a name with an underscore outside of both was shown.
    """
    shown = _Shown()
    found: list[str] = []
    for index, message in enumerate(messages):
        if message.get("role") != "assistant":
            shown.add(str(message.get("content") or ""))
            continue
        proposed = list(_arguments(message))
        found += [f"message {index}: {what}" for what in _missing(message, shown, proposed)]
        for text in proposed:
            shown.add(text)
    return found


class _Shown:
    """Texts that were shown, and their tokens."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.rows: set[str] = set()
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        self.tokens.update(_tokens(text))
        self.rows.update(map(_plain, _ROWS.findall(text)))
        self.texts.append(_SPACE.sub(" ", text))

    def holds(self, quotation: str) -> bool:
        wanted = _SPACE.sub(" ", quotation).strip()
        return any(wanted in text for text in self.texts)


def _missing(message: Mapping[str, Any], shown: _Shown, proposed: Iterable[str]) -> list[str]:
    remark = str(message.get("content") or "")
    new = {token for text in proposed for token in _tokens(text)}
    found = []
    for marked in _MARKED.finditer(remark):
        fragment, quotation = marked["code"], marked["text"]
        if quotation is not None:
            found += [] if shown.holds(quotation) else [f'"{quotation}": not shown in these words']
            continue
        lacking = [token for token in _tokens(fragment) if token not in shown.tokens and token not in new]
        if lacking:
            found.append(f"`{fragment}`: never shown: {', '.join(lacking)}")
    remark = _MARKED.sub(" ", remark)
    names = _NAME.findall(remark)
    rows = [_plain(count) for count in _ROWS.findall(remark)]
    found += [f"{count} rows: never shown as a number of rows" for count in rows if count not in shown.rows]
    numbers = [_plain(number) for number in _SPOKEN_NUMBER.findall(_NAME.sub(" ", remark))]
    found += [f"{word}: never shown" for word in [*names, *numbers] if word not in shown.tokens]
    return found


def _tokens(text: str) -> list[str]:
    return [_plain(token) for token in _TOKEN.findall(text)]


def _plain(token: str) -> str:
    return token.replace(",", "")


def _arguments(message: Mapping[str, Any]) -> Iterable[str]:
    """The texts in the arguments of a message's calls, which may be an object or its JSON."""
    for call in message.get("tool_calls") or ():
        arguments = call.get("function", {}).get("arguments") if isinstance(call, Mapping) else None
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except ValueError:
                yield arguments
                continue
        if isinstance(arguments, Mapping):
            yield from (value for value in arguments.values() if isinstance(value, str))
