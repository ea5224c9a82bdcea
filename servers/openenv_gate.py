"""How many steps of OpenEnv's sessions work at a time, and what is told of a step that cannot work.

A process has places for everything that it carries out, the turns of the HTTP API and of MCP included. What
this does not guard: how long a step works once it has begun.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

WAIT_SECONDS = 60.0
"""How long a step waits for its turn before the caller is told to try again."""


class Unavailable(RuntimeError):
    """Something that the server cannot do at present; the text says so in one line, and what to do."""


class Gate:
    """Lets `at_once` steps work at a time; the others wait, each in the thread of its own session.

    `places` are those of the process. Only steps that are first in their own queue wait for them, so that a
    crowd of sessions and the callers of the other interfaces take turns.
    """

    def __init__(
        self, at_once: int, places: threading.Semaphore | None = None, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        self._own = threading.Semaphore(at_once)
        self._places = places or threading.Semaphore(at_once)
        self._wait_seconds = wait_seconds
        self._closed = False

    @contextmanager
    def place(self, seconds: float | None = None) -> Iterator[None]:
        """A place for the time of the block; `seconds` waits less than usual. Raises Unavailable."""
        patience = self._wait_seconds if seconds is None else min(seconds, self._wait_seconds)
        end = time.monotonic() + patience
        with ExitStack() as held:
            for queue in (self._own, self._places):
                if not queue.acquire(timeout=max(0.0, end - time.monotonic())):
                    raise Unavailable(
                        f"Too many steps at once: this one waited {patience:g} s and was not taken. It cost "
                        "no turn; try again in a few seconds."
                    )
                held.callback(queue.release)
                if self._closed:
                    raise Unavailable("The server is being stopped. This cost no turn.")
            yield

    def close(self) -> None:
        """Take no step any more, and send away those that wait: each lets the next one leave the queue."""
        self._closed = True
        self._own.release()
