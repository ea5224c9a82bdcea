"""The tab for programs that play: what there is, examples to copy, and the limits.

The examples are the ones that the tests run and that docs/space.md shows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dsl_debug.replay.markup import escaped, tag
from space.views.common import page, plain_table

EXAMPLE_ADDRESS = "http://127.0.0.1:7860"
"""The address that examples name until the page knows its own."""

MCP_PATH = "/gradio_api/mcp/"


@dataclass(frozen=True)
class Example:
    """Something to copy: `name` for tests, a title, a remark (HTML), and the text in some language."""

    name: str
    title: str
    words: str
    text: str


_PYTHON = """\
from gradio_client import Client

space = Client("{address}", verbose=False)

episode = space.predict(category="standard", difficulty="easy", api_name="/start_episode")
episode_id = episode["episode_id"]
print(episode["prompt"])

answer = space.predict(episode_id, "overview", api_name="/read_docs")
print(answer["observation"])
print(answer["turns_left"])
"""

_LOOP = """\
from gradio_client import Client


def agent(prompt, history):
    # Put your model here. It returns the name of a tool and its arguments.
    if not history:
        return "run", {{"code": buggy_program(prompt)}}
    return "submit", {{"code": buggy_program(prompt)}}


def buggy_program(prompt):
    return prompt.split("# Program")[1].split("```")[1].strip()


space = Client("{address}", verbose=False)
episode = space.predict(api_name="/start_episode")
if "error" in episode:
    raise SystemExit(episode["error"])

history = []
done = False
while not done:
    tool, arguments = agent(episode["prompt"], history)
    answer = space.predict(episode["episode_id"], **arguments, api_name="/" + tool)
    history.append((tool, arguments, answer))
    done = answer.get("done", True)

print(episode["problem_id"], answer.get("reward", answer.get("error")))
"""

_CURL = """\
# 1. Post the arguments. The answer is the id of an event.
EVENT=$(curl -s -X POST {address}/gradio_api/call/v2/start_episode \\
  -H "Content-Type: application/json" \\
  -d '{{"category": "standard", "difficulty": "easy"}}' | cut -d '"' -f 4)

# 2. Fetch the event. The line after "event: complete" holds the answer, in a list.
curl -s -N {address}/gradio_api/call/start_episode/$EVENT
"""

_CURL_ONCE = """\
curl -s -X POST {address}/gradio_api/run/start_episode \\
  -H "Content-Type: application/json" \\
  -d '{{"data": ["standard", "easy", ""]}}'
"""

_MCP_PYTHON = """\
import asyncio
import json

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def main():
    async with streamable_http_client("{address}{path}") as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            names = [tool.name for tool in (await session.list_tools()).tools]
            print(names)
            # On Hugging Face, the name of the Space stands before the name of a tool.
            start = next(name for name in names if name.endswith("start_episode"))
            result = await session.call_tool(start, {{"category": "nonlocal"}})
            episode = json.loads(result.content[0].text)
            print(episode["prompt"])


asyncio.run(main())
"""


def examples(address: str = EXAMPLE_ADDRESS) -> tuple[Example, ...]:
    """The examples for an app at an address, which has no slash at its end."""
    mcp = {"mcpServers": {"dsl-debug": {"type": "http", "url": f"{address}{MCP_PATH}"}}}
    return (
        Example(
            "mcp",
            "MCP",
            "The configuration of a client that speaks streamable HTTP. Name the server as you like.",
            json.dumps(mcp, indent=2) + "\n",
        ),
        Example(
            "python",
            "Python",
            "With <code>pip install gradio_client</code>; arguments by name or by place.",
            _PYTHON.format(address=address),
        ),
        Example(
            "loop",
            "A whole episode",
            "The loop of an agent: put a model in the place of <code>agent</code>, which only knows how to "
            "hand the program in as it is.",
            _LOOP.format(address=address),
        ),
        Example(
            "curl",
            "HTTP",
            "Two requests for a call, as for any Gradio app: one begins it, one fetches the answer.",
            _CURL.format(address=address),
        ),
        Example(
            "curl-once",
            "HTTP in one request",
            "All arguments in their order. The answer is in the list <code>data</code>.",
            _CURL_ONCE.format(address=address),
        ),
        Example(
            "mcp-python",
            "MCP from Python",
            "With <code>pip install mcp</code>; an answer is one text, in JSON.",
            _MCP_PYTHON.format(address=address, path=MCP_PATH),
        ),
    )


TOOLS = (
    ("start_episode", "category, difficulty, problem_id", "Begins an episode and gives its task"),
    ("run", "episode_id, code", "Runs a program and shows its rows, or what is wrong with it"),
    ("inspect", "episode_id, node_name, code", "Shows a table that a program names, or a stored one"),
    ("read_docs", "episode_id, operation", "Reads a page of the language reference"),
    ("submit", "episode_id, code", "Hands in the corrected program and ends the episode"),
)
"""Name, arguments and purpose of the five functions."""


def agents_page(limits: Mapping[str, str]) -> str:
    """The tab; `limits` are name -> value, as people read them."""
    return page(_introduction(), _tools(), *map(_example, examples()), _limits(limits), kind="agents")


def _introduction() -> str:
    words = (
        "Any agent can play here: the same five functions are tools of an MCP server and a named API. They "
        "are what people have in the tab Play, without the help: no picture, no hints, no comparison of "
        "rows. Nothing is stored, and no account or key is needed."
    )
    address = tag("span", EXAMPLE_ADDRESS, "address")
    server = tag("p", f"MCP server: <code>{address}{MCP_PATH}</code> <small>(streamable HTTP)</small>")
    return tag("p", words, "lead") + server


def _tools() -> str:
    answers = (
        "<code>start_episode</code> answers with <code>episode_id</code>, <code>problem_id</code>, "
        "<code>category</code>, <code>difficulty</code>, <code>max_turns</code>, <code>prompt</code> (all "
        "that a model has to read) and <code>expires_in_seconds</code>; the others with "
        "<code>observation</code>, "
        "<code>turns_left</code>, <code>done</code> and <code>reward</code>, which is null until the episode "
        "is over, then 1 for a program that is right on hidden tables as well, else 0. What went wrong is "
        "told as <code>error</code>, in one line, and costs no turn."
    )
    return (
        tag("h2", "Five functions")
        + plain_table(("Name", "Arguments", "What it does"), TOOLS)
        + tag("p", answers)
    )


def _example(example: Example) -> str:
    text = escaped(example.text.rstrip()).replace(EXAMPLE_ADDRESS, tag("span", EXAMPLE_ADDRESS, "address"))
    button = tag("button", "Copy", "copy", type="button", **{"aria-label": f"Copy: {example.title}"})
    head = tag("header", tag("h2", escaped(example.title)) + button)
    return tag(
        "section",
        head + tag("p", example.words, "note") + tag("pre", text, "plain", tabindex="0"),
        "card example",
        id=f"example-{example.name}",
    )


def _limits(limits: Mapping[str, str]) -> str:
    return tag("h2", "Limits") + plain_table(("What", "How much"), tuple(limits.items()))
