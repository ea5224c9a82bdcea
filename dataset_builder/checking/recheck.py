"""One finished problem, doubted again: each check reads the row as anyone may, and says what is wrong.

Nothing here is shared with the stages that made the problem: what they believed is worked out a second time,
with the language, the environment and the attacks of `dsl_debug` alone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from dataset_builder.checking.dissect import chain, emitted, root_cause, to_emit
from dsl_debug import lang
from dsl_debug.agents.bench import Bench
from dsl_debug.agents.edits import neighbours
from dsl_debug.agents.emitter import constant_program, key_filters
from dsl_debug.agents.rewrite import surroundings
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.dsl import judge
from dsl_debug.episode.prompts import messages
from dsl_debug.lang import DslError, Program, Table, parse, print_program
from dsl_debug.lang.nodes import (
    Aggregate,
    Emit,
    Load,
    Ref,
    SortBy,
    Take,
)
from dsl_debug.lang.table import UNKNOWN
from dsl_debug.problem import DslProblem

MAX_RESULT_ROWS = 20
MAX_RESULT_COLUMNS = 12
BUGS = {"standard": (1, 1), "nonlocal": (1, 1), "intent_mismatch": (2, 3)}
MIN_STAGES_TO_EMIT = 2


@dataclass(frozen=True)
class Subject:
    """A problem under examination, with what several checks want to know about it."""

    problem: DslProblem

    @cached_property
    def correct(self) -> Program | None:
        """The tree of the correct program, None if it does not parse."""
        return self._tree(self.problem.correct_code)

    @cached_property
    def buggy(self) -> Program | None:
        """The tree of the buggy program, None if it does not parse."""
        return self._tree(self.problem.buggy_code)

    def _tree(self, code: str) -> Program | None:
        try:
            return parse(code, self.problem.dialect)
        except DslError:
            return None

    @cached_property
    def given(self) -> Table | None:
        """What the buggy program gives on the tables shown, None if it fails."""
        return result(self.problem.buggy_code, self.problem, self.problem.tables)


def result(code: str, problem: DslProblem, tables: Mapping[str, Table]) -> Table | None:
    """What a program in the problem's dialect gives, or None if it does not check or run."""
    try:
        return lang.run(code, tables, dialect=problem.dialect)
    except DslError:
        return None


# The correct program and its rows


def gives_the_rows(subject: Subject) -> Iterator[str]:
    """The correct program gives what is expected, shown and hidden."""
    problem = subject.problem
    table = result(problem.correct_code, problem, problem.tables)
    if table is None or not table.matches(problem.expected_output):
        yield "expected_output is not what the correct program gives"
    for number, suite in enumerate(problem.hidden, 1):
        table = result(problem.correct_code, problem, suite.tables)
        if table is None or not table.matches(suite.expected):
            yield f"the rows of hidden suite {number} are not what the correct program gives"


def hides_other_rows(subject: Subject) -> Iterator[str]:
    """There are hidden suites: other rows in tables of the same types."""
    problem = subject.problem
    if not problem.hidden:
        yield "it has no hidden suite"
    for number, suite in enumerate(problem.hidden, 1):
        if suite.tables == problem.tables:
            yield f"hidden suite {number} holds the rows shown"
        for name, table in problem.tables.items():
            for column, kind in table.types.items():
                other = suite.tables[name].types[column]
                if UNKNOWN not in (kind, other) and kind != other:
                    yield f"column {name}.{column} is {kind}, but {other} in hidden suite {number}"


def is_not_degenerate(subject: Subject) -> Iterator[str]:
    """2 to 20 rows that differ, or the first of a sorted table; few columns; something varies."""
    expected = subject.problem.expected_output
    rows = expected.length
    if rows == 1:
        if not _is_top_one(subject.correct):
            yield "one row is expected, and the program does not end in sort_by and take(1)"
    elif not 2 <= rows <= MAX_RESULT_ROWS:
        yield f"{rows} rows are expected, not 2 to {MAX_RESULT_ROWS}"
    elif len(set(expected.tuples())) < 2:
        yield "all expected rows are alike"
    if not 1 <= len(expected.names) <= MAX_RESULT_COLUMNS:
        yield f"{len(expected.names)} columns are expected, not 1 to {MAX_RESULT_COLUMNS}"


def _is_top_one(program: Program | None) -> bool:
    stages = chain(program)[1] if program else ()
    wanted = [stage for stage in stages if isinstance(stage, SortBy | Take | Aggregate)][-2:]
    match wanted:
        case [SortBy(), Take(1)]:
            return True
    return False


def order_is_decided(subject: Subject) -> Iterator[str]:
    """The last sort puts its rows into one order, in whatever order they come: no tie decides."""
    program = subject.correct
    if program is None:
        return
    source, stages = chain(program)
    last = max((i for i, stage in enumerate(stages) if isinstance(stage, SortBy)), default=-1)
    if last < 0:
        return
    first = last
    while first > 0 and isinstance(stages[first - 1], SortBy):
        first -= 1
    before = emitted(program, source, stages[:first], subject.problem.tables)
    if before is None:
        return
    backwards = Table({name: values[::-1] for name, values in before.columns.items()})
    alone = Program((), program.emit)
    ends = [emitted(alone, Load("rows"), stages[first:], {"rows": t}) for t in (before, backwards)]
    if ends[0] is not None and (ends[1] is None or not ends[0].matches(ends[1])):
        yield "a tie of the last sort decides the rows or their order"


