"""The whole server: what is mounted in it, how it describes itself, and the command that starts it."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from websockets.sync.client import connect

from dsl_debug import sessions, visitors
from dsl_debug.episode.tools import call_block
from servers import http_api, http_limits, launch, protocol
from servers.app import Sharing, make_app
from servers.openenv_gate import Gate
from servers.problems import VARIABLE, Problems
from tests.servers.conftest import problems_of, start
from tests.servers.openenv_serving import run_async

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "serving.md").read_text("utf-8")
PATIENCE = 120


def test_everything_is_mounted(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "ok"
    for name in ("dsl", "python"):
        assert client.get(f"/openenv/{name}/health").status_code == 200
        assert client.get(f"/openenv/{name}/schema").status_code == 200
    asked = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accepted = {"Accept": "application/json, text/event-stream"}
    for path in ("/mcp/", "/mcp"):
        tools = client.post(path, json=asked, headers=accepted).json()["result"]["tools"]
        assert "start_episode" in {tool["name"] for tool in tools}


def test_agents_and_the_http_api_share_their_episodes(client: TestClient) -> None:
    asked = {
        **{"jsonrpc": "2.0", "id": 1, "method": "tools/call"},
        "params": {"name": "start_episode", "arguments": {}},
    }
    accepted = {"Accept": "application/json, text/event-stream"}
    answer = client.post("/mcp/", json=asked, headers=accepted).json()["result"]
    begun = json.loads(answer["content"][0]["text"])
    assert client.get(f"/episodes/{begun['episode_id']}").json()["problem_id"] == begun["problem_id"]


def test_sessions_of_the_caller_are_used_even_if_there_are_none_yet(problems: Problems) -> None:
    own = sessions.Sessions()
    with TestClient(make_app(problems, own)) as client:
        start(client)
    assert len(own) == 1


# The description


def test_every_operation_is_described(app: FastAPI) -> None:
    described = app.openapi()
    operations = [op for path in described["paths"].values() for op in path.values()]
    names = [operation["operationId"] for operation in operations]
    about_problems = {"get_index", "get_health", "list_problems", "get_problem"}
    assert set(names) == about_problems | {"start_episode", "step", "get_episode", "end_episode"}
    for operation in operations:
        assert operation["tags"]
        assert operation["description"].endswith(".")
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}
    assert {tag["name"] for tag in described["tags"]} == {tag for op in operations for tag in op["tags"]}


def test_links_lead_from_a_started_episode_to_what_can_be_done_with_it(app: FastAPI) -> None:
    links = app.openapi()["paths"]["/episodes"]["post"]["responses"]["201"]["links"]
    assert {link["operationId"] for link in links.values()} == {"step", "get_episode", "end_episode"}


def test_no_page_loads_anything_from_elsewhere(client: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openenv/dsl/docs", "/openenv/python/redoc"):
        assert client.get(path).status_code == 404
    assert not re.search(r"https?://(?!testserver)", client.get("/openapi.json").text)


def test_the_page_about_serving_tells_the_limits_as_they_are() -> None:
    run = visitors.LIMITS
    limits = [
        f"{visitors.MAX_CODE:,} characters",
        f"{http_limits.MAX_MESSAGE:,} characters",
        f"{visitors.MAX_WORDS} characters",
        f"{http_limits.MAX_BODY:,} bytes, which arrive within {http_limits.BODY_SECONDS:g} s",
        f"{http_api.MAX_PAGE} entries",
        f"| episodes at a time | {sessions.CAPACITY} |",
        f"{sessions.IDLE_SECONDS / 60:g} minutes after its last call, {sessions.MAX_SECONDS / 3600:g} hours",
        f"{sessions.FINISHED_SECONDS / 60:g} minutes after its end",
        f"{sessions.UNTOUCHED_SECONDS:g} s after its start if nothing was done",
        f"{sessions.LEFT_SECONDS / 60:g} minutes after its last call |",
        f"{http_limits.PROGRAMS_AT_ONCE} program and {http_limits.FUNCTIONS_AT_ONCE} functions; "
        f"{http_limits.MAX_WAITING} more",
        f"{run.seconds:g} s, {run.rows:,} rows of a step, {run.cells:,} cells, {run.steps:,} steps",
        f"{visitors.ARENA_LIMITS.seconds:g} s each, {visitors.ARENA_LIMITS.total_seconds:g} s together, "
        f"{visitors.ARENA_LIMITS.memory_mb} MB",
        f"| connections | {launch.CONNECTIONS} |",
        f"more than {protocol.HEADER_SECONDS:g} s to send the headers",
        f"requests get {launch.GOODBYE_SECONDS} s and are then told so\n(503, `stopping`)",
    ]
    missing = [limit for limit in limits if limit not in PAGE]
    assert not missing


def test_the_page_names_every_code_of_an_error() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "servers").glob("*.py"))
    codes = set(re.findall(r'ApiError\(\s*\d+, "(\w+)"', sources)) | set(
        re.findall(r'\d{3}: \("(\w+)"', sources)
    )
    assert {"full", "turn_under_way", "not_found"} <= codes
    missing = sorted(code for code in codes if f"`{code}`" not in PAGE)
    assert not missing


# The command


@contextmanager
def started(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and what it printed up to its last address."""
    command = [sys.executable, "-m", "servers", "--port", "0", *options]
    given = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
    server = subprocess.Popen(
        command, cwd=ROOT, env=given, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        lines = []
        assert server.stdout is not None
        for line in server.stdout:
            lines.append(line)
            if "MCP:" in line:
                break
        yield server, "".join(lines)
    finally:
        server.kill()
        server.communicate()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_told_to_end(end: signal.Signals) -> None:
    with started() as (server, printed):
        url = re.findall(r"answers at (http://127\.0\.0\.1:\d+) ", printed)
        assert url, server.communicate(timeout=PATIENCE)
        assert "12 programs, 0 functions (the problems that come with the package)" in printed
        for path in ("/health", "/openapi.json", "/openenv/dsl/health"):
            with urllib.request.urlopen(url[0] + path, timeout=PATIENCE) as answer:
                assert answer.status == 200
                assert answer.headers["server"] is None
        server.send_signal(end)
        output, errors = server.communicate(timeout=PATIENCE)
        assert (server.returncode, output, errors) == (0, "", "")


def heavy_turn() -> str:
    """A message whose calls take a while: programs with many names that there are not."""
    names = "".join(f"aaaaaaaa{n:04d} = aaaaaaab{n:04d}\n" for n in range(120))
    return call_block("run", {"code": names + "emit aaaaaaaa0001"}) * 4


def test_an_end_with_steps_that_wait_is_quiet() -> None:
    step = json.dumps({"type": "step", "data": {"message": heavy_turn()}})
    with ExitStack() as held, started() as (server, printed):
        found = re.search(r"answers at http(://127\.0\.0\.1:\d+) ", printed)
        assert found
        address = f"ws{found[1]}/openenv/dsl/ws"
        callers = [held.enter_context(connect(address, proxy=None, open_timeout=PATIENCE)) for _ in range(5)]
        for caller in callers:
            caller.send('{"type": "reset", "data": {}}')
            caller.recv()
        for caller in callers:
            caller.send(step)
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=PATIENCE)
        assert server.returncode == 0
        assert "Traceback" not in errors


