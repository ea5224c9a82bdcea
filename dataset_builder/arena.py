"""The arena's problems: hand-written and generated, verified, without repetitions, split by family.

The same seed gives the same problems in the same order, whatever the number of workers: each hand-written
family and each library function is a job of its own, and what comes later works on the jobs in their order.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any, NamedTuple

from dataset_builder.model import SPLITS, Progress
from dataset_builder.python_bugs.cases import Runner, sandboxed
from dataset_builder.python_bugs.checks import code_shape, verify
from dataset_builder.python_bugs.families import hand_written_problems
from dataset_builder.python_bugs.library import LibraryFunction, library
from dataset_builder.python_bugs.mutate import generate
from dataset_builder.seeding import seeded
from dsl_debug.problem import DIFFICULTIES, PYTHON_CATEGORIES, PythonProblem
from dsl_debug.sandbox import Sandbox

LABELS = (*PYTHON_CATEGORIES, *DIFFICULTIES)

# The share of the problems that is held out, at least: families are not cut in two.
SHARES = {"test": 0.2, "validation": 0.1}

# Ways of dealing out the families, of which the best is taken.
_DEALS = 200

Splits = dict[str, list[PythonProblem]]
Report = dict[str, Any]
Checked = tuple[PythonProblem, list[str]]


class Arena(NamedTuple):
    """The problems of each split, by id, and what became of all that were made, ready for JSON."""

    splits: Splits
    report: Report


def build_arena(
    seed: int,
    generated_per_function: int,
    box: Sandbox,
    workers: int,
    on_progress: Progress = lambda done, total: None,
) -> Arena:
    """All hand-written problems and up to `generated_per_function` for each function of the library.

    Everything is run in `box`, by that many threads; `on_progress` hears how many of how many jobs are done.
    Raises SandboxError where the sandbox cannot do its work.
    """
    checked = _make_all(seed, generated_per_function, sandboxed(box), workers, on_progress)
    kept, rejected = keep_different(checked)
    splits = split_by_family(kept, seed)
    report = {
        "seed": seed,
        "generated_per_function": generated_per_function,
        "made": _counts(problem.source for problem, _ in checked),
        "rejected": rejected,
        "splits": {name: _summary(problems) for name, problems in splits.items()},
        "missing_from_test": sorted(set(LABELS) - _labels(splits["test"])),
    }
    return Arena(splits, report)


def _make_all(
    seed: int, per_function: int, run: Runner, workers: int, on_progress: Progress
) -> list[Checked]:
    by_family: dict[str, list[PythonProblem]] = {}
    for problem in hand_written_problems():
        by_family.setdefault(problem.family, []).append(problem)
    jobs = [partial(_checked, problems, run) for problems in by_family.values()]
    jobs += [partial(_generated, function, seed, per_function, run) for function in library() if per_function]
    made: list[Checked] = []
    pool = ThreadPoolExecutor(workers)
    try:
        for done, found in enumerate(pool.map(lambda job: job(), jobs), 1):
            made += found
            on_progress(done, len(jobs))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return made


def _checked(problems: Sequence[PythonProblem], run: Runner) -> list[Checked]:
    return [(problem, verify(problem, run)) for problem in problems]


def _generated(function: LibraryFunction, seed: int, count: int, run: Runner) -> list[Checked]:
    return _checked(generate(function, seed, count, run), run)


def keep_different(checked: Iterable[Checked]) -> tuple[list[PythonProblem], dict[str, int]]:
    """The problems without a fault, each once, and for each reason how many were left out.

    Two problems are the same if their codes differ in nothing but docstrings and the names of variables. So
    are two functions, and a function belongs to the family that has it first.
    """
    kept = []
    rejected: Counter[str] = Counter()
    homes: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for problem, reasons in checked:
        rejected.update(reasons[:1])
        if reasons:
            continue
        correct, buggy = nameless(problem.correct_code), nameless(problem.buggy_code)
        if homes.setdefault(correct, problem.family) != problem.family:
            rejected["another family has this function"] += 1
        elif (correct, buggy) in seen:
            rejected["it is there already"] += 1
        else:
            seen.add((correct, buggy))
            kept.append(problem)
    return kept, dict(sorted(rejected.items()))


def nameless(code: str) -> str:
    """The tree of a code as text, with docstrings left out and its own names numbered as they come."""
    tree = ast.parse(code)
    numbers: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                numbers.setdefault(name, f"_{len(numbers)}")
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef():
                node.name = numbers[node.name]
            case ast.arg() | ast.keyword(arg=str()):
                node.arg = numbers.get(node.arg or "", node.arg or "")
            case ast.Name():
                node.id = numbers.get(node.id, node.id)
    return code_shape(tree)


def split_by_family(problems: Sequence[PythonProblem], seed: int) -> Splits:
    """The problems of each split, by id; no family is in two of them.

    Of many ways to deal out the families, each with its share of every source held out, the one is taken
    that shows most of the categories and difficulties in test, then in train, then in validation; and of
    those, the one with the shares that come nearest to the wanted ones.
    """
    deals = [_deal(problems, seeded("arena", seed, number)) for number in range(_DEALS)]
    return max(deals, key=_merits)


def _merits(splits: Splits) -> tuple[int, int, int, float]:
    test, train, validation = (len(_labels(splits[name])) for name in ("test", "train", "validation"))
    total = sum(map(len, splits.values()))
    return test, train, validation, -sum(abs(len(splits[s]) - share * total) for s, share in SHARES.items())


def _deal(problems: Sequence[PythonProblem], rng: Random) -> Splits:
    home: dict[str, str] = {}
    for sizes in _families(problems).values():
        wanted = {name: share * sum(sizes.values()) for name, share in SHARES.items()}
        for family in rng.sample(sorted(sizes), len(sizes)):
            home[family] = next((name for name in wanted if wanted[name] > 0), "train")
            if home[family] in wanted:
                wanted[home[family]] -= sizes[family]
    splits: Splits = {name: [] for name in SPLITS}
    for problem in sorted(problems, key=lambda problem: problem.id):
        splits[home[problem.family]].append(problem)
    return splits


def _families(problems: Iterable[PythonProblem]) -> dict[str, dict[str, int]]:
    """Source -> family -> number of problems; a family counts for the source that has it first."""
    sizes = Counter(problem.family for problem in problems)
    sources: dict[str, str] = {}
    for problem in problems:
        sources.setdefault(problem.family, problem.source)
    found: dict[str, dict[str, int]] = {}
    for family, source in sorted(sources.items()):
        found.setdefault(source, {})[family] = sizes[family]
    return found


def _labels(problems: Iterable[PythonProblem]) -> set[str]:
    return {label for problem in problems for label in (problem.category, problem.difficulty)}


def _summary(problems: Sequence[PythonProblem]) -> Report:
    return {
        "problems": len(problems),
        "families": sorted({problem.family for problem in problems}),
        "source": _counts(problem.source for problem in problems),
        "category": _counts(problem.category for problem in problems),
        "difficulty": _counts(problem.difficulty for problem in problems),
    }


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
