"""The arena: visitors repair Python functions, which run in the sandbox or not at all.

A visitor's round is a `Round`, kept with their visit; an `Arena` is what all visitors share: the problems,
the sandbox, and a few places in it.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from dsl_debug import sandbox
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.episode.python_prompts import call_text, expectation_text
from dsl_debug.problem import PythonProblem
from dsl_debug.sandbox import Limits, Sandbox, SandboxError, TestReport, TestResult
from dsl_debug.sandbox.isolation import Found
from dsl_debug.scoring import ArenaOutcome, failure
from dsl_debug.visitors import ARENA_LIMITS, MAX_CODE, Refused, checked_text, fitting, why_arena_closed

PLACES = 2
"""How many functions run at a time."""

WAIT_SECONDS = 5.0
"""How long a visitor waits for a place before they are told that there is none."""

MAX_SEEN = 200
"""How many bugs a round remembers, so that the next one is new."""

ANY = "any"


# What all visitors share


@dataclass(frozen=True)
class Arena:
    """Problems by id, the sandbox, and its places. `closed` says, a reason a line, why nothing can run here;
    it is empty where functions run."""

    problems: Mapping[str, PythonProblem]
    box: Sandbox
    closed: tuple[str, ...] = ()
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(PLACES))
    wait_seconds: float = WAIT_SECONDS


def open_arena(
    problems: Mapping[str, PythonProblem],
    environ: Mapping[str, str] = os.environ,
    layers: Callable[[], Found] = sandbox.layers,
) -> Arena:
    """The arena of this machine. Asking the kernel what it offers takes about a quarter of a second."""
    return Arena(problems, sandbox.default(), why_arena_closed(environ, layers))


# Choosing a problem


def categories(problems: Mapping[str, PythonProblem]) -> list[str]:
    """The categories that there are, in the order of the alphabet."""
    return sorted({problem.category for problem in problems.values()})


def pick(
    problems: Mapping[str, PythonProblem], category: str, difficulty: str, seen: Sequence[str], rng: Random
) -> PythonProblem:
    """A bug of this category and difficulty (or `ANY`), one that was not seen if there is one.

    Raises Refused if there is none at all.
    """
    found = fitting(
        problems.values(), None if category == ANY else category, None if difficulty == ANY else difficulty
    )
    if not found:
        raise Refused("There is no such bug here: try another category or difficulty.")
    others = [p for p in found if not seen or p.id != seen[-1]]
    fresh = [p for p in others if p.id not in seen]
    return rng.choice(fresh or others or found)


# A round


@dataclass(frozen=True)
class Check:
    """A visible test and what came of it: `gave` is the returned value as Python writes it, `error` what went
    wrong otherwise, `line` where; `printed` what it wrote."""

    call: str
    expected: str
    passed: bool
    gave: str = ""
    error: str = ""
    line: int | None = None
    printed: str = ""


@dataclass(frozen=True)
class Move:
    """An attempt, counted from 1: `tool` is run_tests, submit or hint; `checks` are the visible tests."""

    attempt: int
    tool: str
    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> int:
        """How many of the visible tests passed."""
        return sum(check.passed for check in self.checks)


class Desk(Sandbox):
    """The shared sandbox as one round uses it: its reports are kept, for the episode tells texts only."""

    def __init__(self, box: Sandbox) -> None:
        super().__init__()
        self._box = box
        self.reports: list[TestReport] = []

    def run_tests(
        self,
        code: str,
        function: str,
        tests: Sequence[Mapping[str, Any]],
        limits: Limits = ARENA_LIMITS,
    ) -> TestReport:
        """`Sandbox.run_tests` of the shared sandbox."""
        report = self._box.run_tests(code, function, tests, limits)
        self.reports.append(report)
        return report


@dataclass
class Round:
    """A visitor at a problem. `code` is what they ran last; `seen` are the ids of bugs until now, this one
    is the last; `ended` is None while it goes on; `lock` keeps two clicks from being one attempt."""

    problem: PythonProblem
    env: PythonDebugEnv
    desk: Desk
    code: str
    begun: float
    seen: tuple[str, ...]
    moves: list[Move] = field(default_factory=list)
    ended: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def hinted(self) -> bool:
        """Whether the hint was asked for."""
        return any(move.tool == "hint" for move in self.moves)


@dataclass(frozen=True)
class Result:
    """What came of a round: `failure` in a word of `scoring.failure` ("" is solved), the signals r1 to r4 and
    their sum, the hidden tests that passed, and the time from first sight to the end."""

    failure: str
    outcome: ArenaOutcome
    signals: Mapping[str, float]
    reward: float
    attempts: int
    hidden: int
    visible: int
    seconds: float


def begin(arena: Arena, problem: PythonProblem, seen: Sequence[str] = (), now: float | None = None) -> Round:
    """A new round of a problem; `now` is the time in seconds."""
    desk = Desk(arena.box)
    env = PythonDebugEnv(limits=ARENA_LIMITS, box=desk)
    env.reset(problem)
    known = tuple(name for name in seen if name != problem.id)[-MAX_SEEN:]
    begun = time.time() if now is None else now
    return Round(problem, env, desk, problem.buggy_code, begun, (*known, problem.id))


def open_by(arena: Arena, problem_id: object, rng: Random) -> tuple[Round | None, str]:
    """The round that an address asks for, and what has to be said about it. Without a known bug in the
    address it is any; there is no round where there are no bugs."""
    problem = arena.problems.get(problem_id) if isinstance(problem_id, str) else None
    if problem is not None:
        return begin(arena, problem), ""
    game, _ = following(arena, None, ANY, ANY, rng)
    return game, "There is no bug at this address: here is another one." if problem_id and game else ""


def following(
    arena: Arena, game: Round | None, category: object, difficulty: object, rng: Random
) -> tuple[Round | None, str]:
    """A round with another bug, or the old one and why there is no other."""
    seen = game.seen if game else ()
    try:
        return begin(arena, pick(arena.problems, str(category), str(difficulty), seen, rng), seen), ""
    except Refused as refusal:
        return game, str(refusal)


def act(arena: Arena, game: Round | None, tool: str, value: object) -> str:
    """Carry out what a button asks for, with what is in the editor; what has to be said if it is refused."""
    try:
        if game is None:
            raise Refused("There is nothing to play yet: reload the page.")
        if tool == "hint":
            hint(game)
        else:
            attempt(arena, game, tool, code_of(value))
    except Refused as refusal:
        return str(refusal)
    return ""


def code_of(value: object) -> str:
    """The text in an editor's value. Raises Refused for another shape, and as `checked_text` does."""
    code = value.get("code") if isinstance(value, Mapping) else None
    if not isinstance(code, str):
        raise Refused("The editor sent no text: reload the page.")
    return checked_text(code, "A function", MAX_CODE)


