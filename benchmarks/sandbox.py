"""How many candidates with six tests the sandbox runs per second, beside weaker ways to run them.

Each way is measured one candidate after another, and with as many threads as there are processors; processor
time, which a busy machine distorts least, is that of all processes together. The two peers guard nothing: a
fresh interpreter for each candidate runs all six tests in one process, with the expected values within the
candidate's reach; `exec` runs them in this very process.
"""

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from dsl_debug.sandbox import Sandbox

CODE = """
def median(numbers):
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2
"""

TESTS: list[dict[str, Any]] = [
    {"args": [[3, 1, 2]], "expected": 2},
    {"args": [[4, 1, 3, 2]], "expected": 2.5},
    {"args": [[7]], "expected": 7},
    {"args": [[-1, -5, 0]], "expected": -1},
    {"args": [[1.5, 0.5]], "expected": 1.0},
    {"args": [list(range(101))], "expected": 50},
]

_FRESH = """
import json, sys
code, tests = json.load(sys.stdin)
namespace = {}
exec(code, namespace)
print(sum(namespace["median"](*test["args"]) == test["expected"] for test in tests))
"""


class Speed(NamedTuple):
    """One candidate after another in `milliseconds` each; `per_second` with all processors at work.

    `processor` is the milliseconds of processor time of a candidate, all processes together.
    """

    way: str
    milliseconds: float
    per_second: float
    processor: float


def fresh_python() -> int:
    """Tests passed, in a bare interpreter started for this one candidate."""
    command = [sys.executable, "-I", "-S", "-c", _FRESH]
    done = subprocess.run(
        command, input=json.dumps([CODE, TESTS]), capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def in_process() -> int:
    """Tests passed, in this process, with nothing between the candidate and us."""
    namespace: dict[str, Any] = {}
    exec(compile(CODE, "<candidate>", "exec"), namespace)
    return sum(namespace["median"](*test["args"]) == test["expected"] for test in TESTS)


def measure(way: str, candidate: Callable[[], int], seconds: float, finish: Callable[[], None]) -> Speed:
    """Run a candidate for `seconds` alone, and for as long in as many threads as there are processors.

    Processes are counted once they have ended, which `finish` sees to.
    """
    before = _processor_seconds()
    alone, first = _count(candidate, seconds, 1)
    together, second = _count(candidate, seconds, os.cpu_count() or 1)
    finish()
    processor = (_processor_seconds() - before) / (first + second)
    return Speed(way, 1000 / alone, together, 1000 * processor)


def _processor_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _count(candidate: Callable[[], int], seconds: float, threads: int) -> tuple[float, int]:
    """Candidates per second, each with all tests passed, and how many there were."""
    counts = [0] * threads
    started = time.perf_counter()

    def work(number: int) -> None:
        while time.perf_counter() - started < seconds:
            if candidate() != len(TESTS):
                raise RuntimeError("a right function failed its tests")
            counts[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - started), sum(counts)


def run(seconds: float = 5.0) -> list[Speed]:
    """Measure every way, each for twice `seconds`."""
    with Sandbox() as sandbox:
        return [
            measure(
                "sandbox", lambda: sandbox.run_tests(CODE, "median", TESTS).passed, seconds, sandbox.close
            ),
            measure("fresh python", fresh_python, seconds, lambda: None),
            measure("exec in this process", in_process, seconds, lambda: None),
        ]


def main() -> None:
    """Print the table."""
    processors = os.cpu_count() or 1
    heads = ("one after another", f"{processors} at a time", "processor time")
    print(f"{'candidates of six tests':24}" + "".join(f"{head:>20}" for head in heads))
    for way, milliseconds, per_second, processor in run():
        print(f"{way:24}{milliseconds:>17.2f} ms{per_second:>17,.0f} /s{processor:>17.2f} ms")


if __name__ == "__main__":
    main()
