"""Certified problems of one database: draw a program, draw bugs in it, keep what every gate lets pass."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from dataset_builder.certify import PROGRAM_GATES, Case, certified, first_refusal
from dataset_builder.contents import visible_contents
from dataset_builder.hidden import hidden_contents
from dataset_builder.intent import intent
from dataset_builder.model import Database
from dataset_builder.mutate import mutate
from dataset_builder.seeding import seeded
from dataset_builder.strangers import with_strangers
from dataset_builder.synthesize import synthesize
from dataset_builder.trials import Stock, Trial
from dsl_debug.lang import Program
from dsl_debug.lang.nodes import Load
from dsl_debug.problem import DslProblem

MAX_TABLES = 4
"""Tables of a problem, unless its program loads more: those that it loads, and tables that these refer to."""

POOL = 12
"""Other contents that each program is tried on."""

PROGRAMS_PER_CONTENTS = 16
"""Programs that are tried on the same contents before others are drawn: drawing them costs as much."""

DRAWS = 3
"""Bugs of one category that are tried on a program before the next category has its turn."""


@dataclass
class Made:
    """The problems that were made, and how many candidates there were and were refused, by reason."""

    problems: list[DslProblem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def make_problems(
    database: Database, wanted: Mapping[str, int], attempts: range, *seed_parts: object
) -> Made:
    """Up to `wanted` problems of each category, from the attempts of these numbers.

    An attempt is one correct program and gives one problem at most. What attempt 17 draws depends on its
    number and the seed only, so that ranges of attempts can be worked on in any order.
    """
    made = Made()
    left = Counter({category: count for category, count in wanted.items() if count > 0})
    for program, stocks, rng in _programs(database, attempts, seed_parts, made.counts):
        problem = _problem(database, program, stocks, left, rng, made.counts)
        if problem:
            made.problems.append(problem)
            left[problem.category] -= 1
            left += Counter()  # forgets what is no longer wanted
        if not left:
            break
    return made


def _programs(
    database: Database, attempts: range, seed_parts: tuple[object, ...], counts: Counter[str]
) -> Iterator[tuple[Program, list[Stock], Random]]:
    """Programs with the stocks that they were drawn for, the one to be shown first."""
    stocks: list[Stock] = []
    drawn_for = None
    for number in attempts:
        if drawn_for != number // PROGRAMS_PER_CONTENTS:
            drawn_for = number // PROGRAMS_PER_CONTENTS
            stocks = stocks_of(database, seeded("contents", *seed_parts, database.id, drawn_for))
        rng = seeded("problem", *seed_parts, database.id, number)
        counts["attempts"] += 1
        shown, *others = (stock.contents for stock in stocks)
        program = synthesize(database, shown, rng, others)
        if program:
            yield program, stocks, rng
        else:
            counts["no program was found"] += 1


def stocks_of(database: Database, rng: Random) -> list[Stock]:
    """The contents that problems of a database may show, then the pool of others."""
    shown = visible_contents(database, rng)
    pool = hidden_contents(database, shown, rng, POOL)
    pool[::2] = [with_strangers(contents, database, rng) for contents in pool[::2]]
    return [Stock(contents) for contents in (shown, *pool)]


def _problem(
    database: Database,
    program: Program,
    stocks: list[Stock],
    wanted: Mapping[str, int],
    rng: Random,
    counts: Counter[str],
) -> DslProblem | None:
    names = tables_of(database, program)
    shown, *pool = (stock.only(names) for stock in stocks)
    trial = Trial(program, shown, pool)
    reason = first_refusal(PROGRAM_GATES, trial)
    if reason:
        counts[reason] += 1
        return None
    for category in _turns(wanted, rng):
        problem = _with_bug(database, trial, category, rng, counts)
        if problem:
            return problem
    counts["no bug passed"] += 1
    return None


def _turns(wanted: Mapping[str, int], rng: Random) -> list[str]:
    """The categories in the order in which they are tried: drawn in proportion to what is wanted of them."""
    left = {category: wanted[category] for category in sorted(wanted)}
    turns = []
    while left:
        (category,) = rng.choices(list(left), list(left.values()))
        turns.append(category)
        del left[category]
    return turns


def _with_bug(
    database: Database, trial: Trial, category: str, rng: Random, counts: Counter[str]
) -> DslProblem | None:
    for _ in range(DRAWS):
        mutant = mutate(trial.correct, trial.shown.contents, category, rng, bench=trial.bench)
        if mutant is None:
            counts["no bug was found"] += 1
            return None
        counts["bugs"] += 1
        problem = certified(Case(trial, mutant), database, intent(trial.correct, database))
        if isinstance(problem, DslProblem):
            counts["accepted"] += 1
            return problem
        counts[problem] += 1
    return None


def tables_of(database: Database, program: Program) -> list[str]:
    """The tables that a problem shows: those that its program loads, and some that these are related to."""
    loaded = {s.source.table for s in program.statements if isinstance(s.source, Load)}
    names = list(dict.fromkeys(loaded & database.tables.keys()))
    names.sort()
    for key in database.foreign_keys:
        for one, other in ((key.table, key.target), (key.target, key.table)):
            if len(names) < MAX_TABLES and one in loaded and other not in names:
                names.append(other)
    return names
