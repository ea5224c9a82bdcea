"""Bugs without end: mutants of correct functions, kept if tests can tell them from the function.

A mutant that answers like its function on all inputs is dropped as equivalent. One that does not end is
dropped as well: each attempt at such a bug would cost its whole time limit and teach nothing that the
others do not. So is one that crashes on every input: nobody would have left it like that. The hidden tests
of a bug are chosen so that every other known mutant of the function fails one of the tests, too: a fix that
trades one small mistake for another is not paid.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, zip_longest
from random import Random

from dataset_builder.python_bugs.cases import Runner
from dataset_builder.python_bugs.checks import MIN_VISIBLE
from dataset_builder.python_bugs.library import LibraryFunction, draw_inputs, expected_case
from dataset_builder.seeding import seeded
from dsl_debug.agents.python_mutations import MUTATIONS, Edit, mutants_of
from dsl_debug.problem import Bug, Case, PythonProblem

INPUTS = 32
"""Calls that a mutant is compared on with its function."""

MAX_OF_KIND = 3
"""Mutants of one function that are looked at for each kind of mistake, so that no kind fills the list."""

LEAST_HIDDEN = 6
MAX_HIDDEN = 12

_BATCH = 8


@dataclass(frozen=True)
class Mutant:
    """A mutant that was run: `killed_by` are the indices of the inputs on which it differs from its
    function.
    """

    kind: str
    edit: Edit
    code: str
    killed_by: frozenset[int]


def generate(function: LibraryFunction, seed: int, n: int, run: Runner) -> list[PythonProblem]:
    """Up to `n` bugs of a function; fewer where it has not so many mutants that tests can tell from it.

    The bug at an index depends on the seed, the function and the index, and on nothing else.
    """
    cases = [expected_case(function, args) for args in draw_inputs(function, seed, INPUTS)]
    mutants = list(_run_all(function, seed, cases, run))
    return [_problem(function, seed, mutant, mutants, cases) for mutant in mutants[:n]]


def _run_all(function: LibraryFunction, seed: int, cases: Sequence[Case], run: Runner) -> Iterator[Mutant]:
    """The mutants of a function that end, and that some input tells from the function."""
    for kind, edit, code in _in_turn(function, seeded("mutants", seed, function.name)):
        killed_by = _killed_by(function.name, code, cases, run)
        if killed_by:
            yield Mutant(kind, edit, code, killed_by)


def _in_turn(function: LibraryFunction, rng: Random) -> list[tuple[str, Edit, str]]:
    """The first of each kind in a random order, then the second of each, and so on."""
    kinds = []
    for kind, edits in mutants_of(function.code).items():
        some = rng.sample(edits, min(len(edits), MAX_OF_KIND))
        kinds.append([(kind, edit, code) for edit, code in some])
    rng.shuffle(kinds)
    return [mutant for found in zip_longest(*kinds) for mutant in found if mutant is not None]


def _killed_by(name: str, code: str, cases: Sequence[Case], run: Runner) -> frozenset[int]:
    """The cases that a mutant fails; none for one that is equivalent, does not end, or crashes on every
    case.
    """
    failed = []
    crashes = 0
    # The first case by itself: most of what does not end is found out by it, in one time limit.
    for start, end in pairwise([0, 1, *range(_BATCH, len(cases), _BATCH), len(cases)]):
        outcomes = run(code, name, cases[start:end])
        if any(outcome.reason in ("timeout", "memory") for outcome in outcomes):
            return frozenset()
        failed += [start + index for index, outcome in enumerate(outcomes) if not outcome.passed]
        crashes += sum(outcome.reason == "error" for outcome in outcomes)
    return frozenset(failed) if len(failed) >= 2 and crashes < len(cases) else frozenset()


def _problem(
    function: LibraryFunction, seed: int, mutant: Mutant, mutants: Sequence[Mutant], cases: Sequence[Case]
) -> PythonProblem:
    rng = seeded("tests", seed, function.name, mutant.code)
    visible, hidden = _choose_tests(mutant, mutants, len(cases), rng)
    edit, mutation = mutant.edit, MUTATIONS[mutant.kind]
    return PythonProblem(
        category=_category(function, mutant.kind),
        difficulty=_difficulty(function.code, len(mutant.killed_by) / len(cases)),
        family=function.family,
        function=function.name,
        source="mutation",
        buggy_code=mutant.code,
        correct_code=function.code,
        description=function.description,
        tests=tuple(cases[index] for index in visible),
        hidden_tests=tuple(cases[index] for index in hidden),
        bugs=(
            Bug(
                kind=mutant.kind,
                line=edit.line,
                description=f"Line {edit.line} {edit.description}.",
                original=ast.unparse(edit.node),
                mutated=ast.unparse(edit.replacement) if edit.replacement else "",
            ),
        ),
        hint=mutation.hint,
    )


def _choose_tests(
    mutant: Mutant, mutants: Sequence[Mutant], count: int, rng: Random
) -> tuple[list[int], list[int]]:
    """Indices of the visible and the hidden cases. Both have some that kill the mutant; all together kill
    the others.
    """
    order = rng.sample(range(count), count)
    killing = [index for index in order if index in mutant.killed_by]
    harmless = [index for index in order if index not in mutant.killed_by]
    shown = min(3, len(killing) // 2)
    visible = [*killing[:shown], *harmless[: MIN_VISIBLE - shown]]
    spare = [index for index in killing[shown:] if index not in visible]
    hidden = spare[:2]
    visible += spare[2 : 2 + MIN_VISIBLE - len(visible)]
    left = [index for index in order if index not in visible and index not in hidden]
    alive = [other.killed_by for other in mutants if not other.killed_by & {*visible, *hidden}]
    while left and len(hidden) < MAX_HIDDEN and (alive or len(hidden) < LEAST_HIDDEN):
        best = max(left, key=lambda index: sum(index in killed_by for killed_by in alive))
        hidden.append(best)
        left.remove(best)
        alive = [killed_by for killed_by in alive if best not in killed_by]
    return rng.sample(visible, len(visible)), rng.sample(hidden, len(hidden))


def _category(function: LibraryFunction, kind: str) -> str:
    """That of the kind of mistake, unless what the function works with says more."""
    calls = (node for node in ast.walk(ast.parse(function.code)) if isinstance(node, ast.Call))
    if any(isinstance(call.func, ast.Name) and call.func.id == function.name for call in calls):
        return "recursion"
    if function.family == "texts" and kind in (
        "slice_bounds",
        "wrong_method",
        "constant",
        "swapped_operands",
    ):
        return "string_handling"
    return MUTATIONS[kind].category


@lru_cache(maxsize=256)
def _statements(code: str) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(code)))


def _difficulty(code: str, killed_share: float) -> str:
    """By the length of the function, and by how rarely the bug shows: both are what makes it hard to find."""
    score = _statements(code) / 12 + (1 - killed_share)
    return "easy" if score < 0.85 else "medium" if score < 1.15 else "hard"
