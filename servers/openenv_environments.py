"""Both environments as OpenEnv knows them: one object for each session, over problems that all share.

What a caller does wrong is told in one line, costs no turn, and leaves the session as it was. What this does
not guard: who may open a session, and how many of them one caller holds.
"""

import html
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from openenv.core.env_server.interfaces import Environment as OpenEnv  # type: ignore[import-untyped]
from openenv.core.env_server.types import EnvironmentMetadata  # type: ignore[import-untyped]

from dsl_debug import __version__
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.episode.prompts import system_prompt
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.episode.python_prompts import python_system_prompt
from dsl_debug.episode.tools import schemas
from dsl_debug.lang.errors import did_you_mean, quoted
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.sandbox import SandboxError
from dsl_debug.visitors import MAX_WORDS, Refused, checked_argument, checked_message, checked_text, choose
from servers.http_limits import FUNCTIONS_AT_ONCE, MAX_ARGUMENTS, PROGRAMS_AT_ONCE
from servers.http_models import EnvironmentName
from servers.openenv_gate import Gate, Unavailable
from servers.openenv_models import (
    DebugAction,
    DebugArenaAction,
    DebugObservation,
    DebugState,
    DSLDebugAction,
)
from servers.problems import Problems, dsl_env, python_env

Episode = DSLDebugEnv | PythonDebugEnv

PAGE_STYLE = "max-width: 32rem; max-height: 30rem; overflow: auto; white-space: pre-wrap"
"""Of a text on OpenEnv's page, whose cards are narrow."""

RESET_ARGUMENTS = ("seed", "episode_id", "problem_id", "category", "difficulty")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """What is special to one of the environments; `at_once` says how many of its steps work at a time."""

    name: EnvironmentName
    title: str
    description: str
    action: type[DebugAction]
    problems: Callable[[Problems], Mapping[str, DslProblem] | Mapping[str, PythonProblem]]
    closed: Callable[[Problems], tuple[str, ...]]
    make: Callable[[], Episode]
    system_prompt: Callable[[Any], str]
    at_once: int


KINDS: dict[str, Kind] = {
    "dsl": Kind(
        "dsl",
        "dsl_debug",
        "Repair a program in a small dataflow language: four tools, eight turns, and a reward of 1 for a "
        "program that is right on tables that are not shown as well.",
        DSLDebugAction,
        lambda problems: problems.dsl,
        lambda problems: (),
        dsl_env,
        system_prompt,
        at_once=PROGRAMS_AT_ONCE,
    ),
    "python": Kind(
        "python",
        "debug_arena",
        "Repair a Python function: run its tests in a sandbox, five attempts, and a reward of four signals.",
        DebugArenaAction,
        lambda problems: problems.python,
        lambda problems: problems.arena_closed,
        python_env,
        lambda problem: python_system_prompt(),
        at_once=FUNCTIONS_AT_ONCE,
    ),
}


