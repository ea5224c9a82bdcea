"""A quick look at whether a program is told apart from its neighbours, before certification looks at all.

It runs the one-edit neighbours of a program over the tables at hand, of each literal only those with the
values next to it, and re-uses every table that an edit leaves alone. A neighbour that gives the same rows is
a coincidence unless it also does so on other contents of the same tables.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice

from dataset_builder.contents import in_reverse
from dataset_builder.model import Contents
from dataset_builder.programs.sketch import MAX_JOINED_ROWS, WORDS
from dsl_debug.agents.edits import EDITS
from dsl_debug.agents.rewrite import Surroundings, Types, check_tree
from dsl_debug.lang import Program, Table
from dsl_debug.lang.nodes import (
    Aggregate,
    Column,
    Compare,
    Condition,
    Filter,
    Join,
    Literal,
    Load,
    Logic,
    Not,
    Ref,
    SortBy,
    Stage,
    Statement,
    Value,
    references,
)
from dsl_debug.lang.operators import RunError, compile_stage, join
from dsl_debug.lang.table import MIXED, NUMBER, TEXT

# The kinds that catch most coincidences go first.
KINDS = (
    "number", "comparison", "direction", "function", "logic", "drop_stage", "literal", "column",
    "arithmetic", "grouping", "swap_stages", "join_key", "source",
)  # fmt: skip
ENOUGH = 3
"""Other contents on which a program has to give rows in an order that no tie decides."""

FAR_VALUES = 4
"""Values from all over a column that a literal is tried with, besides the two next to it."""


class LazyTypes(dict[str, str]):
    """Column -> type of a table, worked out for the columns that are asked for."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.columns = table.columns

    def __missing__(self, column: str) -> str:
        kinds = set(map(type, self.columns[column]))
        self[column] = NUMBER if str not in kinds else TEXT if len(kinds) == 1 else MIXED
        return self[column]


