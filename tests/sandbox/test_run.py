"""Running tests in the sandbox: verdicts, limits, layers, faults, and that nothing is left behind."""

import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dsl_debug.sandbox import LAYERS, REASONS, Limits, Sandbox, SandboxError, TestResult, layers, run_tests

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the layers are those of Linux")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(allow_missing_layers=True) as running:
        yield running


def run(sandbox: Sandbox, code: str, limits: Limits = Limits(), **test: Any) -> TestResult:  # noqa: B008
    return sandbox.run_tests(code, "f", [{"args": [], **test}], limits).results[0]


def verdict(result: TestResult) -> tuple[bool, str, str, str, int | None]:
    return (result.passed, result.reason, result.shown, result.error, result.line)


@pytest.mark.parametrize(
    ("code", "test", "wanted"),
    [
        ("def f(): return 1", {"expected": 1}, (True, "", "1", "", None)),
        ("def f(): return 2", {"expected": 1}, (False, "wrong value", "2", "", None)),
        ("def f(x, y): return x - y", {"args": [3], "kwargs": {"y": 1}, "expected": 2},
         (True, "", "2", "", None)),
        ("def f(x): return x", {"args": [{(1, 2): {3}}], "expected": {(1, 2): {3}}},
         (True, "", "{(1, 2): {3}}", "", None)),
        ("def f():\n    return 1 / 0", {"raises": "ZeroDivisionError"},
         (True, "", "", "ZeroDivisionError: division by zero", 2)),
        ("def f():\n    return 1 / 0", {"expected": 1},
         (False, "error", "", "ZeroDivisionError: division by zero", 2)),
        ("def f():\n    return 1 / 0", {"raises": "ArithmeticError"},
         (False, "error", "", "ZeroDivisionError: division by zero", 2)),
        ("def f(): raise IOError('x')", {"raises": "IOError"}, (True, "", "", "OSError: x", 1)),
        ("def f(): return 1", {"raises": "ValueError"}, (False, "did not raise", "1", "", None)),
        ("def f():\n    yield 1\n    yield 2", {"yields": [1, 2]},
         (True, "", "a generator of [1, 2]", "", None)),
        ("def f():\n    yield 1\n    1 / 0", {"yields": [1]},
         (False, "error", "", "ZeroDivisionError: division by zero", 3)),
        ("def f(): return [1]", {"yields": [1]}, (False, "wrong value", "[1]", "", None)),
        ("x = 1\ny = z", {"expected": 1}, (False, "error", "", "NameError: name 'z' is not defined", 2)),
        ("def f(:", {"expected": 1}, (False, "syntax error", "", "SyntaxError: invalid syntax", 1)),
        ("def g(): pass", {"expected": 1}, (False, "no function", "", "no function 'f'", None)),
        ("def f(): return f", {"expected": 1},
         (False, "bad result", "", "a value of type function is not plain data", None)),
    ],
)  # fmt: skip
def test_verdicts(sandbox: Sandbox, code: str, test: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    assert verdict(run(sandbox, code, **test)) == wanted


def test_a_report(sandbox: Sandbox) -> None:
    code = "def f(x):\n    print('x is', x)\n    return x + 1\n"
    tests = [{"args": [1], "expected": 2}, {"args": [2], "expected": 4}]
    report = sandbox.run_tests(code, "f", tests)
    assert [result.passed for result in report.results] == [True, False]
    assert [result.output for result in report.results] == ["x is 1\n", "x is 2\n"]
    assert (report.passed, report.all_passed) == (1, False)
    assert report.layers == tuple(name for name, state in sandbox.layers().items() if state == "present")
    assert report.seconds < 5


@pytest.mark.parametrize(
    "module",
    [
        *(
            "math",
            "re",
            "collections",
            "itertools",
            "functools",
            "string",
            "heapq",
            "bisect",
            "json",
            "random",
        ),
        *("statistics", "datetime", "typing", "dataclasses", "copy", "operator", "decimal", "fractions"),
        *("collections.abc", "queue"),
    ],
)
def test_candidates_may_import(sandbox: Sandbox, module: str) -> None:
    assert run(sandbox, f"import {module}\ndef f(): return 1\n", expected=1).passed


def test_features_that_load_late(sandbox: Sandbox) -> None:
    code = """
import dataclasses, datetime, decimal, typing
@dataclasses.dataclass
class P:
    x: "int"
    y: typing.ClassVar["int"] = 2
def f():
    day = datetime.datetime.strptime("2024-02-29", "%Y-%m-%d")
    return [day.year, P(1).x, str(decimal.Decimal("1.10")), "\\N{BULLET}", f"{1234.5:,.2f}", "\u00df".upper()]
"""
    assert run(sandbox, code, expected=[2024, 1, "1.10", "\N{BULLET}", "1,234.50", "SS"]).passed


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"args": []}, "a test has one of 'expected', 'yields' and 'raises'"),
        ({"args": [], "expected": 1, "raises": "ValueError"},
         "a test has one of 'expected', 'yields' and 'raises'"),
        ({"args": [], "raises": "Nonsense"}, "'raises' names a builtin exception, not 'Nonsense'"),
        ({"args": [], "raises": "len"}, "'raises' names a builtin exception, not 'len'"),
        ({"args": [], "expected": object()}, "a value of type object is not plain data"),
        ({"args": [object()], "expected": 1},
         "the arguments of a test are plain data: a value of type object is not plain data"),
        ({"expected": 1}, "a test has 'args' and may have 'kwargs'; this one has ['expected']"),
        ({"args": [], "expected": 1, "name": "x"},
         "a test has 'args' and may have 'kwargs'; this one has ['args', 'expected', 'name']"),
    ],
)  # fmt: skip
def test_tests_that_make_no_sense(sandbox: Sandbox, test: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        sandbox.run_tests("def f(): pass", "f", [test])


def test_time_of_one_test(sandbox: Sandbox) -> None:
    code = "def f(n):\n    while n: pass\n    return n\n"
    tests = [{"args": [n], "expected": 0} for n in (0, 1, 0)]
    report = sandbox.run_tests(code, "f", tests, Limits(seconds=0.3))
    assert [result.reason for result in report.results] == ["", "timeout", ""]
    assert 0.3 <= report.results[1].seconds < 1.3


def test_time_of_all_tests(sandbox: Sandbox) -> None:
    limits = Limits(seconds=0.3, total_seconds=0.5)
    report = sandbox.run_tests(
        "def f():\n    while True: pass\n", "f", [{"args": [], "expected": 0}] * 4, limits
    )
    assert [result.reason for result in report.results] == ["timeout"] * 4
    assert [result.error for result in report.results] == [
        *["stopped: it ran longer than it may"] * 2,
        *["not run: 0.5 seconds were used up"] * 2,
    ]
    assert 0.5 <= report.seconds < 1.5


@LINUX
@pytest.mark.parametrize(("megabytes", "reason"), [(20, ""), (200, "memory")])
def test_memory(sandbox: Sandbox, megabytes: int, reason: str) -> None:
    code = f"def f(): return len(bytearray({megabytes} << 20)) >> 20\n"
    assert run(sandbox, code, Limits(memory_mb=100), expected=megabytes).reason == reason


@pytest.mark.parametrize(("length", "reason"), [(1000, ""), (1025, "too much output")])
def test_output(sandbox: Sandbox, length: int, reason: str) -> None:
    code = f"def f(): print('x' * {length}, end='')\n"
    result = run(sandbox, code, Limits(output_kb=1), expected=None)
    assert (result.reason, result.output) == (reason, "x" * length)


@pytest.mark.parametrize(("length", "reason"), [(1000, ""), (1025, "bad result")])
def test_result_size(sandbox: Sandbox, length: int, reason: str) -> None:
    code = f"def f(): return 'x' * {length}\n"
    assert run(sandbox, code, Limits(result_kb=1), expected="x" * length).reason == reason


def test_large_arguments_and_texts(sandbox: Sandbox) -> None:
    data = list(range(100_000))
    code = "def f(x): return sum(x)\n" + "# a long text\n" * 60_000
    assert run(sandbox, code, args=[data], expected=sum(data)).passed


def test_eight_hang_side_by_side(sandbox: Sandbox) -> None:
    limits = Limits(seconds=1.0, total_seconds=1.0)
    found: list[TestResult] = []
    code = "def f():\n    while True: pass\n"
    threads = [
        threading.Thread(target=lambda: found.append(run(sandbox, code, limits, expected=1)))
        for _ in range(8)
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.reason for result in found] == ["timeout"] * 8
    # One after the other they would take the sum of their times, however busy the machine is.
    seconds = [result.seconds for result in found]
    assert min(seconds) > 0.9
    assert time.monotonic() - started < sum(seconds) / 2


def test_every_reason_is_described() -> None:
    assert all(REASONS.values())
    assert set(layers()) == set(LAYERS)


@LINUX
@pytest.mark.parametrize(
    ("leave_out", "named"),
    [
        (["rlimits"], "rlimits: missing: left out on request"),
        (["no_new_privs"], "no_new_privs: missing: left out on request"),
        (["seccomp", "landlock"], "seccomp: missing: left out on request"),
        (["seccomp", "namespaces"], "namespaces: missing: left out on request"),
    ],
)
def test_refuses_without_the_layers_that_it_needs(leave_out: list[str], named: str) -> None:
    with Sandbox(leave_out=leave_out) as weak, pytest.raises(SandboxError) as caught:
        weak.run_tests("def f(): return 1", "f", [{"args": [], "expected": 1}])
    lines = str(caught.value).splitlines()
    assert lines[0] == "this machine lacks what it takes to run untrusted code:"
    assert f"  {named}" in lines
    assert lines[-1] == "Sandbox(allow_missing_layers=True) runs it all the same."


@LINUX
def test_runs_without_them_if_told_so() -> None:
    with Sandbox(allow_missing_layers=True, leave_out=["seccomp", "landlock", "namespaces"]) as weak:
        report = weak.run_tests("def f(): return 1", "f", [{"args": [], "expected": 1}])
    assert report.all_passed
    assert not {"seccomp", "landlock", "namespaces"} & set(report.layers)


@LINUX
@pytest.mark.parametrize("left", ["seccomp", "namespaces", "landlock"])
def test_holds_without_one_layer(left: str) -> None:
    """What one layer forbids another one forbids too, where there are several."""
    with Sandbox(leave_out=[left]) as weak:
        if any(state != "present" for name, state in weak.layers().items() if name != left):
            pytest.skip("this machine lacks another layer as well")
        for call in ("os.fork()", "open('/etc/passwd')", "os.listdir('/')", "os.execv('/bin/sh', ['sh'])"):
            result = run(weak, f"import os\ndef f(): return {call}\n", expected=1)
            assert (result.passed, result.reason) == (False, "error"), call
            assert result.error.startswith(REFUSALS), call


def test_unknown_layers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^no layers \['prayer'\]; there are \['landlock', "):
        Sandbox(leave_out=["prayer"])


# Which of them it is depends on the layer that comes first: no rights, no such file, no free descriptor.
REFUSALS = ("PermissionError", "FileNotFoundError", "BlockingIOError", "OSError: [Errno 24]")


def server_of(sandbox: Sandbox) -> int:
    """The process that we started for a sandbox."""
    running = sandbox._running()
    return running._process.pid


def test_a_dead_server_is_replaced(sandbox: Sandbox) -> None:
    before = server_of(sandbox)
    os.kill(before, signal.SIGKILL)
    deadline = time.monotonic() + 10
    # It may live on for a moment; in that moment, and after it, no candidate notices anything.
    while server_of(sandbox) == before and time.monotonic() < deadline:
        assert run(sandbox, "def f(): return 1", expected=1).passed
    assert server_of(sandbox) != before


@LINUX
@pytest.mark.parametrize("leave_out", [[], ["namespaces"]])
def test_the_server_outlives_the_thread_that_started_it(leave_out: list[str]) -> None:
    with Sandbox(allow_missing_layers=True, leave_out=leave_out) as lasting:
        thread = threading.Thread(target=lasting.layers)
        thread.start()
        thread.join()
        before = server_of(lasting)
        assert run(lasting, "def f(): return 1", expected=1).passed
        assert server_of(lasting) == before


def test_a_server_that_cannot_start_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Sandbox() as broken, pytest.raises(SandboxError, match=r"^cannot start '/nowhere/python': "):
        broken.run_tests("def f(): return 1", "f", [{"args": [], "expected": 1}])


def test_the_default_sandbox_starts_by_itself() -> None:
    if any(state != "present" for state in layers().values()):
        pytest.skip("the default sandbox may refuse here")
    assert run_tests("def f(x): return x", "f", [{"args": ["\ud800"], "expected": "\ud800"}]).all_passed


def test_a_closed_sandbox_leaves_no_process() -> None:
    with Sandbox(allow_missing_layers=True) as short:
        process = server_of(short)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


DIES_WITH_IT = """
import os, sys
from dsl_debug.sandbox import Sandbox
sandbox = Sandbox(allow_missing_layers=True)
sandbox.run_tests("def f(): pass", "f", [{"args": [], "expected": None}])
print(sandbox._running()._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_server_dies_with_its_owner() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", DIES_WITH_IT], env=environment, capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert gone(int(done.stdout), seconds=10)


def gone(process: int, seconds: float) -> bool:
    """Whether a process ends in time; one that is dead and not yet waited for counts as ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
            os.kill(process, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_a_forked_copy_starts_a_server_of_its_own(sandbox: Sandbox) -> None:
    before = server_of(sandbox)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fine = run(sandbox, "def f(): return 1", expected=1).passed and server_of(sandbox) != before
            sandbox.close()
            code = 0 if fine else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run(sandbox, "def f(): return 1", expected=1).passed
    assert server_of(sandbox) == before


def descendants(process: int) -> list[int]:
    """All processes below `process`, itself included."""
    found = [process]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return found


def usage(sandbox: Sandbox) -> tuple[int, int, int, int]:
    """Processes, their descriptors and KiB of memory below a sandbox's server; our own descriptors."""
    processes = descendants(server_of(sandbox))
    descriptors = sum(len(os.listdir(f"/proc/{process}/fd")) for process in processes)
    memory = sum(
        int(line.split()[1])
        for process in processes
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("VmRSS")
    )
    return len(processes), descriptors, memory, len(os.listdir("/proc/self/fd"))


@LINUX
@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_nothing_leaks(count: int) -> None:
    codes = [
        "def f(x): return x\n",
        "def f(x): return 1 / 0\n",
        "import os\ndef f(x): os._exit(0)\n",
        "def f(x): print('x' * 100_000)\n",
        "def f(x): return 'x' * 10**6\n",
    ]
    with Sandbox(allow_missing_layers=True) as busy:
        for code in codes * 4:
            run(busy, code, args=[1], expected=1)
        gc.collect()
        before = usage(busy)
        passed = sum(run(busy, codes[n % 5], args=[n], expected=n).passed for n in range(count))
        time.sleep(0.2)
        after = usage(busy)
    assert passed == count // 5
    assert (after[0], after[1], after[3]) == (before[0], before[1], before[3])
    assert after[2] < before[2] + 4000
