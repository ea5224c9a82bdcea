"""What strangers may send, what it may cost, how many are served at a time, and which problem they get: for
the Space and the servers alike.

Tighter than in training, because visitors share a machine.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import TypeVar

from dsl_debug import lang, sandbox
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
    """So many calls wait already; the text says so in one line, and what to do."""


class Turnstile:
    """Carries out `at_once` calls at a time, in threads of its own; `waiting` more may wait for their turn.

    Who waits holds no thread. For one event loop, which goes on meanwhile.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(at_once, "turns")
        self._room = at_once + waiting

    async def call(self, work: Callable[[], T]) -> T:
        """What `work` gives. Raises Busy, and whatever `work` raises."""
        if self._room == 0:
            raise Busy("Too many calls are waiting already: try again in a few seconds.")
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._room += 1
