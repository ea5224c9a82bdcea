"""Running the tests of one candidate: a sandbox, tasks out, verdicts in."""

import atexit
import contextlib
import os
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from dsl_debug.sandbox.canonical import NotPlain, encode
from dsl_debug.sandbox.client import Server
from dsl_debug.sandbox.execution import Fault, Run
from dsl_debug.sandbox.isolation import LAYERS, PRESENT, Found, unmet
from dsl_debug.sandbox.report import Limits, SandboxError, TestReport, TestResult
from dsl_debug.sandbox.verdict import Expectation, expectation, judge

MAX_CODE = 1_000_000
"""Characters of a candidate's text."""


class Sandbox:
    """Runs candidates; a context manager. The server behind it starts with the first candidate.

    Several threads may use one sandbox at once: each test has a process of its own. `leave_out` names layers
    (see LAYERS) to do without. On Linux, a sandbox without the layers that it needs raises SandboxError,
    unless `allow_missing_layers` is true.
    """

    def __init__(self, allow_missing_layers: bool = False, leave_out: Collection[str] = ()) -> None:
        unknown = sorted(set(leave_out) - LAYERS.keys())
        if unknown:
            raise ValueError(f"no layers {unknown}; there are {sorted(LAYERS)}")
        self._allow_missing = allow_missing_layers
        self._leave_out = tuple(leave_out)
        self._server: Server | None = None
        self._lock = threading.Lock()
        _sandboxes.add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server. A later run starts another one."""
        with self._lock:
            server, self._server = self._server, None
        if server is not None:
            server.close()

    def layers(self) -> Found:
        """For each of LAYERS "present", or "missing: why"."""
        return dict(self._running().found)

    def run_tests(
        self,
        code: str,
        function: str,
        tests: Sequence[Mapping[str, Any]],
        limits: Limits = Limits(),  # noqa: B008
    ) -> TestReport:
        """Call `function` of the text `code` once for each test, each in a fresh process.

        A test is {"args": [...], "kwargs": {...} (may be left out)} with one of "expected" (a value of plain
        data), "yields" (a list; the function must return a generator of it) and "raises" (the name of exactly
        the builtin exception). Raises ValueError for tests that are not so, and SandboxError when the sandbox
        fails (after a second try) or is refused.
        """
        tasks = [(expectation(test), _task(code, function, test, limits)) for test in tests]
        if len(code) > MAX_CODE:
            refused = _not_run("syntax error", f"the text is longer than {MAX_CODE:,} characters")
            return TestReport((refused,) * len(tasks), (), 0.0)
        try:
            return self._run(tasks, limits)
        except Fault:
            return self._run(tasks, limits)

    def _run(self, tasks: list[tuple[Expectation, bytes]], limits: Limits) -> TestReport:
        server = self._running()
        started = time.monotonic()
        results: list[TestResult] = []
        try:
            with contextlib.ExitStack() as stack:
                ahead = stack.enter_context(Run(server, limits)) if tasks else None
                for number, (expected, task) in enumerate(tasks, 1):
                    left = limits.total_seconds - (time.monotonic() - started)
                    if left <= 0 or ahead is None:
                        results.append(
                            _not_run("timeout", f"not run: {limits.total_seconds:g} seconds were used up")
                        )
                        continue
                    current, ahead = ahead, None
                    if number < len(tasks):
                        # Forked while this test is running.
                        ahead = stack.enter_context(Run(server, limits))
                    with current:
                        results.append(judge(expected, current.follow(task, min(limits.seconds, left))))
        except Fault:
            self._discard(server)
            raise
        present = tuple(name for name, state in server.found.items() if state == PRESENT)
        return TestReport(tuple(results), present, time.monotonic() - started)

    def _running(self) -> Server:
        with self._lock:
            if self._server is None:
                server = Server(self._leave_out)
                try:
                    self._admit(server.found)
                except BaseException:
                    server.close()
                    raise
                self._server = server
            return self._server

    def _admit(self, found: Found) -> None:
        """Refuse to run without the layers that it takes."""
        if sys.platform != "linux":
            warnings.warn(
                f"on {sys.platform} the sandbox has resource limits only: run untrusted code on Linux",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        needed = unmet(found)
        if needed and not self._allow_missing:
            lines = "".join(f"\n  {name}: {found[name]}" for name in needed)
            raise SandboxError(
                f"this machine lacks what it takes to run untrusted code:{lines}\n"
                "Sandbox(allow_missing_layers=True) runs it all the same."
            )

    def _discard(self, server: Server) -> None:
        """Stop using a broken server, unless another thread has replaced it already."""
        with self._lock:
            if self._server is server:
                self._server = None
        with contextlib.suppress(OSError):
            server.close()

    def _forget(self) -> None:
        """In a forked copy of our process: its parent goes on using the server."""
        self._lock = threading.Lock()
        if self._server is not None:
            self._server.forget()
            self._server = None


def _task(code: str, function: str, test: Mapping[str, Any], limits: Limits) -> bytes:
    unknown = sorted(test.keys() - {"args", "kwargs", "expected", "yields", "raises"})
    if unknown or "args" not in test:
        raise ValueError(f"a test has 'args' and may have 'kwargs'; this one has {sorted(test)}")
    task = {
        "code": code[: MAX_CODE + 1],
        "function": function,
        "args": list(test["args"]),
        "kwargs": dict(test.get("kwargs") or {}),
        "result_bytes": limits.result_kb << 10,
    }
    try:
        return encode(task)
    except NotPlain as problem:
        raise ValueError(f"the arguments of a test are plain data: {problem}") from None


def _not_run(reason: str, why: str) -> TestResult:
    return TestResult(False, reason, "", why, None, "", 0.0)


_sandboxes: weakref.WeakSet[Sandbox] = weakref.WeakSet()
_default = Sandbox()


def default() -> Sandbox:
    """This process's own sandbox, which starts with its first candidate and ends with us."""
    return _default


def run_tests(
    code: str,
    function: str,
    tests: Sequence[Mapping[str, Any]],
    limits: Limits = Limits(),  # noqa: B008
) -> TestReport:
    """`Sandbox.run_tests` of this process's own sandbox."""
    return _default.run_tests(code, function, tests, limits)


def layers() -> Found:
    """Which layers of isolation a sandbox has here: for each of LAYERS "present", or "missing: why"."""
    try:
        with Sandbox(allow_missing_layers=True) as sandbox:
            return sandbox.layers()
    except SandboxError as problem:
        return dict.fromkeys(LAYERS, f"missing: {problem}")


def _forget_all() -> None:
    for sandbox in list(_sandboxes):
        sandbox._forget()


atexit.register(_default.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
