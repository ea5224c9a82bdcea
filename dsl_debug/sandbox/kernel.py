"""The isolation that the Linux kernel offers, through ctypes: all that the standard library has no call for.

Every function raises OSError when the kernel says no. Numbers are those of the kernel's own headers; the
system calls of Landlock have the same number on every architecture.
"""

import ctypes
import errno
import os
import resource
import struct

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 38, 39
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_VERSION = 1
_CLONE_NEWUSER = 0x10000000
# Mounts, cgroups, host name, System V objects, processes, network.
_CLONE_THE_REST = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
_MS_PRIVATE_ALL = 0x4000 | 0x40000
_MS_EMPTY = 0x1 | 0x2 | 0x4 | 0x8  # read-only, no set-uid, no devices, no execution
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int | bytes | None) -> int:
    """Call a function of the C library with whole numbers, byte strings and null pointers."""
    converted = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    answer = int(getattr(_libc, name)(*converted))
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return answer


def no_new_privileges() -> None:
    """No program that this process starts gains rights, for good; seccomp and Landlock ask for it."""
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _call("prctl", _PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1:
        raise OSError(errno.EPERM, "no_new_privs did not take effect")


def die_with_parent() -> None:
    """Be killed when the thread that forked this process ends. A change of user undoes it."""
    _call("prctl", _PR_SET_PDEATHSIG, 9, 0, 0, 0)


def hide_from_debuggers() -> None:
    """No core dumps, and no other process of the same user may read or trace this one."""
    _call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)


def landlock_ruleset() -> int:
    """A descriptor of rules that allow nothing: no file, no TCP port, no signal or socket to the outside."""
    version = _call("syscall", _LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    # What each version of the interface added; asking for what a kernel does not know is an error.
    files = (1 << 13) - 1
    files |= sum(1 << bit for bit, since in ((13, 2), (14, 3), (15, 5)) if version >= since)
    network = 0b11 if version >= 4 else 0
    scopes = 0b11 if version >= 6 else 0
    rules = struct.pack("QQQ", files, network, scopes)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    return _call("syscall", _LANDLOCK_CREATE, rules, size, 0)


def landlock(ruleset: int) -> None:
    """Put this process under the rules of `ruleset`, for good."""
    _call("syscall", _LANDLOCK_RESTRICT, ruleset, 0)


class Filter(ctypes.Structure):
    """A compiled filter of system calls, ready to be put in force."""

    _fields_ = (("length", ctypes.c_ushort), ("address", ctypes.c_void_p))

    def __init__(self, program: bytes) -> None:
        # Kept, since the kernel is given its address.
        self._program = ctypes.create_string_buffer(program, len(program))
        super().__init__(len(program) // 8, ctypes.addressof(self._program))


def seccomp(program: Filter) -> None:
    """Put this process under a filter of system calls, for good."""
    _call("prctl", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0)


def new_namespaces() -> None:
    """Leave the machine's processes, network, mounts and the rest behind; children are born in the new ones.

    Root does without a user namespace, since it gives its rights up right after.
    """
    if os.geteuid() == 0:
        _call("unshare", _CLONE_THE_REST)
        return
    user, group = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER | _CLONE_THE_REST)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def empty_root() -> None:
    """Make an empty, read-only folder the root of what this process sees; in a new mount namespace only."""
    here = os.fsencode(os.getcwd())
    _call("mount", b"none", b"/", None, _MS_PRIVATE_ALL, None)
    _call("mount", b"none", here, b"tmpfs", _MS_EMPTY, b"size=4k,nr_inodes=2")
    os.chdir(here)
    os.chroot(".")
    os.chdir("/")


def drop_rights(identity: int) -> None:
    """Become user and group `identity` if this is root, and give up every capability in any case."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(identity, identity, identity)
        os.setresuid(identity, identity, identity)
    _call("capset", struct.pack("Ii", _CAPABILITY_VERSION, 0), bytes(24))
    if 0 in os.getresuid():
        raise OSError(errno.EPERM, "still root after giving it up")


def address_space() -> int:
    """Bytes of address space that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
