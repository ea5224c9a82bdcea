"""Running trees over tables that were seen, fast: what programs have in common is run once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from dsl_debug.agents.seen import Seen
from dsl_debug.lang import Program, Table
from dsl_debug.lang.dialect import STANDARD
from dsl_debug.lang.errors import SourceText
from dsl_debug.lang.nodes import (
    Aggregate,
    Column,
    GroupBy,
    Join,
    Load,
    Ref,
    Source,
    Stage,
    Statement,
    Value,
    references,
)
from dsl_debug.lang.operators import RunError, Words, compile_stage, join
from dsl_debug.lang.rules import STAGE_RULES, MaybeSchema, Schema, StageRules, Types

MAX_ROWS = 20_000
PRESENT = 0.1
_WORDS = Words(STANDARD, "")


@dataclass(slots=True)
class _State:
    """A place between two stages: its columns, and how to make its table once that is asked for."""

    schema: Schema
    make: Callable[[], Table | None]
    table: Table | None = None
    made: bool = False
    keys: GroupBy | None = None  # a group_by that waits for its aggregate


class Bench:
    """Runs programs over `tables`, keeping the columns and the table after every chain of stages.

    Programs that differ in one stage are checked and run from that stage on. What is kept grows with every
    program: use a bench for the programs that have something in common.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.types = {name: table.types for name, table in tables.items()}
        self._rules = _Rules(self.types)
        self._numbers: dict[object, int | None] = {}
        self._states: list[_State] = []

    def run(self, program: Program) -> Table | None:
        """What a program emits, or None where it does not check, fails, or makes too many rows."""
        number = self._emitted(program)
        return None if number is None else self._table(number)

    def _emitted(self, program: Program) -> int | None:
        named = {statement.name: statement for statement in program.statements}
        if len(named) < len(program.statements):
            return None
        done: dict[str, int | None] = {}
        for name in named:  # a mistake in a statement that nothing reads is a mistake all the same
            if self._statement(name, named, done) is None:
                return None
        return done.get(program.emit.name)

    def _statement(
        self, name: str, named: Mapping[str, Statement], done: dict[str, int | None]
    ) -> int | None:
        """The number of the state that a statement ends in. A name that is being worked on is a cycle."""
        if name in done or name not in named:
            return done.get(name)
        done[name] = None
        statement = named[name]
        sources = [self._statement(ref.name, named, done) for ref in references(statement.source)]
        number = None if None in sources else self._source(statement.source, sources)
        for stage in statement.stages:
            if number is None:
                return None
            number = self._stage(number, stage)
        if number is not None and self._states[number].keys is None:
            done[name] = number
        return done[name]

    def _keep(self, key: object, state: _State | None) -> int | None:
        if state is not None:
            self._states.append(state)
        self._numbers[key] = None if state is None else len(self._states) - 1
        return self._numbers[key]

    def _stage(self, number: int, stage: Stage) -> int | None:
        key = (number, stage)
        if key in self._numbers:
            return self._numbers[key]
        return self._keep(key, self._after(number, stage))

    def _after(self, number: int, stage: Stage) -> _State | None:
        before = self._states[number]
        if (before.keys is None) == isinstance(stage, Aggregate):
            return None
        try:
            schema = STAGE_RULES[type(stage)](self._rules, stage, before.schema, before.keys)
        except _Refused:
            return None
        finally:
            self._rules.columns = 0
        if schema is None:
            return None
        if isinstance(stage, GroupBy):
            return _State(schema, before.make, before.table, before.made, stage)
        types, keys = before.schema.types, before.keys

        def make() -> Table | None:
            table = self._table(number)
            step = compile_stage(stage, keys, types, _WORDS)
            try:
                return step(table) if table is not None and step else None
            except RunError:
                return None

        return _State(schema, make)

    def _table(self, number: int) -> Table | None:
        state = self._states[number]
        if not state.made:
            state.table = state.make()
            state.made = True
        return state.table

    def _source(self, source: Source, numbers: Sequence[int | None]) -> int | None:
        match source, numbers:
            case Ref(), [number]:
                return number
            case Load(name), _:
                key: object = name
                if key not in self._numbers:
                    known = name in self.tables
                    self._keep(
                        key, _State(Schema(self.types[name]), lambda: self.tables[name]) if known else None
                    )
                return self._numbers[key]
            case Join(_, _, left_key, right_key), [int() as left, int() as right]:
                key = (left, right, left_key.name, right_key.name)
                if key not in self._numbers:
                    self._keep(key, self._joined(source, left, right))
                return self._numbers[key]
        return None

    def _joined(self, source: Join, left: int, right: int) -> _State | None:
        left_types, right_types = (self._states[number].schema.types for number in (left, right))
        if source.left_key.name not in left_types or source.right_key.name not in right_types:
            return None

        def make() -> Table | None:
            one, other = self._table(left), self._table(right)
            try:
                return None if one is None or other is None else join(source, MAX_ROWS)(one, other)
            except RunError:
                return None

        return _State(Schema({**left_types, **right_types}), make)


class _Refused(Exception):
    """A stage does not check."""


class _Rules(StageRules):
    """The rules of the checker, for callers who need no message."""

    def __init__(self, tables: Mapping[str, Types]) -> None:
        super().__init__(SourceText(""), tables, STANDARD)

    def report(self, code: str, message: str, node: object, help: str = "") -> None:
        raise _Refused

    def column(self, column: Column, schema: MaybeSchema, as_text: bool = False) -> str:
        if schema is None or column.name not in schema.types:
            raise _Refused
        return schema.types[column.name]


def likeness(table: Table, goal: Seen) -> float:
    """How near a table comes to the rows wanted: 1.0 if it is them.

    The mean over the wanted columns of the share of values that stand in the right row and of those that
    stand anywhere, less for every column too many; the number of rows counts like one more column. A column
    that is there with wrong values counts a little.
    """
    if goal.complete and table.matches(goal.table):
        return 1.0
    wanted = goal.table
    size = max(table.length, goal.rows, 1)
    total = 1 - abs(table.length - goal.rows) / size
    for name, values in wanted.columns.items():
        if name in table.columns:
            total += PRESENT + (1 - PRESENT) * _overlap(table.columns[name], values) / size
    extra = sum(name not in wanted.columns for name in table.names)
    return 0.99 * total / (len(wanted.names) + 1 + extra)


def _overlap(have: list[Value], want: list[Value]) -> float:
    placed = sum(map(_near, have, want))
    counts: dict[Value, int] = {}
    for value in want:
        value = _rounded(value)
        counts[value] = counts.get(value, 0) + 1
    anywhere = 0
    for value in have:
        value = _rounded(value)
        if counts.get(value, 0) > 0:
            counts[value] -= 1
            anywhere += 1
    return (placed + anywhere) / 2


def _near(a: Value, b: Value) -> bool:
    return a == b or _rounded(a) == _rounded(b)


def _rounded(value: Value) -> Value:
    """Numbers that a sum in another order could give become the same."""
    return float(f"{value:.9g}") if isinstance(value, float) else value
