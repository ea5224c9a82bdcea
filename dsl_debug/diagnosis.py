"""How an agent went about a problem: did it look where the mistakes are, and when did it have the answer?

Nothing here reads what an agent says: only its calls, and the environment's answers to them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from dsl_debug.episode.base import SUBMIT, Turn
from dsl_debug.episode.dsl import judge
from dsl_debug.episode.tools import ToolCall
from dsl_debug.lang import DslError, run
from dsl_debug.lang.nodes import Statement
from dsl_debug.lang.parser import parse_tolerant
from dsl_debug.lang.table import header
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.scoring import Outcome

RUN, INSPECT = "run", "inspect"

# The second line of a table as agents see it, below the names of its columns.
_RULE = re.compile(r"[^\n]*\n[-+]+(?:\n|$)")

# The last line of a table as agents see it: "(1 row)", "(3 rows)", "(20 of 1,234 rows shown)".
_COUNT = re.compile(r"^\((?:\d+ of )?([\d,]+) rows?(?: shown)?\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How an agent went about a problem.

    `faulty` names the tables of the buggy program in whose statements the mistakes are. `inspected` says
    whether one of them was looked at by `inspect`, and shown, in a turn before the first candidate that is
    right; if there is none, in any turn. `first_visible` and `first_correct` are the turns (from 1) at which
    a program was first run or submitted that gives the rows shown, and one that is right on hidden tables
    too; None if there was none.
    """

    faulty: tuple[str, ...] = ()
    inspected: bool = False
    first_visible: int | None = None
    first_correct: int | None = None


ARGUMENTS: dict[str, str] = {RUN: "code", SUBMIT: "code", INSPECT: "node_name"}
"""The tools that a diagnosis looks at, and the argument of each that it looks at."""


class Use(NamedTuple):
    """A call of one of these tools: its turn (from 1), that argument, and what the environment answered."""

    turn: int
    tool: str
    text: str
    answer: str


def diagnose(
    problem: DslProblem | PythonProblem, history: Sequence[Turn], outcome: Outcome | None = None
) -> Diagnosis:
    """The diagnosis of a finished episode. `outcome`, where it is known, saves running the submission again.

    Problems of the arena have no named tables: their diagnosis is empty.
    """
    if not isinstance(problem, DslProblem):
        return Diagnosis()
    return _diagnosis(problem, list(_uses(history)), outcome)


def diagnose_chat(
    problem: DslProblem | PythonProblem, messages: Sequence[Mapping[str, Any]], outcome: Outcome | None = None
) -> Diagnosis:
    """The same from the messages of a trace. Raises ValueError for messages that no episode leaves behind."""
    if not isinstance(problem, DslProblem):
        return Diagnosis()
    try:
        uses = list(_uses_in_chat(messages))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"messages that are not those of an episode: {error!r}") from None
    return _diagnosis(problem, uses, outcome)


