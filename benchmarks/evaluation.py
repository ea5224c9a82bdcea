"""Episodes per second of an evaluation, and where the time goes: `python -m benchmarks.evaluation PLACE`.

PLACE is anything that `dsl-debug eval --data` takes. Each agent plays the same problems three times in one
process: the bare loop of environment and agent, the same with the transcript and the diagnosis, and a whole
evaluation with its files and summary. The differences are what recording, and what writing cost, in processor
time.
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
from dsl_debug.evaluation import evaluate, job_seed
from dsl_debug.policies import AgentPolicy
from dsl_debug.policies.agents import play_job
from dsl_debug.policies.base import Job, Problem, Setup, new_env
from dsl_debug.results.markdown import table

QUICK_AGENTS = ("unchanged", "reference", "random_edit", "constant_emitter")


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("place", help="user/name, a built folder, a file of problems, or 'samples'")
    parser.add_argument("--config", default="problems")
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
    """A table: for each agent the pace of an evaluation, beside the bare loop, and the parts of its time."""
    rows = []
    for name in agents:
        print(f"playing {name} ...", file=sys.stderr)
        jobs = [Job(p, s, job_seed(0, p.id, s)) for p in problems for s in range(samples)]
        bare, recorded, whole = (seconds / len(jobs) for seconds in timed(name, jobs, problems, samples))
        parts = (bare / whole, (recorded - bare) / whole, (whole - recorded) / whole)
        shares = [f"{max(0.0, part):.0%}" for part in parts]
        rows.append([name, str(len(jobs)), f"{1 / whole:,.0f}", f"{whole / bare:.2f}", *shares])
    header = ["agent", "episodes", "a second", "times the bare loop", "playing", "recording", "writing"]
    return table(header, rows)


def timed(name: str, jobs: list[Job], problems: list[Problem], samples: int) -> tuple[float, float, float]:
    """Processor seconds of the bare loop, of recorded episodes, and of a whole evaluation.

    Each begins with empty caches of programs, as an evaluation does.
    """
    with tempfile.TemporaryDirectory() as folder:
        actions: tuple[Callable[[], object], ...] = (
            lambda: [play(AGENTS[name], new_env(job.problem), job.problem, Random(job.seed)) for job in jobs],
            lambda: [play_job(name, Setup(), job) for job in jobs],
            lambda: evaluate(AgentPolicy(name), problems, Path(folder), data={}, samples=samples),
        )
        bare, recorded, whole = (best(action, 1, forget_programs, process_time) for action in actions)
    return bare, recorded, whole


if __name__ == "__main__":
    sys.exit(main())
