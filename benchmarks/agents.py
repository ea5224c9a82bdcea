"""`python -m benchmarks.agents`: what players without a model earn, on published problems or in the arena.

Published problems have no hidden tables, so theirs are visible rates. Prints a table; the lab log quotes it.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.agents import AGENTS, PYTHON_AGENTS, play
from dsl_debug.episode import DSLDebugEnv, Environment
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, load_published
from dsl_debug.results.markdown import table
from dsl_debug.scoring import failure

ROOT = Path(__file__).resolve().parent.parent
DATA_VARIABLE = "DSL_DEBUG_TEST_DATA"


def main() -> int:
    """Play every agent on every problem, or on each n-th."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agents", description=__doc__)
    parser.add_argument("--arena", action="store_true", help="the hand-written bugs instead")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th problem")
    arguments = parser.parse_args()
    if arguments.every < 1:
        parser.error("--every takes a whole number of at least 1")
    if arguments.arena:
        print(measure(PYTHON_AGENTS, PythonDebugEnv(), hand_written_problems()[:: arguments.every]))
        return 0
    folder = Path(os.environ.get(DATA_VARIABLE) or ROOT.parent / "shared") / "published"
    if not folder.is_dir():
        print(f"no published problems in {folder}: set {DATA_VARIABLE}", file=sys.stderr)
        return 2
    print(measure(AGENTS, DSLDebugEnv(), load_published(folder)[:: arguments.every]))
    return 0


def measure(agents: dict[str, Any], env: Environment, problems: Sequence[Any]) -> str:
    """A table of solve rates by group (category, or difficulty in the arena), mean reward and pace."""
    in_arena = isinstance(env, PythonDebugEnv)
    groups = DIFFICULTIES if in_arena else CATEGORIES
    rows = []
    for name, agent in agents.items():
        print(f"playing {name} ...", file=sys.stderr)
        solved: dict[str, list[bool]] = defaultdict(list)
        earned, start = 0.0, time.perf_counter()
        for problem in problems:
            outcome = play(agent, env, problem, Random(0))
            solved[problem.difficulty if in_arena else problem.category].append(not failure(outcome))
            earned += env.reward
        seconds = (time.perf_counter() - start) / len(problems)
        rates = [f"{sum(solved[g])} of {len(solved[g])}" for g in groups]
        everything = sum(map(sum, solved.values())) / len(problems)
        rows.append([name, f"{everything:.1%}", *rates, f"{earned / len(problems):.2f}", f"{seconds:.3f}"])
    return table(["agent", "solved", *groups, "mean reward", "seconds"], rows)


if __name__ == "__main__":
    sys.exit(main())
