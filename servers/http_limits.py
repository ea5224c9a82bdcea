"""What one process does for strangers at a time: bytes of a request, seconds to send it, calls at once.

What this guards: the memory that a body takes, before anything reads it; a connection that sends a body
without end; the event loop, which answers everybody while threads work. What it does not guard: the places,
which one caller may take alone for as long as turns take. Addresses tell nothing behind a proxy, so that is
for what stands in front.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dsl_debug.visitors import MAX_MESSAGE
from servers.http_errors import ApiError, answer

MAX_ARGUMENTS = 16
"""Arguments of a structured call. No tool takes more than two, and what is wrong is still told."""

MAX_BODY = 12 * MAX_MESSAGE + 32 * 1024
"""Bytes of a request: the longest message, each character written as two escapes of six, and its frame."""

BODY_SECONDS = 30.0
"""How long the bytes of a request may take to arrive: the longest one, on a line of 40 kB/s."""

PROGRAMS_AT_ONCE = 1
"""Calls in the dataflow language that are carried out at a time. More would not be faster: all of them share
one interpreter, and each has a limit of time."""

FUNCTIONS_AT_ONCE = 2
"""Python functions that are run at a time, each in a sandbox, hence in processes of their own: as many as a
small machine has processors."""

MAX_WAITING = 100
"""Calls that may wait for their turn, of each kind. A call takes a second at the most in most cases; what has
waited for a minute is given up, and what has not begun when its caller leaves is dropped."""


class BodyLimit:
    """ASGI middleware: reads a body, at most `most` bytes within `seconds`, before `app` begins.

    It counts the bytes that arrive, whatever the headers say. WebSockets have limits of their own.
    """

    def __init__(self, app: ASGIApp, most: int = MAX_BODY, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(scope, receive)
        except TimeoutError:
            late = ApiError(408, "too_slow", f"The request took more than {self._seconds:g} s to arrive.")
            await answer(late, closes=True)(scope, receive, send)
            return
        except ApiError as error:
            await answer(error, closes=True)(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _again(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, None where its sender has gone. Raises ApiError for one that is too large."""
        said = dict(scope["headers"]).get(b"content-length", b"")
        if said.isdigit() and int(said[:20]) > self._most:
            raise self._too_large()
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._most:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> ApiError:
        return ApiError(413, "too_large", f"A request has at most {self._most:,} bytes: send a shorter one.")


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive`, with a body first that was read from it."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again
