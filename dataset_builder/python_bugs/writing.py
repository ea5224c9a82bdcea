"""Further bugs, written by a model behind an OpenAI-compatible endpoint.

A model gets no credit: what it writes goes through the same reading and the same checks as a stranger's
list, in the sandbox. Each request asks for one bug; request number i is the same in every run with the same
seed, and its answer is kept on disk, so that a run that was stopped goes on where it was.
"""

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dataset_builder.arena import nameless
from dataset_builder.llm_requests import (
    Silence,
    heard,
    object_schema,
    read_object,
    structured,
    text_properties,
)
from dataset_builder.python_bugs.cases import Runner
from dataset_builder.python_bugs.checks import verify
from dataset_builder.python_bugs.families import hand_written_problems
from dataset_builder.python_bugs.importing import Progress, Rejection, import_entries
from dataset_builder.python_bugs.library import library
from dataset_builder.seeding import seeded
from dsl_debug.policies.answers import Usage
from dsl_debug.policies.endpoint import Body, Endpoint, Settings
from dsl_debug.problem import DIFFICULTIES, PYTHON_CATEGORIES, PythonProblem

TOPICS = (
    *("playlists", "bank statements", "bus timetables", "chess boards", "recipes", "weather readings"),
    *("library loans", "football tables", "file paths", "shopping baskets", "DNA strings", "phone numbers"),
    *("seating plans", "exam marks", "warehouse stock", "road maps", "elections", "word games", "calendars"),
    *("pixel images", "train tickets", "version numbers", "message threads", "family trees", "log lines"),
)

_CODE = "Python source of the whole function, with a docstring, without comments"
_FIELDS: dict[str, str] = {
    "name": "the name of the function",
    "description": "one sentence on what the function should do, which settles every case that is tested",
    "hint": "one sentence that helps to find the mistake without naming it",
    "correct_code": _CODE,
    "buggy_code": "the same source with one mistake that a programmer makes and that no text names",
}
_TEST: dict[str, str] = {
    "args": 'the arguments as a Python list, such as "[[1, 2], 3]"',
    "expected": 'the result as a Python literal, such as "(3, None)"; "" if an exception is raised',
    "raises": 'the name of the built-in exception that is raised, such as "ValueError"; "" if none is',
}


SCHEMA = object_schema(
    {**text_properties(_FIELDS), "tests": {"type": "array", "items": object_schema(text_properties(_TEST))}}
)

_SYSTEM = """\
You write exercises in debugging: a short Python function, and the same function with one realistic mistake. \
Both stand alone, compute their result from their arguments, and use the standard library at most. Arguments \
and results are numbers, text, True, False, None, and lists, tuples, dicts and sets of these. Write 12 tests \
with different arguments, edge cases among them; the correct function passes all, the buggy one fails three \
to eight. Work each expected value out by hand. Answer with one JSON object."""


@dataclass
class Written:
    """What came of it. `counts`: what became of the requests; `stopped`: why there are too few problems."""

    problems: list[PythonProblem] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    stopped: str = ""


def write_bugs(
    settings: Settings,
    n: int,
    run: Runner,
    seed: int = 0,
    on_progress: Progress = lambda done, total: None,
) -> Written:
    """Up to `n` problems that pass all checks. Raises Unavailable, in one line and without the key."""
    usage = Usage()
    written = Written(counts=usage.counts)
    known = {nameless(function.code) for function in library()}
    known |= {nameless(problem.correct_code) for problem in hand_written_problems()}
    requests = [_request(seed, number) for number in range(4 * n + 8)]
    with Endpoint(settings) as endpoint:
        bodies = [_body(settings, request) for request in requests]
        try:
            for request, answer in zip(requests, heard(endpoint, bodies, usage), strict=True):
                if not answer.trouble:
                    _take(written, answer.text, request, known, run, seed)
                    on_progress(len(written.problems), n)
                if len(written.problems) == n:
                    return written
        except Silence as silence:
            written.stopped = str(silence)
            return written
    written.stopped = f"{len(requests)} requests gave no more than this"
    return written


def _take(
    written: Written, text: str, request: Mapping[str, str], known: set[str], run: Runner, seed: int
) -> None:
    """Read one answer, and keep its bug if nothing speaks against it."""
    entry = read_entry(text)
    if entry is None:
        written.counts["not the JSON that was asked for"] += 1
        return
    entry |= {"category": request["category"], "difficulty": request["difficulty"]}
    problems, rejections = import_entries([entry], run, seed, source="llm")
    written.rejections += [Rejection(str(entry["name"]), rejection.reasons) for rejection in rejections]
    for problem in problems:
        reasons = verify(problem, run) or _further_reasons(problem, known, written.problems)
        if reasons:
            written.rejections.append(Rejection(problem.function, tuple(reasons)))
        else:
            written.problems.append(problem)


def _further_reasons(problem: PythonProblem, known: set[str], others: list[PythonProblem]) -> list[str]:
    if has_comment(problem.buggy_code):
        return ["the buggy code has a comment"]
    if nameless(problem.correct_code) in known:
        return ["the arena has this function already"]
    codes = nameless(problem.correct_code), nameless(problem.buggy_code)
    if any(codes == (nameless(other.correct_code), nameless(other.buggy_code)) for other in others):
        return ["it was written before"]
    return []


def has_comment(code: str) -> bool:
    """Whether Python code has a comment: those of a model like to say where the mistake is."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return any(token.type == tokenize.COMMENT for token in tokens)


# Reading answers


def read_entry(text: str) -> dict[str, Any] | None:
    """The entry that an answer holds, its tests read as Python; None if it is not of the form asked for."""
    entry = read_object(text)
    try:
        check_form(entry)
        return {**entry, "tests": [_test(test) for test in entry["tests"]]} if entry else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def check_form(entry: Any) -> None:
    """Raises ValueError unless the entry follows SCHEMA."""
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in _FIELDS):
        raise ValueError("the fields are texts")
    if not isinstance(entry.get("tests"), list) or not all(isinstance(test, dict) for test in entry["tests"]):
        raise ValueError("the tests are objects")
    if not all(isinstance(test.get(name), str) for test in entry["tests"] for name in _TEST):
        raise ValueError("the parts of a test are texts")


def _test(test: Mapping[str, str]) -> dict[str, Any]:
    args = ast.literal_eval(test["args"].strip())
    if not isinstance(args, list | tuple):
        raise ValueError("the arguments are a list")
    if test["raises"]:
        return {"args": list(args), "raises": test["raises"]}
    return {"args": list(args), "expected": ast.literal_eval(test["expected"].strip())}


# Asking


def _request(seed: int, number: int) -> dict[str, str]:
    rng = seeded("llm", seed, number)
    return {
        "number": str(number),
        "seed": str(rng.randrange(2**31)),
        "topic": rng.choice(TOPICS),
        "category": rng.choice(PYTHON_CATEGORIES),
        "difficulty": rng.choice(DIFFICULTIES),
    }


def _body(settings: Settings, request: Mapping[str, str]) -> Body:
    kind = request["category"].replace("_", " ")
    task = f"Topic: {request['topic']}. Kind of mistake: {kind}. Difficulty: {request['difficulty']}."
    return structured(settings, _SYSTEM, task, "bug", SCHEMA, int(request["seed"]))
