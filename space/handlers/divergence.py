"""The step of a program at which rows first go wrong, beside the reference program.

Bounded, whatever a visitor's program gives: the search gives up after `MAX_STEPS` steps or `SECONDS`.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from dsl_debug import lang
from dsl_debug.lang import DslError, Limits, Table
from dsl_debug.lang.errors import listed, quoted
from dsl_debug.lang.table import same_value
from dsl_debug.problem import DslProblem
from space.flow import Flow, Node, flow_of, up_to
from space.handlers.rows import row_diff

SECONDS = 0.2
"""Processor time that the search for the step may take, the last run that it begins aside."""

MAX_STEPS = 100
MAX_TEXT = 100


@dataclass(frozen=True)
class Divergence:
    """The first step whose rows are wrong: its table, how many stages of it were carried out (the source
    counted as one), its line and text in the program, and one sentence about it.
    """

    node: str
    stage: int
    line: int
    text: str
    words: str


# Steps


@dataclass(frozen=True)
class _Step:
    """A table after so many stages of its node, the source counted as one."""

    node: Node
    stage: int
    table: Table

    @property
    def text(self) -> str:
        return self.node.stages[self.stage - 1].text

    @property
    def operator(self) -> str:
        return self.text.partition("(")[0]


def first_divergence(problem: DslProblem, code: str, given: Table, limits: Limits) -> Divergence | None:
    """The first step whose rows no step of the reference program gives, or what is wrong at the end; `given`
    is what the program gives on the tables that are shown.

    Only steps that the result depends on count, in the order in which they are needed. A step is not wrong
    for having columns of its own, or those that the reference has elsewhere, or fewer. Where the table that a
    wrong step reads ends otherwise than in the reference, that table is blamed. None for a program that is
    right, or that takes too long to look into.
    """
    if given.matches(problem.expected_output):
        return None
    tight = Limits(min(limits.rows, 50_000), min(limits.cells, 500_000), limits.steps, limits.seconds)
    try:
        return _first(problem, _steps(problem, code, tight, time.thread_time() + SECONDS))
    except (DslError, TimeoutError):
        return None


def _first(problem: DslProblem, steps: Iterable[_Step]) -> Divergence | None:
    reference = _reference(problem)
    done: list[_Step] = []
    for step in steps:
        if not _is_known(step.table, reference):
            early = _ended_early(step, _ends(done), _ends(reference))
            if early:
                return _at_end(early, done, reference)
            return _wrong(_out_of_place(step.node, done, reference) or step, reference)
        done.append(step)
    ends = _ends(reference)
    for name, step in _ends(done).items():
        if name in ends and not _agree(step.table, ends[name].table):
            return _at_end(step, done, reference)
    return _not_emitted(done[-1], problem.expected_output) if done else None


def _at_end(step: _Step, done: Iterable[_Step], reference: Sequence[_Step]) -> Divergence:
    """What is wrong with a table whose steps are all known, but that ends with other rows than it should."""
    wrong = _out_of_place(step.node, done, reference)
    return _wrong(wrong, reference) if wrong else _too_early(step, _ends(reference)[step.node.name].table)


def _out_of_place(node: Node, done: Iterable[_Step], reference: Sequence[_Step]) -> _Step | None:
    """The first of the steps of a table that is not what the reference has in its place. Such a step can have
    gone unseen, as a filter that lets everything pass. What a table begins with when it only has another name
    is not looked at: that is a matter of the other one."""
    for step in done:
        if step.node is node and "(" in step.text:
            other = _counterpart(step, reference)
            if other and not _agree(step.table, other.table):
                return step
    return None


def _counterpart(step: _Step, reference: Iterable[_Step]) -> _Step | None:
    """The step of the reference that stands in the same place and does the same kind of thing."""
    place = (step.node.name, step.stage, step.operator)
    return next((s for s in reference if (s.node.name, s.stage, s.operator) == place), None)


def _ends(steps: Iterable[_Step]) -> dict[str, _Step]:
    """The last step of every node."""
    return {step.node.name: step for step in steps}


def _ended_early(step: _Step, mine: dict[str, _Step], reference: dict[str, _Step]) -> _Step | None:
    """The end of a table that this step reads at once, if it is not what the reference ends it with; or of
    the one that this comes from, and so on."""
    reads_them = step.stage == 1 or (step.stage == 2 and len(step.node.reads) == 1)
    names = step.node.reads if reads_them else ()
    found = None
    while True:
        both = [(mine[name], reference[name]) for name in names if name in mine and name in reference]
        wrong = [end for end, other in both if not _agree(end.table, other.table)]
        if not wrong:
            return found
        found, names = wrong[0], wrong[0].node.reads


@lru_cache(maxsize=64)
def _reference(problem: DslProblem) -> tuple[_Step, ...]:
    """The steps of the correct program on the tables that are shown. Raises DslError."""
    return tuple(_steps(problem, problem.correct_code, Limits(), time.thread_time() + 10 * SECONDS))


def _steps(problem: DslProblem, code: str, limits: Limits, end: float) -> Iterator[_Step]:
    """The steps that the result of a program depends on, as they are needed.

    Raises DslError for a step that fails, TimeoutError for too many and when this thread has used up `end`.
    """
    for number, (node, stage) in enumerate(_needed(flow_of(code, problem.dialect))):
        if number >= MAX_STEPS or time.thread_time() > end:
            raise TimeoutError("a program with too many steps to look into")
        part = up_to(code, node, stage)
        yield _Step(node, stage, lang.inspect(part, node.name, problem.tables, limits, problem.dialect))


def _needed(flow: Flow) -> Iterator[tuple[Node, int]]:
    """Nodes and numbers of their stages, those first that come first in the text as far as others allow."""
    by_name = {node.name: node for node in reversed(flow.nodes)}
    wanted, waiting = set(), [flow.emitted]
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in wanted:
            wanted.add(name)
            waiting += by_name[name].reads
    left = [node for node in flow.nodes if node.name in wanted]
    done: set[str] = set()
    while left:
        node = next((node for node in left if done.issuperset(node.reads)), None)
        if node is None:  # a cycle, or a name that is not there
            return
        yield from ((node, stage) for stage in range(1, len(node.stages) + 1))
        done.add(node.name)
        left.remove(node)


# Whether rows are those of the reference


def _is_known(table: Table, reference: Iterable[_Step]) -> bool:
    """Whether some step of the reference has these rows, be it with more or with fewer columns."""
    others = [step.table for step in reference if step.table.length == table.length]
    if any(table.matches(other) for other in others):
        return True
    named = {name for step in reference for name in step.table.names}
    own = {name for name in table.names if name not in named}
    known = own | {name for name in table.names if any(_has_column(other, name, table) for other in others)}
    is_more = known.issuperset(table.names) and any(_is_part(other, table) for other in others)
    return table.length > 0 and (is_more or any(_is_part(table, other) for other in others))


def _is_part(table: Table, other: Table) -> bool:
    """Whether a table is another one with fewer columns."""
    fewer = table.columns.keys() < other.columns.keys()
    return fewer and all(_same_column(table, other, name) for name in table.names)


def _has_column(table: Table, name: str, other: Table) -> bool:
    return name in table.columns and _same_column(table, other, name)


def _agree(table: Table, other: Table) -> bool:
    """Whether tables have the same rows, as far as their columns are those of both."""
    if table.length != other.length:
        return False
    return table.matches(other) or _is_part(table, other) or _is_part(other, table)


def _same_column(one: Table, other: Table, name: str) -> bool:
    return all(map(same_value, one.columns[name], other.columns[name]))


# Words


def shortened(text: str) -> str:
    """The text of a step, cut where it is long."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _wrong(step: _Step, reference: Iterable[_Step]) -> Divergence:
    other = _counterpart(step, reference)
    how = _difference(step.table, other.table) if other else ""
    how = how or f"no step of the reference gives these {_counted(step.table.length)}"
    return _divergence(step, f"Rows first differ from those of the reference at {_place(step)}: {how}.")


