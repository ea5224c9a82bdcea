"""From what a process left behind to passed or failed: the only place that knows the expected value.

The message may have been written by the candidate. It is read as data, its shape is checked, and a wrong one
is a failed test.
"""

import builtins
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dsl_debug.sandbox.canonical import Node, NotPlain, decode, encode, show
from dsl_debug.sandbox.compare import same
from dsl_debug.sandbox.execution import Execution
from dsl_debug.sandbox.report import TestResult

_OUTPUT_SHOWN = 2000
_TEXT_SHOWN = 500

_SHAPES: dict[str, tuple[str, ...]] = {
    "value": ("any",),
    "yields": ("list",),
    "unsendable": ("str",),
    "missing": ("str",),
    "malformed": ("str", "int"),
    "error": ("str none", "str", "str", "int"),
}
"""The messages of `child.py`: kind -> kinds of the parts that follow."""


@dataclass(frozen=True)
class Expectation:
    """What a test wants: a value, what a generator yields, or the name of a builtin exception."""

    how: str
    """"value", "yields" or "error"."""
    value: Node | None = None
    exception: str = ""


@dataclass(frozen=True)
class _Finding:
    """A verdict without the circumstances; `reason` "" is a pass."""

    reason: str
    shown: str = ""
    error: str = ""
    line: int | None = None


def expectation(test: Mapping[str, Any]) -> Expectation:
    """Read what a test expects. Raises ValueError where that is nothing, several things, or no plain data."""
    given = [name for name in ("expected", "yields", "raises") if name in test]
    if len(given) != 1:
        raise ValueError("a test has one of 'expected', 'yields' and 'raises'")
    if given == ["raises"]:
        kind = getattr(builtins, str(test["raises"]), None)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise ValueError(f"'raises' names a builtin exception, not {test['raises']!r}")
        return Expectation("error", exception=kind.__name__)
    value = list(test["yields"]) if given == ["yields"] else test["expected"]
    return Expectation("yields" if given == ["yields"] else "value", decode(encode(value)))


def judge(expected: Expectation, run: Execution) -> TestResult:
    """Compare what came back with what was expected."""
    finding = _stopped(run) or _died(run) or _read(expected, bytes(run.message[1:]))
    output = bytes(run.output[: 4 * _OUTPUT_SHOWN]).decode("utf-8", "replace")[:_OUTPUT_SHOWN]
    return TestResult(
        passed=not finding.reason,
        reason=finding.reason,
        shown=finding.shown,
        error=finding.error,
        line=finding.line,
        output=output,
        seconds=run.seconds,
    )


def _stopped(run: Execution) -> _Finding | None:
    texts = {
        "timeout": "stopped: it ran longer than it may",
        "too much output": "stopped: it printed more than it may",
        "bad result": "stopped: the result is larger than it may be",
    }
    return _Finding(run.stopped, error=texts[run.stopped]) if run.stopped else None


def _died(run: Execution) -> _Finding | None:
    """A process that did not come to its regular end has no result, whatever it wrote before."""
    code = os.waitstatus_to_exitcode(run.status)
    if code == -signal.SIGXCPU:
        return _Finding("timeout", error="stopped: it used more processor time than it may")
    if code == -signal.SIGKILL:
        # Not by us, and nobody else here may: the kernel had no memory left.
        return _Finding("memory", error="killed by the system")
    if code < 0:
        return _Finding("crashed", error=f"killed by signal {_signal_name(-code)}")
    if code > 0 or len(run.message) < 2:
        return _Finding("exited", error=f"it ended its process with exit status {code}")
    return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _read(expected: Expectation, message: bytes) -> _Finding:
    try:
        kind, parts = _message(message)
    except NotPlain as problem:
        return _Finding("bad result", error=f"not a result: {problem}")
    if kind in ("value", "yields"):
        return _returned(expected, kind, parts[0])
    if kind == "unsendable":
        return _Finding("bad result", error=_cut(parts[0].value))
    if kind == "missing":
        return _Finding("no function", error=_cut(parts[0].value))
    if kind == "malformed":
        return _Finding("syntax error", error=_cut(parts[0].value), line=_line(parts[1].value))
    return _raised(expected, parts)


def _message(data: bytes) -> tuple[str, tuple[Node, ...]]:
    """The kind and the parts of a message of a known shape. Raises NotPlain for any other."""
    node = decode(data)
    parts = node.value if node.kind == "tuple" else ()
    kind = parts[0].value if parts and parts[0].kind == "str" else ""
    shape = _SHAPES.get(kind)
    if shape is None or len(parts) != len(shape) + 1:
        raise NotPlain("no message of a known kind")
    for part, wanted in zip(parts[1:], shape, strict=True):
        if wanted != "any" and part.kind not in wanted.split():
            raise NotPlain(f"a part of the message is of kind {part.kind}")
    return kind, parts[1:]


def _returned(expected: Expectation, kind: str, value: Node) -> _Finding:
    shown = show(value) if kind == "value" else f"a generator of {show(value)}"
    if expected.how == "error":
        return _Finding("did not raise", shown)
    if expected.value is None or expected.how != kind or not same(expected.value, value):
        return _Finding("wrong value", shown)
    return _Finding("", shown)


def _raised(expected: Expectation, parts: tuple[Node, ...]) -> _Finding:
    builtin, name, text = (part.value for part in parts[:3])
    line = _line(parts[3].value)
    error = _cut(f"{builtin or name}: {text}" if text else builtin or name)
    if expected.how == "error" and builtin == expected.exception:
        return _Finding("", error=error, line=line)
    if builtin == "MemoryError":
        return _Finding("memory", error=error, line=line)
    if builtin == "SystemExit":
        return _Finding("exited", error=error, line=line)
    return _Finding("error", error=error, line=line)


def _line(number: int) -> int | None:
    return number if 0 < number < 1 << 31 else None


def _cut(text: str) -> str:
    """One line of bounded length, without characters that a terminal or an encoder could trip over."""
    words = " ".join(text[:_TEXT_SHOWN].split())
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
    return line if len(text) <= _TEXT_SHOWN else line + " ..."
