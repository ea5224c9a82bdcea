"""Episodes per second in one process: reset, run, inspect, run, submit, each call as a model writes it.

The published problems have no hidden tables; the visible ones stand in for them three times, which costs a
submission what three suites of that size cost. It is processor time that is measured: there is one thread.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks.clock import forget_programs
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import node_names
from dsl_debug.problem import DslProblem, Suite, load_published

SUITES = 3
ROLLOUTS = 8
ROUNDS = 3


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Episodes per second over distinct problems, and over `ROLLOUTS` of each; the best of some rounds.

    Raises ValueError where a correct program is not paid.
    """
    published = load_published(folder)[:: 8 if quick else 1]
    first = max(rate(fresh(published), 1) for _ in range(ROUNDS))
    rollouts = max(rate(fresh(published), ROLLOUTS) for _ in range(ROUNDS))
    return {
        "problems": len(published),
        "suites": SUITES,
        "rollouts": ROLLOUTS,
        "distinct_per_second": round(first),
        "rollouts_per_second": round(rollouts),
    }


def fresh(problems: Iterable[DslProblem]) -> list[DslProblem]:
    """The problems as new objects, for which nothing is cached yet, with hidden suites."""
    return [replace(p, hidden=(Suite(p.tables, p.expected_output),) * SUITES) for p in problems]


def rate(problems: list[DslProblem], rollouts: int) -> float:
    """Episodes per second, each problem being played `rollouts` times in a row."""
    scripts = [messages(problem) for problem in problems]
    forget_programs()
    env = DSLDebugEnv()
    start = process_time()
    for problem, texts in zip(problems, scripts, strict=True):
        for _ in range(rollouts):
            env.reset(problem)
            for text in texts:
                env.step(text)
            if not env.done or env.reward != 1.0:
                raise ValueError(f"the correct program was not paid:\n{problem.correct_code}")
    return len(problems) * rollouts / (process_time() - start)


def messages(problem: DslProblem) -> list[str]:
    """What the agent says: run the buggy program, look at its first table, run the correct one, submit."""
    name = node_names(problem.correct_code)[0]
    return [
        message("run", code=problem.buggy_code),
        message("inspect", node_name=name, code=problem.correct_code),
        message("run", code=problem.correct_code),
        message("submit", code=problem.correct_code),
    ]


def message(tool: str, **arguments: str) -> str:
    call = json.dumps({"name": tool, "arguments": arguments})
    return f"Let me see.\n<tool_call>\n{call}\n</tool_call>"
