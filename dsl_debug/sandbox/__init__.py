"""Untrusted Python functions, run against tests behind the isolation that the kernel offers.

`run_tests(code, function, tests)` executes `code` in a fresh process for every test, calls the function with
the test's arguments, and compares what comes back with what the test expects, by type and value. The expected
values never enter that process: the candidate shares it with the code that reports its results, so it may
forge any report, and gains nothing by it.

What it guards, on Linux with the layers of `layers()` present:

- Files: none can be opened, for reading or writing, listed, or run; the working folder is empty.
- The network, other processes, their memory and signals: no socket, no kill, no tracing; no process or thread
  can be started.
- The tests: a process sees the arguments of its one test, no expected value, and nothing of other candidates.
  Changed arguments, caches and patched modules are gone with it.
- The machine: time on the wall (measured outside), processor time, memory, output and the size of the result
  are bounded; a process that is over its time is killed and waited for.
- Us: what comes back is read as data, bounded, with nothing executed and no foreign values hashed.
- The environment and open descriptors of the caller: not handed on.

What it does not guard:

- The kernel itself. A hole in one of the few system calls that remain is a way out; a virtual machine around
  it all would be the next layer.
- The processor. Timing side channels between processes of one machine are open, and a candidate that computes
  until its limit slows down its neighbours.
- The function's meaning. A candidate that passes by knowing the arguments of visible tests passes: hidden
  tests are what tells it from a fix.
- The total of many runs. Each is bounded; how many run side by side is the caller's choice.
- Python's modules: candidates have the standard modules that were loaded beforehand (see `server.WARM`), and
  can load no others.
- Systems other than Linux: there are resource limits and a warning, and nothing else.
"""

from dsl_debug.sandbox.isolation import LAYERS
from dsl_debug.sandbox.report import REASONS, Limits, SandboxError, TestReport, TestResult
from dsl_debug.sandbox.run import Sandbox, default, layers, run_tests

__all__ = [
    "LAYERS",
    "REASONS",
    "Limits",
    "Sandbox",
    "SandboxError",
    "TestReport",
    "TestResult",
    "default",
    "layers",
    "run_tests",
]
