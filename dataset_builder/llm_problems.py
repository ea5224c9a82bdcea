"""Certified problems over programs that a model wrote: the same gates as for those that are generated.

Conceptual mistakes are the model's as well; bugs of the other categories come from the table of mutations.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from dataset_builder.certify import PROGRAM_GATES, Case, certified, first_refusal
from dataset_builder.llm import Candidates, degraded, write_programs
from dataset_builder.model import Database, Mutant
from dataset_builder.mutate import mutate
from dataset_builder.problems import DRAWS, Made, stocks_of, tables_of
from dataset_builder.seeding import seeded
from dataset_builder.trials import Stock, Trial
from dsl_debug.lang import Program, print_program
from dsl_debug.policies.answers import CACHED, SENT
from dsl_debug.policies.endpoint import Settings, Unavailable
from dsl_debug.policies.threads import in_order
from dsl_debug.problem import DslProblem

INTENT_MISMATCH = "intent_mismatch"

SURPLUS = 2
"""Programs that are asked for, for each problem wanted."""

MUTANTS = 2
"""Sets of mistakes that are asked for, for each program."""

Written = tuple[Trial, str]
"""A program that passes the gates for programs, and what it is for."""


def written_problems(
    settings: Settings, database: Database, wanted: Mapping[str, int], seed: int = 0
) -> Made:
    """Up to `wanted` problems of each category over programs that a model writes for a database.

    One problem at most is made of a program. Raises Unavailable, also for an endpoint that stops to answer:
    what it has answered is kept, and another run goes on from there. The counts begin with `programs: ` and
    `mistakes: ` for what a model wrote, and are those of `make_problems` otherwise; which answers came from
    the cache is not told, so that a run that was stopped counts like one that was not.
    """
    made, left = Made(), Counter({c: n for c, n in wanted.items() if n > 0})
    stocks = stocks_of(database, seeded("llm-contents", seed, database.id))
    programs = write_programs(settings, database, stocks[0].contents, SURPLUS * left.total(), seed)
    _count(made, "programs", programs)
    written = list(_passing(database, programs.items, stocks, made))
    rest = _with_mistakes(settings, database, written, left, made, seed)
    for trial, intent in rest:
        for category in sorted(left, key=lambda category: (-left[category], category)):
            if category != INTENT_MISMATCH and left[category]:
                mutants = _mutants(trial, category, database, seed)
                if _keep_first(made, left, trial, mutants, database, intent):
                    break
    return made


def _count(made: Made, what: str, candidates: Candidates[Any]) -> None:
    if candidates.silent:
        raise Unavailable(candidates.stopped)
    for reason, count in candidates.counts.items():
        made.counts[f"{what}: {'requests' if reason in (SENT, CACHED) else reason}"] += count


def _passing(
    database: Database, programs: Sequence[tuple[Program, str]], stocks: Sequence[Stock], made: Made
) -> Iterator[Written]:
    for program, intent in programs:
        names = tables_of(database, program)
        shown, *pool = (stock.only(names) for stock in stocks)
        trial = Trial(program, shown, pool)
        made.counts["attempts"] += 1
        reason = first_refusal(PROGRAM_GATES, trial)
        if reason:
            made.counts[reason] += 1
        else:
            yield trial, intent


def _with_mistakes(
    settings: Settings,
    database: Database,
    written: Sequence[Written],
    left: Counter[str],
    made: Made,
    seed: int,
) -> list[Written]:
    """Make problems of conceptual mistakes until there are enough; the programs that were not used."""
    if not left[INTENT_MISMATCH]:
        return list(written)
    unused = list(written)
    ask = partial(_ask, settings, seed)
    with closing(in_order(ask, written, settings.workers)) as found:
        for (trial, intent), candidates in zip(written, found, strict=False):
            _count(made, "mistakes", candidates)
            if _keep_first(made, left, trial, iter(candidates), database, intent):
                unused.remove((trial, intent))
            if not left[INTENT_MISMATCH]:
                break
    return unused


def _ask(settings: Settings, seed: int, written: Written) -> Candidates[Mutant]:
    trial, intent = written
    return degraded(settings, trial.correct, intent, trial.shown.contents, MUTANTS, seed)


def _mutants(trial: Trial, category: str, database: Database, seed: int) -> Iterator[Mutant]:
    rng = seeded("llm-bug", seed, database.id, category, print_program(trial.correct))
    for _ in range(DRAWS):
        mutant = mutate(trial.correct, trial.shown.contents, category, rng, bench=trial.bench)
        if mutant:
            yield mutant


def _keep_first(
    made: Made, left: Counter[str], trial: Trial, mutants: Iterator[Mutant], database: Database, intent: str
) -> bool:
    """Keep the first of some mutants that passes the gates for bugs, if there is one."""
    for mutant in mutants:
        made.counts["bugs"] += 1
        problem = certified(Case(trial, mutant), database, intent)
        if isinstance(problem, DslProblem):
            made.counts["accepted"] += 1
            made.problems.append(problem)
            left[mutant.category] -= 1
            return True
        made.counts[problem] += 1
    return False
