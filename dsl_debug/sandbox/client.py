"""Our end of the fork server: start it, stop it, and hand it descriptors."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path

from dsl_debug.sandbox.isolation import LAYERS, PRESENT, Found
from dsl_debug.sandbox.report import SandboxError
from dsl_debug.sandbox.server import LENGTH, REQUEST
from dsl_debug.sandbox.syscalls import FilterMissing, filter_program

START_SECONDS = 60.0
"""How long the server may take to warm up; it takes a tenth of a second on an idle machine."""

# The server must not load the whole package, nor site-packages: stand-ins for two packages lead to its
# modules.
_START = """
import sys, types
control, package = sys.argv[1:]
for name, path in (("dsl_debug", package), ("dsl_debug.sandbox", package + "/sandbox")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [path]
from dsl_debug.sandbox.server import main
main(int(control))
"""

# No site-packages, nothing from the user's folders or the working folder, no bytecode written. The
# environment consists of the fixed hash seed, so that a candidate that depends on the order of a set always
# does the same.
_FLAGS = ("-S", "-s", "-P", "-B", "-X", "utf8")
_ENVIRONMENT = {"PYTHONHASHSEED": "0"}


class Server:
    """A running fork server. Raises SandboxError where it cannot be started."""

    def __init__(self, leave_out: Collection[str] = ()) -> None:
        if not hasattr(os, "fork"):
            raise SandboxError(f"the sandbox needs a system that can fork; {sys.platform} cannot")
        found, program = _wanted(leave_out)
        self.control, theirs = socket.socketpair()
        # Removed while the server works in it: such a folder is empty, and nothing can be made in it.
        with tempfile.TemporaryDirectory(prefix="dsl-debug-") as folder:
            try:
                self._process = _start(theirs, folder)
            except OSError as problem:
                self.control.close()
                raise SandboxError(f"cannot start {sys.executable!r}: {problem}") from problem
            finally:
                theirs.close()
            try:
                self.found = self._configure(found, program)
            except BaseException:
                self.close()
                raise

    def _configure(self, found: Found, program: bytes) -> Found:
        """Send the settings; the answer says which layers are in force."""
        stdin, stderr = self._process.stdin, self._process.stderr
        if stdin is None or stderr is None:
            raise SandboxError("the sandbox's server has no streams")
        try:
            stdin.write(json.dumps({"found": found, "filter": program.hex()}).encode())
            stdin.close()
            self.control.settimeout(START_SECONDS)
            (size,) = LENGTH.unpack(_receive(self.control, LENGTH.size))
            answer: Found = json.loads(_receive(self.control, size))
        except (OSError, EOFError) as problem:
            text = (
                os.read(stderr.fileno(), 4000).decode(errors="replace")
                if select.select([stderr], [], [], 1)[0]
                else ""
            )
            raise SandboxError(f"the sandbox's server did not start: {problem}\n{text}".rstrip()) from problem
        self.control.settimeout(None)
        return answer

    def submit(self, descriptors: tuple[int, int, int], seconds: float, memory: int) -> None:
        """Have a process forked that owns `descriptors`: output, data, fate."""
        socket.send_fds(self.control, [REQUEST.pack(seconds, memory)], descriptors)

    def close(self) -> None:
        """End the server and with it every candidate."""
        self.control.close()
        for stream in (self._process.stdin, self._process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Let go of a server that belongs to the process that this one was forked from."""
        self.control.close()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process.returncode = 0


def _wanted(leave_out: Collection[str]) -> tuple[Found, bytes]:
    """Every layer that is not ruled out from the beginning, and the compiled filter of system calls."""
    found = dict.fromkeys(LAYERS, PRESENT)
    program = b""
    if sys.platform == "linux":
        try:
            program = filter_program()
        except FilterMissing as problem:
            found["seccomp"] = f"missing: {problem}"
    else:
        found.update({name: f"missing: not on {sys.platform}" for name in LAYERS if name != "rlimits"})
    return found | dict.fromkeys(leave_out, "missing: left out on request"), program


def _start(control: socket.socket, folder: str) -> subprocess.Popen[bytes]:
    package = str(Path(__file__).resolve().parent.parent)
    return subprocess.Popen(
        [sys.executable, *_FLAGS, "-c", _START, str(control.fileno()), package],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=_ENVIRONMENT,
        pass_fds=(control.fileno(),),
        start_new_session=True,
    )


def _receive(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise EOFError("it ended without an answer")
        data += piece
    return data
