"""Problems in another dialect: the same trees, tables and rows, in words that only the docs explain."""

import re
from dataclasses import replace
from random import Random

from dataset_builder.certify import pays_the_fix_only
from dsl_debug.episode.prompts import messages
from dsl_debug.lang import Dialect, DslError, parse, print_program
from dsl_debug.lang.dialect import PIPE, WORDS
from dsl_debug.problem import Bug, DslProblem

# A text in quotes, a word, or the pipe sign.
_TOKEN = re.compile(rf'"(?:\\.|[^"\\])*"|[^\W\d]\w*|{re.escape(PIPE)}')
_CODE = re.compile(r"`([^`]*)`")


def in_dialect(problem: DslProblem, rng: Random) -> DslProblem | None:
    """The problem in a dialect drawn with `rng`, with a prompt of its own.

    None where the buggy program does not parse or is not laid out as the printer does it, and where an
    episode would not pay the fix 1 and the buggy program 0.
    """
    dialect = Dialect.random(rng)
    try:
        buggy, correct = parse(problem.buggy_code), parse(problem.correct_code)
    except DslError:
        return None
    if print_program(buggy) != problem.buggy_code or print_program(correct) != problem.correct_code:
        return None
    buggy_code, correct_code = print_program(buggy, dialect), print_program(correct, dialect)
    lines = dict(_lines(problem.buggy_code, buggy_code)) | dict(_lines(problem.correct_code, correct_code))
    translated = replace(
        problem,
        buggy_code=buggy_code,
        correct_code=correct_code,
        dialect=dialect,
        bugs=tuple(_bug(bug, lines, dialect) for bug in problem.bugs),
        prompt=(),
    )
    translated = replace(translated, prompt=tuple(messages(translated)))
    return translated if pays_the_fix_only(translated) else None


def _lines(code: str, other: str) -> list[tuple[str, str]]:
    """The lines of a program beside those of the same program in other words."""
    pairs = zip(code.splitlines(), other.splitlines(), strict=True)
    return [(one.strip(), two.strip()) for one, two in pairs]


def _bug(bug: Bug, lines: dict[str, str], dialect: Dialect) -> Bug:
    def code(text: str) -> str:
        return lines.get(text.strip()) or _words(text, dialect)

    description = _CODE.sub(lambda found: f"`{code(found[1])}`", bug.description)
    return replace(bug, description=description, original=code(bug.original), mutated=code(bug.mutated))


def _words(text: str, dialect: Dialect) -> str:
    """A piece of code, word by word: a column that has the name of a word is translated as well."""

    def translated(found: re.Match[str]) -> str:
        token = found[0]
        return dialect.pipe if token == PIPE else dialect.word(token) if token in WORDS else token

    return _TOKEN.sub(translated, text)
