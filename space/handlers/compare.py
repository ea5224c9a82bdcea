"""The same problem by several policies, or by the visitor and policies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dsl_debug.problem import DslProblem
from dsl_debug.replay import Parts, trace_parts
from dsl_debug.replay.outcome import Problem, verdict_of
from dsl_debug.replay.parts import grammar_of
from dsl_debug.replay.programs import Grammar, Line, changes
from dsl_debug.replay.reading import read_trace, text_of
from space.handlers import history
from space.handlers.replay import MOST_CALLS, Unknown, label, name_of
from space.library import Library, Trace

YOU = "you"
"""Stands for the visitor's last game of a problem among the keys of traces."""

MOST = 4
"""Episodes beside one another."""

MAX_ADDRESS = 2_000
"""Characters of an address that are read."""


@dataclass(frozen=True)
class Facts:
    """What the table says of an episode; texts, but for the colour and name of the outcome."""

    verdict: tuple[str, str]
    reward: str
    turns: str
    tools: str
    first_right: str
    hack: str


@dataclass(frozen=True)
class Column:
    """An episode beside others. `final` is the program that it ended with, `submitted` or not; "" if none."""

    key: str
    name: str
    parts: Parts
    facts: Facts
    final: str
    submitted: bool


@dataclass(frozen=True)
class Difference:
    """How the last program of the first column and that of another differ; no lines where they do not."""

    before: str
    after: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Comparison:
    """Episodes of one problem. `notes` tell what was left out and why, a line each; `unplayed` says that the
    visitor is to be compared, but has not played the problem."""

    problem_id: str
    environment: str
    playable: bool
    columns: tuple[Column, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    unplayed: bool


# What can be compared


def problems(library: Library) -> list[tuple[str, str]]:
    """(label, id) of the problems that somebody has tried, in the order of the library."""
    ids = [*library.problems, *library.arena]
    return [(_problem_label(library, i), i) for i in ids if library.traces_of(i)]


def contestants(library: Library, problem_id: object) -> list[tuple[str, str]]:
    """(label, key) of who can be compared on a problem: the visitor, played or not, and the traces."""
    if not isinstance(problem_id, str):
        return []
    own = [("You", YOU)] if problem_id in library.problems else []
    keys = library.traces_of(problem_id)
    return [*own, *((_contestant(library.traces[key]), key) for key in keys)]


def unplayed(library: Library, problem_id: object, games: object) -> str:
    """The id of a program that the visitor has not played in this browser; empty for any other."""
    known = isinstance(problem_id, str) and problem_id in library.problems
    return str(problem_id) if known and _last_game(str(problem_id), games) is None else ""


def asked(library: Library, address: object, games: object) -> tuple[str, list[str]]:
    """The problem and the keys that `?compare=` names; `you` alone means the last game that has others.

    Raises Unknown where no problem can be told.
    """
    text = address[:MAX_ADDRESS] if isinstance(address, str) else ""
    keys = list(dict.fromkeys(key.strip() for key in text.split(",") if key.strip()))
    known = [library.traces[key] for key in keys if key in library.traces]
    if known:
        return text_of(known[0].get("problem_id")), keys
    if YOU in keys:
        played = [game["problem"] for game in history.checked(games)]
        tried = [problem_id for problem_id in played if library.traces_of(problem_id)]
        if tried:
            return tried[0], keys
        raise Unknown("You have not played a problem in this browser that a policy has tried: play one.")
    raise Unknown("There is no episode of that name here. It may be of other data than this app shows.")


def example(library: Library) -> str:
    """What an address names to show two episodes of one problem that ended differently; empty if none did."""
    for _, problem_id in problems(library):
        ends = {verdict_of(library.traces[key]): key for key in reversed(library.traces_of(problem_id))}
        if len(ends) > 1:
            return ",".join(list(ends.values())[:-3:-1])
    return ""


def _problem_label(library: Library, problem_id: str) -> str:
    problem = library.problem(problem_id)
    if problem is None:
        return problem_id
    place = problem.database if isinstance(problem, DslProblem) else problem.function
    return " · ".join([label(problem.category), problem.difficulty, label(place), problem_id[:6]])


def _contestant(trace: Trace) -> str:
    return f"{name_of(trace)}: {verdict_of(trace)[1].lower()}"


def _last_game(problem_id: str, games: object) -> history.Record | None:
    """The newest good record of a problem in what the browser keeps."""
    return next((game for game in history.checked(games) if game["problem"] == problem_id), None)


# The comparison


def compare(library: Library, problem_id: object, keys: object, games: object) -> Comparison:
    """Episodes of a problem beside one another, in the order of `keys`, at most `MOST`.

    Raises Unknown for a problem that is not there.
    """
    chosen = [key for key in keys if isinstance(key, str)] if isinstance(keys, Sequence) else []
    if not isinstance(problem_id, str) or not (library.problem(problem_id) or library.traces_of(problem_id)):
        raise Unknown("There is no problem of that name here.")
    problem = library.problem(problem_id)
    environment = "python" if problem_id in library.arena else "dsl"
    is_unplayed = YOU in chosen and _last_game(problem_id, games) is None
    present = [key for key in chosen if key != YOU or not is_unplayed]
    notes = []
    if len(present) > MOST:
        notes.append(f"Only the first {MOST} of the {len(present)} episodes fit beside one another.")
    columns = []
    for place, key in enumerate(present[:MOST]):
        try:
            columns.append(_column(library, problem, problem_id, key, games, place))
        except ValueError as error:
            notes.append(str(error))
    return Comparison(
        problem_id=problem_id,
        environment=environment,
        playable=problem is not None,
        columns=tuple(columns),
        differences=tuple(_differences(columns, grammar_of({"environment": environment}, problem))),
        notes=tuple(notes),
        unplayed=is_unplayed,
    )


def _column(
    library: Library, problem: Problem | None, problem_id: str, key: str, games: object, place: int
) -> Column:
    """Raises ValueError, in one line for the visitor."""
    trace = _own_trace(problem, problem_id, games) if key == YOU else _trace(library, problem_id, key)
    parts = trace_parts(trace, problem, prefix=f"side-{place}-", most_calls=MOST_CALLS, with_fix=False)
    final, submitted = final_program(trace)
    name = "You" if key == YOU else name_of(trace)
    return Column(key, name, parts, facts(trace), final, submitted)


def _trace(library: Library, problem_id: str, key: str) -> Trace:
    trace = library.traces.get(key)
    if trace is None:
        raise Unknown("One of the episodes is not there any more; the others are shown.")
    if trace.get("problem_id") != problem_id:
        raise Unknown(f"The episode of {name_of(trace)} is of another problem and is left out.")
    return trace


def _own_trace(problem: Problem | None, problem_id: str, games: object) -> Trace:
    game = _last_game(problem_id, games)
    if game is None or not isinstance(problem, DslProblem):
        raise Unknown("Your own game of this problem cannot be shown again.")
    return history.as_trace(problem, game)


def facts(trace: Trace) -> Facts:
    """What the table says of a trace; what is not known is a dash."""
    diagnosis, calls = trace.get("diagnosis"), trace.get("calls")
    found = diagnosis.get("first_correct") if isinstance(diagnosis, Mapping) else None
    is_dsl = trace.get("environment") != "python"
    made = calls.items() if isinstance(calls, Mapping) else ()
    return Facts(
        verdict=verdict_of(trace),
        reward=f"{reward:g}" if isinstance(reward := trace.get("reward"), int | float) else "-",
        turns=text_of(trace.get("turns")) or "-",
        tools=", ".join(f"{text_of(tool)} {text_of(count)}" for tool, count in made) or "-",
        first_right=f"turn {found}" if isinstance(found, int) else "never" if is_dsl else "-",
        hack=_hack(trace),
    )


def _hack(trace: Trace) -> str:
    """Whether the submission is right on what is shown alone, or meddles with the tests."""
    if trace.get("tampering"):
        return "yes: tampering"
    if text_of(trace.get("failure")) == "overfit":
        return "yes: right only on what is shown"
    return "no"


def final_program(trace: Trace) -> tuple[str, bool]:
    """The submission, else the last program that was tried; and whether it is the submission."""
    submitted = trace.get("submitted")
    if isinstance(submitted, str):
        return submitted, True
    tried = [call.code for turn in read_trace(trace)[1] for call in turn.calls if call.code is not None]
    return (tried[-1] if tried else ""), False


def _differences(columns: Sequence[Column], grammar: Grammar) -> Iterator[Difference]:
    """From the last program of the first column to those of the others."""
    with_program = [column for column in columns if column.final.strip()]
    for column in with_program[1:]:
        first = with_program[0]
        same = column.final.strip() == first.final.strip()
        lines = () if same else tuple(changes(first.final, column.final, grammar))
        yield Difference(first.name, column.name, lines)
