"""Which of the problems that passed the gates are taken: without repetitions, within the caps, well mixed.

Works on heads, not on problems: the rows stay in the files of their jobs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from dataset_builder.presets import MAX_ERRORS, MAX_REPEATS, MAX_SINGLE_ROW, Wanted
from dsl_debug.problem import CATEGORIES

# A program that two stages could have goes to the first of these.
PRECEDENCE = ("test", "validation", "sft_validation", "train", "sft_train")


@dataclass(frozen=True, slots=True)
class Head:
    """What selection has to know of a problem, and where its row lies.

    `program` and `build` are digests of the correct program's canonical text, with and without its values.
    `rows` is the number of expected rows, `error` whether the buggy program raises one. The row begins at
    byte `offset` of `file` (below the work folder); `code` is its correct program.
    """

    id: str
    stage: str
    category: str
    database: str
    program: str
    build: str
    rows: int
    error: bool
    code: str
    file: str
    offset: int


@dataclass
class Selected:
    """The chosen heads by stage, by id, and how many were left out for which reason."""

    heads: dict[str, list[Head]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def counts(self) -> Wanted:
        """Problems by stage and category."""
        return {
            stage: {c: sum(head.category == c for head in heads) for c in CATEGORIES}
            for stage, heads in self.heads.items()
        }

    def lacking(self, wanted: Wanted) -> Wanted:
        """What is missing, by stage and category; only what is."""
        have = self.counts()
        missing = {
            stage: {c: n - have[stage][c] for c, n in sizes.items() if n > have[stage][c]}
            for stage, sizes in wanted.items()
        }
        return {stage: sizes for stage, sizes in missing.items() if sizes}


SAME_PROGRAM = "the same program as another problem"
SAME_BUILD = f"the same program but for its values as {MAX_REPEATS} others of the split"
ONE_ROW = "more problems with a single expected row than the split may have"
ERRORS = "more problems whose buggy program raises an error than the split may have"
ENOUGH = "more than the split needs"


def select(heads: Iterable[Head], wanted: Wanted) -> Selected:
    """Take from each stage and category what is wanted, from all databases in turn.

    Heads of a database are taken in the order in which they come. The result depends on nothing else.
    """
    by_stage: dict[str, list[Head]] = {stage: [] for stage in PRECEDENCE}
    for head in heads:
        by_stage[head.stage].append(head)
    selected, programs = Selected(), set[str]()
    for stage, candidates in by_stage.items():
        builds: Counter[str] = Counter()
        chosen: list[Head] = []
        for category, size in wanted[stage].items():
            offered = _in_turn([head for head in candidates if head.category == category])
            chosen += _taken(offered, category, size, programs, builds, selected.left_out)
        selected.heads[stage] = sorted(chosen, key=lambda head: head.id)
    return selected


def _in_turn(heads: Sequence[Head]) -> Iterator[Head]:
    """The first of every database, then the second of every database, and so on."""
    queues: dict[str, list[Head]] = {}
    for head in heads:
        queues.setdefault(head.database, []).append(head)
    for layer in zip_longest(*(queue for _, queue in sorted(queues.items()))):
        yield from (head for head in layer if head is not None)


def _taken(
    offered: Iterable[Head],
    category: str,
    size: int,
    programs: set[str],
    builds: Counter[str],
    left_out: Counter[str],
) -> list[Head]:
    taken: list[Head] = []
    single, errors = int(MAX_SINGLE_ROW * size), int(MAX_ERRORS[category] * size)
    for head in offered:
        if reason := _objection(head, len(taken) == size, programs, builds, single, errors):
            left_out[reason] += 1
            continue
        single -= head.rows == 1
        errors -= head.error
        programs.add(head.program)
        builds[head.build] += 1
        taken.append(head)
    return _within_caps(taken, category, left_out)


def _objection(
    head: Head, full: bool, programs: set[str], builds: Mapping[str, int], single: int, errors: int
) -> str:
    if head.program in programs:
        return SAME_PROGRAM
    if full:
        return ENOUGH
    if builds[head.build] >= MAX_REPEATS:
        return SAME_BUILD
    if head.rows == 1 and single <= 0:
        return ONE_ROW
    if head.error and errors <= 0:
        return ERRORS
    return ""


def _within_caps(taken: list[Head], category: str, left_out: Counter[str]) -> list[Head]:
    """Where there were too few problems for the size, the caps are shares of fewer: drop the last ones."""
    while excess := _excess(taken, category):
        last, reason = excess
        del taken[last]
        left_out[reason] += 1
    return taken


def _excess(taken: Sequence[Head], category: str) -> tuple[int, str] | None:
    single = [place for place, head in enumerate(taken) if head.rows == 1]
    errors = [place for place, head in enumerate(taken) if head.error]
    if len(single) > MAX_SINGLE_ROW * len(taken):
        return single[-1], ONE_ROW
    if len(errors) > MAX_ERRORS[category] * len(taken):
        return errors[-1], ERRORS
    return None