def test_turns_and_steps_of_openenv_share_their_places() -> None:
    places = threading.Semaphore(1)
    turns = Sharing(1, 5, places)
    gate = Gate(1, places)

    async def both() -> int:
        with gate.place():
            turn = asyncio.create_task(turns.call(lambda: 7))
            await asyncio.sleep(0.2)
            assert not turn.done()
        return await turn

    assert run_async(both()) == 7
    with gate.place(0.0):
        pass  # the turn gave its place back


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--port", "http"], "a port is a number from 0 to 65535, not 'http'"),
        (["--port", "65536"], "a port is a number from 0 to 65535, not '65536'"),
        (["--prot", "1"], "unrecognized arguments"),
        (["--host", "192.0.2.1"], "cannot listen at 192.0.2.1, port 8000"),
        (["--dataset", "/nothing/at/all"], "there is no folder /nothing/at/all"),
    ],
)
def test_bad_input_is_told_in_one_line(
    options: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert launch.main(options) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert output.err.startswith("python -m servers: ")
    assert told in output.err
    assert len(output.err) < 400


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert launch.main(["--port", str(port)]) == 2
    assert (
        f"cannot listen at 127.0.0.1, port {port} (Address already in use): name" in capsys.readouterr().err
    )


def test_a_folder_that_is_no_dataset_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["--dataset", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_missing_packages_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda name: None if name == "uvicorn" else name)
    assert launch.main([]) == 2
    assert capsys.readouterr().err == (
        "python -m servers: the server needs uvicorn: pip install 'dsl-debug[serve]'\n"
    )


def test_a_closed_arena_is_announced(problems: Problems) -> None:
    closed = problems_of(*problems.dsl.values(), closed=("It is switched off.",))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told = launch._announcement(closed, listener)
    assert "no function is run here: It is switched off." in told
