"""The OpenEnv server of one environment: the same app alone at the root of a Space, or mounted below a path
beside the other one (`servers.app` does that).

`uvicorn servers.openenv_app:app --factory` serves one alone; DSL_DEBUG_ENVIRONMENT says which, dsl or python,
and DSL_DEBUG_DATASET what is played.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from openenv.core.env_server.http_server import create_app  # type: ignore[import-untyped]
from openenv.core.env_server.types import ConcurrencyConfig  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from dsl_debug.data.loading import SAMPLES
from dsl_debug.visitors import Refused
from servers.http_errors import ApiError, add_error_handlers, answer, validation_error
from servers.http_limits import BodyLimit
from servers.http_models import EnvironmentName
from servers.openenv_environments import KINDS, DebugEnvironment
from servers.openenv_gate import Gate, Unavailable
from servers.openenv_limits import close_side_doors
from servers.openenv_models import DebugObservation, DebugState
from servers.problems import VARIABLE, Problems, open_problems

ENVIRONMENT_VARIABLE = "DSL_DEBUG_ENVIRONMENT"

CAPACITY = 256
"""Sessions at a time. One holds a thread that mostly sleeps, and an episode of some kilobytes."""

IDLE_SECONDS = 1_800.0
"""How long a session lives without a message: a model that plays many episodes at once may be long in coming
back to each."""

PAGES_FROM_ELSEWHERE = ("/docs", "/redoc", "/docs/oauth2-redirect")
"""Pages that load their scripts from other hosts; `/openapi.json` says the same."""


def openenv_app(
    problems: Problems,
    environment: EnvironmentName,
    capacity: int = CAPACITY,
    idle_seconds: float = IDLE_SECONDS,
    gate: Gate | None = None,
) -> FastAPI:
    """The server of an environment. With ENABLE_WEB_INTERFACE=true it has OpenEnv's own page at `/web/`.

    Its steps go through `gate`, which is closed when the server ends: close it before, and nobody waits.
    Whoever mounts it enters `lifespans` for it, or sessions that are not used never end.
    """
    kind = KINDS[environment]
    gate = gate or Gate(kind.at_once)
    if os.environ.get("ENABLE_WEB_INTERFACE"):
        _stay_offline()
    server: FastAPI = create_app(
        partial(DebugEnvironment, kind, problems, gate),
        kind.action,
        DebugObservation,
        env_name=kind.title,
        concurrency_config=ConcurrencyConfig(max_concurrent_envs=capacity, session_timeout=idle_seconds),
        state_cls=DebugState,
    )
    server.title = kind.title
    server.description = kind.description
    server.router.on_shutdown.append(gate.close)
    _arrange_pages(server)
    close_side_doors(server)
    _tell_errors(server)
    return server


def app() -> FastAPI:
    """The server of the environment that the variables name, for a Space of its own.

    Raises ValueError, in one line, for an environment or a dataset that there is not.
    """
    name = os.environ.get(ENVIRONMENT_VARIABLE, "") or "dsl"
    if name not in KINDS:
        raise ValueError(f"{ENVIRONMENT_VARIABLE} is one of {', '.join(KINDS)}, not {name!r}")
    server = openenv_app(open_problems(os.environ.get(VARIABLE, "") or SAMPLES), KINDS[name].name)
    server.add_middleware(BodyLimit)
    return server


@asynccontextmanager
async def lifespans(*apps: Starlette) -> AsyncIterator[None]:
    """The time that apps run which are mounted in another: that one does not begin and end them."""
    async with AsyncExitStack() as stack:
        for mounted in apps:
            await stack.enter_async_context(mounted.router.lifespan_context(mounted))
        yield


def _arrange_pages(server: FastAPI) -> None:
    """Leave out what loads from elsewhere, and have what leads to the web interface lead there below a path
    as well."""
    routes = server.router.routes
    routes[:] = [route for route in routes if getattr(route, "path", "") not in PAGES_FROM_ELSEWHERE]
    if any(getattr(route, "path", "") == "/web" for route in routes):
        routes[:0] = [Route(path, _to_page) for path in ("/", "/web")]


async def _to_page(request: Request) -> RedirectResponse:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/web/")


def _tell_errors(server: FastAPI) -> None:
    """Have errors told in the form of the HTTP API, those of OpenEnv's own checks as well."""
    add_error_handlers(server)
    server.add_exception_handler(Refused, _told(400, "refused"))
    server.add_exception_handler(Unavailable, _told(503, "unavailable"))
    others = server.exception_handlers[HTTPException]

    async def checked(request: Request, error: Exception) -> Response:
        found = getattr(error, "detail", None)
        if not isinstance(found, list):
            told = others(request, error)
            return told if isinstance(told, Response) else await told
        return answer(validation_error([{**fact, "loc": ("action", *fact["loc"])} for fact in found]))

    server.add_exception_handler(HTTPException, checked)


def _told(status: int, code: str) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    async def handler(request: Request, error: Exception) -> JSONResponse:
        return answer(ApiError(status, code, str(error)))

    return handler


def _stay_offline() -> None:
    """The web interface takes its letters from the machine that shows it, and not from a host of fonts."""
    from openenv.core.env_server.gradio_theme import (  # type: ignore[import-untyped]
        OPENENV_GRADIO_THEME,
    )

    OPENENV_GRADIO_THEME._stylesheets.clear()
