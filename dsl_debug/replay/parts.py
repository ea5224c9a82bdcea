"""The parts of an episode as HTML: the problem, the turns and the outcome, for any page that shows episodes.

Every text of a trace is escaped. A trace can still say what it likes in words.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dsl_debug.episode.tools import without_thought
from dsl_debug.problem import DslProblem
from dsl_debug.replay import markup
from dsl_debug.replay.markup import escaped, folded, shortened, tag
from dsl_debug.replay.outcome import Problem, outcome, values, verdict_of
from dsl_debug.replay.programs import (
    Answer,
    Grammar,
    changes,
    compared,
    dsl_grammar,
    lines_of,
    python_grammar,
)
from dsl_debug.replay.reading import Call, Task, Turn, read_trace, text_of
from dsl_debug.results.rows import public_name


class Earlier(NamedTuple):
    """A program to compare with, and what it is called."""

    name: str
    code: str


_LABELS = ("category", "difficulty", "database", "prompt", "sample", "seed", "run")


@dataclass(frozen=True)
class Step:
    """A turn or the outcome: the `id` of its element, what it is called, the tools or the verdict in a few
    words (texts), and the element itself (HTML)."""

    id: str
    label: str
    summary: str
    html: str


@dataclass(frozen=True)
class Parts:
    """An episode. `policy` and `verdict` (colour and name) are texts, `facts` and `problem` are HTML; the
    last step is the outcome."""

    policy: str
    verdict: tuple[str, str]
    facts: str
    problem: str
    steps: tuple[Step, ...]


def trace_parts(
    trace: Mapping[str, Any],
    problem: Problem | None = None,
    *,
    prefix: str = "",
    most_calls: int | None = None,
    with_fix: bool = True,
) -> Parts:
    """The parts of a trace (a row of `evaluation.trace_row`, or of the config `traces`).

    With its problem the outcome ends with the mistakes and their correction, if `with_fix`. Where several
    episodes stand in one document, `prefix` keeps their ids apart. Of a turn with many more than `most_calls`
    (at least 1) calls, the first ones and the last one are drawn. Raises ValueError, in one line, for a trace
    without messages, and for the problem of another trace.
    """
    task, turns = _read(trace, problem)
    grammar = grammar_of(trace, problem)
    verdict = verdict_of(trace)
    end = outcome(trace, problem if with_fix else None, grammar, prefix)
    return Parts(
        policy=public_name(text_of(trace.get("policy"))),
        verdict=verdict,
        facts=markup.facts([("problem", text_of(trace.get("problem_id"))), *values(trace, _LABELS)]),
        problem="\n".join(_problem(task, problem, grammar)),
        steps=(
            *_steps(turns, Shown(task, problem, grammar, prefix, most_calls)),
            Step(f"{prefix}outcome", "Outcome", verdict[1].lower(), end),
        ),
    )


def turn_steps(
    trace: Mapping[str, Any],
    problem: Problem | None = None,
    *,
    prefix: str = "",
    most_calls: int | None = None,
) -> tuple[Step, ...]:
    """The turns alone, for an episode that is not over. Raises ValueError as `trace_parts` does."""
    task, turns = _read(trace, problem)
    return tuple(_steps(turns, Shown(task, problem, grammar_of(trace, problem), prefix, most_calls)))


def _read(trace: Mapping[str, Any], problem: Problem | None) -> tuple[Task, list[Turn]]:
    if problem is not None and problem.id != trace.get("problem_id"):
        raise ValueError(f"the trace is of problem {trace.get('problem_id')}, not of {problem.id}")
    return read_trace(trace)


def grammar_of(trace: Mapping[str, Any], problem: Problem | None) -> Grammar:
    """How words of the programs of an episode are told apart."""
    if isinstance(problem, DslProblem):
        return dsl_grammar(problem.dialect)
    return python_grammar() if trace.get("environment") == "python" else dsl_grammar()


def _tools(turn: Turn) -> list[str]:
    return list(dict.fromkeys(call.tool[:30] or "unreadable" for call in turn.calls))


# The problem


def _problem(task: Task, problem: Problem | None, grammar: Grammar) -> Iterator[str]:
    """What the agent was shown, in parts that fold."""
    code = _buggy(task, problem)
    if task.purpose:
        yield markup.said(task.purpose)
    if code:
        title = "The buggy function" if task.purpose else "The buggy program"
        yield folded(title, markup.program(lines_of(shortened(code), grammar)), is_open=True)
    if task.goal:
        title = "Expected rows" if isinstance(problem, DslProblem) or task.tables else "Visible tests"
        yield folded(title, markup.table(compared(shortened(task.goal), "")), is_open=True)
    if task.tables:
        yield folded("Tables", markup.plain(task.tables))
    words = tag("h3", "System") + markup.plain(task.system) if task.system else ""
    yield folded("The whole prompt", words + tag("h3", "User") + markup.plain(task.prompt))


def _buggy(task: Task, problem: Problem | None) -> str:
    return problem.buggy_code if problem else task.program


# The turns


class Shown(NamedTuple):
    """What every turn of an episode is drawn with."""

    task: Task
    problem: Problem | None
    grammar: Grammar
    prefix: str
    most_calls: int | None


def _steps(turns: Sequence[Turn], shown: Shown) -> Iterator[Step]:
    """Every turn; programs are compared with the last one, or with the buggy one if that is nearer."""
    buggy = last = Earlier("the buggy program", _buggy(shown.task, shown.problem))
    for turn in turns:
        left_out = _left_out(turn, shown.most_calls)
        calls = []
        for place, call in enumerate(turn.calls):
            if place == left_out.start and left_out:
                calls.append(tag("p", f"and {len(left_out):,} more calls", "note"))
            if place not in left_out:
                calls.append(_call(call, (last, buggy), shown.task.goal, shown.grammar))
            if call.code is not None:
                last = Earlier(f"the program of turn {turn.number}", call.code)
        yield _step(turn, "".join(calls), shown)


def _left_out(turn: Turn, most: int | None) -> range:
    """The places of calls that are not drawn: two or more before the last one, which may be a submission."""
    count = len(turn.calls)
    return range(0) if most is None or count <= most + 1 else range(most - 1, count - 1)


def _step(turn: Turn, calls: str, shown: Shown) -> Step:
    place, label = f"{shown.prefix}turn-{turn.number}", f"Turn {turn.number}"
    title = f"{label} of {shown.task.budget}" if shown.task.budget else label
    head = tag("h2", title) + (tag("p", escaped(turn.left), "left") if turn.left else "")
    unread = any(not call.tool for call in turn.calls)
    article = tag(
        "article",
        tag("header", head) + _remark(turn.remark, unread) + calls,
        "card",
        **{"id": place, "data-step": label},
    )
    return Step(place, label, ", ".join(_tools(turn)), article)


def _remark(text: str, unread: bool) -> str:
    """What the agent said: its thought folded; a message with an unreadable call as it was written."""
    if unread:
        return markup.plain(text)
    rest = without_thought(text)
    thought = text[: len(text) - len(rest)].strip()
    parts = [folded("Thought", tag("div", markup.said(thought), "thought"))] if thought else []
    return "".join([*parts, *([markup.said(rest)] if rest.strip() else [])])


def _call(call: Call, earlier: Sequence[Earlier], goal: str, grammar: Grammar) -> str:
    others = [(key, text_of(value)) for key, value in call.arguments.items() if key != "code"]
    shown = [
        tag("span", escaped(shortened(text)), "argument", title=text_of(key)) for key, text in others if text
    ]
    head = tag("span", escaped(call.tool[:60] or "not a call that can be read"), "tool")
    kind = "call submit" if call.tool == "submit" else "call" if call.tool else "call unread"
    code = "" if call.code is None else _code(shortened(call.code), earlier, grammar)
    return tag("div", tag("p", "".join([head, *shown])) + code + _answer(call, goal), kind)


def _code(code: str, earlier: Sequence[Earlier], grammar: Grammar) -> str:
    """A program, with what it changes in the nearest of the earlier ones."""
    plain = lines_of(code, grammar)
    known = [(name, shortened(text)) for name, text in earlier if text]
    for name, text in known:
        if code.strip() == text.strip():
            return folded(f"The same as {name}", markup.program(plain))
    compared_with = [(changes(text, code, grammar), name) for name, text in known]
    if not compared_with:
        return markup.program(plain)
    # What is too long to be compared comes without signs, and is no better for that.
    lines, name = min(compared_with, key=lambda found: sum(bool(line.sign) for line in found[0]) or math.inf)
    kept = [line for line in lines if not line.sign]
    if len(kept) == len(lines):
        note = "Too long to compare with"
    elif any(line.pieces for line in kept):
        note = "Compared with"
    else:
        note, lines = "Nothing is left of", plain
    return tag("p", f"{note} {name}:", "note") + markup.program(lines)


def _answer(call: Call, goal: str) -> str:
    """The answer to a call; rows that a program gave are held against the expected ones."""
    text = shortened(call.answer.strip("\n"))
    if not text:
        return ""
    found = compared(text, goal if call.tool == "run" else "")
    if call.tool == "read_docs":
        return folded("Answer: a page of the reference", markup.table(found))
    kind, words = _title(call.tool, text, found)
    title = tag("p", words, f"answers {kind}".strip())
    return title if text == f"{words}." else title + markup.table(found)


def _title(tool: str, text: str, found: Answer) -> tuple[str, str]:
    """The colour of an answer, and the words above it."""
    last = text.rsplit("\n", 1)[-1]
    if tool == "submit" and last in ("Correct.", "Incorrect."):
        return ("right", "Correct") if last == "Correct." else ("wrong", "Incorrect")
    if found.complete:
        return "right", "Answer: the expected rows"
    if found.wanted:
        return "", f"Answer: {found.right} of {found.wanted} expected rows in their places"
    return "", "Answer"
