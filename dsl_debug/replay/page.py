"""One episode as an HTML file that needs nothing else: no server, no other file, and no script to be read.

What it guards: every text of a trace is escaped, and the content policy of the page lets no other script and
no other style run than the two that are part of it, and no request leave it. What it does not guard: the
browser; and a trace can say what it likes in words.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from dsl_debug.episode.tools import without_thought
from dsl_debug.problem import Bug, DslProblem, PythonProblem
from dsl_debug.replay import markup
from dsl_debug.replay.markup import escaped, folded, shortened, tag
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
from dsl_debug.replay.style import page_style
from dsl_debug.results.rows import public_name

Problem = DslProblem | PythonProblem

# Failure -> colour, name, and what it means, for programs and for functions.
_VERDICTS = {
    "": ("good", "Solved"),
    "overfit": ("warn", "Overfit"),
    "wrong_rows": ("bad", "Wrong result"),
    "error": ("bad", "Error"),
    "unchanged": ("bad", "Unchanged"),
    "never_submitted": ("bad", "Never submitted"),
}
_MEANINGS = {
    "": "The submission is right on what was shown and on what was hidden.",
    "overfit": "Right on what was shown and wrong on what was hidden: a coincidence, not a fix.",
    "wrong_rows": "The submission runs, and what it gives is not what is expected.",
    "error": "The submission does not run.",
    "unchanged": "The buggy program was handed in again.",
    "never_submitted": "The episode ended without a submission.",
}


class Earlier(NamedTuple):
    """A program to compare with, and what it is called."""

    name: str
    code: str


_LABELS = ("category", "difficulty", "database", "prompt", "sample", "seed", "run")


def trace_page(trace: Mapping[str, Any], problem: Problem | None = None) -> str:
    """The page of a trace (a row of `evaluation.trace_row`, or of the config `traces`).

    With its problem the page ends with the mistakes and their correction. Raises ValueError, in one line, for
    a trace without messages, and for the problem of another trace.
    """
    if problem is not None and problem.id != trace.get("problem_id"):
        raise ValueError(f"the trace is of problem {trace.get('problem_id')}, not of {problem.id}")
    task, turns = read_trace(trace)
    grammar = _grammar(trace, problem)
    kind, name = _verdict(trace)
    policy = public_name(text_of(trace.get("policy")))
    parts = {
        "title": escaped(f"{name}: {policy} on {text_of(trace.get('problem_id'))}"),
        "policy": escaped(policy or "An episode"),
        "verdict": tag("p", escaped(name), f"verdict {kind}"),
        "facts": markup.facts([("problem", text_of(trace.get("problem_id"))), *_values(trace, _LABELS)]),
        "rail": _rail(turns, name),
        "problem": "\n".join(_problem(task, problem, grammar)),
        "turns": "\n".join(_turns(turns, task, problem, grammar)),
        "outcome": _outcome(trace, problem, grammar),
    }
    return _template().safe_substitute(parts)


@lru_cache(maxsize=1)
def _template() -> Template:
    """The page with style and script in it, and their hashes in its content policy."""
    texts = {"style": page_style(), "script": _asset("page.js")}
    hashes = {f"{name}_hash": _source_hash(text) for name, text in texts.items()}
    return Template(Template(_asset("page.html")).safe_substitute(texts | hashes))


def _asset(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    """What a content policy calls an inline text by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _grammar(trace: Mapping[str, Any], problem: Problem | None) -> Grammar:
    if isinstance(problem, DslProblem):
        return dsl_grammar(problem.dialect)
    return python_grammar() if trace.get("environment") == "python" else dsl_grammar()


def _verdict(trace: Mapping[str, Any]) -> tuple[str, str]:
    """Colour and name of what came of the episode."""
    if trace.get("stopped"):
        return "bad", "Stopped"
    return _VERDICTS.get(_failure(trace), ("unknown", "Outcome unknown"))


def _failure(trace: Mapping[str, Any]) -> str:
    return text_of(trace.get("failure", "?"))


def _values(trace: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), text_of(trace.get(name))) for name in names]


def _rail(turns: Sequence[Turn], verdict: str) -> str:
    """The steps of the page as links."""
    steps = [(f"turn-{t.number}", f"Turn {t.number}", ", ".join(_tools(t))) for t in turns]
    items = [
        tag("li", tag("a", tag("b", name) + tag("span", escaped(what)), href=f"#{place}"))
        for place, name, what in [*steps, ("outcome", "Outcome", verdict.lower())]
    ]
    return tag("ol", "".join(items))


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


def _turns(turns: Sequence[Turn], task: Task, problem: Problem | None, grammar: Grammar) -> Iterator[str]:
    """Every turn; programs are compared with the last one, or with the buggy one if that is nearer."""
    buggy = last = Earlier("the buggy program", _buggy(task, problem))
    for turn in turns:
        calls = []
        for call in turn.calls:
            calls.append(_call(call, (last, buggy), task.goal, grammar))
            if call.code is not None:
                last = Earlier(f"the program of turn {turn.number}", call.code)
        yield _turn(turn, "".join(calls), task.budget)