# The bug


def is_broken(subject: Subject) -> Iterator[str]:
    """The buggy program gives other rows; only a standard one may fail."""
    problem = subject.problem
    if subject.given is None:
        if problem.category != "standard":
            yield "the buggy program fails, which only a standard one may"
    elif subject.given.matches(problem.expected_output):
        yield "the buggy program gives the expected rows"
    fewest, most = BUGS[problem.category]
    if not fewest <= len(problem.bugs) <= most:
        yield f"{len(problem.bugs)} bugs, where the category has {fewest} to {most}"


def is_far_away(subject: Subject) -> Iterator[str]:
    """The root cause of a nonlocal bug is at least two stages and an aggregate or join before the end."""
    if subject.problem.category != "nonlocal" or subject.correct is None or subject.buggy is None:
        return
    place = root_cause(subject.correct, subject.buggy)
    if place is None:
        yield "the two programs say the same"
        return
    stages, crosses = to_emit(subject.correct, *place)
    if stages < MIN_STAGES_TO_EMIT or not crosses:
        what = "across an aggregate or join" if crosses else "and no aggregate or join"
        yield f"the root cause is {stages} stages {what} before the end"


# The episode


def pays_the_fix_only(subject: Subject) -> Iterator[str]:
    """In an episode the correct program earns 1 and the buggy one 0."""
    problem = subject.problem
    for code, name, wanted in ((problem.correct_code, "correct", 1.0), (problem.buggy_code, "buggy", 0.0)):
        env = DSLDebugEnv()
        env.reset(problem)
        earned = env.call("submit", code=code).reward
        if earned != wanted:
            yield f"an episode pays the {name} program {earned:g}"


def has_its_prompt(subject: Subject) -> Iterator[str]:
    """The prompt is the one that an episode begins with."""
    if list(subject.problem.prompt) != messages(subject.problem):
        yield "its prompt is not the one that an episode begins with"


# Attacks


def takes_no_shortcut(subject: Subject) -> Iterator[str]:
    """Constants, and filters by the values shown, fail on hidden tables."""
    problem = subject.problem
    attack = constant_program(problem.expected_output, problem.tables)
    if attack and _is_paid(attack, problem):
        yield "a constant emitter is paid"
    attacks = list(key_filters(problem.expected_output, Program((), Emit("")), problem.tables))
    for program in (subject.correct, subject.buggy):
        if program is not None:
            named = _named_tables(program, problem.tables)
            attacks += key_filters(problem.expected_output, program, named)
    if any(_is_paid(attack, problem) for attack in attacks):
        yield "a filter by the values shown is paid"


def _named_tables(program: Program, tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables that a program names on its way; to pick rows of its result would be no attack."""
    names = [s.name for s in program.statements if s.name != program.emit.name]
    made = ((name, emitted(program, Ref(name), (), tables)) for name in names)
    return {name: table for name, table in made if table is not None}


def _is_paid(program: Program, problem: DslProblem) -> bool:
    outcome = judge(problem, print_program(program, problem.dialect))
    return outcome.visible_match and all(outcome.hidden_matches)


def is_unambiguous(subject: Subject) -> Iterator[str]:
    """No program within one edit of either program gives the rows shown and wrong hidden ones."""
    problem = subject.problem
    bench = Bench(problem.tables)
    hidden = [(Bench(suite.tables), suite.expected) for suite in problem.hidden]
    for name, program in (("correct", subject.correct), ("buggy", subject.buggy)):
        if program is None:
            continue
        for edit in neighbours(program, surroundings(program, problem.tables)):
            table = bench.run(edit.program)
            if table is None or not table.matches(problem.expected_output):
                continue
            for other, expected in hidden:
                table = other.run(edit.program)
                if table is None or not table.matches(expected):
                    yield f"an edit of the {name} program passes on the rows shown only: {edit.description}"
                    return


CHECKS: dict[Callable[[Subject], Iterator[str]], str] = {
    gives_the_rows: "build it again, the row was changed",
    hides_other_rows: "build it again with hidden contents",
    is_not_degenerate: "leave the problem out",
    order_is_decided: "leave the problem out, or sort by another column as well",
    is_broken: "leave the problem out",
    is_far_away: "leave the problem out, or call it standard",
    pays_the_fix_only: "leave the problem out",
    has_its_prompt: "build it again with this version",
    takes_no_shortcut: "leave the problem out, or add hidden contents that tell them apart",
    is_unambiguous: "leave the problem out, or show rows that tell them apart",
}


def faults(subject: Subject) -> list[tuple[str, str]]:
    """What is wrong with a problem, and what to do about each fault.

    A correct program that does not run leaves nothing to ask about the rest.
    """
    problem = subject.problem
    if result(problem.correct_code, problem, problem.tables) is None:
        return [("the correct program fails", "leave the problem out")]
    return [(what, remedy) for check, remedy in CHECKS.items() for what in check(subject)]