def diagnosis_columns(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis as traces and results hold it."""
    return {**asdict(diagnosis), "faulty": list(diagnosis.faulty)}


def _diagnosis(problem: DslProblem, uses: Sequence[Use], outcome: Outcome | None) -> Diagnosis:
    faulty = faulty_names(problem)
    first_visible, first_correct = _first_right(problem, uses, outcome)
    before = [use for use in uses if first_correct is None or use.turn < first_correct]
    inspected = any(use.tool == INSPECT and use.text in faulty and _RULE.match(use.answer) for use in before)
    return Diagnosis(faulty, inspected, first_visible, first_correct)


# Calls


def _uses(history: Sequence[Turn]) -> Iterator[Use]:
    for number, turn in enumerate(history, 1):
        answers = [result["observation"] for result in turn.step.info["results"]]
        pairs = zip(turn.calls, answers, strict=True)
        yield from _uses_of_turn(
            number, [(c.name, c.arguments, a) for c, a in pairs if isinstance(c, ToolCall)]
        )


def _uses_in_chat(messages: Iterable[Mapping[str, Any]]) -> Iterator[Use]:
    """The same from messages, as `episode.transcript` makes them: answers to malformed calls have no name."""
    turns: list[tuple[list[Any], list[str]]] = []
    for message in messages:
        if message["role"] == "assistant":
            turns.append(([call["function"] for call in message["tool_calls"]], []))
        elif message["role"] == "tool" and message["name"] and turns:
            turns[-1][1].append(message["content"])
    for number, (calls, answers) in enumerate(turns, 1):
        if len(calls) != len(answers):
            raise ValueError(f"turn {number} of a trace has {len(calls)} calls and {len(answers)} answers")
        pairs = zip(calls, answers, strict=True)
        yield from _uses_of_turn(
            number, [(call["name"], call["arguments"], answer) for call, answer in pairs]
        )


def _uses_of_turn(number: int, calls: Iterable[tuple[str, Mapping[str, Any], str]]) -> Iterator[Use]:
    """What the calls of a message tell; of several submissions only the first one counts."""
    submitted = False
    for tool, arguments, answer in calls:
        if tool in ARGUMENTS and not (tool == SUBMIT and submitted):
            yield Use(number, tool, arguments[ARGUMENTS[tool]], answer)
        submitted = submitted or tool == SUBMIT


# The first candidates that are right


def _first_right(
    problem: DslProblem, uses: Iterable[Use], outcome: Outcome | None
) -> tuple[int | None, int | None]:
    """The turns of the first program that gives the rows shown, and of the first that is right everywhere."""
    known = {outcome.submitted: outcome} if outcome else {}
    first_visible = None
    for use in uses:
        if use.tool == INSPECT:
            continue
        if use.text not in known:
            may_be = _may_be_right(problem, use)
            known[use.text] = _tried(problem, use.text) if may_be else Outcome(use.text)
        if known[use.text].visible_match:
            first_visible = first_visible or use.turn
            if all(known[use.text].hidden_matches):
                return first_visible, use.turn
    return first_visible, None


def _tried(problem: DslProblem, code: str) -> Outcome:
    """The outcome of a program as far as it matters here: nothing is said of one that gives other rows."""
    try:
        given = run(code, problem.tables, dialect=problem.dialect)
    except DslError:
        return Outcome(code)
    right = given.matches(problem.expected_output)
    return judge(problem, code, given=given) if right else Outcome(code)


def _may_be_right(problem: DslProblem, use: Use) -> bool:
    """Whether a program is worth a try: it was seen to give the columns and the number of rows wanted.

    Agents try programs by the dozen, and the answers tell at once that most of them are wrong. An answer to
    a submission, or one that was cut, does not tell.
    """
    wanted = problem.expected_output
    # In a header with such names, columns could not be told apart.
    unclear = any(name != name.strip() or not name or "|" in name for name in wanted.names)
    if use.tool == SUBMIT or unclear or "\n[cut here: " in use.answer:
        return True
    first = use.answer.partition("\n")[0]
    if sorted(part.strip() for part in first.split(" | ")) != sorted(map(header, wanted.names)):
        return False
    counts = _COUNT.findall(use.answer)
    return any(int(count.replace(",", "")) == wanted.length for count in counts)


# Where the mistakes are


@lru_cache(maxsize=256)
def faulty_names(problem: DslProblem) -> tuple[str, ...]:
    """The tables of the buggy program whose statements are not those of the correct one, in its order.

    Where only another table is emitted than should be, it is that one. Where the programs are the same trees
    as far as they can be read, it is what stands in the lines of the bugs. () where no table is to blame, as
    when `emit` itself is misspelt.
    """
    try:
        buggy = parse_tolerant(problem.buggy_code, problem.dialect)
        correct = parse_tolerant(problem.correct_code, problem.dialect)
    except DslError:  # too long, or no text
        return ()
    right = {statement.name: statement for statement in correct.program.statements}
    names = [s.name for s in buggy.program.statements if s != right.get(s.name)]
    if not names and buggy.program.emit != correct.program.emit:
        names = [s.name for s in buggy.program.statements if s.name == buggy.program.emit.name]
    if not names:
        lines = [bug.line for bug in problem.bugs]
        names = [s.name for s in buggy.program.statements if _holds_one_of(lines, s, problem.buggy_code)]
    return tuple(dict.fromkeys(names))


def _holds_one_of(lines: Sequence[int], statement: Statement, code: str) -> bool:
    start, end = (code.count("\n", 0, place) + 1 for place in statement.span)
    return any(start <= line <= end for line in lines)