class DebugEnvironment(OpenEnv):  # type: ignore[misc]
    """One session: episodes one after the other, of problems that are chosen at each reset."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, kind: Kind, problems: Problems, gate: Gate) -> None:
        super().__init__()
        self._kind = kind
        self._problems = problems
        self._gate = gate
        self._episode: Episode | None = None
        self._episode_id: str | None = None
        self._closed = False

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        problem_id: str = "",
        category: str = "",
        difficulty: str = "",
        **unknown: Any,
    ) -> DebugObservation:
        """Begin an episode: of the problem of an id, or of one of a category and a difficulty ("" for any).

        The same `seed` chooses the same problem among the same ones. Raises Refused, and Unavailable where
        the arena is closed; the episode before goes on then.
        """
        self._check_open()
        _check_names(unknown)
        words = {"problem_id": problem_id, "category": category, "difficulty": difficulty}
        wanted = {name: checked_argument(value, name) for name, value in words.items()}
        named = None if episode_id is None else checked_argument(episode_id, "episode_id")
        chooser = Random(_checked_seed(seed))
        problems: Mapping[str, Any] = self._kind.problems(self._problems)
        if not problems:
            raise Unavailable(f"There are no problems of this environment here: {self._problems.source}.")
        problem = choose(problems, **wanted, rng=chooser)
        episode = self._kind.make()
        task = episode.reset(problem)
        self._episode, self._episode_id = episode, named or str(uuid.uuid4())
        return DebugObservation(
            text=task,
            turns_left=episode.turns_left,
            problem_id=problem.id,
            category=problem.category,
            difficulty=problem.difficulty,
            prompt=[
                {"role": "system", "content": self._kind.system_prompt(problem)},
                {"role": "user", "content": task},
            ],
            tools=schemas(episode.tools),
        )

    def step(self, action: DebugAction, timeout_s: float | None = None, **unknown: Any) -> DebugObservation:
        """Take a turn. At most `timeout_s` seconds are waited for its beginning; its runs have limits of
        their own. Raises Refused, and Unavailable where the server or its sandbox fails: no turn is lost.
        """
        self._check_open()
        episode = self._episode
        if episode is None:
            raise Refused(
                "There is no episode yet: call reset first (over plain HTTP nothing is kept: use /ws)."
            )
        tool, arguments = _checked_call(action, episode)
        with self._gate.place(timeout_s):
            return self._seen(episode, self._turn(episode, action.message, tool, arguments))

    def _turn(self, episode: Episode, message: str | None, tool: str, arguments: dict[str, Any]) -> Step:
        try:
            return episode.call(tool, **arguments) if message is None else episode.step(message)
        except Exception as error:
            # Whatever it was, it is no mistake of the agent. Its text may hold what agents must not see.
            episode.take_back()
            log.exception("a step failed")
            what = "The sandbox failed" if isinstance(error, SandboxError) else "The server failed"
            raise Unavailable(f"{what}. This cost no turn; try again.") from None

    def _seen(self, episode: Episode, step: Step) -> DebugObservation:
        signals = episode.signals if step.done and isinstance(episode, PythonDebugEnv) else {}
        return DebugObservation(
            text=step.observation,
            done=step.done,
            reward=step.reward,
            turn=step.info["turn"],
            turns_left=step.info["turns_left"],
            signals=signals,
        )

    @property
    def state(self) -> DebugState:
        """Where the session stands; before the first reset hardly anything."""
        episode = self._episode
        if episode is None:
            return DebugState(environment=self._kind.name)
        problem = episode.problem
        return DebugState(
            episode_id=self._episode_id,
            step_count=episode.turns,
            environment=self._kind.name,
            problem_id=problem.id,
            category=problem.category,
            difficulty=problem.difficulty,
            max_turns=episode.max_turns,
            turns_left=episode.turns_left,
            done=episode.done,
            reward=episode.reward if episode.done else None,
        )

    def get_metadata(self) -> EnvironmentMetadata:
        """What this environment is."""
        return EnvironmentMetadata(
            name=self._kind.title, description=self._kind.description, version=__version__
        )

    def render_web(self, observation: dict[str, Any]) -> str:
        """The text of an observation in full, for OpenEnv's own page, which shows its beginning only."""
        text = html.escape(str(observation.get("text", "")))
        return f'<pre style="{PAGE_STYLE}">{text}</pre>'

    def close(self) -> None:
        """End the session. OpenEnv does so when the client is gone, and when it was idle for too long: then
        the socket may still be open, and whatever comes is refused."""
        self._closed = True
        self._episode = None

    def _check_open(self) -> None:
        if self._closed:
            raise Refused("This session was closed because nothing came for too long: connect again.")
        reasons = self._kind.closed(self._problems)
        if reasons:
            raise Unavailable(f"No function can be run here: {' '.join(reasons)}")


def _check_names(unknown: Mapping[str, object]) -> None:
    for name in unknown:
        checked_text(name, "The name of an argument", MAX_WORDS)
        hint = did_you_mean(name, RESET_ARGUMENTS) or ";"
        raise Refused(f"reset takes no {quoted(name)}{hint} it takes: {', '.join(RESET_ARGUMENTS)}.")


def _checked_seed(seed: object) -> int | None:
    """A seed as it came over the wire. Raises Refused for what is none."""
    if seed is not None and (type(seed) is not int or seed < 0):
        raise Refused("seed is a whole number from 0 on, or null.")
    return seed


def _checked_call(action: DebugAction, episode: Episode) -> tuple[str, dict[str, Any]]:
    """The call of an action, whose message is looked at as well. Raises Refused for what is too long, and for
    what no answer could quote."""
    if action.message is not None:
        checked_message(action.message, episode.tools)
        return "", {}
    if len(action.arguments) > MAX_ARGUMENTS:
        raise Refused(f"A call has at most {MAX_ARGUMENTS} arguments; {len(action.arguments)} were sent.")
    for name, value in action.arguments.items():
        checked_text(name, "The name of an argument", MAX_WORDS)
        if isinstance(value, str):
            checked_argument(value, name)
    return checked_argument(action.tool, "tool"), dict(action.arguments)