def attempt(arena: Arena, game: Round, tool: str, code: str) -> Move:
    """Spend an attempt on `run_tests` or `submit`, which ends the round. Raises Refused."""
    with _turn(game), _place(arena):
        game.code = code
        game.desk.reports.clear()
        try:
            game.env.call(tool, code=code)
        except SandboxError:
            game.env.take_back()
            raise Refused("The sandbox failed, not your code: nothing was counted. Try again.") from None
        # Of a submission the first report is its own; the buggy function may have been run after it.
        return _noted(game, Move(game.env.turns, tool, _checks(game.problem, game.desk.reports[0])))


def hint(game: Round) -> Move:
    """Show the hint, for an attempt. Raises Refused where there is none, or for the last attempt."""
    with _turn(game):
        if game.hinted or not game.problem.hint:
            raise Refused("There is no further hint.")
        if game.env.turns_left < 2:
            raise Refused("The last attempt is for your submission: no hint for it.")
        game.env.aside("hint", game.problem.hint)
        return _noted(game, Move(game.env.turns, "hint"))


def result(game: Round) -> Result | None:
    """What came of the round; None while it goes on."""
    if not game.env.done:
        return None
    outcome, shown = game.env.outcome, len(game.problem.tests)
    return Result(
        failure=failure(outcome),
        outcome=outcome,
        signals=game.env.signals,
        reward=game.env.reward,
        attempts=game.env.turns,
        hidden=sum(outcome.passed[shown:]),
        visible=sum(outcome.passed[:shown]),
        seconds=(game.ended or game.begun) - game.begun,
    )


@contextmanager
def _turn(game: Round) -> Iterator[None]:
    """The round for one act alone. Raises Refused while another act is under way, and once it is over."""
    if not game.lock.acquire(blocking=False):
        raise Refused("One thing at a time: the last one is still running.")
    try:
        if game.env.done:
            raise Refused("This round is over: take the next bug.")
        yield
    finally:
        game.lock.release()


@contextmanager
def _place(arena: Arena) -> Iterator[None]:
    """A place in the sandbox. Raises Refused if there is none in time, or the arena is closed."""
    if arena.closed:
        raise Refused("Functions cannot run here, see above.")
    if not arena.places.acquire(timeout=arena.wait_seconds):
        raise Refused("The arena is busy: others are running their functions. Try again in a moment.")
    try:
        yield
    finally:
        arena.places.release()


def _noted(game: Round, move: Move) -> Move:
    game.moves.append(move)
    if game.env.done:
        game.ended = time.time()
    return move


def _checks(problem: PythonProblem, report: TestReport) -> tuple[Check, ...]:
    """The visible tests, which come first in every report."""
    shown = report.results[: len(problem.tests)]
    return tuple(_check(problem.function, t, r) for t, r in zip(problem.tests, shown, strict=True))


def _check(function: str, test: Mapping[str, Any], found: TestResult) -> Check:
    error = "" if found.shown or found.passed else found.error or found.reason
    return Check(
        call=call_text(function, test),
        expected=expectation_text(test),
        passed=found.passed,
        gave=found.shown,
        error=error,
        line=found.line,
        printed=found.output.strip(),
    )
