"""The rules of Play: an episode like an agent's, with the facts that a person is shown beside the answers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import Any

from dsl_debug import lang
from dsl_debug.episode import DSLDebugEnv, Step
from dsl_debug.lang import DslError
from dsl_debug.lang.dialect import WORDS
from dsl_debug.lang.reference import TOPICS
from dsl_debug.problem import DslProblem
from dsl_debug.scoring import failure
from dsl_debug.visitors import LIMITS, MAX_CODE, MAX_WORDS, Refused, checked_text, fitting
from space.flow import flow_of, up_to
from space.handlers.divergence import Divergence, first_divergence, shortened
from space.handlers.hints import HINT, hints_of
from space.handlers.rows import RowDiff, row_diff
from space.library import Library

OVER = "This game is over: start another one."


@dataclass(frozen=True)
class Move:
    """A turn of a game. `tool` is run, inspect, read_docs, submit or hint; `argument` the name or the topic
    that was asked for (for a step of a node: "node, after filter(...)"), "" for run, submit and hint; `code`
    the program of a run, an inspect or a submit. `answer` is what the environment says, without the turns
    that are left. `rows` sets the rows of a run beside the expected ones (None where it failed); `diverges`
    is where wrong ones come from, in an aided game, as far as that can be told.
    """

    turn: int
    tool: str
    argument: str
    code: str | None
    answer: str
    rows: RowDiff | None
    diverges: Divergence | None


@dataclass
class Game:
    """An episode of one visitor. `code` is the program as it was used last; `begun` and `ended` are seconds
    since 1970. Whoever changes a game holds its lock: two clicks may arrive at once.
    """

    problem: DslProblem
    env: DSLDebugEnv
    aided: bool
    code: str
    moves: list[Move]
    begun: float
    ended: float | None
    lock: Lock = field(default_factory=Lock, repr=False, compare=False)


@dataclass(frozen=True)
class Result:
    """How a game ended. `failure` is a word of `scoring.failure`, "" for a solved problem; `hints` are those
    that were taken; `submitted` is the program that was handed in, None if none was.
    """

    failure: str
    reward: float
    turns: int
    max_turns: int
    hints: int
    seconds: float
    submitted: str | None


# A game


def pick(
    library: Library, category: str | None, difficulty: str | None, avoid: Sequence[str], rng: Random
) -> DslProblem:
    """A problem at random; None stands for any category or difficulty.

    `avoid` holds the ids of problems that were played, the latest one first: they come again only when there
    is no other left, and then the one that was played longest ago. Raises Refused where nothing fits.
    """
    found = fitting(library.problems.values(), category, difficulty)
    if not found:
        raise Refused("There is no such problem here: choose another category or difficulty.")
    fresh = [problem for problem in found if problem.id not in avoid]
    return rng.choice(fresh) if fresh else max(found, key=lambda problem: avoid.index(problem.id))


def begin(problem: DslProblem, aided: bool = True, now: float | None = None) -> Game:
    """A new game; an aided one tells where rows first go wrong. `now` is in seconds since 1970."""
    env = DSLDebugEnv(limits=LIMITS)
    env.reset(problem)
    return Game(problem, env, aided, problem.buggy_code, [], time.time() if now is None else now, None)


def result(game: Game) -> Result | None:
    """How a game ended; None while it goes on."""
    if not game.env.done:
        return None
    outcome = game.env.outcome
    return Result(
        failure=failure(outcome),
        reward=game.env.reward,
        turns=outcome.turns,
        max_turns=game.env.max_turns,
        hints=outcome.calls.get(HINT, 0),
        seconds=max(0.0, (game.ended or game.begun) - game.begun),
        submitted=outcome.submitted,
    )


# Moves. Each raises Refused, and spends no turn, when the game is over and for what is no such text


def run(game: Game, code: str) -> Move:
    """Run a program."""
    _check_code(code)
    with game.lock:
        step = _called(game, code, "run", code=code)
        rows, diverges = _beside_expected(game, code)
        return _noted(game, step, "", code, rows, diverges)


def inspect(game: Game, code: str, name: str, stages: int | None = None) -> Move:
    """Look at a table of a program, or a stored one; `stages` asks for the rows after that many stages of
    the table, its source counted as one.
    """
    _check_code(code)
    _check_words(name, "Choose a table to look at.")
    shown, argument = _cut(code, name, stages, game.problem)
    with game.lock:
        step = _called(game, code, "inspect", node_name=name, code=shown)
        return _noted(game, step, argument, code)


def docs(game: Game, topic: str) -> Move:
    """Read a page of the language reference."""
    _check_words(topic, "Choose a topic to read about.")
    with game.lock:
        return _noted(game, _called(game, None, "read_docs", operation=topic), topic, None)


def submit(game: Game, code: str) -> Move:
    """Hand in a program, which ends the game."""
    _check_code(code)
    with game.lock:
        return _noted(game, _called(game, code, "submit", code=code), "", code)


def hint(game: Game) -> Move:
    """Take the next hint. Raises Refused after the last one, too, and for the last turn or without help."""
    with game.lock:
        if game.env.done:
            raise Refused(OVER)
        if not game.aided:
            raise Refused("There are no hints in a game without help.")
        if game.env.turns_left < 2:
            raise Refused("The last turn is for your submission: no hint for it.")
        hints = hints_of(game.problem)
        taken = game.env.outcome.calls.get(HINT, 0)
        if taken >= len(hints):
            raise Refused("There are no more hints for this problem.")
        return _noted(game, game.env.aside(HINT, hints[taken]), "", None)


def _called(game: Game, used: str | None, tool: str, /, **arguments: str) -> Step:
    if game.env.done:
        raise Refused(OVER)
    if used is not None:
        game.code = used
    return game.env.call(tool, **arguments)


def _noted(
    game: Game,
    step: Step,
    argument: str,
    code: str | None,
    rows: RowDiff | None = None,
    diverges: Divergence | None = None,
) -> Move:
    """The move that a step is, added to the game."""
    tool = step.info["results"][0]["tool"]
    left = step.info["turns_left"]
    answer = step.observation.removesuffix(f"\n\n[{left} turn{'' if left == 1 else 's'} left]")
    move = Move(step.info["turn"], tool, argument, code, answer, rows, diverges)
    game.moves.append(move)
    if step.done:
        game.ended = time.time()
    return move


def _beside_expected(game: Game, code: str) -> tuple[RowDiff | None, Divergence | None]:
    problem = game.problem
    try:
        given = lang.run(code, problem.tables, LIMITS, problem.dialect)
    except DslError:
        return None, None
    rows = row_diff(given, problem.expected_output)
    look = game.aided and not rows.complete
    return rows, first_divergence(problem, code, given, LIMITS) if look else None


def _cut(code: str, name: str, stages: int | None, problem: DslProblem) -> tuple[str, str]:
    """The program with a table that ends after some of its stages, and what to call that step."""
    if stages is None:
        return code, name
    if type(stages) is not int:
        raise Refused("A step is told by a whole number.")
    node = flow_of(code, problem.dialect).find(name)
    if node is None or stages >= len(node.stages):
        return code, name
    last = node.stages[max(1, stages) - 1]
    return up_to(code, node, stages), f"{name}, after {shortened(last.text)}"


# What a visitor may send


def _check_code(code: object) -> None:
    checked_text(code, "A program", MAX_CODE)


def _check_words(words: object, missing: str) -> None:
    if not isinstance(words, str) or not words.strip():
        raise Refused(missing)
    checked_text(words, "A name", MAX_WORDS)


# What the editor shows


def diagnostics(problem: DslProblem, code: object) -> list[dict[str, Any]]:
    """What is wrong with a program, as one types: `line`, `column` and `end` count from 1 (0: no place),
    `message` and `help` are texts. A program that would be refused is not looked at; only that is said.
    """
    if not isinstance(code, str):
        return []
    try:
        _check_code(code)
    except Refused as refused:
        return [_finding(str(refused))]
    found = lang.check(code, problem.tables, problem.dialect)
    return [_finding(d.message, d.line, d.column, d.end_column, d.help) for d in found]


def _finding(message: str, line: int = 0, column: int = 0, end: int = 0, help: str = "") -> dict[str, Any]:
    return {"line": line, "column": column, "end": end, "message": message, "help": help}


def names(game: Game, code: object) -> list[str]:
    """What can be inspected: the tables that a program names, then the stored ones."""
    readable = isinstance(code, str) and len(code) <= MAX_CODE
    named = lang.node_names(str(code), game.problem.dialect) if readable else []
    return list(dict.fromkeys([*named, *game.problem.tables]))


def topics(problem: DslProblem) -> list[str]:
    """The pages of the language reference, in the words of the problem."""
    return [problem.dialect.word(topic) if topic in WORDS else topic for topic in TOPICS]