def _too_early(step: _Step, other: Table) -> Divergence:
    how = _difference(step.table, other) or "other rows than the reference"
    place = f"{quoted(step.node.name)} ends at line {_line(step)}, {shortened(step.text)}"
    return _divergence(step, f"{place}, with {how}: a stage may be missing or wrong.")


def _not_emitted(step: _Step, expected: Table) -> Divergence:
    same_columns = step.table.columns.keys() == expected.columns.keys()
    what = f"the {'rows' if same_columns else 'columns'} of {quoted(step.node.name)}"
    words = f"Every step gives rows that the reference has, too, but {what} are not those of its result."
    return _divergence(step, words)


def _divergence(step: _Step, words: str) -> Divergence:
    return Divergence(step.node.name, step.stage, _line(step), shortened(step.text), words)


def _line(step: _Step) -> int:
    return step.node.stages[step.stage - 1].line


def _place(step: _Step) -> str:
    return f"line {_line(step)}, {shortened(step.text)} in {quoted(step.node.name)}"


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def _difference(table: Table, other: Table) -> str:
    """How a table differs from that of the reference in its place; "" if it does not."""
    if table.length != other.length:
        return f"{_counted(table.length)}, where the reference has {other.length:,}"
    if table.columns.keys() != other.columns.keys():
        return f"{_counted(table.length)}, but not the columns of the reference"
    wrong = [name for name in table.names if not _same_column(table, other, name)]
    if not wrong:
        return ""
    if row_diff(table, other).reordered:
        return f"the {_counted(table.length)} of the reference, in another order"
    return (
        f"{_counted(table.length)}, as the reference has, but other values in {listed(map(quoted, wrong), 3)}"
    )
