"""What is wrong with one published problem, on the rows shown and on hidden contents of our making.

Published problems have no hidden tables. Here other contents of their tables are made as the dataset builder
makes them, and of these it picks hidden suites as the certifier picks its own. A program that gives the rows
shown and other rows than the correct one on some of the other contents is wrong, and the published reward
pays for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from dataset_builder.canonical import canonical
from dataset_builder.certify import (
    BUG_GATES,
    MAX_COLUMNS,
    MAX_SUITES,
    PROGRAM_GATES,
    Case,
    pays_the_fix_only,
)
from dataset_builder.cleaning import find_foreign_keys, find_keys
from dataset_builder.hidden import hidden_contents
from dataset_builder.model import Database, Mutant
from dataset_builder.mutations.places import difference
from dataset_builder.seeding import seeded
from dataset_builder.strangers import with_strangers
from dataset_builder.trials import MIN_SUITES, Other, Stock, Trial
from dsl_debug.agents import AGENTS, play
from dsl_debug.agents.edits import EDITS, Edit, neighbours
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import DslError, Program, Table, parse
from dsl_debug.lang.nodes import Load
from dsl_debug.lang.table import RENDERED_ROWS
from dsl_debug.problem import DslProblem

CONTENTS = 36
"""Other contents of each problem: three times the 12 of a build, since on many of them a published program
gives no rows, or a tie decides their order."""

NEAR = ("correct", "buggy")
"""Whose one-edit neighbours are tried."""

WORDS = ("column", "comparison", "literal", "number", "function", "direction", "join_key", "arithmetic")
"""The kinds of edits that put one word in place of another: none of them is idle in every program, as writing
a filter twice is."""


@dataclass(frozen=True)
class Facts:
    """What was found about a problem.

    `holds` are the names of the checks that hold of it, `counts` numbers of programs, `refusals` why our
    gates refuse it, in their order. `rows` are the lengths of the tables, `key` is the canonical text of the
    correct program, and `size` the length of its own text in characters.
    """

    id: str
    category: str
    difficulty: str
    database: str
    rows: tuple[int, ...] = ()
    key: str = ""
    size: int = 0
    holds: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True)
class Near:
    """The programs within one edit of another, by what they give.

    `equivalent` give the rows shown and those of all other contents, `wrong` only the rows shown.
    """

    failing: int
    told_apart: list[Edit]
    equivalent: list[Edit]
    wrong: list[Edit]

    @property
    def tried(self) -> int:
        """How many there are."""
        return self.failing + len(self.told_apart) + len(self.alike)

    @property
    def alike(self) -> list[Edit]:
        """Those that give the rows shown."""
        return [*self.equivalent, *self.wrong]


class Broken(ValueError):
    """The correct program of a problem does not give the expected rows."""


class Audit:
    """A problem with what is tried against it. What is costly is worked out once, when it is asked for.

    Raises Broken for a problem about which nothing can be said.
    """

    def __init__(self, problem: DslProblem) -> None:
        correct = parsed(problem.correct_code)
        if correct is None:
            raise Broken("the correct program does not parse")
        self.problem = problem
        self.correct = correct
        self.buggy = parsed(problem.buggy_code)
        self.trial = Trial(correct, Stock(problem.tables), other_contents(problem))
        if self.trial.expected is None or not self.trial.expected.matches(problem.expected_output):
            raise Broken("the correct program does not give the expected rows")
        self.expected: Table = self.trial.expected
        self.case = Case(self.trial, mutant_of(problem, self.correct, self.buggy))

    def is_paid(self, program: Program) -> bool:
        """Whether a program gives the rows shown: the published rule."""
        rows = self.trial.bench.run(program)
        return rows is not None and rows.matches(self.expected)

    def is_kept(self, program: Program) -> bool:
        """Whether a program is right on all hidden suites as well."""
        return self.is_paid(program) and all(suite.accepts(program) for suite in self.suites)

    def is_right(self, program: Program) -> bool:
        """Whether a program is right on all contents that there are."""
        return self.is_paid(program) and all(other.accepts(program) for other in self.trial.others)

    @cached_property
    def near(self) -> dict[str, Near]:
        """The neighbours of the correct program and, where it parses, of the buggy one."""
        programs = zip(NEAR, (self.correct, self.buggy), strict=True)
        return {name: self._near(program) for name, program in programs if program}

    def _near(self, program: Program) -> Near:
        failing = 0
        told_apart: list[Edit] = []
        equivalent: list[Edit] = []
        wrong: list[Edit] = []
        for edit in neighbours(program, surroundings(program, self.problem.tables)):
            rows = self.trial.bench.run(edit.program)
            if rows is None:
                failing += 1
            elif not rows.matches(self.expected):
                told_apart.append(edit)
            else:
                (equivalent if self.is_right(edit.program) else wrong).append(edit)
        return Near(failing, told_apart, equivalent, wrong)

    @property
    def key_filters(self) -> list[Program]:
        """The key filters that can be written without the correct program: out of the stored tables, and of
        the steps of the buggy one."""
        return [
            program
            for program in self.case.exploits["key_filter"]
            if isinstance(program.statements[-1].source, Load)
            or program.statements[:-1] != self.correct.statements
        ]

    @property
    def attacks(self) -> list[Program]:
        """Constant emitters, key filters and the buggy program."""
        return [program for programs in self.case.exploits.values() for program in programs]

    @cached_property
    def suites(self) -> list[Other]:
        """Hidden suites for the problem, chosen to refuse all attacks and neighbours that they can, and then
        shortcuts; none where too few other contents are of use."""
        if len(self.trial.others) < MIN_SUITES:
            return []
        near = [edit.program for near in self.near.values() for edit in (*near.wrong, *near.told_apart)]
        chosen, _ = self.trial.distilled([*self.attacks, *near])
        return self.trial.completed(chosen, self.case.shortcuts, MAX_SUITES)

    @property
    def with_suites(self) -> DslProblem:
        """The problem with the hidden suites in it."""
        return replace(self.problem, hidden=tuple(suite.suite() for suite in self.suites))


def parsed(code: str) -> Program | None:
    """The tree of a program, None where it does not parse."""
    try:
        return parse(code)
    except DslError:
        return None


def database_of(problem: DslProblem) -> Database:
    """The tables shown as a database; keys are inferred from names and values, since none are declared."""
    tables = dict(problem.tables)
    keys = find_keys((), tables, {})
    return Database(problem.database, problem.source, tables, keys, find_foreign_keys((), tables, {}, keys))


def other_contents(problem: DslProblem) -> list[Stock]:
    """The pool of other contents, made as a build makes its own; none where a table is empty."""
    if not all(table.length for table in problem.tables.values()):
        return []
    database, rng = database_of(problem), seeded("audit", problem.id)
    pool = hidden_contents(database, database.tables, rng, CONTENTS)
    pool[::2] = [with_strangers(contents, database, rng) for contents in pool[::2]]
    return [Stock(contents) for contents in pool]


def mutant_of(problem: DslProblem, correct: Program, buggy: Program | None) -> Mutant:
    """The bug as our gates look at it: its root cause is the first place where the programs differ."""
    names = [[s.name for s in program.statements] for program in (correct, buggy) if program]
    patch = difference(correct, buggy) if buggy and names[0] == names[1] else None
    place = patch.place if patch else ("", -1)
    return Mutant(problem.category, problem.buggy_code, buggy, problem.bugs, place)


# The checks


def audited(problem: DslProblem, agents: Sequence[str] = ()) -> Facts:
    """Everything about one problem. `agents` are names of `dsl_debug.agents.AGENTS` that play it."""
    rows = tuple(table.length for table in problem.tables.values())
    facts = Facts(problem.id, problem.category, problem.difficulty, problem.database, rows)
    try:
        audit = Audit(problem)
    except Broken as error:
        return replace(facts, holds=("broken",), refusals=(str(error),))
    refusals = tuple(refused(audit))
    found = {**output_checks(audit), **payment_checks(audit), **kind_checks(audit), **played(audit, agents)}
    found["certifiable"] = not refusals
    return replace(
        facts,
        key=canonical(audit.correct),
        size=len(problem.correct_code),
        holds=tuple(name for name, holds in found.items() if holds),
        counts=program_counts(audit),
        refusals=refusals,
    )


def output_checks(audit: Audit) -> dict[str, bool]:
    """What the expected rows and the buggy program look like."""
    rows, several = audit.expected, audit.expected.length > 1
    buggy_rows = audit.case.buggy_rows
    constant = several and any(len(set(values)) == 1 for values in rows.columns.values())
    degenerate = PROGRAM_GATES["degenerate"](audit.trial) is not None
    return {
        "empty": rows.length == 0,
        "one_row": rows.length == 1,
        "one_row_not_top": rows.length == 1 and degenerate,
        "same_rows": several and len(set(rows.tuples())) == 1,
        "degenerate": degenerate,
        "constant_column": constant,
        "long": rows.length > RENDERED_ROWS or len(rows.names) > MAX_COLUMNS,
        "tie": not audit.trial.order_is_decided(audit.trial.shown, rows),
        "buggy_right": buggy_rows is not None and buggy_rows.matches(rows),
        "buggy_fails": buggy_rows is None,
    }


def payment_checks(audit: Audit) -> dict[str, bool]:
    """Which wrong programs the rows shown pay, and which of them the hidden suites still do."""
    constant = audit.case.exploits["constant_emitter"]
    correct, *buggy = audit.near.values()
    groups = {
        "single_row_emitter": constant if audit.expected.length == 1 else [],
        "emitter": constant,
        "key_filter": audit.key_filters,
        "shortcut": [program for program in audit.case.shortcuts if not audit.is_right(program)],
        "correct_wrong": [edit.program for edit in correct.wrong],
        "buggy_wrong": [edit.program for near in buggy for edit in near.wrong],
    }
    paid = {name: any(map(audit.is_paid, programs)) for name, programs in groups.items()}
    has_suites = bool(audit.suites)
    kept = {f"kept_{name}": has_suites and any(map(audit.is_kept, ps)) for name, ps in groups.items()}
    wrong = {"near_wrong": paid["correct_wrong"] or paid["buggy_wrong"]}
    return {"contents": bool(audit.trial.others), "suites": has_suites, **paid, **wrong, **kept}


def kind_checks(audit: Audit) -> dict[str, bool]:
    """Which kinds of edits of the correct program leave the rows shown as they are, and which are wrong."""
    near = audit.near["correct"]
    alike, wrong = ({edit.kind for edit in edits} for edits in (near.alike, near.wrong))
    found = {f"alike_{kind}": kind in alike for kind in EDITS}
    found |= {f"wrong_{kind}": kind in wrong for kind in EDITS}
    return {"alike": bool(alike), "word_alike": not alike.isdisjoint(WORDS), **found}


def program_counts(audit: Audit) -> dict[str, int]:
    """How many suites there are, and how many neighbours of either program, by what they give."""
    counts = {"suites": len(audit.suites)}
    for name, near in audit.near.items():
        counts[f"{name}_tried"] = near.tried
        counts[f"{name}_failing"] = near.failing
        counts[f"{name}_told_apart"] = len(near.told_apart)
        counts[f"{name}_equivalent"] = len(near.equivalent)
        counts[f"{name}_wrong"] = len(near.wrong)
    return counts


def played(audit: Audit, agents: Iterable[str]) -> dict[str, bool]:
    """Whether agents that need no model are paid by the rows shown, and with the hidden suites as well."""
    problem, found = audit.with_suites, {}
    for name in agents:
        env = DSLDebugEnv()
        outcome = play(AGENTS[name], env, problem, seeded("audit", name, problem.id))
        found[f"agent_{name}"] = outcome.visible_match
        found[f"kept_agent_{name}"] = (
            bool(audit.suites) and outcome.visible_match and all(outcome.hidden_matches)
        )
    return found


NEED_CONTENTS = ("hidden contents tell", "no shortcut")
"""The gates that have nothing to go by where other contents are too few, which has a gate of its own."""


def refused(audit: Audit) -> list[str]:
    """Why our gates refuse the problem, each gate by itself.

    The gate of the category is left out for `intent_mismatch`: published problems do not say what the single
    mistakes are.
    """
    skipped = [] if audit.suites else list(NEED_CONTENTS)
    if audit.problem.category == "intent_mismatch":
        skipped.append("category")
    verdicts = [
        *(gate(audit.trial) for name, gate in PROGRAM_GATES.items() if name not in skipped),
        *(gate(audit.case) for name, gate in BUG_GATES.items() if name not in skipped),
    ]
    found = [reason for reason in verdicts if reason]
    if not found and not pays_the_fix_only(audit.with_suites):
        found.append("an episode does not pay the correct program 1 and the buggy one 0")
    return found
