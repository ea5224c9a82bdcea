"""`python -m benchmarks.servers [--quick | --check]`: what the OpenEnv server of the language takes at once.

It starts the server in a process of its own, and a bare OpenEnv server whose environment only repeats what it
gets, and has the same client play the same steps on both: one session alone, then 32 at once without a pause.
Every reward is checked. Writes docs/servers.json and the table of docs/servers.md; `--quick` measures little
and prints; `--check` says whether the table is the one of the file.
"""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from benchmarks.pages import Measured, machine, measured_on, say
from benchmarks.serving import free_port, serving
from benchmarks.space_agents import latencies
from dsl_debug.data import sample_problems
from dsl_debug.problem import DslProblem
from dsl_debug.results.markdown import table

PACKAGES = {name: name for name in ("openenv", "uvicorn", "websockets")}

OURS = ("-m", "servers", "--dataset", "samples", "--port", "{port}")
BARE = (
    "-c",
    """
import sys
import uvicorn
from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State

class Call(Action):
    tool: str
    arguments: dict[str, str]

class Said(Observation):
    text: str = ""

class Echo(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(self, seed=None, episode_id=None, problem_id=""):
        return Said(text=problem_id)

    def step(self, action, timeout_s=None):
        return Said(text=str(action.arguments), done=action.tool == "submit", reward=0.0)

    @property
    def state(self):
        return State()

app = create_app(Echo, Call, Said, env_name="echo", max_concurrent_envs=64)
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
""",
    "{port}",
)
"""What a process runs, and its arguments; `{port}` stands for where it listens."""

PATHS = {OURS: "/openenv/dsl", BARE: ""}
TIMEOUT_SECONDS = 300.0
"""For one step: on a busy machine a slow answer is slow, and not an error."""


@dataclass(frozen=True)
class Amounts:
    """How much is measured: sessions at once, and the episodes of each."""

    sessions: int = 32
    episodes: int = 20
    alone: int = 40


QUICK = Amounts(sessions=4, episodes=2, alone=2)


def fault(results: dict[str, Any]) -> str:
    """What was not as it has to be: a step without an answer, or a wrong reward."""
    groups = [results[name][whose] for name in ("alone", "at_once") for whose in ("ours", "bare")]
    errors = sum(group["errors"] for group in groups)
    wrong = sum(group["wrong_rewards"] for group in groups)
    first = next((group["first_error"] for group in groups if group["first_error"]), "none")
    return f"{errors} errors, {wrong} wrong rewards; the first error: {first}" if errors or wrong else ""


def measure(quick: bool) -> dict[str, Any]:
    """All figures. Raises RuntimeError where a server does not start."""
    amounts = QUICK if quick else Amounts()
    problems = [problem for problem in sample_problems() if isinstance(problem, DslProblem)]
    results: dict[str, Any] = {"machine": machine(PACKAGES), "alone": {}, "at_once": {}}
    for whose, command in (("ours", OURS), ("bare", BARE)):
        say(whose)
        with served(command) as url:
            paid = command is OURS
            asyncio.run(visitors(url, problems, 1, 2, paid))  # what is made once is made
            results["alone"][whose] = asyncio.run(visitors(url, problems, 1, amounts.alone, paid))
            results["at_once"][whose] = asyncio.run(
                visitors(url, problems, amounts.sessions, amounts.episodes, paid)
            )
    return results


# The servers


@contextmanager
def served(command: tuple[str, ...]) -> Iterator[str]:
    """The address of a server in a process of its own, once it answers. Raises RuntimeError."""
    port = free_port()
    words = [str(port) if word == "{port}" else word for word in command]
    with serving([sys.executable, *words], port):
        yield f"http://127.0.0.1:{port}{PATHS[command]}"


# The sessions


@dataclass
class Visit:
    """What a session met: milliseconds of each step and reset, errors, and rewards that were wrong."""

    steps: list[float] = field(default_factory=list)
    resets: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    wrong_rewards: int = 0


