"""Calls read out of every kind of text: well-formed, broken and hostile."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl_debug.episode.dsl import TOOLS
from dsl_debug.episode.tools import (
    MAX_CALLS,
    Call,
    MalformedCall,
    ToolCall,
    parse_calls,
    without_thought,
)

LOOKS = """
A call looks like this:
<tool_call>
{"name": "inspect", "arguments": {"node_name": "..."}}
</tool_call>"""
NO_OBJECT = "A call is a JSON object, not a number."
RUN_A = ToolCall("run", {"code": "emit a"})
SUBMIT_A = ToolCall("submit", {"code": "emit a"})
RUN_JSON = '{"name": "run", "arguments": {"code": "emit a"}}'
SUBMIT_JSON = RUN_JSON.replace('"run"', '"submit"')
CODE = 'a = load("t")\n  |> filter(x == "{}[]</tool_call>") -- \\ "quotes"\nemit a\n'


def block(content: str) -> str:
    return f"<tool_call>\n{content}\n</tool_call>"


def run_of(code: str) -> str:
    return json.dumps({"name": "run", "arguments": {"code": code}})


READ: dict[str, tuple[str, list[Call]]] = {
    "nothing": ("", []),
    "plain text": ("I think the bug is in the filter. Correct!", []),
    "text with brackets": ('The rows are:\n[1, 2]\n{a}\n{"region": "north"}\n[ ] done', []),
    "a lone end": ("</tool_call> and " + RUN_JSON, []),
    "one block": (block(RUN_JSON), [RUN_A]),
    "one block in text": (f"Let me see.\n{block(RUN_JSON)}\nDone.", [RUN_A]),
    "no line breaks": (f"<tool_call>{RUN_JSON}</tool_call>", [RUN_A]),
    "several blocks": (f"{block(RUN_JSON)}\n{block(SUBMIT_JSON)}", [RUN_A, SUBMIT_A]),
    "unclosed last block": (f"{block(RUN_JSON)}\n<tool_call>\n{SUBMIT_JSON}", [RUN_A, SUBMIT_A]),
    "unclosed block before another": (f"<tool_call>{RUN_JSON}<tool_call>{SUBMIT_JSON}", [RUN_A, SUBMIT_A]),
    "a list in a block": (block(f"[{RUN_JSON}, {SUBMIT_JSON}]"), [RUN_A, SUBMIT_A]),
    "text between blocks is ignored": (f"{block(RUN_JSON)} {SUBMIT_JSON} \n{SUBMIT_JSON}", [RUN_A]),
    "braces and tags in a text": (block(run_of(CODE)), [ToolCall("run", {"code": CODE})]),
    "a whole block in a text": (
        block(run_of(block(SUBMIT_JSON))),
        [ToolCall("run", {"code": block(SUBMIT_JSON)})],
    ),
    "a whole block in the text of bare JSON": (
        run_of(block(SUBMIT_JSON)),
        [ToolCall("run", {"code": block(SUBMIT_JSON)})],
    ),
    "raw line breaks in a text": (
        block('{"name": "run", "arguments": {"code": "a = load(\\"t\\")\n\temit a"}}'),
        [ToolCall("run", {"code": 'a = load("t")\n\temit a'})],
    ),
    "arguments as a text": (
        block(json.dumps({"name": "run", "arguments": '{"code": "emit a"}'})),
        [RUN_A],
    ),
    "parameters": (block('{"name": "run", "parameters": {"code": "emit a"}}'), [RUN_A]),
    "arguments before parameters": (
        block('{"name": "run", "parameters": {}, "arguments": {"code": "emit a"}}'),
        [RUN_A],
    ),
    "more keys": (
        block('{"id": 3, "type": "function", "arguments": {"code": "emit a"}, "name": "run"}'),
        [RUN_A],
    ),
    "escapes": (
        block('{"name": "run", "arguments": {"code": "\\u0061\\t\\ud83d\\ude00"}}'),
        [ToolCall("run", {"code": "a\t\U0001f600"})],
    ),
    "bare object": (RUN_JSON, [RUN_A]),
    "bare object with space": (f"\n  {RUN_JSON}  \n", [RUN_A]),
    "bare list": (f"[{RUN_JSON}, {SUBMIT_JSON}]", [RUN_A, SUBMIT_A]),
    "bare object after text": (f"I will run it:\n{RUN_JSON}\nand see.", [RUN_A]),
    "bare objects on lines": (f"First\n{RUN_JSON}\nthen\n  {SUBMIT_JSON}", [RUN_A, SUBMIT_A]),
    "bare object over lines": (json.dumps(json.loads(RUN_JSON), indent=2), [RUN_A]),
    "bare object within a line": (f"I will call {RUN_JSON}", []),
    "fence": (f"```json\n{RUN_JSON}\n```", [RUN_A]),
    "fence without a language": (f"```\n{RUN_JSON}\n```", [RUN_A]),
    "fence in text": (f"Let me see.\n```json\n{RUN_JSON}\n```\nThat was it.", [RUN_A]),
    "two fences": (f"```json\n{RUN_JSON}\n```\n```json\n{SUBMIT_JSON}\n```", [RUN_A, SUBMIT_A]),
    "fence with a list": (f"```json\n[{RUN_JSON},\n{SUBMIT_JSON}]\n```", [RUN_A, SUBMIT_A]),
    "code in a fence is no call": ('```\na = load("t")\nemit a\n```', []),
    "JSON that is no call, before one": (f'{{"region": "north"}}\n{RUN_JSON}', [RUN_A]),
}


@pytest.mark.parametrize(("text", "calls"), READ.values(), ids=READ.keys())
def test_calls_are_read(text: str, calls: list[Call]) -> None:
    assert parse_calls(text, TOOLS) == calls


def not_json(line: int, column: int, reason: str) -> str:
    """The first line of the answer to a call that is not JSON."""
    return (
        f"The call is not valid JSON (line {line}, column {column}): {reason}"
        r" (inside a text, write \" for a double quote and \n for a line break)."
    )


BROKEN: dict[str, tuple[str, list[str]]] = {
    "empty block": (block(""), ["The block is empty."]),
    "empty block at the end": ("<tool_call>", ["The block is empty."]),
    "no JSON": (
        block("run(code)"),
        [not_json(1, 1, "a value was expected before 'run(code) </tool_cal'")],
    ),
    "single quotes": (
        block("{'name': 'run'}"),
        [not_json(1, 2, "a name in double quotes was expected before ''name': 'run'} </too'")],
    ),
    "quotes that are not escaped": (
        block('{"name": "run",\n "arguments": {"code": "a = load("t")"}}'),
        [not_json(2, 35, """',' or a closing bracket was expected before 't")"}} </tool_call>'""")],
    ),
    "no colon": (
        block('{"name" "run"}'),
        [not_json(1, 9, """':' was expected before '"run"} </tool_call>'""")],
    ),
    "cut off in a text": (
        '<tool_call>\n{"name": "run", "arguments": {"code": "a = lo',
        [not_json(1, 39, """this text has no closing double quote before '"a = lo'""")],
    ),
    "cut off after a value": (
        '<tool_call>\n{"name": "run"',
        [not_json(1, 15, "',' or a closing bracket was expected at its end")],
    ),
    "unknown escape": (
        block(r'{"name": "run", "arguments": {"code": "\d"}}'),
        [
            not_json(
                1, 40, r"""unknown escape; a backslash itself is written \\ before '\d"}} </tool_call>'"""
            )
        ],
    ),
    "half an escape": (
        block(r'{"name": "r\u00"}'),
        [not_json(1, 13, r"""\u takes four hexadecimal digits before 'u00"} </tool_call>'""")],
    ),
    "one bracket too many": (
        block(RUN_JSON + "}"),
        [not_json(1, 49, "nothing more was expected before '} </tool_call>'")],
    ),
    "a text": (block('"run"'), ["A call is a JSON object, not a text."]),
    "an empty list": (block("[]"), ["A call is a JSON object, not a list."]),
    "a list of texts": (block('["run", "submit"]'), ["A call is a JSON object, not a text."] * 2),
    "no name": (block('{"tool": "run", "arguments": {}}'), ['The call has no "name".']),
    "nested too deeply": (block("[" * 100_000), ["The call is not readable: nested too deeply."]),
    "a number that is too long": (
        block('{"name": ' + "9" * 10_000 + "}"),
        ["The call is not readable: a number in it is too long."],
    ),
    "bare, broken": (
        '{"name": "run", "arguments": {"code": "load("t")"}}',
        [not_json(1, 46, """',' or a closing bracket was expected before 't")"}}'""")],
    ),
    "bare, without a name": ('{"tool": "run"}', ['The call has no "name".']),
    "bare list, without a name": ('[{"tool": "run"}, 1]', ['The call has no "name".', NO_OBJECT]),
    "bare after text, broken": (
        'I run it:\n{"name": "run", "arguments": }',
        [not_json(1, 30, "a value was expected before '}'")],
    ),
    "bare, broken, without a name": (
        '{"run": }',
        [not_json(1, 9, "a value was expected before '}'")],
    ),
    "fence, broken": (
        '```json\n{"name": "run" "arguments": {}}\n```',
        [not_json(1, 16, """',' or a closing bracket was expected before '"arguments": {}} ```'""")],
    ),
}


@pytest.mark.parametrize(("text", "messages"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_calls_say_what_is_wrong_and_how_a_call_looks(text: str, messages: list[str]) -> None:
    calls = parse_calls(text, TOOLS)
    assert [call.message for call in calls if isinstance(call, MalformedCall)] == [
        f"{message}{LOOKS}" for message in messages
    ]
    assert len(calls) == len(messages)


def test_what_follows_a_broken_block_is_read() -> None:
    for start in (block("{"), "<tool_call>{", block('{"name": "run'), block(RUN_JSON + "}")):
        calls = parse_calls(start + "\n" + block(RUN_JSON), TOOLS)
        assert isinstance(calls[0], MalformedCall)
        assert calls[1:] == [RUN_A]


@pytest.mark.parametrize("separator", [block("{}").replace("{}", "%s"), "%s\n"])
def test_only_so_many_calls_are_carried_out(separator: str) -> None:
    calls = parse_calls("".join(separator % RUN_JSON for _ in range(40)), TOOLS)
    assert calls[:MAX_CALLS] == [RUN_A] * MAX_CALLS
    assert calls[MAX_CALLS:] == [MalformedCall("Only the first 16 calls of a message are carried out.")]
    assert parse_calls(f"[{', '.join([RUN_JSON] * 40)}]", TOOLS) == calls


# Hostile texts

MILLION = 1_000_000
HOSTILE = {
    "opening tags": "<tool_call>" * (MILLION // 11),
    "closing tags": "</tool_call>" * (MILLION // 12),
    "braces": "{" * MILLION,
    "brackets": "[" * MILLION,
    "braces on lines": "{\n" * (MILLION // 2),
    "lists on lines": "[1]\n" * (MILLION // 4),
    "names on lines": '{"name"\n' * (MILLION // 8),
    "tags and braces": "<tool_call>{" * (MILLION // 12),
    "tags and open texts": '<tool_call>{"' * (MILLION // 13),
    "tags in an open text": '<tool_call>{"name": "' + "</tool_call><tool_call>" * (MILLION // 23),
    "tags and spaces": ("<tool_call>" + " " * 1_000) * (MILLION // 1_011),
    "spaces": " " * MILLION,
    "spaces before braces": ("\t" * 1_000 + "{\n") * (MILLION // 1_002),
    "line breaks": "\n" * MILLION,
    "fences": "```\n" * (MILLION // 4),
    "backslashes": '<tool_call>{"name":"' + "\\" * MILLION,
    "quotes": '"' * MILLION,
    "digits": '{"name":' + "9" * MILLION + "}",
    "many calls": block(RUN_JSON) * (MILLION // 70),
    "many bare calls": f"{RUN_JSON}\n" * (MILLION // 50),
    "many arguments": json.dumps({"name": "run", "arguments": {f"a{i}": 1 for i in range(MILLION // 12)}}),
    "deep arguments": json.dumps({"name": "run", "arguments": "[" * MILLION}),
    "a long name": json.dumps({"name": "run" * (MILLION // 3)}),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_megabyte_of_anything_is_answered_at_once(text: str) -> None:
    start = time.process_time()  # of this process alone: others may keep the machine busy
    calls = parse_calls(text, TOOLS)
    assert time.process_time() - start < 2
    assert len(calls) <= MAX_CALLS + 1
    assert all(len(call.message) < 1_000 for call in calls if isinstance(call, MalformedCall))


PIECES = ["<tool_call>", "</tool_call>", *'{}[]":,\\\n ', "```", "json", "null", "1", "\ud800"]
PIECES += ['"name"', '"arguments"', '"run"', '"code"', RUN_JSON, "submit"]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_no_text_raises(text: str) -> None:
    calls = parse_calls(text, TOOLS)
    for call in calls:
        assert isinstance(call, (ToolCall, MalformedCall))
        if isinstance(call, ToolCall):
            assert call.name in TOOLS


@given(st.text(), st.text(), st.text())
def test_a_program_of_any_text_arrives_unchanged(code: str, before: str, after: str) -> None:
    written = json.dumps({"name": "run", "arguments": {"code": code}})
    expected = [ToolCall("run", {"code": code})]
    assert parse_calls(block(written), TOOLS) == expected
    assert parse_calls(f"{before}\n{block(written)}\n{after}", TOOLS) == expected
    assert parse_calls(written, TOOLS) == expected


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>maybe <tool_call>{}</tool_call></think>\nnow", "\nnow"),
        ("the template wrote the tag</think>now", "now"),
        ("<think>no end <tool_call>", ""),
        ("no thought", "no thought"),
        ("say <think> once", "say <think> once"),
        ("<think>a</think>b</think>c", "b</think>c"),
    ],
)
def test_thoughts_are_left_out(text: str, left: str) -> None:
    assert without_thought(text) == left


def test_a_call_in_a_thought_is_not_carried_out() -> None:
    thought = '<think><tool_call>{"name": "submit", "arguments": {"code": "x"}}</tool_call></think>'
    call = '<tool_call>{"name": "run", "arguments": {"code": "y"}}</tool_call>'
    assert parse_calls(thought, TOOLS) == []
    assert parse_calls(thought + call, TOOLS) == [ToolCall("run", {"code": "y"})]