def _turn(turn: Turn, calls: str, budget: int | None) -> str:
    title = f"Turn {turn.number} of {budget}" if budget else f"Turn {turn.number}"
    head = tag("h2", title) + (tag("p", escaped(turn.left), "left") if turn.left else "")
    unread = any(not call.tool for call in turn.calls)
    return tag(
        "article",
        tag("header", head) + _remark(turn.remark, unread) + calls,
        "card",
        **{"id": f"turn-{turn.number}", "data-step": f"Turn {turn.number}"},
    )


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
    lines, name = min(compared_with, key=lambda found: sum(bool(line.sign) for line in found[0]))
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


# The end


def _outcome(trace: Mapping[str, Any], problem: Problem | None, grammar: Grammar) -> str:
    kind, name = _verdict(trace)
    stopped = text_of(trace.get("stopped"))
    meaning = f"The episode could not be played to its end: {stopped}" if stopped else _meaning(trace)
    parts = [
        tag("header", tag("h2", "Outcome") + tag("p", escaped(name), f"verdict {kind}")),
        markup.said(meaning) if meaning else "",
        markup.facts([*_facts(trace), *_diagnosis(trace)]),
        markup.plain(text_of(trace.get("error"))) if trace.get("error") else "",
        *(_reference(trace, problem, grammar) if problem else ()),
    ]
    return tag("article", "".join(parts), "card outcome", **{"id": "outcome", "data-step": "Outcome"})


def _meaning(trace: Mapping[str, Any]) -> str:
    failure = _failure(trace)
    if failure == "" and not trace.get("hidden_matches"):
        return "The submission is right on what was shown; nothing was hidden."
    return _MEANINGS.get(failure, "")


def _facts(trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is known of the outcome; figures that a trace lacks are left out."""
    hidden, passed = _list(trace.get("hidden_matches")), _list(trace.get("passed"))
    is_function = trace.get("environment") == "python"
    yield "reward", _number(trace.get("reward"))
    if trace.get("submitted") is not None:
        yield "right on what was shown", _yes_no(trace.get("visible_match"))
        yield "hidden tests passed" if is_function else "hidden tables passed", _share(hidden)
        yield "all tests passed", _share(passed)
    signals = trace.get("signals")
    for name, value in signals.items() if isinstance(signals, Mapping) else ():
        yield f"signal {text_of(name)}", _number(value)
    yield "tampering", ", ".join(map(text_of, _list(trace.get("tampering"))))
    yield from _values(trace, ("turns",))
    calls = trace.get("calls")
    made = calls.items() if isinstance(calls, Mapping) else ()
    yield "calls", ", ".join(f"{text_of(tool)} {text_of(count)}" for tool, count in made)
    yield "tokens written", _number(trace.get("tokens"))
    yield "tokens read", _number(trace.get("prompt_tokens"))
    seconds = trace.get("seconds")
    yield "seconds", f"{seconds:.1f}" if isinstance(seconds, float) and seconds >= 0.05 else ""


def _diagnosis(trace: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    found = trace.get("diagnosis")
    if not isinstance(found, Mapping):
        return
    faulty = ", ".join(map(text_of, _list(found.get("faulty"))))
    yield "mistake in", faulty
    if faulty:
        yield "looked at before the fix", _yes_no(found.get("inspected"))
    yield "expected rows first in turn", text_of(found.get("first_visible"))
    yield "right program first in turn", text_of(found.get("first_correct"))


def _list(value: object) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else ""


def _yes_no(value: object) -> str:
    return "" if value is None else "yes" if value else "no"


def _share(values: Sequence[Any]) -> str:
    return f"{sum(map(bool, values))} of {len(values)}" if values else ""


def _reference(trace: Mapping[str, Any], problem: Problem, grammar: Grammar) -> Iterator[str]:
    """What was wrong, the reference fix, and how a failed submission differs from it."""
    yield tag("h3", "What was wrong")
    yield tag("ul", "".join(tag("li", _bug(bug)) for bug in problem.bugs), "bugs") if problem.bugs else ""
    yield tag("p", "The reference fix:", "note")
    yield markup.program(changes(problem.buggy_code, problem.correct_code, grammar))
    submitted = trace.get("submitted")
    if isinstance(submitted, str) and _failure(trace):
        yield tag("h3", "From the submission to the reference")
        yield markup.program(changes(shortened(submitted), problem.correct_code, grammar))


def _bug(bug: Bug) -> str:
    place = f"Line {bug.line}: " if bug.line else ""
    change = ""
    if bug.original or bug.mutated:
        change = f"<br><code><s>{escaped(bug.mutated)}</s> &rarr; <em>{escaped(bug.original)}</em></code>"
    return f"{place}{escaped(bug.description)}{change}"
