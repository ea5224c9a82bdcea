"""Schemas made from methods, and calls made of a name and arguments."""

import inspect
import json
from typing import Any

import pytest

from dsl_debug.episode.dsl import TOOLS
from dsl_debug.episode.tools import (
    MalformedCall,
    ToolCall,
    describe,
    example,
    make_call,
    parse_calls,
    schemas,
)
from dsl_debug.episode.trl import DSLDebugToolEnv

# Schemas


def text_property(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


SCHEMAS = [
    {
        "type": "function",
        "function": {
            "name": "inspect",
            "description": "See a table that a program names, even if later parts of that program fail.",
            "parameters": {
                "type": "object",
                "properties": {
                    "node_name": text_property("The name of a table of the program, or of a stored table"),
                    "code": {
                        "type": "string",
                        "nullable": True,
                        "description": "The whole program to look into; without it, the buggy program",
                    },
                },
                "required": ["node_name"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "read_docs",
            "description": (
                "Read the page of the language reference about an operation, a function or a concept."
            ),
            "parameters": {
                "type": "object",
                "properties": {
                    "operation": text_property('What the page is about; "overview" says what there is')
                },
                "required": ["operation"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "run",
            "description": "Run a program and see the rows it emits, or what is wrong with it.",
            "parameters": {
                "type": "object",
                "properties": {"code": text_property("The whole program")},
                "required": ["code"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "submit",
            "description": "Hand in the corrected program; this ends the episode.",
            "parameters": {
                "type": "object",
                "properties": {"code": text_property("The whole corrected program")},
                "required": ["code"],
            },
        },
    },
]


def test_schemas_word_for_word() -> None:
    # The order of keys counts as well: chat templates print it.
    assert json.dumps(schemas(TOOLS)) == json.dumps(SCHEMAS)


def test_schemas_are_new_each_time() -> None:
    schemas(TOOLS)[0]["function"]["name"] = "changed"
    assert schemas(TOOLS) == SCHEMAS


def test_schemas_are_what_transformers_makes_of_the_methods() -> None:
    utils = pytest.importorskip("transformers.utils", reason="transformers is not installed")
    env = DSLDebugToolEnv()
    # As TRL lists the tools of an environment.
    names = [name for name, _ in inspect.getmembers(type(env), predicate=inspect.isfunction)]
    tools = [n for n in names if n not in ("reset", "get_reward") and not n.startswith("_")]
    theirs = [utils.get_json_schema(getattr(env, name)) for name in tools]
    assert json.dumps(theirs) == json.dumps(schemas(TOOLS))


class Toolbox:
    """Not a tool."""

    def zeta(self, count: int, share: float, sure: bool, note: str = "") -> str:
        """Do
        something.

        Args:
            count: How often,
                at least once
            share: How much
            sure: Really?
            note: Free text: anything
        """
        return f"{count}{share}{sure}{note}"

    def alpha(self) -> str:
        """Do nothing."""
        return ""

    def _hidden(self) -> None:
        """Not a tool."""


OTHER = describe(Toolbox)


def test_schemas_of_other_types() -> None:
    assert schemas(OTHER) == [
        {
            "type": "function",
            "function": {
                "name": "alpha",
                "description": "Do nothing.",
                "parameters": {"type": "object", "properties": {}},
            },
        },
        {
            "type": "function",
            "function": {
                "name": "zeta",
                "description": "Do\nsomething.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "count": {"type": "integer", "description": "How often, at least once"},
                        "share": {"type": "number", "description": "How much"},
                        "sure": {"type": "boolean", "description": "Really?"},
                        "note": {"type": "string", "description": "Free text: anything"},
                    },
                    "required": ["count", "share", "sure"],
                },
            },
        },
    ]


# Arguments

RUN_LOOKS = """
A call looks like this:
<tool_call>
{"name": "run", "arguments": {"code": "..."}}
</tool_call>"""
SUBMIT_LOOKS = RUN_LOOKS.replace('"run"', '"submit"')
INSPECT_LOOKS = RUN_LOOKS.replace('"run"', '"inspect"').replace('"code"', '"node_name"')

GOOD_CALLS: list[tuple[str, object, dict[str, Any]]] = [
    ("run", {"code": "emit a"}, {"code": "emit a"}),
    ("run", '{"code": "emit a"}', {"code": "emit a"}),
    ("run", ' {"code": "a\nb"}\n', {"code": "a\nb"}),
    ("run", {"code": ""}, {"code": ""}),
    ("inspect", {"node_name": "a"}, {"node_name": "a"}),
    ("inspect", {"node_name": "a", "code": None}, {"node_name": "a", "code": None}),
    ("inspect", {"code": "emit a", "node_name": "a"}, {"code": "emit a", "node_name": "a"}),
]

BAD_CALLS: list[tuple[object, object, str]] = [
    (
        "rnu",
        {"code": "x"},
        f"There is no tool 'rnu'; did you mean 'run'? the tools: inspect, read_docs, run, submit.{RUN_LOOKS}",
    ),
    (
        "__init__",
        {},
        f"There is no tool '__init__'; the tools: inspect, read_docs, run, submit.{INSPECT_LOOKS}",
    ),
    (
        "Submit",
        {},
        "There is no tool 'Submit'; did you mean 'submit'? the tools: inspect, read_docs, run, submit."
        f"{SUBMIT_LOOKS}",
    ),
    (None, {}, f"The name of a tool is a text, not null.{INSPECT_LOOKS}"),
    (7, {}, f"The name of a tool is a text, not a number.{INSPECT_LOOKS}"),
    (["run"], {}, f"The name of a tool is a text, not a list.{INSPECT_LOOKS}"),
    ("run", {}, f"The argument 'code' of run is missing.{RUN_LOOKS}"),
    ("run", None, f"The argument 'code' of run is missing.{RUN_LOOKS}"),
    ("run", {"code": 5}, f"The argument 'code' of run is a text, not a number.{RUN_LOOKS}"),
    ("run", {"code": 5.5}, f"The argument 'code' of run is a text, not a number.{RUN_LOOKS}"),
    ("run", {"code": True}, f"The argument 'code' of run is a text, not true.{RUN_LOOKS}"),
    ("submit", {"code": None}, f"The argument 'code' of submit is a text, not null.{SUBMIT_LOOKS}"),
    ("submit", {"code": ["emit a"]}, f"The argument 'code' of submit is a text, not a list.{SUBMIT_LOOKS}"),
    ("submit", {"code": {"a": 1}}, f"The argument 'code' of submit is a text, not an object.{SUBMIT_LOOKS}"),
    (
        "inspect",
        {"node_name": "a", "code": 1},
        f"The argument 'code' of inspect is a text or null, not a number.{INSPECT_LOOKS}",
    ),
    (
        "run",
        {"program": "emit a"},
        f"The argument 'code' of run is missing; there is no argument 'program'; run takes: code.{RUN_LOOKS}",
    ),
    (
        "inspect",
        {"node_name": "a", "x": 1, "y": 2},
        f"There is no argument 'x', 'y'; inspect takes: node_name, code.{INSPECT_LOOKS}",
    ),
    ("run", ["emit a"], f"The arguments of run are a JSON object, not a list.{RUN_LOOKS}"),
    ("run", 5, f"The arguments of run are a JSON object, not a number.{RUN_LOOKS}"),
    ("run", '["emit a"]', f"The arguments of run are a JSON object, not a list.{RUN_LOOKS}"),
    (
        "run",
        "emit a",
        "The arguments of run are not valid JSON (line 1, column 1): a value was expected before 'emit a' "
        rf"(inside a text, write \" for a double quote and \n for a line break).{RUN_LOOKS}",
    ),
    ("run", "[" * 100_000, f"The arguments of run are not readable: nested too deeply.{RUN_LOOKS}"),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), GOOD_CALLS)
def test_good_calls(name: str, arguments: object, expected: dict[str, Any]) -> None:
    assert make_call(name, arguments, TOOLS) == ToolCall(name, expected)


@pytest.mark.parametrize(("name", "arguments", "message"), BAD_CALLS)
def test_bad_calls(name: object, arguments: object, message: str) -> None:
    assert make_call(name, arguments, TOOLS) == MalformedCall(message)


GOOD = {"count": 1, "share": 1, "sure": False}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"share": 0.5, "note": "x"}, None),
        ({"count": 1.0}, "The argument 'count' of zeta is a whole number, not a number."),
        ({"count": True}, "The argument 'count' of zeta is a whole number, not true."),
        ({"share": False}, "The argument 'share' of zeta is a number, not false."),
        ({"sure": 1}, "The argument 'sure' of zeta is true or false, not a number."),
        ({"note": None}, "The argument 'note' of zeta is a text, not null."),
    ],
)
def test_arguments_of_other_types(changes: dict[str, Any], message: str | None) -> None:
    arguments = GOOD | changes
    call = make_call("zeta", arguments, OTHER)
    if message is None:
        assert call == ToolCall("zeta", arguments)
    else:
        assert isinstance(call, MalformedCall)
        assert call.message.partition("\n")[0] == message


def test_the_example_of_a_call_is_one() -> None:
    for tool in TOOLS.values():
        [call] = parse_calls(example(TOOLS, tool), TOOLS)
        assert isinstance(call, ToolCall)
        assert call.name == tool.name
