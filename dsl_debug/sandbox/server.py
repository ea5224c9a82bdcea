"""The fork server: a bare interpreter, warmed up once, that forks a fresh process for every test.

`dsl_debug.sandbox.client` starts it. It reads its settings from stdin, isolates itself, and serves its
control socket: what comes there is a REQUEST with three descriptors (output, data, fate) for a test to run.
When the test's process has ended, its wait status is written to `fate`; a hang-up on `fate` is the wish to
have it killed. The server reads nothing that a candidate wrote, and holds nothing that none may see.
"""

import ast
import contextlib
import gc
import importlib
import io
import json
import os
import select
import signal
import socket
import struct
import sys
import types
from typing import NoReturn

from dsl_debug.sandbox import child, isolation

REQUEST = struct.Struct("!dQ")
"""What a test's process may use: seconds of time, bytes of memory."""

STATUS = struct.Struct("!i")
"""How a test's process ended, as waitpid gives it."""

LENGTH = struct.Struct("!I")
"""In front of the answer to the settings, which is the state of the layers in JSON."""

# What candidates may import: nothing can be loaded once the server has lost sight of the files.
WARM = (
    *("math", "cmath", "re", "collections", "collections.abc", "itertools", "functools", "string", "heapq"),
    *("bisect", "json", "random", "statistics", "datetime", "typing", "dataclasses", "copy", "operator"),
    *("decimal", "fractions", "time", "calendar", "enum", "abc", "types", "numbers", "array", "struct"),
    *("textwrap", "unicodedata", "contextlib", "io", "base64", "binascii", "hashlib", "difflib", "pprint"),
    *("weakref", "queue", "inspect", "traceback", "warnings", "__future__", "sys", "os"),
    # loaded by others at their first use
    *("_strptime", "encodings.ascii", "encodings.latin_1", "encodings.utf_16", "encodings.utf_32"),
    *("encodings.cp1252", "encodings.idna", "encodings.rot_13", "encodings.unicode_escape"),
)


def main(control: int) -> NoReturn:
    """Set up and serve until the other end of `control` is closed."""
    settings = json.loads(sys.stdin.buffer.read())
    found: isolation.Found = settings["found"]
    warm_up()
    layers = isolation.isolate_server(found, bytes.fromhex(settings["filter"]))
    layers = isolation.probe(layers, found)
    answer = json.dumps(found).encode()
    with socket.socket(fileno=control) as starter:
        starter.sendall(LENGTH.pack(len(answer)) + answer)
        # What lives now is never looked at again by the collector, so that forks go on sharing its pages.
        gc.collect()
        gc.freeze()
        _serve(starter, layers)
    os._exit(0)


def warm_up() -> None:
    """Import what candidates may use, and forget our own modules and where more could come from."""
    for name in WARM:
        importlib.import_module(name)
    ast.parse("0")
    for name in list(sys.modules):
        if name.partition(".")[0] == "dsl_debug":
            del sys.modules[name]
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.argv[:] = [""]
    os.environ.clear()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _serve(control: socket.socket, layers: child.Layers) -> None:
    bell, ring = os.pipe()
    os.set_blocking(bell, False)
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(bell, select.POLLIN)
    running: dict[int, int] = {}  # descriptor of the fate -> process
    serving = True
    while serving:
        ready = [descriptor for descriptor, _ in poll.poll()]
        # Fates first: what follows closes and opens descriptors, which would give these numbers a new
        # meaning.
        for fate in running.keys() & ready:
            poll.unregister(fate)
            os.kill(running[fate], signal.SIGKILL)
        if bell in ready:
            os.read(bell, 4096)
            _reap(running, poll)
        if control.fileno() in ready:
            serving = _accept(control, layers, running, poll)
    for process in running.values():
        os.kill(process, signal.SIGKILL)


def _accept(control: socket.socket, layers: child.Layers, running: dict[int, int], poll: select.poll) -> bool:
    """Start the next test; False when the starter has hung up."""
    message, descriptors, _, _ = socket.recv_fds(control, REQUEST.size, 3)
    if not message:
        return False
    seconds, memory = REQUEST.unpack(message)
    out, data, fate = descriptors
    try:
        process = os.fork()
    except OSError:
        # The starter learns it from the fate that closes without a status.
        process = -1
    if process == 0:
        try:
            signal.set_wakeup_fd(-1)
            child.run(out, data, layers, seconds, memory)
        finally:
            os._exit(1)
    os.close(out)
    os.close(data)
    if process == -1:
        os.close(fate)
        return True
    running[fate] = process
    poll.register(fate, select.POLLIN)
    return True


def _reap(running: dict[int, int], poll: select.poll) -> None:
    """Tell the starter about every test that has ended."""
    fates = {process: fate for fate, process in running.items()}
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if process == 0:
            return
        fate = fates.get(process)
        if fate is None:
            continue
        del running[fate]
        with contextlib.suppress(KeyError):
            poll.unregister(fate)
        with contextlib.suppress(OSError):
            os.write(fate, STATUS.pack(status))
        os.close(fate)
