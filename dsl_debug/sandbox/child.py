"""One candidate and one test, in a process that has just been forked for them and ends with them.

Everything after `READY` may be written by the candidate itself: it shares this process and can read and
change all that is in it. That gains it nothing, because nothing here knows which value the test expects.
"""

import builtins
import os
import random
import resource
import sys
import types
from collections.abc import Callable, Iterable
from types import CodeType, TracebackType
from typing import Any, NamedTuple, NoReturn

from dsl_debug.sandbox import kernel
from dsl_debug.sandbox.canonical import NotPlain, decode, encode, to_python

READY = b"R"
"""First byte on the results socket: every layer is in force; what follows is the candidate's word."""

DATA = 3
"""The descriptor for the task and the result; 0 is an input at its end, 1 and 2 are the output."""

_FILE = "<candidate>"
_MODULE = "candidate"
_OUT_OF_MEMORY = encode(("error", "MemoryError", "MemoryError", "", 0))
# Taken before any candidate ran; keyed by identity, because a metaclass may redefine equality.
_BUILTIN_EXCEPTIONS = {
    id(kind): name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__name__ == name
}

Message = tuple[Any, ...]
"""What is sent back: ("value", v), ("yields", [v, ...]), ("unsendable", why), ("missing", why),
("malformed", why, line) or ("error", name if it is a builtin exception or None, class name, text, line)."""


class Layers(NamedTuple):
    """What to put in force around the candidate: None and False stand for a layer that is not there."""

    rlimits: bool
    landlock: int | None
    seccomp: kernel.Filter | None
    base_memory: int


def run(out: int, data: int, layers: Layers, seconds: float, memory: int) -> NoReturn:
    """Be the candidate's process from the fork to the end. `out` takes its output, `data` the rest."""
    try:
        _take_over(out, data, layers.landlock)
        isolate(layers, seconds, memory)
        ready = READY
    except BaseException as problem:
        ready = f"{type(problem).__name__}: {problem}".encode()
    _write_all(ready)
    if ready != READY:
        os._exit(1)
    task = to_python(decode(_read_all()))
    stdout, stderr = sys.stdout, sys.stderr
    message = _answer(task)
    try:
        stdout.flush()
        stderr.flush()
    finally:
        _write_all(message)
        os._exit(0)


def _take_over(out: int, data: int, ruleset: int | None) -> None:
    """Keep the descriptors of this test, in their places, and no other."""
    os.dup2(out, 1)
    os.dup2(out, 2)
    if data != DATA:
        os.dup2(data, DATA)
    for low, high in ((4, ruleset or 4), ((ruleset or 3) + 1, 65536)):
        os.closerange(low, high)


def isolate(layers: Layers, seconds: float, memory: int) -> None:
    """Put every layer in force. `seconds` of processor time, `memory` bytes beyond the warm interpreter's."""
    if sys.platform == "linux":
        # Without a process namespace this is what ends a candidate whose server was killed.
        kernel.die_with_parent()
    if layers.landlock is not None:
        kernel.landlock(layers.landlock)
        os.close(layers.landlock)
    if layers.rlimits:
        limit_resources(seconds, memory + layers.base_memory)
    if layers.seccomp is not None:
        kernel.seccomp(layers.seccomp)


def limit_resources(seconds: float, memory: int) -> None:
    """Limits that cannot be raised again. The clock outside strikes first: processor time is a second net."""
    hard = {
        resource.RLIMIT_CPU: int(seconds) + 3,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 4,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_STACK: 8 << 20,
    }
    if sys.platform == "linux":
        # Elsewhere the call may be refused.
        hard[resource.RLIMIT_AS] = memory
    for name, value in hard.items():
        most = resource.getrlimit(name)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        # Processor time has a signal at the soft limit; the other limits are errors of calls.
        resource.setrlimit(name, (value - 1 if name == resource.RLIMIT_CPU else value, value))


def _read_all() -> bytes:
    pieces = []
    while piece := os.read(DATA, 1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def _write_all(data: bytes) -> None:
    while data:
        data = data[os.write(DATA, data) :]


def _answer(task: dict[str, Any]) -> bytes:
    """The encoded message about the candidate's run; never raises."""
    limit = task["result_bytes"]
    try:
        message = _load_and_call(task)
        try:
            return encode(message, limit)
        except NotPlain as problem:
            return encode(("unsendable", str(problem)[:500]))
        except BaseException as problem:
            return encode(_error(problem), limit)
    except MemoryError:
        return _OUT_OF_MEMORY
    except BaseException:
        # Only a candidate that has damaged the interpreter gets here.
        return b""


def _load_and_call(task: dict[str, Any]) -> Message:
    try:
        compiled = compile(task["code"], _FILE, "exec", dont_inherit=True)
    except MemoryError:
        raise
    except Exception as problem:
        line = problem.lineno if isinstance(problem, SyntaxError) else None
        text = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        return ("malformed", f"{type(problem).__name__}: {text}"[:500], _line_number(line))
    try:
        return _call(compiled, task)
    except BaseException as problem:
        return _error(problem)


def _call(compiled: CodeType, task: dict[str, Any]) -> Message:
    module = types.ModuleType(_MODULE)
    # Dataclasses and typing look their module up.
    sys.modules[_MODULE] = module
    random.seed(0)
    exec(compiled, module.__dict__)
    name = task["function"]
    function: Callable[..., object] | None = module.__dict__.get(name)
    if not callable(function):
        return ("missing", f"no function '{name}'" if function is None else f"'{name}' is not a function")
    value = function(*task["args"], **task["kwargs"])
    if type(value) is types.GeneratorType:
        return ("yields", _drain(value, task["result_bytes"]))
    return ("value", value)


def _drain(generator: Iterable[object], most: int) -> list[object]:
    """What a generator yields. Each item takes a byte at least, so more than `most` could not be sent."""
    items: list[object] = []
    for item in generator:
        items.append(item)
        if len(items) > most:
            raise NotPlain(f"a generator of more than {most:,} items")
    return items


def _error(problem: BaseException) -> Message:
    kind = type(problem)
    if isinstance(problem, NotPlain):
        return ("unsendable", str(problem)[:500])
    name = _BUILTIN_EXCEPTIONS.get(id(kind))
    line = _line_of(problem.__traceback__)
    try:
        text = str(problem)[:500]
    except BaseException:
        text = "<an exception without a text>"
    return ("error", name, str(type.__getattribute__(kind, "__name__"))[:100], text, line)


def _line_of(traceback: TracebackType | None) -> int:
    """The last line of the candidate's text that an exception passed through; 0 for none."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == _FILE:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _line_number(line: object) -> int:
    return line if type(line) is int else 0
