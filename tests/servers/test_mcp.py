"""The tools for agents, used by the real MCP client over streamable HTTP."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import Any

import pytest

pytest.importorskip("mcp", reason="needs mcp: pip install 'dsl-debug[serve]'")

import httpx
from fastapi import FastAPI
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from starlette.routing import Mount

from dsl_debug.episode.dsl import DslTools
from dsl_debug.episode.prompts import messages
from dsl_debug.sandbox import SandboxError
from dsl_debug.sessions import Sessions
from dsl_debug.visitors import MAX_CODE, Turnstile
from servers.mcp import TOOLS, mcp_app
from servers.openenv_app import lifespans
from servers.problems import Problems
from tests.problems import BUGGY, CORRECT, MARKS, OVERFIT, make_problem, one_row_problem
from tests.servers.openenv_serving import made_problems, needs_arena, run_async, sample_functions, serving

SHOP, TOP = make_problem(), one_row_problem()


def mounted(problems: Problems, sessions: Sessions, **options: Any) -> FastAPI:
    """The tools below a path, as the whole server has them."""
    tools = mcp_app(problems, sessions, rng=Random(1), **options)
    return FastAPI(routes=[Mount("/mcp", tools)], lifespan=lambda _: lifespans(tools))


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture(scope="module")
def url(sessions: Sessions) -> Iterator[str]:
    with serving(mounted(made_problems(), sessions)) as address:
        yield f"{address}/mcp/"


class Agent:
    """An agent at the end of a connection."""

    def __init__(self, session: ClientSession) -> None:
        self._session = session

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a tool, which is the same as text and as data."""
        result = await self._session.call_tool(tool, arguments)
        assert not result.isError, result.content
        assert result.structuredContent == json.loads(result.content[0].text)
        return result.structuredContent

    async def start(self, problem_id: str = SHOP.id, **wanted: str) -> str:
        episode_id = (await self.call("start_episode", problem_id=problem_id, **wanted))["episode_id"]
        assert isinstance(episode_id, str)
        return episode_id


def at(url: str, work: Callable[[Agent], Awaitable[Any]]) -> Any:
    """What an agent does that is connected to a server."""

    async def connected() -> Any:
        async with streamable_http_client(url) as (read, write, *_), ClientSession(read, write) as session:
            await session.initialize()
            return await work(Agent(session))

    return run_async(connected())


def test_the_tools_are_described(url: str) -> None:
    async def listed(agent: Agent) -> Any:
        return (await agent._session.list_tools()).tools

    tools = {tool.name: tool for tool in at(url, listed)}
    assert list(tools) == list(TOOLS)
    for name, tool in tools.items():
        assert "Takes one turn." in tool.description or name in ("start_episode", "submit")
        properties = tool.inputSchema["properties"]
        assert all(p["type"] == "string" and p["description"] for p in properties.values())
        assert ("episode_id" in properties) == (name != "start_episode")
    assert tools["inspect"].inputSchema["required"] == ["episode_id", "node_name"]
    assert "required" not in tools["start_episode"].inputSchema


def test_an_episode_from_the_task_to_the_reward(url: str) -> None:
    async def play(agent: Agent) -> None:
        begun = await agent.call("start_episode", problem_id=SHOP.id)
        assert begun["prompt"] == "\n\n".join(message["content"] for message in messages(SHOP))
        assert (begun["environment"], begun["max_turns"]) == ("dsl", 8)
        assert begun["tools"] == ["inspect", "read_docs", "run", "submit"]
        episode_id = begun["episode_id"]
        answer = await agent.call("run", episode_id=episode_id, code=BUGGY)
        assert (answer["turns_left"], answer["done"], answer["reward"]) == (7, False, None)
        answer = await agent.call("inspect", episode_id=episode_id, node_name="orders")
        assert "order_id" in answer["observation"]
        assert await agent.call("inspect", episode_id=episode_id, node_name="paid", code=CORRECT)
        answer = await agent.call("read_docs", episode_id=episode_id, operation="overview")
        assert answer["turns_left"] == 4
        answer = await agent.call("submit", episode_id=episode_id, code=CORRECT)
        assert answer == {"observation": "Correct.", "turns_left": 0, "done": True, "reward": 1.0}

    at(url, play)


