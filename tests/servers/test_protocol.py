"""Connections of the command over raw sockets: headers that never end, and those that do."""

import socket
import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")

import uvicorn
from fastapi import FastAPI
from websockets.sync.client import connect

from servers import protocol
from servers.openenv_app import openenv_app
from tests.servers.openenv_serving import PATIENCE_SECONDS, made_problems, until

HALF = b"GET /health HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that has room for two connections and little patience."""
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.5)
    app: FastAPI = openenv_app(made_problems(), "dsl")
    config = uvicorn.Config(app, port=0, log_level="error", http=protocol.PromptProtocol, limit_concurrency=3)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive())
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(PATIENCE_SECONDS)


def opened(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)


def status(port: int) -> bytes:
    with opened(port) as caller:
        caller.sendall(HALF + b"Connection: close\r\n\r\n")
        return caller.recv(12)[9:]


def test_headers_without_end_are_cut_off_and_room_is_free_again(port: int) -> None:
    slow = [opened(port) for _ in range(3)]
    for caller in slow:
        caller.sendall(HALF)
    assert [caller.recv(1) for caller in slow] == [b""] * 3
    assert status(port) == b"200"
    for caller in slow:
        caller.close()


def is_cut_off(caller: socket.socket) -> bool:
    """Whether a connection ends when one more byte is sent on it."""
    try:
        caller.sendall(b"G")
        return caller.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_headers_that_trickle_in_are_cut_off(port: int) -> None:
    with opened(port) as caller:
        caller.sendall(HALF)
        caller.settimeout(0.1)
        until(lambda: is_cut_off(caller))


def test_the_second_request_of_a_connection_is_timed_as_well(port: int) -> None:
    with opened(port) as caller:
        caller.sendall(HALF + b"\r\n")
        assert b"200 OK" in caller.recv(4096)
        caller.sendall(HALF)
        while caller.recv(4096):
            pass


def test_a_websocket_lives_on(port: int) -> None:
    with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, open_timeout=PATIENCE_SECONDS) as held:
        threading.Event().wait(1.5)
        held.send('{"type": "state"}')
        assert '"environment":"dsl"' in held.recv()
