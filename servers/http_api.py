"""The plain HTTP API: whatever speaks HTTP can list problems and play episodes.

Nothing of a problem leaves but its entry in the list and what its environment says. Tests scan every byte.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from dsl_debug.episode import Step
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.sandbox import SandboxError
from dsl_debug.sessions import Full, Sessions, TurnUnderWay, UnknownEpisode
from dsl_debug.visitors import (
    MAX_CODE,
    MAX_MESSAGE,
    MAX_MESSAGE_CALLS,
    MAX_WORDS,
    Busy,
    Gone,
    Refused,
    Turnstile,
    checked_argument,
    checked_message,
    choose,
    fitting,
)
from servers.http_errors import MAX_SHOWN, ApiError
from servers.http_limits import MAX_BODY
from servers.http_models import (
    CallRequest,
    EnvironmentName,
    EpisodeState,
    Health,
    Index,
    ProblemEntry,
    ProblemList,
    Started,
    StartRequest,
    StepAnswer,
    StepRequest,
)
from servers.http_routes import routes
from servers.http_views import Playable, answer_to, entry, offer, started, state_of
from servers.problems import Problems, dsl_env, python_env

PAGE = 50
MAX_PAGE = 200
"""Problems on a page of the list, if nothing is said, and at most: some 40 kB."""

MAX_OFFSET = 1_000_000
"""Far beyond any dataset; a number without bound would be a needless thing to compute with."""

SOON = 5
LATER = 60
"""Seconds after which it is worth trying again: for a place in the queue, and for room for an episode."""

ABOUT = "Debugging episodes: start one, use its tools, submit the corrected code. See docs/serving.md."


class HttpApi:
    """The API over problems and episodes. A turn goes through the turnstile of its environment, of `turns`;
    `rng` chooses the problem of an episode. For one event loop."""

    def __init__(
        self,
        problems: Problems,
        sessions: Sessions,
        turns: Mapping[EnvironmentName, Turnstile],
        rng: Random,
    ) -> None:
        self._problems = problems
        self._sessions = sessions
        self._turns = turns
        self._rng = rng

    async def index(self) -> Index:
        """What this server is, what there is to play, and what callers have to keep to."""
        return Index(
            name="DSL Debug",
            about=ABOUT,
            source=self._problems.source,
            openapi="/openapi.json",
            environments={
                "dsl": offer(self._problems.dsl, ()),
                "python": offer(self._problems.python, self._problems.arena_closed),
            },
            limits={
                "characters_of_code": MAX_CODE,
                "characters_of_a_message": MAX_MESSAGE,
                "calls_of_a_message": MAX_MESSAGE_CALLS,
                "characters_of_other_texts": MAX_WORDS,
                "bytes_of_a_request": MAX_BODY,
                "episodes_at_once": self._sessions.capacity,
                "seconds_without_a_call": round(self._sessions.idle_seconds),
                "seconds_of_an_episode": round(self._sessions.max_seconds),
            },
        )

    async def health(self) -> Health:
        """Whether the server answers, and how many episodes have a place."""
        return Health(status="ok", episodes=len(self._sessions), capacity=self._sessions.capacity)

    async def list_problems(
        self,
        environment: EnvironmentName | None = None,
        category: Annotated[str, Query(max_length=MAX_WORDS)] = "",
        difficulty: Annotated[str, Query(max_length=MAX_WORDS)] = "",
        offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = PAGE,
    ) -> ProblemList:
        """The problems of an environment, a category and a difficulty, a page at a time."""
        wanted = category or None, difficulty or None
        found: list[DslProblem | PythonProblem] = []
        if environment != "python":
            found += fitting(self._problems.dsl.values(), *wanted)
        if environment != "dsl":
            found += fitting(self._problems.python.values(), *wanted)
        page = [entry(problem) for problem in found[offset : offset + limit]]
        return ProblemList(total=len(found), offset=offset, problems=page)

    async def get_problem(self, problem_id: str) -> ProblemEntry:
        """The entry of one problem."""
        problem = self._problems.dsl.get(problem_id) or self._problems.python.get(problem_id)
        if problem is None:
            raise ApiError(404, "unknown_problem", "There is no such problem: GET /problems lists them.")
        return entry(problem)

    async def start(self, wanted: StartRequest, response: Response) -> Started:
        """Start an episode. The answer has its id, the task, and the tools."""
        with _told():
            env, problem = self._chosen(wanted)
            episode_id, _ = self._sessions.start(env, problem)
        response.headers["Location"] = f"/episodes/{episode_id}"
        return started(env, episode_id, self._sessions.idle_seconds)

    async def step(self, episode_id: str, turn: StepRequest, request: Request) -> StepAnswer:
        """Take a turn, with one call or with a model's message. The turn that submits ends the episode."""
        with _told(), self._sessions.claimed(episode_id):
            env = self._env(episode_id)
            turnstile = self._turns["python" if isinstance(env, PythonDebugEnv) else "dsl"]
            work = self._turn(episode_id, env, turn)
            return answer_to(await turnstile.call(work, request.is_disconnected), env)

    async def state(self, episode_id: str) -> EpisodeState:
        """How an episode stands, with all that was called and answered. Takes no turn."""
        with _told():
            return state_of(self._env(episode_id), episode_id)

    async def end(self, episode_id: str) -> None:
        """Forget an episode, whether it is over or not. Its room is free at once."""
        with _told():
            self._sessions.end(episode_id)

    def _chosen(self, wanted: StartRequest) -> tuple[Playable, DslProblem | PythonProblem]:
        """An environment and a problem for it. Raises ApiError and Refused."""
        words = {name: checked_argument(value, name) for name, value in wanted.model_dump().items()}
        environment = words.pop("environment")
        if environment == "dsl":
            return dsl_env(), choose(self._problems.dsl, **words, rng=self._rng)
        if self._problems.arena_closed:
            reasons = "; ".join(reason.rstrip(".") for reason in self._problems.arena_closed)
            raise ApiError(503, "arena_closed", f"No Python function may run on this server: {reasons}.")
        if not self._problems.python:
            message = "This server has no Python problems: it was started with a dataset without them."
            raise ApiError(422, "no_problems", message, "environment")
        return python_env(), choose(self._problems.python, **words, rng=self._rng)

    def _env(self, episode_id: str) -> Playable:
        """The environment of an episode. Raises UnknownEpisode."""
        env = self._sessions.env(episode_id)
        if not isinstance(env, Playable):
            raise TypeError(f"no environment of this API: {type(env).__name__}")
        return env

    def _turn(self, episode_id: str, env: Playable, turn: StepRequest) -> Callable[[], Step]:
        """What a thread has to do for a turn. Raises ApiError and Refused for what is too long."""
        if not isinstance(turn, CallRequest):
            message = checked_message(turn.message, env.tools)
            return lambda: self._sessions.step(episode_id, message)
        for name, value in turn.arguments.items():
            if isinstance(value, str):  # what is none is told by the tool
                _check_argument(name, value)
        return lambda: self._sessions.call(episode_id, turn.tool, turn.arguments)


def _check_argument(name: str, value: str) -> None:
    field = f"arguments.{name[:MAX_SHOWN]}"
    try:
        checked_argument(value, name, field)
    except Refused as error:
        raise ApiError(422, "refused", str(error), field) from None


def http_router(api: HttpApi) -> APIRouter:
    """The routes of the API; the form of errors and the limits are for the app to add."""
    router = APIRouter()
    for route in routes(api):
        router.add_api_route(**route)
    return router


@contextmanager
def _told() -> Iterator[None]:
    """Turn what can go wrong with an episode into the answer that it gets."""
    try:
        yield
    except Refused as error:
        raise ApiError(422, "refused", str(error)) from None
    except UnknownEpisode as error:
        raise ApiError(404, "unknown_episode", str(error)) from None
    except TurnUnderWay as error:
        raise ApiError(409, "turn_under_way", str(error)) from None
    except Full as error:
        raise ApiError(503, "full", str(error), retry_after=LATER) from None
    except (Busy, Gone) as error:
        raise ApiError(503, "busy", str(error), retry_after=SOON) from None
    except SandboxError as error:
        message = "The sandbox failed, not your code: the turn was not counted. Try again."
        raise ApiError(503, "sandbox_failed", message, retry_after=SOON) from error
