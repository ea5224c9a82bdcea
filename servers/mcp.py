"""Both environments as tools for agents (MCP, streamable HTTP): begin an episode, use its tools, submit.

Their docstrings are what models read. An error is an answer with `error`, one line, and costs no turn: every
client shows a model such an answer, while exceptions reach it in as many forms as there are clients. Nothing
is kept for a connection: an episode is known by its id, on any connection.
"""

import functools
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Annotated, Any

from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import TextContent
from pydantic import Field, ValidationError
from starlette.applications import Starlette

from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.sandbox import SandboxError
from dsl_debug.sessions import Full, Sessions, TurnUnderWay, UnknownEpisode
from dsl_debug.visitors import Busy, Gone, Refused, Turnstile, checked_argument, choose, step_answer
from servers.http_limits import FUNCTIONS_AT_ONCE, MAX_BODY, MAX_WAITING, PROGRAMS_AT_ONCE
from servers.http_models import EnvironmentName
from servers.http_views import signals_of
from servers.openenv_environments import KINDS, Kind
from servers.problems import Problems

INSTRUCTIONS = (
    "Debugging episodes: start_episode gives a task and an episode_id, which every other tool takes. Every "
    "call of another tool takes a turn. Find what is wrong, then submit the whole corrected code, once."
)

TOOLS = ("start_episode", "run", "inspect", "read_docs", "run_tests", "submit")

log = logging.getLogger(__name__)

Answer = dict[str, Any]
EpisodeId = Annotated[str, Field(description="The id that start_episode gave")]
Program = Annotated[str, Field(description="The whole program")]
Function = Annotated[str, Field(description="The whole function, with the imports that it needs")]


class AgentTools:
    """The tools; `rng` chooses the problem of an episode."""

    def __init__(self, problems: Problems, sessions: Sessions, rng: Random) -> None:
        self._problems = problems
        self._sessions = sessions
        self._rng = rng

    def environment(self, given: Mapping[str, Any]) -> EnvironmentName:
        """The environment that a call is about. Raises Refused and UnknownEpisode."""
        if "episode_id" not in given:
            return _kind(given["environment"]).name
        return "python" if isinstance(self._sessions.env(given["episode_id"]), PythonDebugEnv) else "dsl"

    @contextmanager
    def claimed(self, given: Mapping[str, Any]) -> Iterator[None]:
        """Hold the episode that a call is about, if there is one, while the call waits and works. Raises
        UnknownEpisode and TurnUnderWay."""
        if "episode_id" not in given:
            yield
            return
        with self._sessions.claimed(given["episode_id"]):
            yield

    def start_episode(
        self,
        environment: Annotated[
            str, Field(description='"dsl": a program in a dataflow language; "python": a Python function')
        ] = "dsl",
        category: Annotated[str, Field(description="The kind of mistake; empty for any")] = "",
        difficulty: Annotated[str, Field(description="easy, medium or hard; empty for any")] = "",
        problem_id: Annotated[str, Field(description="The id of one problem; empty for any")] = "",
    ) -> Answer:
        """Start an episode of debugging. The answer has the episode_id that all other tools take, and in
        prompt the task: what is wrong, and what there is to see. You have max_turns turns; every call of
        another tool takes one. In the environment "dsl" the tools are run, inspect, read_docs and submit, in
        "python" run_tests and submit."""
        kind = _kind(environment)
        reasons = kind.closed(self._problems)
        if reasons:
            raise Refused(f"No function can be run here: {' '.join(reasons)}")
        words = {"category": category, "difficulty": difficulty, "problem_id": problem_id}
        wanted = {name: checked_argument(value, name) for name, value in words.items()}
        problems: Mapping[str, Any] = kind.problems(self._problems)
        if not problems:
            raise Refused(f"There are no problems of this environment here: {self._problems.source}.")
        problem: DslProblem | PythonProblem = choose(problems, **wanted, rng=self._rng)
        env = kind.make()
        episode_id, task = self._sessions.start(env, problem)
        return {
            "episode_id": episode_id,
            "environment": kind.name,
            "problem_id": problem.id,
            "category": problem.category,
            "difficulty": problem.difficulty,
            "max_turns": env.max_turns,
            "tools": list(env.tools),
            "prompt": f"{kind.system_prompt(problem)}\n\n{task}",
            "expires_in_seconds": round(self._sessions.idle_seconds),
        }

    def run(self, episode_id: EpisodeId, code: Program) -> Answer:
        """Environment "dsl": run a program on the tables of an episode and see the rows that it emits, or
        what is wrong with it. Takes one turn."""
        return self._call("run", episode_id, code=code)

    def inspect(
        self,
        episode_id: EpisodeId,
        node_name: Annotated[str, Field(description="A table of the program, or a stored table")],
        code: Annotated[
            str, Field(description="The whole program to look into; empty for the buggy one")
        ] = "",
    ) -> Answer:
        """Environment "dsl": see a table that a program names, even if later parts of that program fail, or a
        stored table. Takes one turn."""
        program = {} if code == "" else {"code": code}
        return self._call("inspect", episode_id, node_name=node_name, **program)

    def read_docs(
        self,
        episode_id: EpisodeId,
        operation: Annotated[str, Field(description='What the page is about; "overview" says what there is')],
    ) -> Answer:
        """Environment "dsl": read the page of the language reference about an operation, a function or a
        concept. Takes one turn."""
        return self._call("read_docs", episode_id, operation=operation)

    def run_tests(self, episode_id: EpisodeId, code: Function) -> Answer:
        """Environment "python": run the visible tests on a version of the function and see which of them
        fail, and how. Takes one turn."""
        return self._call("run_tests", episode_id, code=code)

    def submit(
        self,
        episode_id: EpisodeId,
        code: Annotated[str, Field(description="The whole corrected program or function")],
    ) -> Answer:
        """Hand in the corrected code, once. This ends the episode: the answer has the reward, which hidden
        tables or hidden tests decide as well."""
        return self._call("submit", episode_id, code=code)

    def _call(self, tool: str, episode_id: str, **arguments: str) -> Answer:
        checked_argument(episode_id, "episode_id")
        for name, value in arguments.items():
            checked_argument(value, name)
        env = self._sessions.env(episode_id)
        if tool not in env.tools:
            raise Refused(f"This episode has no tool {tool}; its tools: {', '.join(env.tools)}.")
        step = self._sessions.call(episode_id, tool, arguments)
        signals = signals_of(env)
        return step_answer(step) | ({"signals": signals} if signals else {})


