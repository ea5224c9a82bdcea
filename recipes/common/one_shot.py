"""A task that a very small model can learn: repair a program with one mistake in one message.

Episodes have one turn and one tool, `submit`; the broken program is the whole prompt. Problems come from a
built dataset. Used by the learning check (recipes/learning_check.py).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, ClassVar

from dsl_debug import DslError, run
from dsl_debug.episode import TOOLS, schemas
from dsl_debug.episode.dsl import DSLDebugEnv, DslTools
from dsl_debug.episode.tools import Tool
from dsl_debug.episode.trl import problem_of
from dsl_debug.problem import DslProblem
from recipes.common.arguments import BadArguments

ONLY_SUBMIT: dict[str, Tool] = {"submit": TOOLS["submit"]}


class OneShot(DSLDebugEnv):
    """An episode of one turn in which only `submit` can be called."""

    tools: ClassVar[Mapping[str, Tool]] = ONLY_SUBMIT


class OneShotToolEnv:
    """The same as TRL wants it."""

    def __init__(self) -> None:
        self.episode = OneShot(max_turns=1)

    def reset(self, **row: Any) -> None:
        self.episode.reset(problem_of(row))

    def get_reward(self) -> float:
        return self.episode.reward

    def submit(self, code: str):  # type: ignore[no-untyped-def]  # TRL would add it to the schema
        return self.episode.call("submit", code=code).observation

    submit.__doc__ = DslTools.submit.__doc__


def prompt_of(problem: DslProblem) -> list[dict[str, str]]:
    """The messages that an episode starts from."""
    return [
        {"role": "system", "content": "Repair the program."},
        {"role": "user", "content": problem.buggy_code},
    ]


def answer_of(problem: DslProblem) -> dict[str, Any]:
    """The call that hands in the right program."""
    return {"name": "submit", "arguments": {"code": problem.correct_code}}


def lesson_of(problem: DslProblem) -> dict[str, Any]:
    """The conversation of supervised training."""
    told = [{**message, "tool_calls": []} for message in prompt_of(problem)]
    call = {"type": "function", "function": answer_of(problem)}
    answer = {"role": "assistant", "content": "", "tool_calls": [call]}
    return {"messages": [*told, answer], "tools": schemas(ONLY_SUBMIT)}


# What is learned, and what is asked


def is_single(problem: DslProblem) -> bool:
    """Whether a problem is a standard one with a single mistake."""
    return problem.category == "standard" and len(problem.bugs) == 1


def raises_error(problem: DslProblem) -> bool:
    """Whether the broken program does not run."""
    try:
        run(problem.buggy_code, problem.tables)
    except DslError:
        return True
    return False


def lessons(
    problems: Iterable[DslProblem], settings: Mapping[str, Any]
) -> tuple[list[DslProblem], list[DslProblem]]:
    """The problems of supervised training, some of them several times, and those among them of the easy
    slice: their single mistake raises an error.

    Raises BadArguments where there are too few.
    """
    short = [p for p in problems if is_single(p) and len(p.correct_code) <= settings["max_characters"]]
    ordered = sorted(short, key=lambda p: hashlib.sha256(p.id.encode()).hexdigest())
    easy = [p for p in ordered if raises_error(p)]
    if len(easy) < settings["programs"]:
        raise BadArguments(
            f"the dataset has {len(easy)} problems of the easy slice, and {settings['programs']} are needed: "
            "build one with --preset paper"
        )
    names = {p.id for p in easy}
    chosen = easy[-settings["programs"] :]
    return [p for p in ordered if p.id not in names] + chosen * settings["slice_repeats"], chosen


def variants(
    problems: Sequence[DslProblem], each: int, seed: int, learned: Iterable[DslProblem]
) -> list[DslProblem]:
    """`each` new problems of each problem: the same program with another mistake, which raises an error.

    No two of them begin with the same broken program, and none with one of `learned`.
    """
    rng = Random(seed)
    known = {problem.buggy_code for problem in learned}
    made: list[DslProblem] = []
    for problem in problems:
        enough = len(made) + each
        while len(made) < enough:
            other = replace(problem, buggy_code=broken(problem.correct_code, rng), bugs=())
            if other.buggy_code not in known and raises_error(other):
                known.add(other.buggy_code)
                made.append(other)
    return made


def broken(code: str, rng: Random) -> str:
    """A program with one mistake as in the slice, which can be told from the rest of the program."""
    words = list(re.finditer(r"[a-z_]\w{2,}", code))
    often = Counter(found[0] for found in words)
    named = [found for found in words if often[found[0]] > 1]
    called = [found for found in words if code[found.end() :].startswith("(")]
    marks = [list(re.finditer(re.escape(mark), code)) for mark in ("|>", ")", '"', "==")]
    places = rng.choice([some for some in (named, called, *marks) if some])
    place = rng.choice(places)
    start, end = place.span()
    wrong = {"|>": rng.choice(["|", ">"]), ")": "", '"': "", "==": "="}.get(place[0])
    return code[:start] + (misspelt(place[0], rng) if wrong is None else wrong) + code[end:]


def misspelt(word: str, rng: Random) -> str:
    """A word with two neighbours swapped, a letter twice, or one left out; never the word itself."""
    at = rng.randrange(len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    others = [swapped, word[: at + 1] + word[at:], word[:at] + word[at + 1 :]]
    return rng.choice([other for other in others if other != word])