@pytest.mark.parametrize(("code", "reward"), [(CORRECT, 1.0), (BUGGY, 0.0), (OVERFIT, 0.0)])
def test_what_is_submitted_is_paid(url: str, code: str, reward: float) -> None:
    async def play(agent: Agent) -> Any:
        return await agent.call("submit", episode_id=await agent.start(), code=code)

    assert at(url, play)["reward"] == reward


@needs_arena
def test_an_episode_of_the_arena(url: str) -> None:
    problem = next(iter(sample_functions().values()))

    async def play(agent: Agent) -> None:
        begun = await agent.call("start_episode", environment="python", problem_id=problem.id)
        assert (begun["environment"], begun["max_turns"]) == ("python", 5)
        assert begun["tools"] == ["run_tests", "submit"]
        given = {"episode_id": begun["episode_id"]}
        assert "FAILED" in (await agent.call("run_tests", **given, code=problem.buggy_code))["observation"]
        told = await agent.call("run", **given, code=problem.buggy_code)
        assert told == {"error": "This episode has no tool run; its tools: run_tests, submit."}
        answer = await agent.call("submit", **given, code=problem.correct_code)
        assert answer["done"]
        assert answer["reward"] > 2
        assert sum(answer["signals"].values()) == pytest.approx(answer["reward"])

    at(url, play)


def test_many_agents_at_once_have_episodes_of_their_own(url: str) -> None:
    async def one(number: int) -> bool:
        async with streamable_http_client(url) as (read, write, *_), ClientSession(read, write) as session:
            await session.initialize()
            agent = Agent(session)
            problem = (SHOP, TOP)[number % 2]
            episode_id = await agent.start(problem.id)
            await agent.call("run", episode_id=episode_id, code=BUGGY)
            is_right = number % 3 == 0
            code = problem.correct_code if is_right else problem.buggy_code
            answer = await agent.call("submit", episode_id=episode_id, code=code)
            return (answer["reward"] == 1.0) == is_right

    async def several() -> list[bool]:
        return await asyncio.gather(*map(one, range(12)))

    assert run_async(several()) == [True] * 12


def test_an_episode_goes_on_in_another_connection_even_without_the_slash(url: str) -> None:
    episode_id = at(url, lambda agent: agent.start())
    answer = at(url.rstrip("/"), lambda agent: agent.call("run", episode_id=episode_id, code=BUGGY))
    assert answer["turns_left"] == 7


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("start_episode", {"environment": "java"}, "The environments are: dsl, python."),
        (
            "start_episode",
            {"problem_id": "nothing"},
            "There is no problem 'nothing' here; leave problem_id",
        ),
        ("start_episode", {"category": "odd"}, "There is no category 'odd'"),
        ("run", {"episode_id": "nothing", "code": BUGGY}, "There is no episode with this id"),
        ("submit", {"episode_id": "x" * 600, "code": BUGGY}, "There is no episode with this id"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(url: str, tool: str, arguments: dict[str, str], told: str) -> None:
    answer = at(url, lambda agent: agent.call(tool, **arguments))
    assert list(answer) == ["error"]
    assert answer["error"].startswith(told)
    assert "\n" not in answer["error"]


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("run", {}, "The argument code is missing. This cost no turn."),
        ("run", {"cod": BUGGY}, "The argument code is missing. This cost no turn."),
        ("run", {"code": None}, "code is a text; something else was sent. This cost no turn."),
        ("submit", {"code": [BUGGY]}, "code is a text; something else was sent. This cost no turn."),
        ("run", {"code": BUGGY, "episode_id": 7}, "episode_id is a text; something else was sent."),
        ("start_episode", {"category": 7}, "category is a text; something else was sent."),
        ("destroy", {"code": BUGGY}, "There is no such tool; the tools: start_episode, run, inspect,"),
    ],
)
def test_arguments_that_are_none_are_told_in_one_line_and_cost_no_turn(
    url: str, sessions: Sessions, tool: str, arguments: dict[str, Any], told: str
) -> None:
    async def play(agent: Agent) -> tuple[str, Any]:
        episode_id = await agent.start()
        return episode_id, await agent.call(tool, **({"episode_id": episode_id} | arguments))

    episode_id, answer = at(url, play)
    assert list(answer) == ["error"]
    assert answer["error"].startswith(told)
    assert "\n" not in answer["error"]
    assert sessions.env(episode_id).turns == 0


