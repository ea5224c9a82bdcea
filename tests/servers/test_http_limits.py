"""What one caller may send and take: bytes, time, turns at once, room; and many callers at once."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from dsl_debug import visitors
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.sessions import FINISHED_SECONDS, UNTOUCHED_SECONDS, Sessions
from dsl_debug.visitors import Turnstile
from servers import http_api
from servers.app import make_app
from servers.http_api import HttpApi, http_router
from servers.http_errors import add_error_handlers
from servers.http_limits import MAX_BODY, MAX_MESSAGE, BodyLimit
from servers.problems import Problems
from tests.problems import BUGGY, CORRECT, make_problem
from tests.servers.conftest import JSON, Clock, call, error_of, served, start

PATIENCE = 60  # seconds until a test gives up that waits for what comes at once

# Bodies


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the number of bytes that it got, and with what came after them."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await PlainTextResponse(f"{len(body)}")(scope, receive, send)


def sent_through(limit: BodyLimit, parts: list[bytes], headers: dict[bytes, bytes] | None = None) -> Any:
    """Status and body of the answer to a body that arrives in parts; what a client counts is not asked."""
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    return asyncio.run(_sent(limit, waiting, headers or {}))


async def _sent(limit: BodyLimit, waiting: list[Message], headers: dict[bytes, bytes]) -> Any:
    answered: list[Message] = []

    async def receive() -> Message:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("nothing comes after this")

    async def send(message: Message) -> None:
        answered.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers.items())}
    await limit(scope, receive, send)
    if not answered:
        return None
    return answered[0]["status"], b"".join(message.get("body", b"") for message in answered[1:])


def test_bodies_pass_up_to_the_limit() -> None:
    limit = BodyLimit(echo, most=10)
    assert sent_through(limit, []) == (200, b"0")
    assert sent_through(limit, [b"12345", b"67890"]) == (200, b"10")


@pytest.mark.parametrize("said", [{}, {b"content-length": b"3"}, {b"content-length": b"x"}])
def test_the_bytes_that_arrive_are_counted_whatever_the_header_says(said: dict[bytes, bytes]) -> None:
    status, body = sent_through(BodyLimit(echo, most=10), [b"12345", b"67890", b"!"], said)
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (413, "too_large")
    assert error["message"] == "A request has at most 10 bytes: send a shorter one."


@pytest.mark.parametrize("length", [b"11", b"9" * 4_000])
def test_a_body_that_is_announced_as_too_large_is_not_waited_for(length: bytes) -> None:
    limit = BodyLimit(echo, most=10)
    assert asyncio.run(_sent(limit, [], {b"content-length": length}))[0] == 413


def test_a_body_that_does_not_arrive_is_given_up() -> None:
    limit = BodyLimit(echo, seconds=0.01)
    begun = [{"type": "http.request", "body": b"{", "more_body": True}]
    status, body = asyncio.run(_sent(limit, begun, {}))
    assert (status, json.loads(body)["error"]["code"]) == (408, "too_slow")


def test_a_caller_who_has_gone_is_not_answered() -> None:
    assert asyncio.run(_sent(BodyLimit(echo), [{"type": "http.disconnect"}], {})) is None


def test_the_longest_message_fits_even_if_every_character_is_escaped() -> None:
    body = json.dumps({"message": "\N{PILE OF POO}" * MAX_MESSAGE}).encode()
    assert 0.9 * MAX_BODY < len(body) <= MAX_BODY


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/episodes"),
        ("GET", "/"),
        ("DELETE", "/nothing"),
        ("POST", "/openenv/dsl/reset"),
        ("POST", "/mcp/"),
    ],
)
def test_every_path_refuses_a_body_that_is_too_large(client: TestClient, method: str, path: str) -> None:
    error = error_of(client.request(method, path, content=b"x" * (MAX_BODY + 1), headers=JSON), 413)
    assert error["message"] == f"A request has at most {MAX_BODY:,} bytes: send a shorter one."


def test_a_chunked_body_is_cut_off_by_a_real_server(app: FastAPI) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with served(app) as url, _connected(url) as line:
        line.sendall(b"POST /episodes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(MAX_BODY // 0x10000 + 50):
                line.sendall(chunk)
        except OSError:
            pass  # the server has closed the connection; its answer may be lost with it
        assert _received(line)[:12] in (b"HTTP/1.1 413", b"")
        with _connected(url) as other:
            other.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert _received(other)[:12] == b"HTTP/1.1 200"


@contextmanager
def _connected(url: str) -> Iterator[socket.socket]:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as line:
        yield line


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(65_536)
    except ConnectionError:
        return b""


# Turns at once


class Held(DSLDebugEnv):
    """Says when a call has begun, and waits in it until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def call(self, tool: str, /, **arguments: Any) -> Step:
        self.entered.set()
        self.go_on.wait(PATIENCE)
        return super().call(tool, **arguments)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """The environment of the next episode, and of no other."""
    env = Held()
    waiting = [env]
    monkeypatch.setattr(http_api, "dsl_env", lambda: waiting.pop() if waiting else DSLDebugEnv())
    return env


