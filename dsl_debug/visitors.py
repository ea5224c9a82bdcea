"""What strangers may send, what it may cost, how many are served at a time, and which problem they get: for
the Space and the servers alike.

Tighter than in training, because visitors share a machine.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any, TypeVar

from dsl_debug import lang, sandbox
from dsl_debug.episode.base import Step
from dsl_debug.episode.tools import Tool, ToolCall, parse_calls
from dsl_debug.lang.errors import did_you_mean, quoted
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, DslProblem, PythonProblem
from dsl_debug.sandbox import LAYERS
from dsl_debug.sandbox.isolation import Found, unmet

LIMITS = lang.Limits(rows=20_000, cells=200_000, steps=5_000, seconds=1.0)
"""Of a run. The right and the buggy programs of built datasets keep to them, on all tables."""

ARENA_LIMITS = sandbox.Limits(seconds=1.0, total_seconds=3.0, memory_mb=128)
"""Of a function in the sandbox. A right answer takes milliseconds."""

ARENA_SWITCH = "DSL_DEBUG_ARENA"
"""An operator sets this variable to "off" where no function of a visitor shall run."""

MAX_CODE = 20_000
"""Characters of a program or a function; longer ones are refused."""

MAX_WORDS = 500
"""Characters of a name, a topic or an id."""

MAX_MESSAGE = 100_000
"""Characters of a model's message: more than its 12,288 tokens hold."""

MAX_MESSAGE_CALLS = 4
"""Calls of a message. Each may take as long as a run, and together they are one turn."""

WAIT_SECONDS = 60.0
"""How long a call waits for its turn before its caller is told to try again."""

GONE_SECONDS = 1.0
"""How often it is asked whether a caller who waits is still there."""

LEFT = "Whoever sent this call has left: it was not carried out."

P = TypeVar("P", DslProblem, PythonProblem)
T = TypeVar("T")


class Refused(ValueError):
    """Something that is not done, and costs no turn; the text is one line for whoever asked."""


def checked_text(value: object, name: str, most: int) -> str:
    """`value`, which has to be a text of at most `most` characters. Raises Refused, which calls it `name`."""
    if not isinstance(value, str):
        raise Refused(f"{name} is a text; something else was sent.")
    if len(value) > most:
        raise Refused(f"{name} has at most {most:,} characters; {len(value):,} were sent.")
    try:
        value.encode()
    except UnicodeEncodeError:  # nothing could send it back
        raise Refused(f"{name} is not valid Unicode: it holds half of a surrogate pair.") from None
    return value


def checked_argument(value: object, name: str, called: str = "") -> str:
    """`value` as the argument `name` of a tool: code may be long, other texts may not.

    Raises Refused, which calls it `called`, by default its name.
    """
    return checked_text(value, called or name, MAX_CODE if name == "code" else MAX_WORDS)


def step_answer(step: Step) -> dict[str, Any]:
    """What a turn led to, as agents are told; the reward is None until the episode is over."""
    return {
        "observation": step.observation,
        "turns_left": step.info["turns_left"],
        "done": step.done,
        "reward": step.reward if step.done else None,
    }


def checked_message(text: object, tools: Mapping[str, Tool]) -> str:
    """A model's message, whose calls of `tools` keep together to what one structured call may hold.

    Raises Refused before anything is run: the message is to be sent again with less in it.
    """
    message = checked_text(text, "message", MAX_MESSAGE)
    calls = parse_calls(message, tools)
    if len(calls) > MAX_MESSAGE_CALLS:
        raise Refused(f"A message has at most {MAX_MESSAGE_CALLS} calls here; this one has more.")
    given = [item for call in calls if isinstance(call, ToolCall) for item in call.arguments.items()]
    code = sum(len(value) for name, value in given if name == "code" and isinstance(value, str))
    if code > MAX_CODE:
        raise Refused(
            f"The code in the calls of a message has at most {MAX_CODE:,} characters together; "
            f"{code:,} were sent."
        )
    for name, value in given:
        if name != "code" and isinstance(value, str) and len(value) > MAX_WORDS:
            raise Refused(f"{name} has at most {MAX_WORDS:,} characters; {len(value):,} were sent.")
    return message


def fitting(problems: Iterable[P], category: str | None, difficulty: str | None) -> list[P]:
    """The problems of a category and a difficulty; None stands for any."""
    return [p for p in problems if category in (None, p.category) and difficulty in (None, p.difficulty)]


