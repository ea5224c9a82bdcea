"""What is taken out of OpenEnv's server: what would let a stranger take all of its room, or never works here.

OpenEnv's `/mcp` opens sessions that need no connection, and `/ws?session_id=` attaches to them: a few hundred
small requests would close a server for as long as an idle session lives. Its interface to tasks answers 501.
"""

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

NO_MCP = "Not supported here: tools for agents are at /mcp/ of a server that has them, and sessions at /ws."
NO_ATTACHING = "A session belongs to one connection: leave session_id out."

METHOD_NOT_FOUND = -32601
"""The code that JSON-RPC has for what a server does not do."""


def close_side_doors(server: FastAPI) -> None:
    """Have a session live as long as its connection, and be reached by it alone."""
    routes = server.router.routes
    paths = [(route, getattr(route, "path", "")) for route in routes]
    routes[:] = [route for route, path in paths if path != "/mcp" and not path.startswith("/{env_name}")]
    routes.append(Route("/mcp", _no_mcp, methods=["POST"]))
    for route in routes:
        if isinstance(route, WebSocketRoute) and route.path == "/ws":
            route.app = _own_session(route.app)


async def _no_mcp(request: Any) -> JSONResponse:
    """The answer to whatever is asked, as JSON-RPC: OpenEnv's validation wants that form."""
    error = {"code": METHOD_NOT_FOUND, "message": NO_MCP}
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error})


def _own_session(app: ASGIApp) -> ASGIApp:
    """The sessions of OpenEnv, without those that were opened elsewhere; they end quietly with the server."""

    async def session(scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        if "session_id" in socket.query_params:
            await _refuse(socket)
            return
        gone = False

        async def noted(message: Message) -> None:
            nonlocal gone
            try:
                await send(message)
            except OSError:  # what servers raise where the client has gone
                gone = True
                raise

        try:
            await app(scope, receive, noted)
        except (asyncio.CancelledError, WebSocketDisconnect):
            return  # the server ends, or the client has gone: nobody is left to be told, and it is no fault
        except RuntimeError:
            if not gone:
                raise

    return session


async def _refuse(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_json({"type": "error", "data": {"message": NO_ATTACHING, "code": "SESSION_ERROR"}})
    await socket.close()
