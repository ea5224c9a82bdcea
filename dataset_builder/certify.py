"""Certification: what a problem has to survive before it is published, one gate after the other.

`PROGRAM_GATES` look at a correct program, `BUG_GATES` at a bug in it. A gate returns why it refuses, or None.
The order is by cost; the reason of the first gate that refuses is the one that is counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from dataset_builder.model import Database, Mutant
from dataset_builder.mutations.places import distance
from dataset_builder.shortcuts import shortcuts
from dataset_builder.trials import MIN_SUITES, Lookalikes, Other, Trial, exploits
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.prompts import messages
from dsl_debug.lang import DslError, Program, Table, parse, print_program
from dsl_debug.lang.nodes import Compute, Select, SortBy, Take
from dsl_debug.lang.table import RENDERED_ROWS
from dsl_debug.problem import DslProblem

T = TypeVar("T")

MAX_COLUMNS = 12
"""Columns of an expected output, so that a prompt shows them on readable lines."""

MAX_SUITES = 6
"""Hidden suites of one problem, at most."""


@dataclass
class Case:
    """A bug in a correct program, and what is tried against the two."""

    trial: Trial
    mutant: Mutant

    @cached_property
    def buggy_rows(self) -> Table | None:
        """What the buggy program gives on the contents shown, None if it fails."""
        return self.trial.bench.run(self.mutant.program) if self.mutant.program else None

    @cached_property
    def near_buggy(self) -> Lookalikes:
        """The programs within one edit of the buggy one, which has no tree where it does not parse."""
        program = self.mutant.program
        return self.trial.look_alikes(self.trial.around(program)) if program else Lookalikes()

    @cached_property
    def exploits(self) -> dict[str, list[Program]]:
        """The programs that try to print the expected rows, by the kind of attack."""
        return exploits(self.trial, self.mutant.program)

    @cached_property
    def shortcuts(self) -> list[Program]:
        """Programs that give the rows shown for another reason, or are the correct one in other words."""
        return shortcuts(self.trial.bench, self.trial.correct, self.mutant.program)

    @cached_property
    def suites(self) -> tuple[list[Other], list[Program]]:
        """The hidden contents that refuse all attacks and neighbours, and what they do not refuse of these;
        more contents where they refuse shortcuts."""
        attacks = [program for programs in self.exploits.values() for program in programs]
        chosen, _ = self.trial.telling
        refusing, left = self.trial.distilled([*attacks, *self.near_buggy.told_apart], chosen)
        return self.trial.completed(refusing, self.shortcuts, MAX_SUITES), left


# Gates for correct programs


def _runs(trial: Trial) -> str | None:
    return "the correct program fails" if trial.expected is None else None


def _shown_whole(trial: Trial) -> str | None:
    """All expected rows are to be seen in the prompt: what is shown has to pin the program down."""
    rows = _expected(trial)
    if rows.length > RENDERED_ROWS:
        return f"more than {RENDERED_ROWS} expected rows"
    return f"more than {MAX_COLUMNS} expected columns" if len(rows.names) > MAX_COLUMNS else None


def _degenerate(trial: Trial) -> str | None:
    rows = _expected(trial)
    if rows.length == 1 and is_top_one(trial.correct):
        return None
    if rows.length < 2:
        return "fewer than 2 expected rows"
    return "all expected rows are the same" if len(set(rows.tuples())) < 2 else None


def _decided_order(trial: Trial) -> str | None:
    decided = trial.order_is_decided(trial.shown, _expected(trial))
    return None if decided else "a tie decides the order of the expected rows"


def _reparses(trial: Trial) -> str | None:
    try:
        same = parse(print_program(trial.correct)) == trial.correct
    except DslError:
        same = False
    return None if same else "the text of the correct program reads as another program"


def _other_contents(trial: Trial) -> str | None:
    enough = len(trial.others) >= MIN_SUITES
    return None if enough else "too few other contents on which the correct program gives rows"


def _unambiguous(trial: Trial) -> str | None:
    if trial.near_correct.coincidence is None:
        return None
    return "a neighbour of the correct program gives the rows shown by coincidence"


def _hidden_tell_apart(trial: Trial) -> str | None:
    return (
        "hidden contents do not tell a neighbour of the correct program apart" if trial.telling[1] else None
    )


PROGRAM_GATES: dict[str, Callable[[Trial], str | None]] = {
    "runs": _runs,
    "shown whole": _shown_whole,
    "degenerate": _degenerate,
    "decided order": _decided_order,
    "re-parses": _reparses,
    "other contents": _other_contents,
    "unambiguous": _unambiguous,
    "hidden contents tell": _hidden_tell_apart,
}


def _expected(trial: Trial) -> Table:
    if trial.expected is None:
        raise ValueError("the first gate is for programs that fail")
    return trial.expected


def is_top_one(program: Program) -> bool:
    """Whether a program emits the first row of a sorted table: a single row is then no sign of a dull one."""
    emitted = program.find(program.emit.name)
    stages = [s for s in emitted.stages if not isinstance(s, Select | Compute)] if emitted else []
    match stages:
        case [*_, SortBy(), Take(1)]:
            return True
    return False


# Gates for bugs


def _shows(case: Case) -> str | None:
    rows = case.buggy_rows
    if rows is None:
        return None if case.mutant.category == "standard" else "the buggy program fails"
    same = rows.matches(_expected(case.trial))
    return "the buggy program gives the expected rows" if same else None


def _of_its_category(case: Case) -> str | None:
    reason = CATEGORY_RULES.get(case.mutant.category)
    return reason(case) if reason else None


def _is_far_upstream(case: Case) -> str | None:
    stages, transforms = distance(case.trial.correct, case.mutant.place)
    far = stages >= 2 and transforms
    return None if far else "the root cause is too near to the result"


def _mistakes_count(case: Case) -> str | None:
    alone = case.mutant.alone
    if not 2 <= len(alone) <= 3:
        return "not two or three mistakes"
    rows = [case.trial.bench.run(program) for program in alone]
    expected = _expected(case.trial)
    if any(found is not None and found.matches(expected) for found in rows):
        return "one of the mistakes alone changes nothing"
    return None


CATEGORY_RULES: dict[str, Callable[[Case], str | None]] = {
    "nonlocal": _is_far_upstream,
    "intent_mismatch": _mistakes_count,
}


def _unambiguous_fix(case: Case) -> str | None:
    if case.near_buggy.coincidence is None:
        return None
    return "an edit of the buggy program gives the rows shown by coincidence"


def _no_shortcut(case: Case) -> str | None:
    suites, left = case.suites
    if len(suites) > MAX_SUITES:
        return f"more than {MAX_SUITES} hidden suites are needed to tell everything apart"
    attacks = [program for programs in case.exploits.values() for program in programs]
    if any(program in left for program in attacks):
        return "an exploit gives the right rows on all hidden contents"
    return "hidden contents do not tell a neighbour of the buggy program apart" if left else None


BUG_GATES: dict[str, Callable[[Case], str | None]] = {
    "bug shows": _shows,
    "category": _of_its_category,
    "unambiguous fix": _unambiguous_fix,
    "no shortcut": _no_shortcut,
}


def first_refusal(gates: Mapping[str, Callable[[T], str | None]], subject: T) -> str | None:
    """Why the first gate that refuses does so, None if none does."""
    return next((reason for gate in gates.values() if (reason := gate(subject))), None)


# Problems


def certified(case: Case, database: Database, intent: str) -> DslProblem | str:
    """The problem, with its certificate and prompt, or why it is none: the first reason of a gate."""
    reason = first_refusal(BUG_GATES, case)
    if reason:
        return reason
    trial, mutant = case.trial, case.mutant
    problem = DslProblem(
        category=mutant.category,
        difficulty=difficulty(case),
        database=database.id,
        source=database.source,
        buggy_code=mutant.code,
        correct_code=print_program(trial.correct),
        tables=dict(trial.shown.contents),
        expected_output=_expected(trial),
        hidden=tuple(other.suite() for other in case.suites[0]),
        bugs=mutant.bugs,
        intent=intent,
        certificate=_certificate(case),
    )
    problem = replace(problem, prompt=tuple(messages(problem)))
    if not pays_the_fix_only(problem):
        return "an episode does not pay the correct program 1 and the buggy one 0"
    return problem


def pays_the_fix_only(problem: DslProblem) -> bool:
    """The last gate: whether real episodes, from the texts, pay the correct program 1 and the buggy one 0."""
    env = DSLDebugEnv()
    rewards = []
    for code in (problem.correct_code, problem.buggy_code):
        env.reset(problem)
        rewards.append(env.call("submit", code=code).reward)
    return rewards == [1.0, 0.0]


def _certificate(case: Case) -> dict[str, Any]:
    near = (case.trial.near_correct, case.near_buggy)
    return {
        "neighbours": sum(found.tried for found in near),
        "failing": sum(found.failing for found in near),
        "equivalent": sum(found.equivalent for found in near),
        "killed_by_shown_rows": sum(len(found.told_apart) for found in near),
        "killed_only_by_hidden_rows": sum(found.coincidence is not None for found in near),
        "other_contents": len(case.trial.others),
        "exploits_rejected": {kind: len(programs) for kind, programs in case.exploits.items()},
        "shortcuts": len(case.shortcuts),
        "shortcuts_rejected": sum(
            not all(suite.accepts(program) for suite in case.suites[0]) for program in case.shortcuts
        ),
    }


def difficulty(case: Case) -> str:
    """`easy`, `medium` or `hard`: by the length of the program, how far the cause is and whether it fails.

    A formula, not a measurement of people or models.
    """
    program, mutant = case.trial.correct, case.mutant
    steps = sum(1 + len(statement.stages) for statement in program.statements)
    weight = {"standard": 0, "nonlocal": 3, "intent_mismatch": 3}[mutant.category]
    points = steps + weight + max(bug.stages_to_emit or 0 for bug in mutant.bugs) / 2
    if case.buggy_rows is None:
        points -= 3  # the message says where to look
    return "easy" if points < 8 else "medium" if points < 14 else "hard"
