"""What an evaluation costs beside its bare loop: `python -m benchmarks.evaluation PLACE`.

PLACE is anything that `dsl-debug eval --data` takes, with problems of the language. Each agent plays the same
problems in three ways in one process: in the bare loop of environment and agent; recorded, with the
transcript and the diagnosis of every episode; and as a whole evaluation, with its files and its summary.
Printed is the processor time of each per episode, the shortest of some runs. Every run begins with empty
caches.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from time import perf_counter, process_time

from benchmarks.clock import best, forget_programs
from dsl_debug.agents import AGENTS, play
from dsl_debug.data.loading import load_data
from dsl_debug.diagnosis import faulty_names
from dsl_debug.episode import dsl as episode_dsl
from dsl_debug.episode.prompts import user_prompt
from dsl_debug.evaluation import evaluate, job_seed
from dsl_debug.policies import AgentPolicy
from dsl_debug.policies.agents import play_job
from dsl_debug.policies.base import Job, Problem, Setup, new_env
from dsl_debug.results.markdown import table

QUICK_AGENTS = ("unchanged", "reference", "random_edit", "constant_emitter")
CONFIGS = ("problems", "dialect_shift")

RUNS = 3
SHORT = 30.0
"""Seconds of processor time; after a longer run there is no further one."""

HEADER = (
    "agent",
    "episodes",
    "bare loop, ms",
    "recorded, ms",
    "whole, ms",
    "recorded / bare",
    "whole / bare",
)


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("place", help="user/name, a built folder, a file of problems, or 'samples'")
    parser.add_argument("--config", default=CONFIGS[0], choices=CONFIGS)
    parser.add_argument("--episodes", type=int, default=1_000, metavar="N", help="episodes of each agent")
    parser.add_argument("--agents", nargs="+", choices=AGENTS, default=QUICK_AGENTS)
    arguments = parser.parse_args()
    start = perf_counter()
    try:
        problems = load_data(arguments.place, arguments.config).problems
    except (ValueError, ImportError) as error:
        parser.error(str(error))
    seconds = perf_counter() - start
    print(f"{len(problems)} problems read in {seconds:.2f} s ({len(problems) / seconds:,.0f} a second)\n")
    samples = max(1, round(arguments.episodes / len(problems)))
    print(measure(arguments.agents, problems, samples))
    return 0


def measure(agents: Sequence[str], problems: list[Problem], samples: int) -> str:
    """A table: for each agent the milliseconds of an episode in each way, and ratios to the bare loop."""
    rows = []
    for name in agents:
        print(f"playing {name} ...", file=sys.stderr)
        jobs = [Job(p, s, job_seed(0, p.id, s)) for p in problems for s in range(samples)]
        times = timed(name, jobs, problems, samples)
        milliseconds = [f"{1_000 * seconds / len(jobs):.3f}" for seconds in times]
        ratios = [f"{seconds / times[0]:.2f}" for seconds in times[1:]]
        rows.append([name, str(len(jobs)), *milliseconds, *ratios])
    return table(HEADER, rows)


def timed(name: str, jobs: list[Job], problems: list[Problem], samples: int) -> list[float]:
    """Processor seconds of the bare loop, of recorded episodes, and of a whole evaluation."""

    def evaluated() -> None:
        with tempfile.TemporaryDirectory() as folder:
            evaluate(AgentPolicy(name), problems, Path(folder), data={}, samples=samples)

    actions: tuple[Callable[[], object], ...] = (
        lambda: [play(AGENTS[name], new_env(job.problem), job.problem, Random(job.seed)) for job in jobs],
        lambda: [play_job(name, Setup(), job) for job in jobs],
        evaluated,
    )
    return [shortest(action) for action in actions]


def shortest(action: Callable[[], object]) -> float:
    """The shortest of some runs, in seconds of processor time; of a long action there is one."""
    first = best(action, 1, forget_all, process_time)
    return first if first > SHORT else min(first, best(action, RUNS - 1, forget_all, process_time))


def forget_all() -> None:
    """Empty what would spare work the second time: programs, tables as text, prompts, diagnoses."""
    forget_programs()
    episode_dsl._stored_table_text.cache_clear()
    user_prompt.cache_clear()
    faulty_names.cache_clear()


if __name__ == "__main__":
    sys.exit(main())
