"""A visitor's own games, as their browser keeps them: records of JSON, the newest one first.

The browser gives back whatever is in its storage, which anybody may have changed: nothing is taken for a
record that `checked` has not passed.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from dsl_debug.diagnosis import INSPECT
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.base import SUBMIT
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.episode.tools import ToolCall
from dsl_debug.episode.transcript import transcript
from dsl_debug.evaluation import trace_row
from dsl_debug.policies.base import Job, finished, prompt_messages
from dsl_debug.problem import CATEGORIES, DIFFICULTIES, DslProblem
from dsl_debug.replay.outcome import VERDICTS
from dsl_debug.scoring import failure
from dsl_debug.visitors import LIMITS, Refused, checked_argument
from space.handlers.hints import HINT, hints_of
from space.handlers.play import Game, result

MAX_RECORDS = 30
MAX_CHARACTERS = 200_000
"""Of all records together, as JSON."""

MAX_TRIED = 10 * MAX_RECORDS
"""Things that are looked at for records, in a storage that holds more."""

MAX_TURNS = 100
MAX_SECONDS = 1e9

FAILURES = tuple(VERDICTS)

ARGUMENTS: dict[str, tuple[str, ...]] = {
    "run": ("code",),
    INSPECT: ("node_name", "code"),
    "read_docs": ("operation",),
    SUBMIT: ("code",),
    HINT: (),
}
"""What can stand in a record: a tool, and the arguments that a game gives it."""

Record = dict[str, Any]

_ID = re.compile(r"[0-9a-f]{16}")
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def record(game: Game) -> Record:
    """What is kept of a game that is over. Raises ValueError for one that goes on."""
    end = result(game)
    if end is None:
        raise ValueError("a game that goes on has no record")
    problem = game.problem
    when = datetime.fromtimestamp(game.ended or game.begun, UTC)
    calls = [call for turn in game.env.history for call in turn.calls if isinstance(call, ToolCall)]
    return {
        "problem": problem.id,
        "category": problem.category,
        "difficulty": problem.difficulty,
        "failure": end.failure,
        "turns": end.turns,
        "hints": end.hints,
        "seconds": round(end.seconds, 1),
        "when": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aided": game.aided,
        "calls": [[call.name, dict(call.arguments)] for call in calls],
    }


def checked(value: object) -> list[Record]:
    """The good records in what a browser's storage holds: each one once, the newest first, at most
    `MAX_RECORDS` of them and `MAX_CHARACTERS` in all; the older ones are left out, and not looked at."""
    tried = islice(value, MAX_TRIED) if isinstance(value, list) else ()
    dated = [one for one in tried if isinstance(one, dict) and _is_time(one.get("when"))]
    dated.sort(key=lambda one: str(one["when"]), reverse=True)
    return list(_fitting(_one_each(dated)))


def added(records: object, new: Record) -> list[Record]:
    """The records with a further one."""
    return checked([new, *checked(records)])


def summary(records: Sequence[Record]) -> dict[str, int]:
    """Figures about records: `played`, `solved` and `best_streak` (the most that were solved one after the
    other)."""
    streak = best = 0
    for one in reversed(records):  # from the oldest on
        streak = 0 if one["failure"] else streak + 1
        best = max(best, streak)
    solved = sum(not one["failure"] for one in records)
    return {"played": len(records), "solved": solved, "best_streak": best}


def as_trace(problem: DslProblem, record: Record, policy: str = "you") -> dict[str, Any]:
    """A record as a row of traces, made by playing its calls again.

    Raises ValueError, in one line, for the record of another problem, and for one that does not come out as
    it says, as after a change of the language.
    """
    if record["problem"] != problem.id:
        raise ValueError("This game was played on another problem.")
    env = DSLDebugEnv(limits=LIMITS)
    env.reset(problem)
    for tool, arguments in record["calls"]:
        _again(env, tool, arguments)
    outcome = env.outcome
    told = record["failure"], record["turns"], record["hints"]
    if not env.done or (failure(outcome), outcome.turns, outcome.calls.get(HINT, 0)) != told:
        raise ValueError("This game does not come out as it did: it cannot be shown again.")
    chat = transcript(prompt_messages(problem, env.max_turns), env.history)
    episode = finished(Job(problem, 0, 0), env, chat, seconds=record["seconds"])
    return trace_row(problem, episode, policy, DEFAULT_PROMPT)


def _again(env: DSLDebugEnv, tool: str, arguments: Mapping[str, str]) -> None:
    if tool != HINT:
        env.call(tool, **arguments)
        return
    hints = hints_of(env.problem)
    taken = env.outcome.calls.get(HINT, 0)
    if taken >= len(hints):
        raise ValueError("This game holds a hint that there is not: it cannot be shown again.")
    env.aside(HINT, hints[taken])


# What a storage may hold


def _fitting(records: Iterable[Record]) -> Iterable[Record]:
    room = MAX_CHARACTERS
    for one in islice(records, MAX_RECORDS):
        room -= len(json.dumps(one)) + 2
        if room < 0:
            return
        yield one


def _one_each(values: Iterable[Mapping[str, Any]]) -> Iterable[Record]:
    """The first record of each game, as it should be, without anything else that is in it."""
    seen: set[tuple[str, str]] = set()
    for value in values:
        if all(check(value.get(name)) for name, check in _FIELDS.items()):
            known = {name: value[name] for name in _FIELDS}
            if (known["when"], known["problem"]) not in seen:
                seen.add((known["when"], known["problem"]))
                yield known


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_SECONDS


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_TURNS


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or not _WHEN.fullmatch(value):
        return False
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _are_calls(value: object) -> bool:
    if not isinstance(value, list) or len(value) > MAX_TURNS or not all(map(_is_call, value)):
        return False
    texts = [item for _, arguments in value for item in arguments.items()]
    return sum(len(text) for _, text in texts) <= MAX_CHARACTERS and all(map(_is_argument, texts))


def _is_call(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    tool, arguments = value
    if not isinstance(tool, str) or tool not in ARGUMENTS or not isinstance(arguments, dict):
        return False
    known = arguments.keys() == set(ARGUMENTS[tool])
    return known and all(isinstance(text, str) for text in arguments.values())


def _is_argument(item: tuple[str, str]) -> bool:
    name, text = item
    try:
        checked_argument(text, name)
    except Refused:
        return False
    return True


_FIELDS = {
    "problem": lambda value: isinstance(value, str) and bool(_ID.fullmatch(value)),
    "category": lambda value: value in CATEGORIES,
    "difficulty": lambda value: value in DIFFICULTIES,
    "failure": lambda value: isinstance(value, str) and value in FAILURES,
    "turns": _is_count,
    "hints": _is_count,
    "seconds": _is_number,
    "when": _is_time,
    "aided": lambda value: isinstance(value, bool),
    "calls": _are_calls,
}
"""What a record holds, in order -> whether a value may stand there."""