class Counted(Turnstile):
    """Lets one turn in and one wait, and says when the second one is there."""

    def __init__(self) -> None:
        super().__init__(1, waiting=1)
        self.calls, self.second = 0, threading.Event()

    async def call(self, work: Any, is_gone: Any = None) -> Any:
        self.calls += 1
        answer = asyncio.ensure_future(super().call(work, is_gone))
        await asyncio.sleep(0)
        if self.calls == 2:
            self.second.set()
        return await answer


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def narrow(problems: Problems, sessions: Sessions, counted: Counted) -> Iterator[TestClient]:
    """A server where one turn is taken at a time, and one may wait."""
    app = FastAPI()
    add_error_handlers(app)
    turns = {"dsl": counted, "python": Turnstile(1, waiting=0)}
    app.include_router(http_router(HttpApi(problems, sessions, turns, Random(1))))
    with TestClient(app) as client:
        yield client


DOCS = {"tool": "read_docs", "arguments": {"operation": "take"}}


def test_the_server_answers_while_a_turn_is_under_way(held: Held, narrow: TestClient) -> None:
    path = f"/episodes/{start(narrow)['episode_id']}"
    with ThreadPoolExecutor(1) as threads:
        turn = threads.submit(narrow.post, f"{path}/step", json=DOCS)
        assert held.entered.wait(PATIENCE)
        assert narrow.get("/health").json()["status"] == "ok"
        assert narrow.get(path).json()["turn"] == 0
        error = error_of(narrow.post(f"{path}/step", json=DOCS), 409)
        assert error["code"] == "turn_under_way"
        assert "wait for its answer" in error["message"]
        held.go_on.set()
        assert turn.result(PATIENCE).json()["turn"] == 1
    assert narrow.post(f"{path}/step", json=DOCS).json()["turn"] == 2


def test_a_full_waiting_room_is_told_and_costs_no_turn(
    held: Held, narrow: TestClient, counted: Counted
) -> None:
    busy, waiting, refused = (f"/episodes/{start(narrow)['episode_id']}" for _ in range(3))
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(narrow.post, f"{busy}/step", json=DOCS)
        assert held.entered.wait(PATIENCE)
        second = threads.submit(narrow.post, f"{waiting}/step", json=DOCS)
        assert counted.second.wait(PATIENCE)
        response = narrow.post(f"{refused}/step", json=DOCS)
        error = error_of(response, 503)
        assert (error["code"], response.headers["retry-after"]) == ("busy", "5")
        held.go_on.set()
        assert [turn.result(PATIENCE).status_code for turn in (first, second)] == [200, 200]
    assert narrow.get(refused).json()["turn"] == 0


