"""The server as its callers meet it: an app over problems of the tests, called directly or by a socket."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs fastapi: pip install 'dsl-debug[serve]'")
pytest.importorskip("openenv", reason="needs openenv: pip install 'dsl-debug[serve]'")

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dsl_debug.data import sample_problems
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.sandbox import Sandbox
from dsl_debug.sessions import Sessions
from dsl_debug.visitors import ARENA_LIMITS
from servers import http_api
from servers.app import make_app
from servers.problems import Problems
from tests.problems import make_problem, one_row_problem

ARENA = Path(__file__).resolve().parent.parent.parent / "space" / "sample" / "arena.jsonl"
JSON = {"Content-Type": "application/json"}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def arena_problems() -> list[PythonProblem]:
    """The Python problems of the Space's sample."""
    return [PythonProblem.from_row(json.loads(line)) for line in ARENA.read_text("utf-8").splitlines()]


def problems_of(*found: DslProblem | PythonProblem, closed: tuple[str, ...] = ()) -> Problems:
    """Problems to serve; the arena is open unless it is said why not."""
    programs = {p.id: p for p in found if isinstance(p, DslProblem)}
    functions = {p.id: p for p in found if isinstance(p, PythonProblem)}
    return Problems(programs, functions, "problems of the tests", closed)


@pytest.fixture(scope="session")
def arena() -> list[PythonProblem]:
    return arena_problems()


@pytest.fixture(scope="session")
def problems(arena: list[PythonProblem]) -> Problems:
    """A few problems of both environments."""
    other = make_problem(category="nonlocal", difficulty="hard", database="market")
    return problems_of(make_problem(), one_row_problem(), other, *arena)


@pytest.fixture(scope="session")
def every_problem(arena: list[PythonProblem]) -> Problems:
    """All sample problems, and one whose hidden tables hold words that are nowhere else."""
    return problems_of(make_problem(), *sample_problems(), *arena)


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """A sandbox that runs on any machine: these tests look at the server in front of it."""
    with Sandbox(allow_missing_layers=True) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(capacity=50, idle_seconds=60, max_seconds=600, clock=clock)


@pytest.fixture
def sandboxed(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python episodes of the HTTP API run in that sandbox."""
    monkeypatch.setattr(http_api, "python_env", lambda: PythonDebugEnv(limits=ARENA_LIMITS, box=box))


@pytest.fixture
def app(problems: Problems, sessions: Sessions, sandboxed: None) -> FastAPI:
    return make_app(problems, sessions, Random(1))


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as running:
        yield running


def start(client: Any, **wanted: str) -> dict[str, Any]:
    """An episode that was started."""
    answer = client.post("/episodes", json=wanted)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def call(client: Any, episode_id: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """The answer to a call of a tool."""
    answer = client.post(f"/episodes/{episode_id}/step", json={"tool": tool, "arguments": arguments})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def error_of(answer: Any, status: int) -> dict[str, Any]:
    """The error of an answer, which has to have the one form."""
    assert answer.status_code == status, answer.text
    (error,) = answer.json().values()
    assert error.keys() == {"code", "message", "field"}
    assert error["message"]
    assert "\n" not in error["message"]
    assert len(answer.content) < 1_500
    return dict(error)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of an app that a real server serves for the time of the block."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            thread.join(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
