"""The filter of system calls: what a function that only computes needs of the kernel, and nothing else."""

import errno
import functools
import importlib
import tempfile

# Everything that is not here fails with "operation not permitted": opening a file of any kind, sockets, new
# processes and threads, signals to anybody, tracing, descriptors, timers, settings of the process.
ALLOWED = (
    # talk over the descriptors that are open
    *("read", "write", "readv", "writev", "close", "lseek"),
    # memory
    *("brk", "munmap", "mremap", "madvise"),
    # signals that the process catches itself
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall"),
    # locks, waiting, clocks
    *("futex", "sched_yield", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres"),
    *("gettimeofday", "time", "times", "getrusage"),
    # random bytes, and who am I
    *("getrandom", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid"),
    # the end
    *("exit", "exit_group"),
)

# Memory may be mapped, but never so that it can be executed.
_NOT_EXECUTABLE = ("mmap", "mprotect")
_PROT_EXEC = 4


class FilterMissing(RuntimeError):
    """No filter can be compiled here; the message says what to install."""


@functools.cache
def filter_program() -> bytes:
    """The filter for this machine's processor, as the kernel reads it. Raises FilterMissing."""
    try:
        # Looks for the C library when it is imported, so this is where either is found missing.
        pyseccomp = importlib.import_module("pyseccomp")
    except (ImportError, OSError, RuntimeError) as problem:
        raise FilterMissing(
            f"{problem}; pip install 'dsl-debug[sandbox]', and the system's libseccomp2"
        ) from None
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in ALLOWED:
        # An architecture that lacks one has a newer call for the same.
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(pyseccomp.ALLOW, name)
    for name in _NOT_EXECUTABLE:
        rules.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _PROT_EXEC, 0))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