def test_a_turn_whose_caller_has_gone_while_it_waited_is_not_taken(
    held: Held, problems: Problems, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx2

    monkeypatch.setattr(visitors, "GONE_SECONDS", 0.05)
    sessions = Sessions(clock=clock)
    with (
        served(make_app(problems, sessions, Random(1))) as url,
        httpx2.Client(base_url=url, timeout=PATIENCE) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        busy, left = (start(client)["episode_id"] for _ in range(2))
        first = threads.submit(client.post, f"/episodes/{busy}/step", json=DOCS)
        try:
            assert held.entered.wait(PATIENCE)
            body = json.dumps(DOCS).encode()
            head = f"POST /episodes/{left}/step HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            with _connected(url) as line:
                line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                _until(lambda: sessions._episodes[left].busy == 1)
            _until(lambda: sessions._episodes[left].busy == 0)  # while the other one is under way
        finally:
            held.go_on.set()
        assert first.result(PATIENCE).json()["turn"] == 1
        assert client.post(f"/episodes/{left}/step", json=DOCS).json()["turn"] == 1


def _until(holds: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    for _ in range(20 * PATIENCE):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


# Room


def test_there_is_room_for_so_many_episodes(problems: Problems, sandboxed: None, clock: Clock) -> None:
    app = make_app(problems, Sessions(capacity=2, clock=clock), Random(1))
    with TestClient(app) as client:
        ids = [start(client)["episode_id"] for _ in range(2)]
        response = client.post("/episodes", json={})
        error = error_of(response, 503)
        assert (error["code"], response.headers["retry-after"]) == ("full", "60")
        assert "There is no room for another episode: 2 are being played." in error["message"]
        client.delete(f"/episodes/{ids[0]}")
        start(client)
        clock.now += UNTOUCHED_SECONDS
        start(client)  # in the place of those that nobody plays
        assert client.get(f"/episodes/{ids[1]}").status_code == 404


def test_a_finished_episode_can_be_looked_at_for_a_while(problems: Problems, clock: Clock) -> None:
    with TestClient(make_app(problems, Sessions(clock=clock), Random(1))) as client:
        path = f"/episodes/{start(client, problem_id=make_problem().id)['episode_id']}"
        call(client, path.rpartition("/")[2], "submit", code=CORRECT)
        clock.now += FINISHED_SECONDS - 1
        assert client.get(path).json()["reward"] == 1.0
        clock.now += 1
        assert client.get(path).status_code == 404


# Many callers


def play(client: TestClient, number: int) -> tuple[float, float, str]:
    """An episode of a caller: the reward that is due, the one that came, and what its history holds."""
    mark = f"-- caller {number}\n"
    episode_id = start(client, problem_id=make_problem().id)["episode_id"]
    for _ in range(number % 4):
        call(client, episode_id, "run", code=mark + BUGGY)
    call(client, episode_id, "submit", code=mark + (CORRECT if number % 2 else BUGGY))
    state = client.get(f"/episodes/{episode_id}").json()
    assert state["turn"] == number % 4 + 1
    codes = {
        result["arguments"]["code"].partition("\n")[0]
        for turn in state["history"]
        for result in turn["results"]
    }
    assert codes == {mark.strip()}
    client.delete(f"/episodes/{episode_id}")
    return float(number % 2), state["reward"], episode_id


def test_32_callers_at_once_play_200_episodes(app: FastAPI, sessions: Sessions) -> None:
    import httpx2

    with (
        served(app) as url,
        httpx2.Client(base_url=url, timeout=PATIENCE) as client,
        ThreadPoolExecutor(32) as threads,
    ):
        played = list(threads.map(lambda number: play(client, number), range(200)))
    assert [reward for _, reward, _ in played] == [due for due, _, _ in played]
    assert len({episode_id for _, _, episode_id in played}) == 200
    assert len(sessions) == 0


def test_turns_of_one_episode_are_counted_once_each(client: TestClient) -> None:
    path = f"/episodes/{start(client)['episode_id']}"
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: client.post(f"{path}/step", json=DOCS), range(32)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    taken = [answer.json()["turn"] for answer in answers if answer.status_code == 200]
    state = client.get(path).json()
    assert state["turn"] == min(8, len(taken)) == len(state["history"])
    assert sorted(set(taken)) == list(range(1, state["turn"] + 1))
