"""Bugs: one literal table of the mistakes that people make, and how to draw one that matters.

`standard` is one edit anywhere; `nonlocal` one edit far upstream that raises no error; `intent_mismatch` two
or three mistakes about what is meant, each of which changes the rows by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations, islice
from random import Random

from dataset_builder.model import Contents, Mutant
from dataset_builder.mutations.ground import Ground
from dataset_builder.mutations.places import (
    Patch,
    Place,
    changes_emit,
    clash,
    distance,
    line_of,
    patched,
    shown,
)
from dataset_builder.mutations.text import (
    Typo,
    keyword_typos,
    missing_parentheses,
    missing_pipes,
    missing_quotes,
    misspelt_columns,
    misspelt_names,
    single_equals,
    typos,
)
from dataset_builder.mutations.tree import (
    a_measure,
    easily_forgotten,
    edits,
    joined_round,
    likely_column,
    likely_function,
    likely_operator,
    other_name,
    other_side,
    other_table,
    other_value,
    same_type,
    upside_down,
    wrong_granularity,
    wrong_size,
    wrong_value,
)
from dataset_builder.mutations.words import describe
from dsl_debug.agents.bench import Bench
from dsl_debug.agents.rewrite import Surroundings
from dsl_debug.lang import DslError, Program, check, parse, print_program
from dsl_debug.lang.nodes import Aggregate, Compute, Emit, Filter, GroupBy, Select, SortBy, Take
from dsl_debug.problem import CATEGORIES, Bug

STANDARD, NONLOCAL, INTENT = CATEGORIES

BREAKING = 0.18
"""The share of standard bugs that raise an error."""

TRIES = 4
"""Patches of one kind that are looked at before another kind is drawn."""

FAR_TRIES = 12
"""The same for nonlocal bugs, which have fewer kinds to choose from."""

MIN_STAGES = 2
"""Stages between the root cause of a nonlocal bug and `emit`."""

Candidate = Patch | Typo


@dataclass(frozen=True, slots=True)
class Mutation:
    """A kind of mistake. `make` gives candidates in a random order, which need not check nor matter.

    `weights`: category -> how often the kind is drawn in it, beside the others; it does not occur in the
    categories that are not there. `breaks`: whether the program then raises an error (else it must not).
    """

    make: Callable[[Program, Surroundings, Random], Iterator[Candidate]]
    weights: Mapping[str, int]
    breaks: bool = False


def _weights(standard: int, upstream: int = 0, intent: int = 0) -> dict[str, int]:
    """Category -> weight, without the zeros."""
    given = zip(CATEGORIES, (standard, upstream, intent), strict=True)
    return {category: weight for category, weight in given if weight}


MUTATIONS: dict[str, Mutation] = {
    # slips of the pen
    "keyword_typo": Mutation(typos(keyword_typos), _weights(5), breaks=True),
    "missing_pipe": Mutation(typos(missing_pipes), _weights(4), breaks=True),
    "missing_parenthesis": Mutation(typos(missing_parentheses), _weights(3), breaks=True),
    "missing_quote": Mutation(typos(missing_quotes), _weights(4), breaks=True),
    "single_equals": Mutation(typos(single_equals), _weights(2), breaks=True),
    "misspelt_column": Mutation(typos(misspelt_columns), _weights(5), breaks=True),
    "misspelt_name": Mutation(typos(misspelt_names), _weights(2), breaks=True),
    # the wrong rows are kept
    "filter_column": Mutation(edits("column", Filter, keep=likely_column), _weights(5, 4, 1)),
    "filter_operator": Mutation(edits("comparison", Filter, keep=likely_operator), _weights(8, 7)),
    "filter_side": Mutation(edits("comparison", Filter, keep=other_side), _weights(0, 0, 3)),
    "filter_value": Mutation(wrong_value, _weights(8, 8)),
    "other_value": Mutation(other_value, _weights(0, 0, 2)),
    "filter_logic": Mutation(edits("logic", Filter), _weights(6, 5, 3)),
    "forgotten_filter": Mutation(edits("drop_stage", Filter), _weights(0, 0, 4)),
    # the wrong values are computed
    "compute_column": Mutation(edits("column", Compute, keep=likely_column), _weights(5, 5, 3)),
    "compute_number": Mutation(edits("number", Compute), _weights(2, 2)),
    "arithmetic": Mutation(edits("arithmetic", Compute), _weights(6, 6)),
    "parentheses": Mutation(edits("grouping", Compute), _weights(3, 3)),
    "ratio": Mutation(edits("arithmetic", Compute, keep=upside_down), _weights(0, 0, 4)),
    # the wrong groups, or the wrong figures about them
    "group_key": Mutation(edits("column", GroupBy, keep=same_type), _weights(5, 6, 3)),
    "granularity": Mutation(wrong_granularity, _weights(0, 0, 3)),
    "aggregate_column": Mutation(edits("column", Aggregate, keep=likely_column), _weights(7, 6)),
    "measure": Mutation(edits("column", Aggregate, keep=a_measure), _weights(0, 0, 5)),
    "aggregate_function": Mutation(edits("function", Aggregate, keep=likely_function), _weights(9, 7, 8)),
    # the wrong order, the wrong cut, the wrong columns
    "sort_column": Mutation(edits("column", SortBy, keep=same_type), _weights(5, 3, 1)),
    "sort_direction": Mutation(edits("direction", SortBy), _weights(6, 3, 4)),
    "take_count": Mutation(edits("number", Take), _weights(6, 4)),
    "top_size": Mutation(wrong_size, _weights(0, 0, 2)),
    "select_column": Mutation(edits("column", Select, keep=same_type), _weights(2)),
    # the wrong tables
    "join_key": Mutation(edits("join_key"), _weights(7, 8, 4)),
    "join_order": Mutation(edits("source", keep=joined_round), _weights(3, 2)),
    "source_table": Mutation(edits("source", keep=other_table), _weights(4, 2)),
    "source_name": Mutation(edits("source", keep=other_name), _weights(5, 4)),
    "emit": Mutation(edits("source", Emit), _weights(2)),
    # the wrong steps
    "dropped_stage": Mutation(edits("drop_stage", keep=easily_forgotten), _weights(6, 6)),
    "swapped_stages": Mutation(edits("swap_stages"), _weights(6, 4, 2)),
}


def mutate(
    program: Program, tables: Contents, category: str, rng: Random, *, bench: Bench | None = None
) -> Mutant | None:
    """A buggy version of a program that gives other rows on `tables`, or None where none was found.

    `bench` is for callers that run more programs over the same tables. Raises ValueError for an unknown
    category.
    """
    if category not in CATEGORIES:
        raise ValueError(f"no category {category!r}; there is: {', '.join(CATEGORIES)}")
    ground = Ground.of(program, tables, rng, bench or Bench(tables))
    if ground is None:
        return None
    if category == INTENT:
        return _several(ground)
    breaks = category == STANDARD and rng.random() < BREAKING
    return _single(ground, category, breaks)


def _kinds(category: str, breaks: bool, rng: Random) -> list[str]:
    """The kinds of a category in a random order, in which the heavy ones tend to come first."""
    weights = {
        kind: mutation.weights[category]
        for kind, mutation in MUTATIONS.items()
        if category in mutation.weights and mutation.breaks == breaks
    }
    # The first of independent exponential clocks to ring is each one with the share of its rate.
    rings = {kind: rng.expovariate(weight) for kind, weight in weights.items()}
    return sorted(weights, key=lambda kind: rings[kind])


# One mistake


def _single(ground: Ground, category: str, breaks: bool) -> Mutant | None:
    far = cache(partial(_is_far, ground.program))
    for kind in _kinds(category, breaks, ground.rng):
        made = MUTATIONS[kind].make(ground.program, ground.around, ground.rng)
        if category == NONLOCAL:
            made = (candidate for candidate in made if far(candidate.place))
        for candidate in islice(made, FAR_TRIES if category == NONLOCAL else TRIES):
            if isinstance(candidate, Typo):
                mutant = _misspelt(ground, kind, candidate, category)
            else:
                mutant = _changed(ground, kind, candidate, category)
            if mutant is not None:
                return mutant
    return None


def _is_far(program: Program, place: Place) -> bool:
    stages, mixes = distance(program, place)
    return stages >= MIN_STAGES and mixes


def _misspelt(ground: Ground, kind: str, typo: Typo, category: str) -> Mutant | None:
    """The mutant with a typo in its text, if that is an error."""
    if not check(typo.code, ground.tables):
        return None
    stages = distance(ground.program, typo.place)[0]
    bug = Bug(kind, typo.line, typo.description, typo.original, typo.mutated, stages)
    return Mutant(category, typo.code, _parsed(typo.code), (bug,), typo.place)


def _parsed(code: str) -> Program | None:
    try:
        return parse(code)
    except DslError:
        return None


def _changed(ground: Ground, kind: str, patch: Patch, category: str) -> Mutant | None:
    """The mutant with a patch, if it gives other rows; under the same columns, if it is nonlocal."""
    mutant = patched(ground.program, [patch])
    table = ground.result(mutant)
    if table is None or (category == NONLOCAL and not ground.same_columns(table)):
        return None
    code = print_program(mutant)
    if _parsed(code) != mutant:
        return None
    return Mutant(category, code, mutant, (_bug(ground.program, kind, patch, code),), patch.place)


def _bug(program: Program, kind: str, patch: Patch, code: str, others: Sequence[Patch] = ()) -> Bug:
    """The record of a patch in the text of a program that has `others`, too."""
    return Bug(
        kind=kind,
        line=line_of(code, patch, others),
        description=describe(kind, patch),
        original=shown(patch, patch.before),
        mutated=shown(patch, patch.after),
        stages_to_emit=0 if changes_emit(patch) else distance(program, patch.place)[0],
    )


# Several mistakes

MISTAKES = 6
"""Mistakes of different kinds that pairs and triples are chosen from."""

REGROUPED = 0.35
"""How often mistakes that change the columns are taken, as another key of a group does."""

THREE = 0.35
"""How often three mistakes are tried before two."""

Mistake = tuple[str, Patch]


def _several(ground: Ground) -> Mutant | None:
    """Two or three mistakes: the first ones, in the order in which they are found, that go together."""
    wanted = 3 if ground.rng.random() < THREE else 2
    found: list[Mistake] = []
    pair: Mutant | None = None
    for mistake in islice(_mistakes(ground), MISTAKES):
        for size in dict.fromkeys((wanted, 2)):
            if size == wanted or pair is None:
                mutant = _first_combined(ground, mistake, found, size)
                if mutant is not None and size == wanted:
                    return mutant
                pair = pair or mutant
        found.append(mistake)
    return pair


def _mistakes(ground: Ground) -> Iterator[Mistake]:
    """Mistakes of different kinds, each of which changes the rows by itself."""
    for kind in _kinds(INTENT, False, ground.rng):
        for candidate in islice(MUTATIONS[kind].make(ground.program, ground.around, ground.rng), TRIES):
            if isinstance(candidate, Patch) and _matters(ground, candidate):
                yield kind, candidate
                break


def _matters(ground: Ground, patch: Patch) -> bool:
    """Whether a mistake alone changes the rows; seldom one that changes the columns, too."""
    table = ground.result(patched(ground.program, [patch]))
    if table is None or not table.length:
        return False
    return ground.same_columns(table) or ground.rng.random() < REGROUPED


def _first_combined(ground: Ground, mistake: Mistake, found: Sequence[Mistake], size: int) -> Mutant | None:
    """The first mutant with a mistake and `size - 1` of those found before it."""
    for others in combinations(found, size - 1):
        chosen = (*others, mistake)
        if not any(clash(one, other) for (_, one), (_, other) in combinations(chosen, 2)):
            mutant = _combined(ground, chosen)
            if mutant is not None:
                return mutant
    return None


def _combined(ground: Ground, chosen: Sequence[Mistake]) -> Mutant | None:
    """The mutant with several mistakes, if it runs and none of them is covered up by the others."""
    patches = [patch for _, patch in chosen]
    mutant = patched(ground.program, patches)
    table = ground.result(mutant)
    if table is None or not table.length:
        return None
    for patch in patches:
        without = ground.bench.run(patched(ground.program, [p for p in patches if p is not patch]))
        if without is None or without.matches(table) or without.matches(ground.expected):
            return None
    code = print_program(mutant)
    if _parsed(code) != mutant:
        return None
    return _mismatch(ground.program, mutant, code, chosen)


def _mismatch(program: Program, mutant: Program, code: str, chosen: Sequence[Mistake]) -> Mutant:
    """The record of several mistakes, by line; the one that is furthest from `emit` is the root cause."""
    patches = [patch for _, patch in chosen]
    made = [(_bug(program, kind, patch, code, patches), patch) for kind, patch in chosen]
    made.sort(key=lambda pair: pair[0].line)
    root = max((patch for _, patch in made), key=lambda patch: distance(program, patch.place)[0])
    alone = tuple(patched(program, [patch]) for _, patch in made)
    return Mutant(INTENT, code, mutant, tuple(bug for bug, _ in made), root.place, alone)
