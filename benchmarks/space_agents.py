"""Agents that play on a running Space, many at once: honest ones, and some that send the heaviest programs
that they can."""

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

from dsl_debug.lang import STANDARD
from dsl_debug.problem import DslProblem

TURNS = 8
THINK_SECONDS = (0.2, 0.5)
TIMEOUT_SECONDS = 60.0
"""For one request: on a machine that is busy with other things a slow answer is slow, and not an error."""


def latencies(milliseconds: Sequence[float]) -> dict[str, float]:
    """The median and the 95th percentile (the smallest time that 95% do not exceed)."""
    ordered = sorted(milliseconds)
    p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
    times = {"p50_ms": median(ordered), "p95_ms": p95, "max_ms": ordered[-1]}
    return {"calls": len(ordered), **{name: round(value, 1) for name, value in times.items()}}


# Agents: whole episodes at once


@dataclass
class Visit:
    """What a visitor met: milliseconds of each call, errors that were told, and rewards that were wrong."""

    times: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wrong_rewards: int = 0


@dataclass
class Agent:
    """A visitor with a client of its own, which thinks before each call; `rng` makes all choices."""

    client: Any
    rng: Random
    think: tuple[float, float] = THINK_SECONDS
    visit: Visit = field(default_factory=Visit)

    def call(self, name: str, **arguments: str) -> dict[str, Any]:
        """The answer to a call, timed without the thinking."""
        time.sleep(self.rng.uniform(*self.think))
        begun = time.perf_counter()
        answer: dict[str, Any] = self.client.predict(**arguments, api_name=f"/{name}")
        self.visit.times.append((time.perf_counter() - begun) * 1e3)
        if "error" in answer:
            self.visit.errors.append(answer["error"])
        return answer

    def play(self, problems: Sequence[DslProblem], episodes: int) -> Visit:
        """Episodes of five calls; the right program is handed in, or the buggy one, which earns nothing."""
        for _ in range(episodes):
            problem, is_right = self.rng.choice(problems), self.rng.random() < 0.5
            episode_id = self.call("start_episode", problem_id=problem.id).get("episode_id", "")
            self.call("read_docs", episode_id=episode_id, operation="overview")
            self.call("run", episode_id=episode_id, code=problem.buggy_code)
            self.call("inspect", episode_id=episode_id, node_name=min(problem.tables))
            code = problem.correct_code if is_right else problem.buggy_code
            reward = self.call("submit", episode_id=episode_id, code=code).get("reward")
            self.visit.wrong_rewards += reward != float(is_right)
        return self.visit


def client_of(url: str) -> Any:
    """A client of a running app."""
    from gradio_client import Client  # type: ignore[import-untyped]

    return Client(url, verbose=False, httpx_kwargs={"timeout": TIMEOUT_SECONDS})


def visitors(
    url: str, problems: Sequence[DslProblem], number: int, episodes: int, seed: int
) -> dict[str, Any]:
    """`number` visitors at once, each with a thread and a client."""
    with ThreadPoolExecutor(number) as threads:
        clients = threads.map(client_of, [url] * number)
        agents = [Agent(client, Random(f"{seed}/{n}")) for n, client in enumerate(clients)]
        begun = time.perf_counter()
        played = [threads.submit(agent.play, problems, episodes) for agent in agents]
        failed = _failures(played)
        seconds = time.perf_counter() - begun
    visits = [agent.visit for agent in agents]
    times = [t for visit in visits for t in visit.times]
    return {
        "visitors": number,
        "episodes": number * episodes,
        "errors": len(failed) + sum(len(visit.errors) for visit in visits),
        "first_error": next(iter([*failed, *(e for visit in visits for e in visit.errors)]), ""),
        "wrong_rewards": sum(visit.wrong_rewards for visit in visits),
        "calls_per_s": round(len(times) / seconds, 1),
        **latencies(times),
    }


def _failures(futures: Sequence["Future[Visit]"]) -> list[str]:
    """What went wrong in those that raised something."""
    raised = [future.exception() for future in futures]
    return [f"{type(error).__name__}: {error}" for error in raised if error is not None]


# Agents that mean no good


def send_bombs(
    threads: ThreadPoolExecutor, url: str, problems: Sequence[DslProblem], number: int
) -> threading.Event:
    """Have so many agents throw bombs until the event is set."""
    stop = threading.Event()
    plain = [problem for problem in problems if problem.dialect == STANDARD]
    for n in range(number):
        threads.submit(throw, url, plain[n % len(plain)], stop)
    return stop


def throw(url: str, problem: DslProblem, stop: threading.Event) -> None:
    """Send bombs of both kinds in turn, one episode after the other, until told to stop."""
    agent = Agent(client_of(url), Random(0), think=(0.0, 0.0))
    while not stop.is_set():
        episode_id = agent.call("start_episode", problem_id=problem.id).get("episode_id", "")
        for turn in range(TURNS):
            if stop.is_set():
                return
            bomb = (heavy_program, join_bomb)[turn % 2]
            agent.call("run", episode_id=episode_id, code=bomb(problem))


def join_bomb(problem: DslProblem) -> str:
    """Joins of joins, each with the square of the rows: stopped before the rows are made."""
    lines = [f'a0 = load("{min(problem.tables)}") |> compute(one: 1)']
    lines += [f"a{n} = join(a{n - 1}, a{n - 1}, on: one == one)" for n in range(1, 9)]
    return "\n".join([*lines, "emit a8", ""])


HEAVY_ROWS = 20_000


def heavy_program(problem: DslProblem) -> str:
    """Up to `HEAVY_ROWS` rows and then long sums of them, as many as 20,000 characters hold: stopped late, by
    what it makes or by the clock."""
    name = min(problem.tables)
    rows = problem.tables[name].length
    joins = int(math.log(HEAVY_ROWS, max(2, rows))) - 1
    lines = [f'a0 = load("{name}") |> compute(one: 1) |> select(one)']
    lines += [f"a{n + 1} = join(a{n}, a0, on: one == one)" for n in range(joins)]
    work = f"  |> compute(sum: {' + '.join(['one'] * 95)})\n" * 33
    return "\n".join([*lines, f"heavy = a{joins}", f"{work}emit heavy", ""])