def test_an_episode_has_one_turn_at_a_time(url: str, sessions: Sessions) -> None:
    async def play(agent: Agent) -> Any:
        episode_id = await agent.start()
        with sessions.claimed(episode_id):
            refused = await agent.call("run", episode_id=episode_id, code=BUGGY)
        return refused, await agent.call("run", episode_id=episode_id, code=BUGGY)

    refused, taken = at(url, play)
    told = "This episode has a turn under way: wait for its answer before the next one."
    assert refused == {"error": told}
    assert taken["turns_left"] == 7


def test_what_is_refused_costs_no_turn(url: str, sessions: Sessions) -> None:
    async def play(agent: Agent) -> str:
        episode_id = await agent.start()
        told = await agent.call("run", episode_id=episode_id, code="x" * (MAX_CODE + 1))
        assert told == {"error": "code has at most 20,000 characters; 20,001 were sent."}
        told = await agent.call("run_tests", episode_id=episode_id, code=BUGGY)
        assert told["error"].startswith("This episode has no tool run_tests; its tools: inspect, read_docs,")
        return episode_id

    assert sessions.env(at(url, play)).turns == 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SandboxError(MARKS[0]), "The sandbox failed. This cost no turn; try again."),
        (KeyError(MARKS[0]), "The server failed. This cost no turn; try again."),
    ],
)
def test_a_failure_of_ours_costs_no_turn_and_tells_nothing(
    url: str,
    sessions: Sessions,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    told: str,
) -> None:
    def fail(self: DslTools, code: str) -> str:
        raise error

    async def play(agent: Agent) -> str:
        episode_id = await agent.start()
        assert await agent.call("run", episode_id=episode_id, code=BUGGY) == {"error": told}
        return episode_id

    monkeypatch.setattr(DslTools, "run", fail)
    with caplog.at_level(logging.ERROR):
        assert sessions.env(at(url, play)).turns == 0
    assert MARKS[0] in caplog.text


def test_a_closed_arena_a_full_server_and_a_busy_one_are_told() -> None:
    problems = made_problems(closed=("seccomp is missing.",))
    turns: Any = {"dsl": Turnstile(1, waiting=100), "python": Turnstile(1, waiting=-1)}

    async def play(agent: Agent) -> list[str]:
        await agent.start()
        wanted: list[dict[str, str]] = [{"problem_id": SHOP.id}, {"environment": "python"}]
        return [(await agent.call("start_episode", **words))["error"] for words in wanted]

    with serving(mounted(problems, Sessions(capacity=1), turns=turns)) as address:
        full, busy = at(f"{address}/mcp/", play)
    assert full.startswith("There is no room for another episode: 1 are being played.")
    assert busy == "Too many calls are waiting already: try again in a few seconds."
    with serving(mounted(problems, Sessions())) as address:
        closed = at(f"{address}/mcp/", lambda agent: agent.call("start_episode", environment="python"))
    assert closed == {"error": "No function can be run here: seccomp is missing."}


def test_any_host_may_be_the_one_that_a_space_has(url: str) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Host": "user-dsl-debug.hf.space", "Accept": "application/json, text/event-stream"}
    answer = httpx.post(url, json=request, headers=headers, timeout=60)
    assert len(answer.json()["result"]["tools"]) == len(TOOLS)


def test_nothing_hidden_leaves_the_server(url: str) -> None:
    async def play(agent: Agent) -> str:
        told = []
        for code in (CORRECT, OVERFIT):
            begun = await agent.call("start_episode", problem_id=SHOP.id)
            given = {"episode_id": begun["episode_id"]}
            told += [begun, await agent.call("run", **given, code=code)]
            told += [await agent.call("inspect", **given, node_name=name) for name in ("orders", "regions")]
            told += [await agent.call("submit", **given, code=code)]
        return json.dumps(told)

    seen = at(url, play)
    lines = set(CORRECT.splitlines()) - set(BUGGY.splitlines())
    assert lines
    secrets = [*MARKS, SHOP.intent, SHOP.bugs[0].description, *lines]
    assert [secret for secret in secrets if secret in seen] == []