class Runs:
    """Runs a program and programs near it, without a check: what does not check gives nothing or anything."""

    def __init__(self, program: Program, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.base = {statement.name: statement for statement in program.statements}
        self.at: dict[str, list[Table | None]] = {}
        for statement in program.statements:
            done = {name: chain[-1] for name, chain in self.at.items()}
            self.at[statement.name] = self.chain(statement, done, None)
        self.result = self.at[program.emit.name][-1]

    def run(self, program: Program) -> Table | None:
        """What a program emits; statements that are those of the base program are not run again."""
        done: dict[str, Table | None] = {}
        changed: set[str] = set()
        waiting = list(program.statements)
        while waiting:  # an edit may make a statement read a later one
            later = [s for s in waiting if not self.advance(s, done, changed)]
            if len(later) == len(waiting):
                break  # a cycle
            waiting = later
        return done.get(program.emit.name)

    def advance(self, statement: Statement, done: dict[str, Table | None], changed: set[str]) -> bool:
        """Run a statement if what it reads is done; `changed` are those that gave other tables."""
        name, names = statement.name, [ref.name for ref in references(statement.source)]
        if any(read not in done for read in names):
            return False
        base = self.base[name]
        same_source = statement.source is base.source and not any(read in changed for read in names)
        if statement is base and same_source:
            done[name] = self.at[name][-1]
            return True
        done[name] = self.chain(statement, done, base if same_source else None)[-1]
        if done[name] is not self.at[name][-1]:
            changed.add(name)
        return True

    def chain(
        self, statement: Statement, done: Mapping[str, Table | None], base: Statement | None
    ) -> list[Table | None]:
        """The tables after the source and after each stage, up to the first failure."""
        tables: list[Table | None]
        start = 0
        if base is None:
            tables = [self.source(statement, done)]
        else:
            while start < min(len(base.stages), len(statement.stages)):
                if base.stages[start] is not statement.stages[start]:
                    break
                start += 1
            tables = self.at[statement.name][: start + 1]
        for i in range(start, len(statement.stages)):
            before = statement.stages[i - 1] if i else None
            tables.append(self.stage(statement.stages[i], before, tables[-1]))
        return tables

    def stage(self, stage: Stage, before: Stage | None, table: Table | None) -> Table | None:
        """The table after a stage, None where it fails."""
        if table is None:
            return None
        try:
            step = compile_stage(stage, before, LazyTypes(table), WORDS)
            return step(table) if step else table
        except (RunError, OverflowError, KeyError, TypeError, ValueError):  # most of them: it does not check
            return None

    def source(self, statement: Statement, done: Mapping[str, Table | None]) -> Table | None:
        """The table that a statement begins with, None where it fails."""
        match statement.source:
            case Load(name):
                return self.tables[name]
            case Ref(name):
                return done[name]
            case Join(left, right) as source:
                first, second = done[left.name], done[right.name]
                if first is None or second is None:
                    return None
                try:
                    return join(source, MAX_JOINED_ROWS)(first, second)
                except (RunError, KeyError):
                    return None
        raise ValueError("a source that did not parse cannot be run")


def coincidence(program: Program, tables: Contents, others: Sequence[Contents]) -> str:
    """Why certification would refuse a program, as far as a quick look tells; empty where it tells nothing.

    `others` are other contents of the same tables. A kind of edits: one of them gives the same rows here and
    others elsewhere. `run`: it fails. `tie`: a tie decides the order, here or on most other contents.
    `elsewhere`: it gives nothing on most other contents.
    """
    loaded = {s.source.table for s in program.statements if isinstance(s.source, Load)}
    runs = Runs(program, {name: table for name, table in tables.items() if name in loaded})
    if runs.result is None:
        return "run"
    sorts = any(isinstance(stage, SortBy) for s in program.statements for stage in s.stages)
    if sorts and not _decided(program, runs):
        return "tie"
    elsewhere = _Elsewhere(program, others)
    kind = _first_kind(program, runs, elsewhere)
    if kind:
        return kind
    enough = min(ENOUGH, len(others))
    if len(elsewhere.runs) < enough:
        return "elsewhere"
    decided = (other for other in elsewhere.runs if _decided(program, other))
    return "tie" if sorts and len(list(islice(decided, enough))) < enough else ""


class _Elsewhere:
    """A program on other contents of the same tables, run when first asked for."""

    def __init__(self, program: Program, others: Sequence[Contents]) -> None:
        self.program = program
        self.others = others

    @cached_property
    def runs(self) -> list[Runs]:
        """The runs that give rows."""
        found = [Runs(self.program, contents) for contents in self.others]
        return [runs for runs in found if runs.result is not None and runs.result.length]


def _decided(program: Program, runs: Runs) -> bool:
    """Whether the rows are the same when those of the tables come the other way round."""
    loaded = [s.source.table for s in program.statements if isinstance(s.source, Load)]
    reverse = {name: in_reverse(runs.tables[name]) for name in loaded}
    return _same(Runs(program, reverse).result, runs.result)


def _first_kind(program: Program, runs: Runs, elsewhere: _Elsewhere) -> str:
    """The kind of the first edit that changes nothing here and something elsewhere."""
    types = {name: table.types for name, table in runs.tables.items()}
    around = _surroundings(runs)
    for kind in KINDS:
        seen = _where_columns_hide(around, runs) if kind == "column" else around
        for neighbour in EDITS[kind](program, seen):
            found = runs.run(neighbour)
            if found is None or not _same(found, runs.result) or check_tree(neighbour, types).diagnostics:
                continue
            if not all(_same(other.run(neighbour), other.result) for other in elsewhere.runs):
                return kind
    return ""


def _same(first: Table | None, second: Table | None) -> bool:
    if first is None or second is None:
        return first is second
    return first.matches(second)


def _surroundings(runs: Runs) -> Surroundings:
    """What edits draw on; of the values of a column only those next to the literals compared with it."""

    def columns(statement: str, stages: int) -> Types:
        table = runs.at[statement][stages]
        return table.types if table else {}

    def values(statement: str, stages: int, column: str) -> Sequence[Value]:
        table = runs.at[statement][stages]
        stage = runs.base[statement].stages[stages]
        if table is None or not isinstance(stage, Filter):
            return ()
        literals = [value for name, value in compared(stage.condition) if name == column]
        return _next_to(table.columns[column], literals)

    return Surroundings(tuple(runs.tables), columns, values)


def _where_columns_hide(around: Surroundings, runs: Runs) -> Surroundings:
    """Columns only where another one may go unseen: in compute, select and group_by it hardly ever does."""

    def columns(statement: str, stages: int) -> Types:
        stage = runs.base[statement].stages[stages]
        return around.columns(statement, stages) if isinstance(stage, Filter | Aggregate | SortBy) else {}

    return replace(around, columns=columns)


def compared(condition: Condition) -> Iterator[tuple[str, Value]]:
    """Every column that a condition compares with a value, with the value."""
    match condition:
        case Compare(_, Column(name), Literal(value)) | Compare(_, Literal(value), Column(name)):
            yield name, value
        case Not(part):
            yield from compared(part)
        case Logic(_, parts):
            for part in parts:
                yield from compared(part)


def _next_to(values: Sequence[Value], literals: Sequence[Value]) -> list[Value]:
    kinds = {isinstance(value, str) for value in literals}
    present = sorted(
        {v for v in values if isinstance(v, str) in kinds}, key=lambda v: (isinstance(v, str), v)
    )
    found: list[Value] = []
    for literal in literals:
        if literal in present:
            i = present.index(literal)
            found += present[max(0, i - 1) : i] + present[i + 1 : i + 2]
            found += present[:: max(1, len(present) // FAR_VALUES)] + present[-1:]
    return [value for value in dict.fromkeys(found) if value not in literals]
