"""Tools as models see them: schemas made from methods, and calls read out of a model's text.

Schemas have the OpenAI function format and are, token for token, what `transformers` makes of the same
methods (without a `return` entry), so that training, evaluation and served models see one text.

Calls are read from Hermes/Qwen blocks, `<tool_call>{"name": ..., "arguments": {...}}</tool_call>`, or, where
there is none, from bare JSON. Nothing here raises for any text, and the time is linear in its length: only
the first `MAX_CALLS` calls of a message are read.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args, get_type_hints

from dsl_debug.lang.errors import did_you_mean, listed, nearest, quoted

MAX_CALLS = 16
OPEN, CLOSE = "<tool_call>", "</tool_call>"
THINK, THOUGHT = "<think>", "</think>"

# Python type -> the name of its JSON type, and how messages call it.
_JSON_TYPES: dict[type, tuple[str, str]] = {
    str: ("string", "a text"),
    bool: ("boolean", "true or false"),
    int: ("integer", "a whole number"),
    float: ("number", "a number"),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument of a tool. `type` is the Python type of its value; `nullable` allows null as well."""

    name: str
    type: type
    description: str
    required: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: its name, what it does, and its arguments in order."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that names a tool and has the arguments that the tool takes."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MalformedCall:
    """Something that was meant as a call; `message` says what is wrong and how a call looks."""

    message: str


Call = ToolCall | MalformedCall


# From methods to schemas

_ARGUMENT = re.compile(r"^(\w+):\s*(.*)$")


def describe(toolbox: type) -> dict[str, Tool]:
    """Name -> tool, by name, for the public methods of a class, from their signatures and docstrings.

    The docstrings are in Google style and describe every argument. The order by name is the one in which TRL
    lists the methods of an environment.
    """
    methods = inspect.getmembers(toolbox, inspect.isfunction)
    return {name: _describe(method) for name, method in methods if not name.startswith("_")}


def _describe(method: Callable[..., Any]) -> Tool:
    description, arguments = _read_docstring(inspect.getdoc(method) or "")
    hints = get_type_hints(method)
    parameters = [
        _parameter(p, hints[p.name], arguments[p.name])
        for p in inspect.signature(method).parameters.values()
        if p.name != "self"
    ]
    return Tool(method.__name__, description, tuple(parameters))


def _parameter(parameter: inspect.Parameter, hint: Any, description: str) -> Parameter:
    types = get_args(hint) or (hint,)
    kind = next(t for t in types if t is not type(None))
    required = parameter.default is inspect.Parameter.empty
    return Parameter(parameter.name, kind, description, required, type(None) in types)


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """The text before `Args:`, and the descriptions below it; a description may go on on indented lines."""
    head, _, tail = text.partition("\nArgs:\n")
    arguments: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(tail).splitlines():
        match = _ARGUMENT.match(line)
        if match:
            name = match[1]
            arguments[name] = match[2]
        elif line.strip():
            arguments[name] += f" {line.strip()}"
    return head.strip(), arguments


def schemas(tools: Mapping[str, Tool]) -> list[dict[str, Any]]:
    """The tools in the OpenAI function format, ready for a chat template or an API; a new list each time."""
    return [{"type": "function", "function": _function_schema(tool)} for tool in tools.values()]


def _function_schema(tool: Tool) -> dict[str, Any]:
    properties = {}
    for p in tool.parameters:
        nullable = {"nullable": True} if p.nullable else {}
        properties[p.name] = {"type": _JSON_TYPES[p.type][0], **nullable, "description": p.description}
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    required = [p.name for p in tool.parameters if p.required]
    if required:
        parameters["required"] = required
    return {"name": tool.name, "description": tool.description, "parameters": parameters}


# From a name and arguments to a call


def make_call(name: object, arguments: object, tools: Mapping[str, Tool]) -> Call:
    """A call of a tool by name; malformed if there is no such tool or it takes other arguments.

    `arguments` may be the text of a JSON object, and None for none. Values are never converted.
    """
    if not isinstance(name, str):
        return malformed(f"the name of a tool is a text, not {_shown_type(name)}", tools)
    tool = tools.get(name)
    if tool is None:
        hint = did_you_mean(name, tools) or ";"
        meant = tools.get(nearest(name, tools) or "")
        return malformed(f"there is no tool {quoted(name)}{hint} the tools: {', '.join(tools)}", tools, meant)
    if isinstance(arguments, str):
        decoded = _decode(arguments)
        if isinstance(decoded, _Failure):
            return malformed(f"the arguments of {name} are {decoded.message}", tools, tool)
        arguments = decoded.value
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping):
        message = f"the arguments of {name} are a JSON object, not {_shown_type(arguments)}"
        return malformed(message, tools, tool)
    problems = _argument_problems(tool, arguments)
    if problems:
        return malformed("; ".join(problems), tools, tool)
    return ToolCall(name, dict(arguments))


