"""The agents that need no model, as policies: episodes in a pool of processes."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import islice
from random import Random
from typing import Any

from dsl_debug.agents import AGENTS, PYTHON_AGENTS, play
from dsl_debug.episode.transcript import transcript
from dsl_debug.policies.base import (
    Episode,
    Episodes,
    Job,
    Setup,
    Unusable,
    finished,
    new_env,
    prompt_messages,
)
from dsl_debug.problem import DslProblem
from dsl_debug.processes import process_pool

Play = Callable[[Job], Episode]


class AgentPolicy:
    """One of `AGENTS`, or of `PYTHON_AGENTS` on problems of the arena, in `workers` processes."""

    settings: Mapping[str, Any] = {}

    def __init__(self, name: str, workers: int = 1) -> None:
        self.name = name
        self._workers = workers

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        """The episodes, each as soon as it is over."""
        one = partial(play_job, self.name, setup)
        if self._workers == 1:
            yield from map(one, jobs)
            return
        try:
            with process_pool(self._workers) as pool:
                yield from self._side_by_side(pool, one, iter(jobs))
        except BrokenProcessPool:
            raise Unusable(
                "a process was killed, maybe for its memory: run the same command again, with fewer workers"
            ) from None

    def _side_by_side(self, pool: Executor, one: Play, jobs: Iterator[Job]) -> Iterator[Episode]:
        running = {pool.submit(one, job) for job in islice(jobs, 4 * self._workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(one, job) for job in islice(jobs, len(done))}
            for future in done:
                yield future.result()

    def close(self) -> None:
        """Nothing is kept from one `play` to the next."""


def play_job(name: str, setup: Setup, job: Job) -> Episode:
    """One episode of an agent. Raises Unusable where the environment has no agent of this name."""
    problem = job.problem
    agents: Mapping[str, Any] = AGENTS if isinstance(problem, DslProblem) else PYTHON_AGENTS
    if name not in agents:
        raise Unusable(f"no agent {name!r} plays these problems; there is: {', '.join(agents)}")
    start = time.perf_counter()
    env = new_env(problem, setup.max_turns)
    play(agents[name], env, problem, Random(job.seed))
    seconds = time.perf_counter() - start
    prompt = prompt_messages(problem, env.max_turns, setup.prompt)
    return finished(job, env, transcript(prompt, env.history), seconds=seconds)
