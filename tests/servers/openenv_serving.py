"""What the tests of the OpenEnv servers share: problems, a real server in a thread, loops of their own."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from websockets.asyncio.client import connect

from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.storage import read_lines
from dsl_debug.visitors import why_arena_closed
from servers.problems import Problems
from tests.problems import make_problem, one_row_problem

SAMPLE = Path(__file__).resolve().parents[2] / "space" / "sample"
PATIENCE_SECONDS = 300.0

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives; it has a thread of its own, since other tests leave loops behind in theirs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@lru_cache(maxsize=1)
def sample_functions() -> dict[str, PythonProblem]:
    """The Python problems that come with the Space."""
    found = map(PythonProblem.from_row, read_lines(SAMPLE / "arena.jsonl"))
    return {problem.id: problem for problem in found}


@lru_cache(maxsize=1)
def sample_programs() -> dict[str, DslProblem]:
    """The DSL problems that come with the Space, of all categories and with a dialect."""
    found = map(DslProblem.from_row, read_lines(SAMPLE / "problems.jsonl"))
    return {problem.id: problem for problem in found}


def made_problems(closed: tuple[str, ...] = ()) -> Problems:
    """Two programs made by hand, whose hidden values are marked, and the functions of the Space."""
    programs = (make_problem(), one_row_problem())
    return Problems({p.id: p for p in programs}, sample_functions(), "made for tests", closed)


def all_samples() -> Problems:
    """All problems of the Space."""
    return Problems(sample_programs(), sample_functions(), "the sample of the Space")


needs_arena = pytest.mark.skipif(bool(why_arena_closed()), reason="no function may run on this machine")


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """The address of a server that runs an app in a thread, on a port that the system chooses."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        if not server.started:
            pytest.fail("the server did not start")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)


def until(condition: Callable[[], bool]) -> None:
    """Wait for something; fails where it does not come about."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            pytest.fail("waited in vain")
        time.sleep(0.02)


def socket_of(url: str) -> Any:
    """A session of an OpenEnv server, as the bytes that go to and fro."""
    return connect(url.replace("http", "ws") + "/ws", proxy=None, open_timeout=60)


async def ask(socket: Any, kind: str, data: Any = None) -> dict[str, Any]:
    """What is answered to a message."""
    await socket.send(json.dumps({"type": kind} | ({} if data is None else {"data": data})))
    answer: dict[str, Any] = json.loads(await socket.recv())
    return answer