def _argument_problems(tool: Tool, arguments: Mapping[Any, Any]) -> list[str]:
    found = []
    for p in tool.parameters:
        if p.name not in arguments:
            if p.required:
                found.append(f"the argument {quoted(p.name)} of {tool.name} is missing")
        elif not _fits(arguments[p.name], p):
            wanted = _JSON_TYPES[p.type][1] + (" or null" if p.nullable else "")
            given = _shown_type(arguments[p.name])
            found.append(f"the argument {quoted(p.name)} of {tool.name} is {wanted}, not {given}")
    names = [p.name for p in tool.parameters]
    unknown = [quoted(str(name)) for name in arguments if name not in names]
    if unknown:
        found.append(f"there is no argument {listed(unknown, 4)}; {tool.name} takes: {', '.join(names)}")
    return found


def _fits(value: object, parameter: Parameter) -> bool:
    if value is None:
        return parameter.nullable
    if parameter.type is float:
        return type(value) in (int, float)
    return type(value) is parameter.type


def _shown_type(value: object) -> str:
    """What a JSON value is, as messages say it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, (list, tuple)) else "an object"


def malformed(message: str, tools: Mapping[str, Tool], tool: Tool | None = None) -> MalformedCall:
    """A malformed call; the answer shows a call of the tool that was meant, of the first one if unknown."""
    return MalformedCall(
        f"{message[:1].upper()}{message[1:]}.\nA call looks like this:\n{example(tools, tool)}"
    )


def example(tools: Mapping[str, Tool], tool: Tool | None = None) -> str:
    """How a call of a tool looks, with its required arguments."""
    tool = tool or next(iter(tools.values()))
    arguments = ", ".join(f'"{p.name}": "..."' for p in tool.parameters if p.required)
    return f'{OPEN}\n{{"name": "{tool.name}", "arguments": {{{arguments}}}}}\n{CLOSE}'


def call_block(name: str, arguments: Any) -> str:
    """A call as models write it; `arguments` is an object, or the text of one, right or wrong."""
    call = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"{OPEN}\n{call}\n{CLOSE}"


# From text to calls


class _Decoded(NamedTuple):
    """A JSON value and where it ends."""

    value: Any
    end: int


class _Failure(NamedTuple):
    """Why there is no JSON value, after the words "is" or "are"."""

    message: str


# JSON inside a model's text: raw line breaks within texts are taken as they are.
_DECODER = json.JSONDecoder(strict=False)
_SPACE = re.compile(r"\s*")
_LINE_WITH_JSON = re.compile(r"^[ \t]*(?=[{\[])", re.MULTILINE)

# The decoder's messages, in the words of ours.
_EXPECTED = {
    "Expecting value": "a value was expected",
    "Expecting property name enclosed in double quotes": "a name in double quotes was expected",
    "Expecting ':' delimiter": "':' was expected",
    "Expecting ',' delimiter": "',' or a closing bracket was expected",
    "Unterminated string starting": "this text has no closing double quote",
    "Invalid \\escape": "unknown escape; a backslash itself is written \\\\",
    "Invalid \\uXXXX escape": "\\u takes four hexadecimal digits",
    "Illegal trailing comma before end of object": "a comma before '}' is not allowed",
    "Illegal trailing comma before end of array": "a comma before ']' is not allowed",
    "Extra data": "nothing more was expected",
}


def parse_calls(text: str, tools: Mapping[str, Tool]) -> list[Call]:
    """The calls in a model's message, in order; [] if it holds none.

    A message that is one JSON value (in a code fence or not) is taken as such; otherwise `<tool_call>` blocks
    count, and only where there is none, JSON that begins a line. What stands around them is ignored. Broken
    JSON, unknown tools and wrong arguments give a `MalformedCall`. Calls after the first `MAX_CALLS` are not
    read, but answered with one `MalformedCall` that says so. What the model thinks first, up to `</think>`,
    is not read at all.
    """
    text = without_thought(text)
    whole = _whole_message(text)
    if isinstance(whole, _Decoded):
        calls = _calls_of(whole.value, tools)
    elif OPEN in text:
        calls = _block_calls(text, tools)
    else:
        calls = _bare_calls(text, tools)
        if not calls and isinstance(whole, _Failure):
            calls = [malformed(f"the call is {whole.message}", tools)]
    if len(calls) > MAX_CALLS:
        calls[MAX_CALLS:] = [MalformedCall(f"Only the first {MAX_CALLS} calls of a message are carried out.")]
    return calls


def without_thought(text: str) -> str:
    """A message without the thought at its beginning. Chat templates may have written `<think>` already, so
    that the message begins inside of it; a thought without an end leaves nothing.
    """
    start, end = text.find(THINK), text.find(THOUGHT)
    if end >= 0 and (start < 0 or start < end):
        return text[end + len(THOUGHT) :]
    return "" if text.lstrip().startswith(THINK) else text


def _whole_message(text: str) -> _Decoded | _Failure | None:
    """The message as one JSON value; None if it does not look like one."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[text.index("\n") + 1 : -3].strip()
    if not text.startswith(("{", "[")):
        return None
    return _decode(text)


