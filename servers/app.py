"""The whole server, in one process: the plain HTTP API at the root, and beside it OpenEnv and MCP."""

import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import TypeVar

from fastapi import FastAPI
from starlette.applications import Starlette

from dsl_debug import __version__
from dsl_debug.sessions import Sessions
from dsl_debug.visitors import Turnstile
from servers.http_api import HttpApi, http_router
from servers.http_errors import add_error_handlers
from servers.http_limits import MAX_WAITING, BodyLimit
from servers.http_models import EnvironmentName
from servers.http_routes import TAGS
from servers.mcp import mcp_app
from servers.openenv_app import lifespans, openenv_app
from servers.openenv_environments import KINDS
from servers.openenv_gate import Gate
from servers.problems import Problems

DESCRIPTION = """\
Debugging episodes for whatever speaks HTTP: programs in a small dataflow language over tables, and Python
functions with tests. Start an episode, use its tools, submit the corrected code; the reward comes with the
answer to the last turn. Every error has one form: `{"error": {"code", "message", "field"}}`."""


T = TypeVar("T")


class Sharing(Turnstile):
    """A turnstile whose calls take places that the steps of OpenEnv take as well."""

    def __init__(self, at_once: int, waiting: int, places: threading.Semaphore) -> None:
        super().__init__(at_once, waiting)
        self._of_process = places

    async def call(self, work: Callable[[], T], is_gone: Callable[[], Awaitable[bool]] | None = None) -> T:
        """What `work` gives, once it has such a place. Raises as every turnstile does."""

        def placed() -> T:
            with self._of_process:
                return work()

        return await super().call(placed, is_gone)


def make_app(problems: Problems, sessions: Sessions | None = None, rng: Random | None = None) -> FastAPI:
    """The app over some problems, to be started once.

    `sessions` holds the episodes of the HTTP API and of MCP, which share their turnstiles as well; OpenEnv
    has sessions of its own, behind `state.gates`. All together carry out so much at a time. `rng` chooses the
    problem of an episode.
    """
    sessions = Sessions() if sessions is None else sessions
    rng = rng or Random()
    places = {kind.name: threading.Semaphore(kind.at_once) for kind in KINDS.values()}
    gates = {kind.name: Gate(kind.at_once, places[kind.name]) for kind in KINDS.values()}
    turns: dict[EnvironmentName, Turnstile] = {
        kind.name: Sharing(kind.at_once, MAX_WAITING, places[kind.name]) for kind in KINDS.values()
    }
    mounted: dict[str, Starlette] = {
        f"/openenv/{name}": openenv_app(problems, name, gate=gate) for name, gate in gates.items()
    }
    mounted["/mcp"] = mcp_app(problems, sessions, turns, rng)
    app = _empty(mounted)
    app.state.gates = tuple(gates.values())
    app.include_router(http_router(HttpApi(problems, sessions, turns, rng)))
    for path, other in mounted.items():
        app.mount(path, other)
    return app


def _empty(mounted: dict[str, Starlette]) -> FastAPI:
    """An app without routes yet, which begins and ends with those that will be mounted in it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with lifespans(*mounted.values()):
            yield

    app = FastAPI(
        title="DSL Debug",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        docs_url=None,  # these two pages would load scripts from other hosts
        redoc_url=None,
    )
    app.add_middleware(BodyLimit)
    add_error_handlers(app)
    return app
