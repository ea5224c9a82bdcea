"""Tools in texts, in the words of Qwen2.5's chat template, for servers and templates that know none."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What the template writes after the text of the system message.
_TOOLS = """

# Tools

You may call one or more functions to assist with the user query.

You are provided with function signatures within <tools></tools> XML tags:
<tools>
{tools}
</tools>

For each function call, return a json object with function name and arguments within <tool_call></tool_call> \
XML tags:
<tool_call>
{{"name": <function-name>, "arguments": <args-json-object>}}
</tool_call>"""


def tools_in_text(tools: Iterable[Mapping[str, Any]]) -> str:
    """What a system message says about tools, at its end."""
    return _TOOLS.format(tools="\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools))


def with_tools(
    prompt: Sequence[Mapping[str, Any]], tools: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """A prompt whose first message, that of the system, tells about the tools."""
    system, *others = map(dict, prompt)
    return [{**system, "content": system["content"] + tools_in_text(tools)}, *others]


def response_block(observation: str) -> str:
    """The answer of one tool, as it stands in a message of the user."""
    return f"<tool_response>\n{observation}\n</tool_response>"
