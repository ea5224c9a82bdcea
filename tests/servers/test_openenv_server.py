"""The OpenEnv servers as trainers meet them: a real server, OpenEnv's own client, many sessions at once."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

import httpx
from fastapi import FastAPI
from openenv.cli._validation import validate_running_environment
from starlette.routing import Mount
from websockets.asyncio.client import connect

from dsl_debug.episode.tools import call_block
from servers.client import DebugArenaClient, DSLDebugClient, call, message
from servers.openenv_app import lifespans, openenv_app
from servers.openenv_gate import Gate
from servers.openenv_limits import NO_ATTACHING, NO_MCP
from tests.problems import BUGGY, CONSTANT_EMITTER, CORRECT, OVERFIT, make_problem, one_row_problem
from tests.servers.openenv_serving import (
    PATIENCE_SECONDS,
    ask,
    made_problems,
    needs_arena,
    run_async,
    sample_functions,
    serving,
    socket_of,
    until,
)

SHOP, TOP = make_problem(), one_row_problem()
CAPACITY = 40


def both_mounted(**options: Any) -> FastAPI:
    """Both environments in one process, each below a path."""
    apps = {name: openenv_app(made_problems(), name, **options) for name in ("dsl", "python")}
    routes = [Mount(f"/openenv/{name}", app) for name, app in apps.items()]
    return FastAPI(routes=routes, lifespan=lambda _: lifespans(*apps.values()))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(both_mounted(capacity=CAPACITY)) as address:
        yield f"{address}/openenv/dsl"


@pytest.fixture(scope="module")
def arena_url(url: str) -> str:
    return url.replace("dsl", "python")


@pytest.fixture
def small_url() -> Iterator[str]:
    """A server with room for a single session, at the root."""
    with serving(openenv_app(made_problems(), "dsl", capacity=1)) as address:
        yield address


# Conformance


CHECKS = {
    *("openapi_version_available", "health_endpoint", "metadata_endpoint", "schema_endpoint"),
    *("mcp_endpoint", "mode_endpoint_consistency"),
}


def test_openenv_finds_nothing_wrong(url: str, arena_url: str, small_url: str) -> None:
    for address in (url, arena_url, small_url):
        report = validate_running_environment(address, timeout_s=60)
        assert {check["id"]: check["passed"] for check in report["criteria"]} == dict.fromkeys(CHECKS, True)
        assert report["passed"]


@pytest.mark.slow
def test_the_command_of_openenv_finds_nothing_wrong(url: str, arena_url: str) -> None:
    for address in (url, arena_url):
        command = [str(Path(sys.executable).with_name("openenv")), "validate", "--url", address]
        done = subprocess.run([*command, "--timeout", "60"], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Verdict: PASS" in done.stdout
        assert done.stdout.count("PASS") == len(CHECKS) + 1


def test_it_says_what_it_is_and_loads_nothing_from_elsewhere(url: str, arena_url: str) -> None:
    facts = [httpx.get(f"{address}/metadata").json() for address in (url, arena_url)]
    assert [found["name"] for found in facts] == ["dsl_debug", "debug_arena"]
    assert httpx.get(f"{url}/openapi.json").json()["info"]["title"] == "dsl_debug"
    for page in ("docs", "redoc"):
        assert httpx.get(f"{url}/{page}").status_code == 404


# Many at once

# What is handed in -> its reward.
SOLUTIONS = {
    SHOP.id: ((CORRECT, 1.0), (BUGGY, 0.0), (OVERFIT, 0.0)),
    TOP.id: ((TOP.correct_code, 1.0), (TOP.buggy_code, 0.0), (CONSTANT_EMITTER, 0.0)),
}


async def play(env: DSLDebugClient, rng: Random) -> tuple[float, float]:
    """An episode: its reward, and what it should have been."""
    problem_id = rng.choice(sorted(SOLUTIONS))
    code, earned = rng.choice(SOLUTIONS[problem_id])
    name = f"episode-{rng.random()}"
    result = await env.reset(problem_id=problem_id, episode_id=name)
    assert result.observation.problem_id == problem_id
    result = await env.step(call("run", code=BUGGY))
    assert (result.reward, result.done) == (0.0, False)
    result = await env.step(message(call_block("inspect", {"node_name": "orders"})))
    assert result.observation.turn == 2
    state = await env.state()
    assert (state.episode_id, state.problem_id, state.step_count) == (name, problem_id, 2)
    result = await env.step(call("submit", code=code))
    assert result.done
    return result.reward, earned


async def visit(url: str, number: int, episodes: int) -> list[tuple[float, float]]:
    """A session with some episodes, one after the other."""
    rng = Random(number)
    async with DSLDebugClient(base_url=url, message_timeout_s=300, connect_timeout_s=120) as env:
        return [await play(env, rng) for _ in range(episodes)]


def test_200_episodes_in_32_sessions_at_once_are_paid_rightly(url: str) -> None:
    async def all_of_them() -> list[list[tuple[float, float]]]:
        amounts = [7 if n < 8 else 6 for n in range(32)]
        return await asyncio.gather(*(visit(url, n, amount) for n, amount in enumerate(amounts)))

    paid = [pair for pairs in run_async(all_of_them()) for pair in pairs]
    assert len(paid) == 200
    assert [given for given, _ in paid] == [earned for _, earned in paid]
    assert {given for given, _ in paid} == {0.0, 1.0}


def test_sessions_do_not_see_each_other(url: str) -> None:
    async def two_at_once() -> None:
        async with DSLDebugClient(base_url=url) as one, DSLDebugClient(base_url=url) as other:
            await one.reset(problem_id=SHOP.id, episode_id="one")
            await other.reset(problem_id=TOP.id, episode_id="other")
            await one.step(call("run", code=CORRECT))
            await one.step(call("submit", code=BUGGY))
            states = [await one.state(), await other.state()]
            assert [state.episode_id for state in states] == ["one", "other"]
            assert [state.problem_id for state in states] == [SHOP.id, TOP.id]
            assert [state.step_count for state in states] == [2, 0]
            assert [state.done for state in states] == [True, False]
            assert (await other.step(call("submit", code=TOP.correct_code))).reward == 1.0

    run_async(two_at_once())


@needs_arena
def test_the_arena_is_played_by_several_at_once(arena_url: str) -> None:
    problem = next(iter(sample_functions().values()))

    async def one(code: str) -> Any:
        async with DebugArenaClient(base_url=arena_url, message_timeout_s=300) as env:
            await env.reset(problem_id=problem.id)
            await env.step(call("run_tests", code=problem.buggy_code))
            return await env.step(call("submit", code=code))

    async def several() -> list[Any]:
        return await asyncio.gather(*map(one, [problem.correct_code, problem.buggy_code] * 3))

    results = run_async(several())
    assert [result.observation.signals["r1"] == 1.0 for result in results] == [True, False] * 3
    assert all(r.reward == pytest.approx(sum(r.observation.signals.values())) for r in results)
    assert min(r.reward for r in results[::2]) > 2 > 0.5 > max(r.reward for r in results[1::2])


# Room


def a_session_is_possible(url: str) -> bool:
    """Whether there is room; raises whatever else a client is told."""
    try:
        with DSLDebugClient(base_url=url).sync() as env:
            env.reset(problem_id=SHOP.id)
    except RuntimeError as error:
        if "CAPACITY_REACHED" not in str(error):
            raise
        return False
    return True


def test_a_server_without_room_says_so_and_has_room_again(small_url: str) -> None:
    with DSLDebugClient(base_url=small_url).sync() as env:
        env.reset(problem_id=SHOP.id)
        with (
            pytest.raises(RuntimeError, match=r"capacity.*1.*\(code: CAPACITY_REACHED\)") as caught,
            DSLDebugClient(base_url=small_url).sync() as other,
        ):
            other.reset()
        assert "Server error" in str(caught.value)
        assert env.step(call("submit", code=CORRECT)).reward == 1.0
    until(lambda: a_session_is_possible(small_url))


KILLED = """
import json, sys
from websockets.sync.client import connect
with connect(sys.argv[1], proxy=None, open_timeout=60) as socket:
    socket.send(json.dumps({"type": "reset", "data": {}}))
    socket.recv()
    print("in the middle", flush=True)
    sys.stdin.read()
