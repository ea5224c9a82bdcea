"""A fast runner for code that is our own: one process for all, a time limit for each call of the runner.

It is no sandbox. The tests use it for the hand-written bugs and for mutants of the library, thousands of
calls that would take the sandbox a process each; that both judge alike is tested here.
"""

import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from dataset_builder.python_bugs.cases import Runner, canonical, is_plain, sandboxed
from dataset_builder.python_bugs.families import FAMILIES
from dataset_builder.python_bugs.hand_written import to_problem
from dsl_debug.problem import Case
from dsl_debug.sandbox import Sandbox

CHILD = """
import copy, pickle, signal, sys

answers_to, sys.stdout = sys.stdout.buffer, sys.stderr
while True:
    code, function, tests = pickle.load(sys.stdin.buffer)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    answers = []
    for test in tests:
        test = copy.deepcopy(test)
        space = {"__name__": "candidate"}
        try:
            exec(code, space)
            answer = "returned", space[function](*test["args"], **test.get("kwargs", {}))
            pickle.dumps(answer)
        except Exception as problem:
            answer = "raised", type(problem).__name__
        answers.append(answer)
    signal.setitimer(signal.ITIMER_REAL, 0)
    pickle.dump(answers, answers_to)
    answers_to.flush()
"""


class Result(NamedTuple):
    passed: bool
    reason: str
    shown: str = ""


def _judge(test: Case, how: str, value: object) -> Result:
    if how == "raised":
        passed = test.get("raises") == value
        return Result(passed, "" if passed else "error")
    passed = "expected" in test and is_plain(value) and canonical(value) == canonical(test["expected"])
    return Result(passed, "" if passed else "wrong value", repr(value))


@contextmanager
def fast_runner() -> Iterator[Runner]:
    """A runner for our own code; what takes longer than half a second is a timeout."""
    children: list[subprocess.Popen[bytes]] = []

    def child() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-c", CHILD]
        children.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return children[-1]

    def run(code: str, function: str, tests: Sequence[Case]) -> list[Result]:
        process = children[-1] if children else child()
        assert process.stdin is not None
        assert process.stdout is not None
        pickle.dump((code, function, list(tests)), process.stdin)
        process.stdin.flush()
        try:
            answers = pickle.load(process.stdout)
        except EOFError:
            child()
            return [Result(False, "timeout")] * len(tests)
        return [_judge(test, *answer) for test, answer in zip(tests, answers, strict=True)]

    try:
        yield run
    finally:
        for process in children:
            process.kill()
            process.communicate()


def test_a_loop_is_stopped_and_the_next_call_answered() -> None:
    with fast_runner() as run:
        loop = "def f(x):\n    while x:\n        pass\n    return x\n"
        assert [result.reason for result in run(loop, "f", [{"args": (1,), "expected": 0}])] == ["timeout"]
        assert run(loop, "f", [{"args": (0,), "expected": 0}]) == [Result(True, "", "0")]


def test_it_judges_like_the_sandbox() -> None:
    bugs = [to_problem(module.BUGS[0], family) for family, module in FAMILIES.items()]
    with fast_runner() as fast, Sandbox(allow_missing_layers=True) as sandbox:
        slow = sandboxed(sandbox)
        for bug in bugs:
            for code in (bug.buggy_code, bug.correct_code):
                verdicts = [
                    [(outcome.passed, outcome.reason) for outcome in run(code, bug.function, bug.tests)]
                    for run in (fast, slow)
                ]
                assert verdicts[0] == verdicts[1], bug.function
