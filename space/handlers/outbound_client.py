"""The HTTP client for addresses that visitors name.

What this guards, on a hosted app: the rules of `outbound`. Names are resolved once, every address of a name
is checked, and the one that was checked is the one that is connected to. Anywhere: no redirect is followed,
no proxy and no password file of this machine is used, and an answer is bounded in size and time.

What it does not guard: what a public host that a visitor names does with what it is told.
Needs httpx2, which openai brings (extra `eval`).
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2

from space.handlers.outbound import NOT_PUBLIC, check_public, is_public_address, resolved

MAX_ANSWER = 2_000_000
"""Bytes of an answer."""

MAX_SECONDS = 120.0
"""Seconds that an answer may come in, from its first byte to its last."""

CONNECT_SECONDS = 10.0
MOST_ADDRESSES = 3

# Nothing else of a request is sent: the client adds facts about this machine and its owner.
_SENT = ("host", "authorization", "content-type", "content-length", "user-agent", "connection")

Resolve = Callable[[str, int], list[str]]
"""The addresses of a host. Raises OSError."""


class Refused(httpx2.TransportError):
    """A request that is not made, or an answer that is not read; the text says why, in one line."""


def client(transport: "Outbound", seconds: float) -> httpx2.Client:
    """An HTTP client that knows no way around the transport; `seconds` without a byte are too many."""
    return httpx2.Client(transport=transport, timeout=seconds, follow_redirects=False, trust_env=False)


class Outbound(httpx2.BaseTransport):
    """The way of every request. `reason` says why the last one came to nothing, where that is known here."""

    def __init__(
        self, public: bool, resolve: Resolve = resolved, inner: httpx2.BaseTransport | None = None
    ) -> None:
        self.reason = ""
        self._public = public
        self._resolve = resolve
        self._inner = inner or httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request to where it may go. Raises `Refused`, and what httpx2 raises."""
        self.reason = ""
        headers = [(name, value) for name, value in request.headers.items() if name.lower() in _SENT]
        host = request.url.host
        for place, ip in enumerate(addresses := self._addresses(request.url)):
            sent = httpx2.Request(
                request.method,
                request.url.copy_with(host=ip),
                headers=[*headers, ("accept-encoding", "identity")],
                stream=request.stream,
                extensions=self._extensions(request, host),
            )
            try:
                return self._bounded(self._inner.handle_request(sent))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if place == len(addresses) - 1:
                    raise
        raise self._refused(f"there is no host {host}")

    def close(self) -> None:
        """Give the connections back."""
        self._inner.close()

    def _addresses(self, url: httpx2.URL) -> list[str]:
        """Where to connect to: on a public app IP addresses, all of which were found to be public."""
        if not self._public:
            return [url.host]
        try:
            check_public(url.scheme, url.host, url.port)
            found = self._resolve(url.host, url.port or 443)
        except (OSError, UnicodeError):  # the latter is a ValueError, of a name that cannot be one
            raise self._refused(f"there is no host {url.host}") from None
        except ValueError as error:
            raise self._refused(str(error)) from None
        if not all(map(is_public_address, found)):
            raise self._refused(NOT_PUBLIC)
        return found[:MOST_ADDRESSES]

    def _extensions(self, request: httpx2.Request, host: str) -> dict[str, Any]:
        """The certificate is to be that of the name, whatever address it has; connecting takes not long."""
        timeout = {**request.extensions.get("timeout", {}), "connect": CONNECT_SECONDS}
        return {**request.extensions, "timeout": timeout, "sni_hostname": host}

    def _bounded(self, response: httpx2.Response) -> httpx2.Response:
        if response.headers.get("content-encoding", "identity") != "identity":
            response.close()
            raise self._refused("the endpoint sends a packed answer, which nobody asked for")
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_Bounded(response.stream, self._refused),
            extensions=response.extensions,
        )

    def _refused(self, reason: str) -> Refused:
        self.reason = reason
        return Refused(reason)


class _Bounded(httpx2.SyncByteStream):
    """The bytes of an answer, up to the bounds."""

    def __init__(self, stream: Any, refused: Callable[[str], Refused]) -> None:
        self._stream = stream
        self._refused = refused

    def __iter__(self) -> Iterator[bytes]:
        end, size = time.monotonic() + MAX_SECONDS, 0
        for chunk in self._stream:
            size += len(chunk)
            if size > MAX_ANSWER:
                raise self._refused(f"the endpoint's answer is longer than {MAX_ANSWER:,} bytes")
            if time.monotonic() > end:
                raise self._refused(f"the endpoint's answer takes longer than {MAX_SECONDS:g} seconds")
            yield chunk

    def close(self) -> None:
        self._stream.close()