def _block_calls(text: str, tools: Mapping[str, Tool]) -> list[Call]:
    calls: list[Call] = []
    start = text.find(OPEN)
    while start >= 0 and len(calls) <= MAX_CALLS:
        start = _skip_space(text, start + len(OPEN))
        found, end = _block(text, start, tools)
        calls += found
        start = text.find(OPEN, end)
    return calls


def _block(text: str, start: int, tools: Mapping[str, Tool]) -> tuple[list[Call], int]:
    """The calls of the block whose content begins at `start`, and where to go on."""
    if start == len(text) or text.startswith(CLOSE, start):
        return [malformed("the block is empty", tools)], start
    decoded = _decode_at(text, start)
    if isinstance(decoded, _Failure):
        return [malformed(f"the call is {decoded.message}", tools)], _block_end(text, start)
    end = _skip_space(text, decoded.end)
    # The last block may be unclosed, and one that is followed by another may lack its end.
    if end < len(text) and not text.startswith((CLOSE, OPEN), end):
        message = f"the call is {_not_json(text, start, end, 'Extra data')}"
        return [malformed(message, tools)], _block_end(text, end)
    return _calls_of(decoded.value, tools), end


def _block_end(text: str, start: int) -> int:
    """Where a block that could not be read ends: at the next sign of one, or with the text."""
    ends = [end for end in (text.find(CLOSE, start), text.find(OPEN, start)) if end >= 0]
    return min(ends, default=len(text))


def _bare_calls(text: str, tools: Mapping[str, Tool]) -> list[Call]:
    """Calls written as JSON at the beginning of a line; other JSON is not taken for a call."""
    calls: list[Call] = []
    end = tried = 0
    for match in _LINE_WITH_JSON.finditer(text):
        start = match.end()
        if start < end:
            continue
        tried += 1
        if tried > 2 * MAX_CALLS or len(calls) > MAX_CALLS:
            break
        decoded = _decode_at(text, start)
        if isinstance(decoded, _Failure):
            if '"name"' in text[start : start + 200]:
                calls.append(malformed(f"the call is {decoded.message}", tools))
            continue
        end = decoded.end
        if _looks_like_calls(decoded.value):
            calls += _calls_of(decoded.value, tools)
    return calls


def _looks_like_calls(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) and "name" in item for item in items)


def _calls_of(value: Any, tools: Mapping[str, Tool]) -> list[Call]:
    """The call that a JSON object is, or the calls of a list."""
    if isinstance(value, list) and value:
        return [_call_of(item, tools) for item in value[: MAX_CALLS + 1]]
    return [_call_of(value, tools)]


def _call_of(value: Any, tools: Mapping[str, Tool]) -> Call:
    if not isinstance(value, dict):
        return malformed(f"a call is a JSON object, not {_shown_type(value)}", tools)
    if "name" not in value:
        return malformed('the call has no "name"', tools)
    return make_call(value["name"], value.get("arguments", value.get("parameters")), tools)


def _skip_space(text: str, start: int) -> int:
    match = _SPACE.match(text, start)
    return match.end() if match else start


def _decode(text: str) -> _Decoded | _Failure:
    """A text that is one JSON value and nothing else."""
    start = _skip_space(text, 0)
    decoded = _decode_at(text, start)
    if isinstance(decoded, _Failure):
        return decoded
    end = _skip_space(text, decoded.end)
    return decoded if end == len(text) else _Failure(_not_json(text, start, end, "Extra data"))


def _decode_at(text: str, start: int) -> _Decoded | _Failure:
    """The JSON value that begins at `start`."""
    try:
        return _Decoded(*_DECODER.raw_decode(text, start))
    except json.JSONDecodeError as error:
        return _Failure(_not_json(text, start, error.pos, error.msg))
    except RecursionError:
        return _Failure("not readable: nested too deeply")
    except ValueError:  # a number with thousands of digits
        return _Failure("not readable: a number in it is too long")


def _not_json(text: str, start: int, place: int, reason: str) -> str:
    """Where and why JSON that begins at `start` breaks off; lines and columns count from there."""
    line = text.count("\n", start, place) + 1
    column = place - max(text.rfind("\n", start, place) + 1, start) + 1
    near = text[place : place + 20]
    shown = f" before {quoted(near)}" if near else " at its end"
    expected = _EXPECTED.get(reason.rstrip(": ").removesuffix(" at"), "") or reason
    return (
        f"not valid JSON (line {line}, column {column}): {expected}{shown}"
        r" (inside a text, write \" for a double quote and \n for a line break)"
    )