"""


def test_a_client_that_is_killed_gives_its_room_back(small_url: str) -> None:
    command = [sys.executable, "-c", KILLED, small_url.replace("http", "ws") + "/ws"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "in the middle\n"
        assert not a_session_is_possible(small_url)
        client.send_signal(signal.SIGKILL)
        client.wait()
    until(lambda: a_session_is_possible(small_url))


class Watched(Gate):
    """A gate for one step at a time, which says when one has come to it."""

    def __init__(self) -> None:
        super().__init__(at_once=1)
        self.reached = threading.Event()

    @contextmanager
    def place(self, seconds: float | None = None) -> Iterator[None]:
        self.reached.set()
        with super().place(seconds):
            yield


@pytest.fixture
def gate() -> Watched:
    return Watched()


async def reached(gate: Watched) -> None:
    """Wait for a step to come to the gate."""
    assert await asyncio.to_thread(gate.reached.wait, PATIENCE_SECONDS)


def test_a_client_that_is_gone_in_the_middle_of_a_step_gives_its_room_back(gate: Watched) -> None:
    async def leave(url: str) -> None:
        async with socket_of(url) as socket:
            await ask(socket, "reset", {"problem_id": SHOP.id})
            step = {"tool": "run", "arguments": {"code": CORRECT}}
            await socket.send(json.dumps({"type": "step", "data": step}))
            await reached(gate)
            socket.transport.abort()

    with serving(openenv_app(made_problems(), "dsl", capacity=1, gate=gate)) as url:
        with gate.place():  # the step waits while its client goes
            gate.reached.clear()
            run_async(leave(url))
        until(lambda: a_session_is_possible(url))


def test_a_step_that_waits_keeps_nobody_else_waiting(gate: Watched) -> None:
    async def wait_and_ask(url: str) -> float:
        async with DSLDebugClient(base_url=url) as env, DSLDebugClient(base_url=url) as other:
            await env.reset(problem_id=SHOP.id)
            with gate.place():
                gate.reached.clear()
                step = asyncio.create_task(env.step(call("submit", code=CORRECT)))
                await reached(gate)
                assert (await other.reset(problem_id=TOP.id)).observation.problem_id == TOP.id
                async with httpx.AsyncClient() as http:
                    assert (await http.get(f"{url}/health", timeout=60)).json() == {"status": "healthy"}
                assert not step.done()
            return (await step).reward

    with serving(openenv_app(made_problems(), "dsl", capacity=2, gate=gate)) as url:
        assert run_async(wait_and_ask(url)) == 1.0


def test_a_session_without_messages_ends_and_says_so() -> None:
    async def fall_asleep(url: str) -> None:
        async with socket_of(url) as socket:
            await ask(socket, "reset", {"problem_id": SHOP.id})
            while not await asyncio.to_thread(a_session_is_possible, url):
                await asyncio.sleep(0.5)
            for kind, data in (("reset", {}), ("step", {"tool": "run", "arguments": {"code": CORRECT}})):
                answer = await ask(socket, kind, data)
                assert answer["type"] == "error"
                assert "closed because nothing came for too long" in answer["data"]["message"]

    with serving(openenv_app(made_problems(), "dsl", capacity=1, idle_seconds=0.5)) as url:
        run_async(fall_asleep(url))


def test_sessions_below_a_path_end_as_well() -> None:
    """Without the lifespan of the mounted app a session that is not used would stay for good."""

    async def fall_asleep(url: str) -> None:
        async with socket_of(url) as socket:
            await ask(socket, "reset", {"problem_id": SHOP.id})
            while not await asyncio.to_thread(a_session_is_possible, url):
                await asyncio.sleep(0.5)

    with serving(both_mounted(capacity=1, idle_seconds=2.0)) as address:
        run_async(fall_asleep(f"{address}/openenv/dsl"))


CREATE = {"jsonrpc": "2.0", "id": 1, "method": "openenv/session/create", "params": {}}


def test_requests_without_a_connection_take_no_room(small_url: str) -> None:
    for _ in range(3):
        told = httpx.post(f"{small_url}/mcp", json=CREATE, timeout=60)
        assert told.status_code == 200
        assert told.json()["error"] == {"code": -32601, "message": NO_MCP}
    assert a_session_is_possible(small_url)


def test_a_session_is_reached_by_its_own_connection_only(url: str) -> None:
    async def attach() -> None:
        async with socket_of(url) as socket:
            known = (await ask(socket, "mcp", CREATE))["data"]["result"]["session_id"]
            async with connect(
                url.replace("http", "ws") + f"/ws?session_id={known}", proxy=None, open_timeout=60
            ) as other:
                told = json.loads(await other.recv())
        assert told == {"type": "error", "data": {"message": NO_ATTACHING, "code": "SESSION_ERROR"}}

    run_async(attach())


def test_a_gate_that_closes_sends_away_whoever_waits(gate: Watched) -> None:
    async def wait(url: str) -> list[str]:
        async with socket_of(url) as one, socket_of(url) as other:
            for socket in (one, other):
                await ask(socket, "reset", {"problem_id": SHOP.id})
                gate.reached.clear()
                step = {"tool": "run", "arguments": {"code": CORRECT}}
                await socket.send(json.dumps({"type": "step", "data": step}))
                await reached(gate)
            gate.close()
            return [json.loads(await socket.recv())["data"]["message"] for socket in (one, other)]

    with serving(openenv_app(made_problems(), "dsl", gate=gate)) as url, gate.place():
        told = run_async(wait(url))
    assert told == ["The server is being stopped. This cost no turn."] * 2


# What clients do wrong


WRONG_MESSAGES = [
    ("this is no JSON", "INVALID_JSON"),
    ('{"type": "dance"}', "UNKNOWN_TYPE"),
    ('{"type": "step", "data": {}}', "VALIDATION_ERROR"),
    ('{"type": "step", "data": {"tool": "run", "message": "both"}}', "VALIDATION_ERROR"),
    ('{"type": "step", "data": {"tool": 5}}', "VALIDATION_ERROR"),
    ('{"type": "step", "data": {"tool": "run", "arguments": {"code": "\\ud800"}}}', "EXECUTION_ERROR"),
    ('{"type": "step", "data": {"message": "\\ud800"}}', "EXECUTION_ERROR"),
    ('{"type": "reset", "data": {"problem_id": "nothing"}}', "EXECUTION_ERROR"),
    ('{"type": "reset", "data": {"seed": "x"}}', "EXECUTION_ERROR"),
]


def test_a_wrong_message_is_answered_and_the_session_goes_on(url: str) -> None:
    async def be_wrong() -> None:
        async with socket_of(url) as socket:
            await ask(socket, "reset", {"problem_id": SHOP.id})
            for text, code in WRONG_MESSAGES:
                await socket.send(text)
                answer = json.loads(await socket.recv())
                assert (answer["type"], answer["data"]["code"]) == ("error", code), text
            assert (await ask(socket, "state"))["data"]["step_count"] == 0
            answer = await ask(socket, "step", {"tool": "submit", "arguments": {"code": CORRECT}})
            assert answer["data"]["reward"] == 1.0

    run_async(be_wrong())


def test_a_client_hears_what_the_server_refuses(url: str) -> None:
    with DSLDebugClient(base_url=url).sync() as env:
        with pytest.raises(RuntimeError, match="There is no problem 'nothing' here; leave problem_id out"):
            env.reset(problem_id="nothing")
        with pytest.raises(RuntimeError, match="There is no episode yet: call reset first"):
            env.step(call("run", code=BUGGY))
        env.reset(problem_id=SHOP.id)
        assert env.step(call("submit", code=CORRECT)).reward == 1.0


def test_a_closed_arena_is_told_to_clients() -> None:
    app = openenv_app(made_problems(closed=("seccomp is missing.",)), "python")
    with serving(app) as url, DebugArenaClient(base_url=url).sync() as env:
        with pytest.raises(RuntimeError, match="No function can be run here: seccomp is missing"):
            env.reset()
        assert env.state().environment == "python"
        told = httpx.post(f"{url}/reset", timeout=60)
        assert told.status_code == 503
        assert told.json()["error"]["message"] == "No function can be run here: seccomp is missing."


def test_plain_http_keeps_nothing_and_says_so(url: str) -> None:
    asked = httpx.post(f"{url}/reset", json={"problem_id": SHOP.id}, timeout=60).json()
    assert asked["observation"]["problem_id"] == SHOP.id
    told = httpx.post(
        f"{url}/step", json={"action": {"tool": "run", "arguments": {"code": BUGGY}}}, timeout=60
    )
    assert told.status_code == 400
    assert told.json()["error"] == {
        "code": "refused",
        "message": "There is no episode yet: call reset first (over plain HTTP nothing is kept: use /ws).",
        "field": None,
    }
    assert httpx.post(f"{url}/reset", json={"seed": 1, "difficulty": "odd"}, timeout=60).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("reset", b'{"\\ud800": 1}', ""),
        ("reset", b'{"seed": []}', "seed: Input should be a valid integer."),
        ("step", b'{"action": {"tool": 1}}', "action.tool: Input should be a valid string."),
        (
            "step",
            b'{"action": {}}',
            "action: give either 'tool' (with 'arguments') or 'message', and not both.",
        ),
    ],
)
def test_a_wrong_request_is_told_in_the_form_of_the_http_api(
    url: str, path: str, body: bytes, told: str
) -> None:
    answer = httpx.post(
        f"{url}/{path}", content=body, headers={"Content-Type": "application/json"}, timeout=60
    )
    assert answer.status_code in (400, 422)
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "field"}
    assert told in error["message"]