async def visitors(
    url: str, problems: Sequence[DslProblem], sessions: int, episodes: int, paid: bool
) -> dict[str, Any]:
    """Sessions at once, each with some episodes; `paid` says whether a right program is worth 1 there."""
    begun = time.perf_counter()
    played = [visit(url, problems, episodes, Random(number), paid) for number in range(sessions)]
    visits = await asyncio.gather(*played)
    seconds = time.perf_counter() - begun
    return summary(visits, episodes, seconds)


def summary(visits: Sequence[Visit], episodes: int, seconds: float) -> dict[str, Any]:
    """The figures of sessions that took some seconds together."""
    errors = [error for visit in visits for error in visit.errors]
    steps = [time for visit in visits for time in visit.steps]
    return {
        "sessions": len(visits),
        "episodes": len(visits) * episodes,
        "errors": len(errors),
        "first_error": errors[0] if errors else "",
        "wrong_rewards": sum(visit.wrong_rewards for visit in visits),
        "steps_per_s": round(len(steps) / seconds, 1),
        "steps": latencies(steps or [0.0]),
        "resets": latencies([time for visit in visits for time in visit.resets] or [0.0]),
    }


async def visit(url: str, problems: Sequence[DslProblem], episodes: int, rng: Random, paid: bool) -> Visit:
    """One session. An error ends it, and is told with the others."""
    from openenv.core.generic_client import GenericEnvClient  # type: ignore[import-untyped]

    found = Visit()
    patience = {"connect_timeout_s": TIMEOUT_SECONDS, "message_timeout_s": TIMEOUT_SECONDS}
    try:
        async with GenericEnvClient(base_url=url, **patience) as env:
            for _ in range(episodes):
                await _play(env, rng.choice(problems), rng.random() < 0.5, found, paid)
    except (RuntimeError, OSError) as error:
        found.errors.append(f"{type(error).__name__}: {error}")
    return found


async def _play(env: Any, problem: DslProblem, is_right: bool, found: Visit, paid: bool) -> None:
    """An episode of five steps; the right program is handed in, or the buggy one, which earns nothing."""
    begun = time.perf_counter()
    await env.reset(problem_id=problem.id)
    found.resets.append((time.perf_counter() - begun) * 1e3)
    code = problem.correct_code if is_right else problem.buggy_code
    reward = None
    for tool, arguments in (
        ("read_docs", {"operation": "overview"}),
        ("run", {"code": problem.buggy_code}),
        ("inspect", {"node_name": min(problem.tables)}),
        ("run", {"code": code}),
        ("submit", {"code": code}),
    ):
        begun = time.perf_counter()
        reward = (await env.step({"tool": tool, "arguments": arguments})).reward
        found.steps.append((time.perf_counter() - begun) * 1e3)
    found.wrong_rewards += reward != float(is_right and paid)


# The page


def render(results: dict[str, Any]) -> str:
    """The table and what it was measured on; every figure comes from `results`."""
    header = ["sessions", "server", "episodes", "errors", "wrong rewards", "steps per second"]
    header += ["step, median", "step, 95th percentile", "reset, 95th percentile"]
    rows = [
        _row(title, results[group][whose])
        for group in ("alone", "at_once")
        for whose, title in (("ours", "DSL Debug"), ("bare", "a bare OpenEnv echo"))
    ]
    return f"{measured_on(results['machine'])}\n\n{table(header, rows)}"


def _row(title: str, found: dict[str, Any]) -> list[str]:
    counts = [f"{found[name]:,g}" for name in ("episodes", "errors", "wrong_rewards", "steps_per_s")]
    times = [found["steps"]["p50_ms"], found["steps"]["p95_ms"], found["resets"]["p95_ms"]]
    return [str(found["sessions"]), title, *counts, *(f"{time:,g} ms" for time in times)]


MEASURED = Measured("servers", str(__doc__), measure, render, fault)

if __name__ == "__main__":
    sys.exit(MEASURED.main())