def choose(problems: Mapping[str, P], category: str, difficulty: str, problem_id: str, rng: Random) -> P:
    """The problem of an id, or one at random of a category and a difficulty; "" stands for any.

    Raises Refused where there is none, and for words that mean nothing.
    """
    if problem_id:
        found = problems.get(problem_id)
        if found is None:
            raise Refused(f"There is no problem {quoted(problem_id)} here; leave problem_id out for any.")
        return found
    known = sorted({p.category for p in problems.values()}, key=_place)
    _check("category", category, known)
    _check("difficulty", difficulty, DIFFICULTIES)
    some = fitting(problems.values(), category or None, difficulty or None)
    if not some:
        raise Refused("There is no such problem here: choose another category or difficulty.")
    return rng.choice(some)


def _place(category: str) -> tuple[int, str]:
    return CATEGORIES.index(category) if category in CATEGORIES else len(CATEGORIES), category


def _check(name: str, value: str, known: Iterable[str]) -> None:
    known = list(known)
    if value and value not in known:
        hint = did_you_mean(value, known) or ";"
        raise Refused(f"There is no {name} {quoted(value)}{hint} there is: {', '.join(known)}.")


def why_arena_closed(
    environ: Mapping[str, str] = os.environ, layers: Callable[[], Found] = sandbox.layers
) -> tuple[str, ...]:
    """Why no function of a stranger may run here, a reason a line; () where the layers that it takes are in
    force."""
    if environ.get(ARENA_SWITCH, "").strip().lower() in ("off", "0", "no", "false"):
        return (f"Whoever runs this app has switched it off ({ARENA_SWITCH}=off).",)
    found = layers()
    return tuple(f"{name} ({LAYERS[name]}) is {found[name]}" for name in unmet(found))


class Busy(RuntimeError):
    """A call that was not carried out for want of a turn; the text says so in one line, and what to do."""


class Gone(RuntimeError):
    """Whoever sent a call left before it began: it is not carried out, and there is nobody to tell it to."""


class Turnstile:
    """Carries out `at_once` calls at a time, in threads of its own; `waiting` more may wait for their turn,
    `wait_seconds` at the most.

    Who waits holds no thread. What has not begun when its caller is gone or cancelled is dropped; what has
    begun is carried out, and holds its place until it ends. For one event loop, which goes on meanwhile.
    """

    def __init__(self, at_once: int, waiting: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self._threads = ThreadPoolExecutor(at_once, "turns")
        self._places = asyncio.Semaphore(at_once)
        self._room = at_once + waiting
        self._wait_seconds = wait_seconds

    async def call(self, work: Callable[[], T], is_gone: Callable[[], Awaitable[bool]] | None = None) -> T:
        """What `work` gives; `is_gone` says whether the caller has left. Raises Busy, Gone, and whatever
        `work` raises."""
        if self._room == 0:
            raise Busy("Too many calls are waiting already: try again in a few seconds.")
        self._room -= 1
        try:
            await self._enter(is_gone)
        except BaseException:
            self._room += 1
            raise
        working = asyncio.get_running_loop().run_in_executor(self._threads, work)
        working.add_done_callback(self._leave)
        return await asyncio.shield(working)

    async def _enter(self, is_gone: Callable[[], Awaitable[bool]] | None) -> None:
        """Take a place, after waiting for it. Raises Busy and Gone."""
        if self._places.locked():
            await self._wait(is_gone)
        else:
            await self._places.acquire()  # which does not wait
        try:
            if is_gone and await is_gone():
                raise Gone(LEFT)
        except BaseException:
            self._places.release()
            raise

    async def _wait(self, is_gone: Callable[[], Awaitable[bool]] | None) -> None:
        entering = asyncio.ensure_future(self._places.acquire())
        try:
            async with asyncio.timeout(self._wait_seconds):
                while not (await asyncio.wait({entering}, timeout=GONE_SECONDS))[0]:
                    if is_gone and await is_gone():
                        raise Gone(LEFT)
        except BaseException as error:
            if not entering.cancel():  # it has the place already
                self._places.release()
            if isinstance(error, TimeoutError):
                waited = f"This call waited {self._wait_seconds:g} s for its turn and was not carried out"
                raise Busy(f"{waited}: try again in a minute.") from None
            raise

    def _leave(self, working: "asyncio.Future[T]") -> None:
        """Give a place back. Nobody may be there any more to see what was raised."""
        self._places.release()
        self._room += 1
        if not working.cancelled():
            working.exception()
