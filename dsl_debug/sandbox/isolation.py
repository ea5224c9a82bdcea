"""Which layers of isolation this machine offers: found by putting them in force, in the fork server."""

import fcntl
import json
import os
import socket
import sys
from collections.abc import Callable

from dsl_debug.sandbox import kernel
from dsl_debug.sandbox.child import Layers, limit_resources

LAYERS: dict[str, str] = {
    "rlimits": "limits on processor time, memory, processes, files and descriptors",
    "no_new_privs": "no program can gain rights, and nobody may trace the process",
    "unprivileged_user": "not root, and no capability",
    "seccomp": "a short list of system calls, which has no files, sockets, processes, signals or tracing",
    "landlock": "no file can be opened, whatever the system call",
    "namespaces": "no network, no other processes, and an empty folder in place of the file system",
}

PRESENT = "present"

UNPRIVILEGED = 61_000
"""User and group in place of root: one that no distribution gives to anybody."""

Found = dict[str, str]
"""For each of LAYERS "present", or "missing: why"."""


def unmet(found: Found) -> list[str]:
    """What untrusted code takes on Linux and is not there. Seccomp will do, or namespaces with Landlock."""
    absent = [name for name in LAYERS if found[name] != PRESENT]
    needed: list[str] = [name for name in ("rlimits", "no_new_privs", "unprivileged_user") if name in absent]
    if "seccomp" in absent and ("landlock" in absent or "namespaces" in absent):
        needed += [name for name in ("seccomp", "landlock", "namespaces") if name in absent]
    return needed


def isolate_server(found: Found, program: bytes) -> Layers:
    """Put the layers in force that the fork server lives under, and prepare those of each candidate.

    Writes into `found` what turns out to be missing. `program` is the compiled seccomp filter.
    """
    base = kernel.address_space() if sys.platform == "linux" else 0
    _attempt(found, "namespaces", kernel.new_namespaces, _become_init, kernel.empty_root)
    _attempt(found, "unprivileged_user", _drop_rights)
    _attempt(found, "no_new_privs", kernel.no_new_privileges, kernel.hide_from_debuggers)
    if found["namespaces"] == PRESENT:
        # Our launcher; without one it would be whichever thread started us, and that may end early.
        kernel.die_with_parent()
    rulesets: list[int] = []
    # Far above the descriptors that each candidate's process fills anew.
    _attempt(
        found, "landlock", lambda: rulesets.append(fcntl.fcntl(kernel.landlock_ruleset(), fcntl.F_DUPFD, 64))
    )
    return Layers(
        rlimits=found["rlimits"] == PRESENT,
        landlock=rulesets[0] if rulesets else None,
        seccomp=kernel.Filter(program) if found["seccomp"] == PRESENT else None,
        base_memory=base,
    )


def _attempt(found: Found, name: str, *steps: Callable[[], object]) -> None:
    """Take the steps of a layer that is wanted; the first that fails makes it a missing one."""
    if found[name] != PRESENT:
        return
    try:
        for step in steps:
            step()
    except (OSError, ValueError) as problem:
        found[name] = f"missing: {getattr(problem, 'strerror', None) or problem}"


def _drop_rights() -> None:
    kernel.drop_rights(UNPRIVILEGED)


def _become_init() -> None:
    """Fork into the new process namespace, as its first process: when that ends, all in it are killed."""
    child = os.fork()
    if child == 0:
        return
    # This one stays outside, with nothing open, to wait: so our starter has a child of its own to wait for.
    try:
        os.closerange(0, 65536)
        kernel.drop_rights(UNPRIVILEGED)
        os.waitpid(child, 0)
    finally:
        os._exit(0)


def probe(layers: Layers, found: Found) -> Layers:
    """Put a process of its own under the layers meant for candidates, and let it try to break out.

    Writes into `found` the layers that cannot be put in force, or do not hold, and leaves them out of what it
    returns; resource limits that do not hold entirely are still worth having.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            result = dict(found)
            _probe_here(layers, result)
            os.write(writer, json.dumps(result).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    found.update(json.loads(text) if text else dict.fromkeys(found, "missing: the trial run crashed"))
    return layers._replace(
        landlock=layers.landlock if found["landlock"] == PRESENT else None,
        seccomp=layers.seccomp if found["seccomp"] == PRESENT else None,
    )


def _probe_here(layers: Layers, found: Found) -> None:
    def landlock() -> None:
        kernel.landlock(layers.landlock or -1)
        _expect_closed("opens files", lambda: os.open("/", os.O_RDONLY))
        if layers.seccomp is None:
            # Older kernels' Landlock lets signals pass: alone it does not keep candidates apart.
            _expect_closed("signals other processes", lambda: os.kill(os.getppid(), 0))

    def rlimits() -> None:
        limit_resources(60, (1 << 30) + layers.base_memory)
        _expect_closed("starts processes", _fork)

    def seccomp() -> None:
        kernel.seccomp(layers.seccomp or kernel.Filter(b""))
        _expect_closed("opens files", lambda: os.open("/", os.O_RDONLY))
        _expect_closed("opens sockets", socket.socketpair)
        _expect_closed("starts processes", _fork)

    _attempt(found, "landlock", landlock)
    _attempt(found, "rlimits", rlimits)
    _attempt(found, "seccomp", seccomp)


def _expect_closed(what: str, attempt: Callable[[], object]) -> None:
    """Raises ValueError where an attempt that a layer forbids succeeds."""
    try:
        attempt()
    except OSError:
        return
    raise ValueError(f"in force, but it still {what}")


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