class _Server(FastMCP):
    """Answers a call that the tools do not take with an `error` as well, instead of the library's lines."""

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        if name not in TOOLS:
            return _told(f"There is no such tool; the tools: {', '.join(TOOLS)}.")
        try:
            return await super().call_tool(name, arguments)
        except ToolError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            return _told(_wrong_argument(error.__cause__))


def _told(message: str) -> tuple[list[TextContent], Answer]:
    """An error, as text and as data."""
    told = {"error": message}
    return [TextContent(type="text", text=json.dumps(told))], told


def _wrong_argument(error: ValidationError) -> str:
    """What is wrong with the arguments of a call: all of them are texts."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = first["loc"][0]  # a parameter of ours
    if first["type"] == "missing":
        return f"The argument {name} is missing. This cost no turn."
    if first["type"] == "string_unicode":
        return f"{name} is not valid Unicode: it holds half of a surrogate pair. This cost no turn."
    return f"{name} is a text; something else was sent. This cost no turn."


def _kind(environment: str) -> Kind:
    """Raises Refused for an environment that there is not."""
    found = KINDS.get(environment)
    if found is None:
        raise Refused(f"The environments are: {', '.join(KINDS)}.")
    return found


def turnstiles() -> dict[EnvironmentName, Turnstile]:
    """What the calls of each environment go through, for a server that has none yet."""
    return {
        "dsl": Turnstile(PROGRAMS_AT_ONCE, MAX_WAITING),
        "python": Turnstile(FUNCTIONS_AT_ONCE, MAX_WAITING),
    }


def mcp_app(
    problems: Problems,
    sessions: Sessions,
    turns: Mapping[EnvironmentName, Turnstile] | None = None,
    rng: Random | None = None,
) -> Starlette:
    """The MCP server, to be mounted; its address is the path with a slash at its end.

    `turns` are shared with whatever else plays in this process. Whoever mounts it enters its lifespan
    (`servers.openenv_app.lifespans`), once.
    """
    tools = AgentTools(problems, sessions, rng or Random())
    server = _Server(
        "dsl-debug",
        INSTRUCTIONS,
        streamable_http_path="/",
        stateless_http=True,
        json_response=True,
        max_request_body_size=MAX_BODY,
        # Any host may be the one that a Space has. There is nothing here but what every stranger may do.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        log_level="WARNING",
    )
    gates = turns or turnstiles()

    async def is_gone() -> bool:
        """Whether the agent that the call of this task came from has closed its connection."""
        request = server.get_context().request_context.request
        return request is not None and bool(await request.is_disconnected())

    async def take(given: Mapping[str, Any], work: Callable[[], Answer]) -> Answer:
        with tools.claimed(given):
            return await gates[tools.environment(given)].call(work, is_gone)

    for name in TOOLS:
        server.add_tool(_answering(getattr(tools, name), take), name=name)
    return server.streamable_http_app()


def _answering(
    method: Callable[..., Answer],
    take: Callable[[Mapping[str, Any], Callable[[], Answer]], Awaitable[Answer]],
) -> Callable[..., Awaitable[Answer]]:
    """A tool that waits for its turn, works in a thread, and answers whatever happens."""

    @functools.wraps(method)
    async def tool(**given: Any) -> Answer:
        try:
            return await take(given, lambda: method(**given))
        except (Refused, UnknownEpisode, TurnUnderWay, Full, Busy, Gone) as error:
            return {"error": str(error)}
        except Exception as error:
            # No mistake of the agent; its text may hold what agents must not see.
            log.exception("a call failed")
            what = "sandbox" if isinstance(error, SandboxError) else "server"
            return {"error": f"The {what} failed. This cost no turn; try again."}

    return tool
