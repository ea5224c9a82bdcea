"""Hints about a problem, from vague to clear. Each one that is taken costs a turn."""

from dsl_debug.diagnosis import faulty_names
from dsl_debug.lang.errors import quoted
from dsl_debug.problem import Bug, DslProblem

HINT = "hint"
"""What the history calls a turn that went into a hint."""


def hints_of(problem: DslProblem) -> list[str]:
    """What the program is for, where to look, then every mistake, as far as the problem tells them.

    Lines are those of the program that the episode starts from.
    """
    found = [_purpose(problem.intent), _place(problem), *(_mistake(bug, problem) for bug in problem.bugs)]
    return [hint for hint in found if hint]


def _purpose(intent: str) -> str:
    return f"What the program is for: {intent.strip()}" if intent.strip() else ""


def _place(problem: DslProblem) -> str:
    names = [quoted(name) for name in faulty_names(problem)]
    if not names:
        return ""
    where = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    count = len(problem.bugs)
    there = "there is 1 mistake" if count == 1 else f"there are {count} mistakes" if count else ""
    return f"Look at {where}: {there} in this program." if there else f"Look at {where}."


def _mistake(bug: Bug, problem: DslProblem) -> str:
    if not bug.description.strip():
        return ""
    is_there = 0 < bug.line <= len(problem.buggy_code.splitlines())
    where = f"Line {bug.line} of the program you were given" if is_there else "A mistake"
    return f"{where}: {bug.description.strip()}."
