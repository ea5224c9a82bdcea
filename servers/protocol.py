"""How `python -m servers` begins and ends connections, where uvicorn has no way of its own.

What this does not guard: a caller who reads an answer slowly. That is for the proxy in front.
"""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# By name, since uvicorn takes another one where httptools is installed.
from uvicorn.protocols.http.h11_impl import H11Protocol

from servers.http_errors import ApiError, answer

HEADER_SECONDS = 10.0
"""How long the headers of a request may take to arrive, counted from the connection or the answer before."""


class PromptProtocol(H11Protocol):
    """Closes a connection on which no request has begun for so long. The rest of a request is timed by
    `servers.http_limits.BodyLimit`, and a WebSocket by its pings."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()

    def on_response_complete(self) -> None:
        """Begin to wait for the headers of the next request."""
        super().on_response_complete()
        self._await_headers()

    def _await_headers(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._close_if_late)

    def _close_if_late(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        # One that became a WebSocket is no longer among the connections.
        if self in self.connections and not answering:
            self.transport.close()


class UntilTheEnd:
    """ASGI: a request that is cut off because the server ends is answered, and is no fault for the log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:
            if not begun:
                ended = ApiError(503, "stopping", "The server is being stopped: try again in a minute.")
                await answer(ended, closes=True)(scope, receive, send)
