"""What came of an episode, as HTML: the verdict, the facts, and what was wrong with the problem."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dsl_debug.problem import Bug, DslProblem, PythonProblem
from dsl_debug.replay import markup
from dsl_debug.replay.markup import escaped, shortened, tag
from dsl_debug.replay.programs import Grammar, changes
from dsl_debug.replay.reading import text_of

Problem = DslProblem | PythonProblem

# Failure -> colour and name, for programs and for functions.
VERDICTS = {
    "": ("good", "Solved"),
    "overfit": ("warn", "Overfit"),
    "wrong_rows": ("bad", "Wrong result"),
    "error": ("bad", "Error"),
    "unchanged": ("bad", "Unchanged"),
    "never_submitted": ("bad", "Never submitted"),
}

# Failure -> what it means.
MEANINGS = {
    "": "The submission is right on what was shown and on what was hidden.",
    "overfit": "Right on what was shown and wrong on what was hidden: a coincidence, not a fix.",
    "wrong_rows": "The submission runs, and what it gives is not what is expected.",
    "error": "The submission does not come to a result.",
    "unchanged": "What was handed in is the buggy program, as it was.",
    "never_submitted": "The episode ended without a submission.",
}


def verdict_of(trace: Mapping[str, Any]) -> tuple[str, str]:
    """Colour (good, warn, bad or unknown) and name of what came of an episode."""
    if trace.get("stopped"):
        return "bad", "Stopped"
    return VERDICTS.get(_failure(trace), ("unknown", "Outcome unknown"))


def outcome(trace: Mapping[str, Any], problem: Problem | None, grammar: Grammar, prefix: str) -> str:
    """The last step of an episode; with its problem, the mistakes and their correction as well."""
    kind, name = verdict_of(trace)
    stopped = text_of(trace.get("stopped"))
    meaning = f"The episode could not be played to its end: {stopped}" if stopped else _meaning(trace)
    parts = [
        tag("header", tag("h2", "Outcome") + tag("p", escaped(name), f"verdict {kind}")),
        markup.said(meaning) if meaning else "",
        markup.facts([*_facts(trace), *_diagnosis(trace)]),
        markup.plain(text_of(trace.get("error"))) if trace.get("error") else "",
        *(_reference(trace, problem, grammar) if problem else ()),
    ]
    return tag(
        "article", "".join(parts), "card outcome", **{"id": f"{prefix}outcome", "data-step": "Outcome"}
    )


def _meaning(trace: Mapping[str, Any]) -> str:
    failure = _failure(trace)
    if failure == "" and not trace.get("hidden_matches"):
        return "The submission is right on what was shown; nothing was hidden."
    return MEANINGS.get(failure, "")


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
    yield from values(trace, ("turns",))
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
    yield bugs_list(problem.bugs)
    yield tag("p", "The reference fix:", "note")
    yield markup.program(changes(problem.buggy_code, problem.correct_code, grammar))
    submitted = trace.get("submitted")
    if isinstance(submitted, str) and _failure(trace):
        yield tag("h3", "From the submission to the reference")
        yield markup.program(changes(shortened(submitted), problem.correct_code, grammar))


def bugs_list(bugs: Sequence[Bug]) -> str:
    """The mistakes of a problem; nothing if they are not known."""
    return tag("ul", "".join(tag("li", _bug(bug)) for bug in bugs), "bugs") if bugs else ""


def _bug(bug: Bug) -> str:
    """Where a mistake is, what it is, and the change. Names between backticks are set as code."""
    place = f"Line {bug.line}: " if bug.line else ""
    words = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped(bug.description))
    change = ""
    if bug.original or bug.mutated:
        change = f"<br><code><s>{escaped(bug.mutated)}</s> &rarr; <em>{escaped(bug.original)}</em></code>"
    return f"{place}{words}{change}"


def _failure(trace: Mapping[str, Any]) -> str:
    return text_of(trace.get("failure", "?"))


def values(trace: Mapping[str, Any], names: Sequence[str]) -> list[tuple[str, str]]:
    """Columns of a trace under the names that people read."""
    return [(name.replace("_", " "), text_of(trace.get(name))) for name in names]
