"""What programs may do, on the running app: by gradio_client, by MCP, by HTTP, and as the tab shows it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.problem import DslProblem
from space.library import Library
from space.views.agents import MCP_PATH, examples
from tests.space.conftest import run_async
from tests.space.test_agents import hidden_rows, squeezed

gradio_client = pytest.importorskip("gradio_client", reason="needs gradio: pip install 'dsl-debug[space]'")
mcp = pytest.importorskip("mcp", reason="needs mcp: pip install 'dsl-debug[space]'")

NAMES = ["start_episode", "run", "inspect", "read_docs", "submit"]
DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "space.md"


@pytest.fixture(scope="module")
def client(space_url: str) -> Any:
    return gradio_client.Client(space_url, verbose=False)


@pytest.fixture
def problem(library: Library) -> DslProblem:
    return next(p for p in library.problems.values() if len(hidden_rows(p)) > 10)


def with_mcp(space_url: str, play: Callable[[Any], Any]) -> Any:
    """What a coroutine makes of a session with the MCP server."""

    async def talk() -> Any:
        from mcp.client.streamable_http import streamable_http_client

        address = space_url.rstrip("/") + MCP_PATH
        async with (
            streamable_http_client(address) as (read, write, _),
            mcp.ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await play(session)

    return run_async(talk())


def test_there_are_five_named_endpoints_and_no_other(client: Any) -> None:
    api = client.view_api(print_info=False, return_format="dict")
    assert list(api["named_endpoints"]) == [f"/{name}" for name in NAMES]
    assert api["unnamed_endpoints"] == {}


def test_the_mcp_server_has_five_tools_that_explain_themselves(space_url: str) -> None:
    async def listed(session: Any) -> Any:
        others = [*(await session.list_prompts()).prompts, *(await session.list_resources()).resources]
        return (await session.list_tools()).tools, others

    tools, others = with_mcp(space_url, listed)
    assert [tool.name for tool in tools] == NAMES
    assert others == []
    required = [tool.inputSchema.get("required", []) for tool in tools]
    assert required == [
        [],
        ["episode_id", "code"],
        ["episode_id", "node_name"],
        ["episode_id", "operation"],
        ["episode_id", "code"],
    ]
    for tool in tools:
        assert len(tool.description) > 80
        for schema in tool.inputSchema["properties"].values():
            assert schema["type"] == "string"
            assert schema["description"]


def test_an_episode_by_the_client_gives_nothing_away(client: Any, problem: DslProblem) -> None:
    episode = client.predict(problem_id=problem.id, api_name="/start_episode")
    episode_id = episode["episode_id"]
    answers = [episode, client.predict(episode_id, problem.buggy_code, api_name="/run")]
    answers += [client.predict(episode_id, table, api_name="/inspect") for table in problem.tables]
    answers.append(client.predict(episode_id, "overview", api_name="/read_docs"))
    answers.append(client.predict(episode_id, problem.buggy_code, api_name="/submit"))
    assert (answers[-1]["done"], answers[-1]["reward"]) == (True, 0.0)
    said = "\n".join(str(value) for answer in answers for value in answer.values())
    lines = {squeezed(line) for line in said.splitlines()}
    assert [row for row in hidden_rows(problem) if row in lines] == []
    repaired = [line for line in problem.correct_code.splitlines() if line not in problem.buggy_code]
    assert repaired
    assert [line for line in repaired if line.strip() in said] == []


def test_a_right_program_earns_one_by_every_way(client: Any, space_url: str, problem: DslProblem) -> None:
    episode = client.predict(problem_id=problem.id, api_name="/start_episode")
    answer = client.predict(episode["episode_id"], problem.correct_code, api_name="/submit")
    assert answer == {"observation": "Correct.", "turns_left": 0, "done": True, "reward": 1.0}

    async def played(session: Any) -> Any:
        begun = await session.call_tool("start_episode", {"problem_id": problem.id})
        episode_id = json.loads(begun.content[0].text)["episode_id"]
        arguments = {"episode_id": episode_id, "code": problem.correct_code}
        return [begun, await session.call_tool("submit", arguments)]

    results = with_mcp(space_url, played)
    assert [(result.isError, len(result.content)) for result in results] == [(False, 1)] * 2
    assert json.loads(results[0].content[0].text)["prompt"] == episode["prompt"]
    assert json.loads(results[1].content[0].text) == answer


def test_an_error_reads_the_same_by_every_way(client: Any, space_url: str) -> None:
    arguments = {"episode_id": "nobody", "code": "emit a"}
    answer = client.predict(**arguments, api_name="/run")
    assert answer["error"].startswith("There is no episode with this id")
    result = with_mcp(space_url, lambda session: session.call_tool("run", arguments))
    assert json.loads(result.content[0].text) == answer


def test_what_is_no_text_is_told_so(client: Any, space_url: str) -> None:
    assert client.predict(["x"], {"a": 1}, api_name="/run") == {
        "error": "code is a text; something else was sent."
    }
    result = with_mcp(
        space_url, lambda session: session.call_tool("run", {"episode_id": 7, "code": "emit a"})
    )
    assert result.isError
    assert "7 is not of type 'string'" in result.content[0].text


# Examples


def carried_out(command: list[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def example(name: str, space_url: str) -> str:
    return next(e.text for e in examples(space_url.rstrip("/")) if e.name == name)


def test_the_example_in_python_runs(space_url: str) -> None:
    printed = carried_out([sys.executable, "-"], example("python", space_url))
    assert "This program does not give the expected rows." in printed
    assert "# overview" in printed
    assert printed.endswith("\n7\n")  # turns that are left


def test_the_example_of_a_whole_episode_runs(space_url: str, library: Library) -> None:
    problem_id, reward = carried_out([sys.executable, "-"], example("loop", space_url)).split()
    assert problem_id in library.problems
    assert reward == "0.0"  # it hands the buggy program in


def test_the_example_for_mcp_in_python_runs(space_url: str) -> None:
    printed = carried_out([sys.executable, "-"], example("mcp-python", space_url))
    assert printed.startswith(f"{NAMES}\n")
    assert "This program does not give the expected rows." in printed


def test_the_example_for_curl_runs(space_url: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here: apt-get install curl")
    printed = carried_out(["sh"], example("curl", space_url))
    event, data = printed.strip().splitlines()[-2:]
    assert event == "event: complete"
    [episode] = json.loads(data.removeprefix("data: "))
    assert (episode["category"], episode["difficulty"]) == ("standard", "easy")


def test_the_example_in_one_request_runs(space_url: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here: apt-get install curl")
    [episode] = json.loads(carried_out(["sh"], example("curl-once", space_url)))["data"]
    assert (episode["category"], episode["difficulty"]) == ("standard", "easy")


def test_the_configuration_for_mcp_names_a_server_that_answers(space_url: str) -> None:
    [server] = json.loads(example("mcp", space_url))["mcpServers"].values()
    assert server["url"] == space_url.rstrip("/") + MCP_PATH
    assert server["type"] == "http"


def test_every_example_is_executed_and_documented() -> None:
    assert [e.name for e in examples()] == ["mcp", "python", "loop", "curl", "curl-once", "mcp-python"]
    page = DOCS.read_text(encoding="utf-8")
    assert [e.name for e in examples() if e.text not in page] == []


# The tab


def test_the_tab_fills_in_its_own_address_and_copies(visitor: Callable[..., Any], space_url: str) -> None:
    page = visitor("?tab=agents")
    address = space_url.rstrip("/")
    shown = page.locator("#example-curl pre")
    shown.wait_for()
    page.wait_for_function(
        "a => document.querySelector('#example-curl pre').textContent.includes(a)", arg=address
    )
    assert shown.text_content() == example("curl", space_url).rstrip()
    page.locator("#example-curl button").click()
    page.get_by_role("button", name="Copy: HTTP").get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == example("curl", space_url)


def test_the_tab_fits_a_phone(visitor: Callable[..., Any]) -> None:
    page = visitor("?tab=agents", width=390, height=844)
    page.locator("#example-loop").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
