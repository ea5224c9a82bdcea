"""The whole server, in one process: the plain HTTP API at the root, and beside it OpenEnv and MCP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from fastapi import FastAPI
from starlette.applications import Starlette

from dsl_debug import __version__
from dsl_debug.sessions import Sessions
from servers.http_api import HttpApi, http_router
from servers.http_errors import add_error_handlers
from servers.http_limits import BodyLimit
from servers.http_routes import TAGS
from servers.mcp import mcp_app, turnstiles
from servers.openenv_app import lifespans, openenv_app
from servers.problems import Problems

DESCRIPTION = """\
Debugging episodes for whatever speaks HTTP: programs in a small dataflow language over tables, and Python
functions with tests. Start an episode, use its tools, submit the corrected code; the reward comes with the
answer to the last turn. Every error has one form: `{"error": {"code", "message", "field"}}`."""


def make_app(problems: Problems, sessions: Sessions | None = None, rng: Random | None = None) -> FastAPI:
    """The app over some problems, to be started once.

    `sessions` holds the episodes of the HTTP API and of MCP, which share their turnstiles as well; OpenEnv
    has sessions of its own. `rng` chooses the problem of an episode.
    """
    sessions = Sessions() if sessions is None else sessions
    rng = rng or Random()
    turns = turnstiles()
    mounted: dict[str, Starlette] = {
        "/openenv/dsl": openenv_app(problems, "dsl"),
        "/openenv/python": openenv_app(problems, "python"),
        "/mcp": mcp_app(problems, sessions, turns, rng),
    }
    app = _empty(mounted)
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
