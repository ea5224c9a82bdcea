"""One test in one process: send the task, collect what comes back, and be the clock.

All that arrives here may come from the candidate, so it is only collected, and never more than the limits
allow.
"""

import contextlib
import select
import socket
import time
from dataclasses import dataclass, field
from typing import Self

from dsl_debug.sandbox.child import READY
from dsl_debug.sandbox.client import Server
from dsl_debug.sandbox.report import Limits, SandboxError
from dsl_debug.sandbox.server import STATUS

GRACE_SECONDS = 60.0
"""How long the server may take to start a test's process, or to end it, before we call that a fault."""

_CHUNK = 1 << 16

# Room in a message for all but the returned value.
_FRAME_BYTES = 1024


def message_bytes(limits: Limits) -> int:
    """The largest message about a test's run."""
    return (limits.result_kb << 10) + _FRAME_BYTES


class Fault(SandboxError):
    """The server broke down in the middle of a test: worth one more try."""


@dataclass
class Execution:
    """What one process left behind."""

    stopped: str = ""
    """Why we ended it: "timeout", "too much output", "bad result"; "" if it ended by itself."""
    status: int = 0
    """How it ended, as waitpid gives it."""
    message: bytearray = field(default_factory=bytearray)
    output: bytearray = field(default_factory=bytearray)
    seconds: float = 0.0


class Run:
    """A process that waits, isolated already, for one test; a context manager.

    It can be made ahead of time, so that the server forks while the test before is running. Raises Fault when
    the server, not the candidate, fails.
    """

    def __init__(self, server: Server, limits: Limits) -> None:
        self.limits = limits
        self.result = Execution()
        self.ready = False
        (self.out, out), (self.data, data), (self.fate, fate) = pairs = [
            socket.socketpair() for _ in range(3)
        ]
        for ours, _ in pairs:
            ours.setblocking(False)
        try:
            server.submit(
                (out.fileno(), data.fileno(), fate.fileno()), limits.seconds, limits.memory_mb << 20
            )
        except OSError as problem:
            self.close()
            raise Fault(f"the sandbox's server is gone: {problem}") from problem
        finally:
            for _, theirs in pairs:
                theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. The server kills the process if it is still there."""
        for end in (self.out, self.data, self.fate):
            end.close()

    def follow(self, task: bytes, seconds: float) -> Execution:
        """Send the task, and collect what comes until the server has said how the process ended."""
        self.seconds = seconds
        self.started = time.monotonic()
        self.deadline = self.started + GRACE_SECONDS
        unsent = memoryview(task)
        poll = select.poll()
        poll.register(self.data, select.POLLIN | select.POLLOUT)
        poll.register(self.out, select.POLLIN)
        poll.register(self.fate, select.POLLIN)
        while True:
            left = self.deadline - time.monotonic()
            if left <= 0:
                self._too_late()
                continue
            events = dict(poll.poll(left * 1000 + 1))
            if unsent and events.get(self.data.fileno(), 0) & select.POLLOUT:
                unsent = self._send(unsent)
                if not unsent:
                    poll.modify(self.data, select.POLLIN)
            for end, receive in ((self.data, self._receive_message), (self.out, self._receive_output)):
                if end.fileno() in events and receive():
                    poll.unregister(end)
            if self.fate.fileno() in events:
                return self._finish()

    def _send(self, unsent: memoryview) -> memoryview:
        """Send what fits, and after the last of it say that there is no more."""
        try:
            unsent = unsent[self.data.send(unsent) :]
        except BlockingIOError:
            return unsent
        except OSError:
            # It ended early: its fate says why.
            return memoryview(b"")
        if not unsent:
            with contextlib.suppress(OSError):
                self.data.shutdown(socket.SHUT_WR)
        return unsent

    def _receive_message(self) -> bool:
        """Take in a piece of the message; whether there is no more to come."""
        ended = _receive(self.data, self.result.message)
        if not self.ready and self.result.message[:1] == READY:
            # The candidate's time begins here.
            self.ready = True
            self.started = time.monotonic()
            self.deadline = self.started + self.seconds
        if len(self.result.message) > message_bytes(self.limits):
            self._stop("bad result")
            return True
        return ended

    def _receive_output(self) -> bool:
        ended = _receive(self.out, self.result.output)
        if len(self.result.output) > self.limits.output_kb << 10:
            self._stop("too much output")
            return True
        return ended

    def _too_late(self) -> None:
        if self.result.stopped or not self.ready:
            raise Fault(f"the sandbox's server did not answer within {GRACE_SECONDS:g} seconds")
        self._stop("timeout")

    def _stop(self, why: str) -> None:
        """Have the process killed. Its end is still waited for, so that nothing of it outlives the test."""
        if not self.result.stopped:
            self.result.stopped = why
            self.deadline = time.monotonic() + GRACE_SECONDS
            with contextlib.suppress(OSError):
                self.fate.shutdown(socket.SHUT_WR)

    def _finish(self) -> Execution:
        try:
            status = self.fate.recv(STATUS.size)
        except OSError:
            status = b""
        if len(status) != STATUS.size:
            raise Fault("the sandbox's server ended, or could not start a process")
        # All that the process ever wrote is in the sockets by now, and their end behind it.
        for end in (self.data, self.out):
            end.settimeout(1)
        while not (self.result.stopped or self._receive_message()):
            pass
        while not (self.result.stopped or self._receive_output()):
            pass
        if not self.ready:
            raise Fault(
                f"a test's process could not be set up: {self.result.message.decode(errors='replace')}"
            )
        (self.result.status,) = STATUS.unpack(status)
        self.result.seconds = time.monotonic() - self.started
        return self.result


def _receive(end: socket.socket, buffer: bytearray) -> bool:
    """Append what has arrived; True at the end of the stream."""
    try:
        piece = end.recv(_CHUNK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    buffer += piece
    return not piece
