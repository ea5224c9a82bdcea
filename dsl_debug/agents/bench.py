"""Running trees over tables that were seen, fast: what programs have in common is run once."""

from collections.abc import Mapping

from dsl_debug.agents.rewrite import check_tree
from dsl_debug.agents.seen import Seen
from dsl_debug.lang import Program, Table
from dsl_debug.lang.checker import CheckedStatement, closure
from dsl_debug.lang.dialect import STANDARD
from dsl_debug.lang.nodes import Join, Load, Ref, Stage, Value
from dsl_debug.lang.operators import RunError, Words, compile_stage, join

MAX_ROWS = 20_000
PRESENT = 0.1


class Bench:
    """Runs programs over `tables`, keeping the table after every chain of stages."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = tables
        self.types = {name: table.types for name, table in tables.items()}
        self.ids: dict[object, int] = {}
        self.made: list[Table | None] = []

    def run(self, program: Program) -> Table | None:
        """What a program emits, or None where it does not check, fails, or makes too many rows."""
        checked = check_tree(program, self.types)
        if checked.diagnostics:
            return None
        wanted = closure(program, program.emit.name)
        ids: dict[str, int] = {}
        for name, statement in checked.statements.items():
            if name in wanted:
                ids[name] = self.statement(statement, ids)
        return self.made[ids[program.emit.name]]

    def statement(self, checked: CheckedStatement, ids: Mapping[str, int]) -> int:
        """The number of the table that a statement makes."""
        state = self.source(checked.statement.source, ids)
        before: Stage | None = None
        for stage, schema in zip(checked.statement.stages, checked.schemas, strict=False):
            key = (state, stage)
            if key not in self.ids:
                self.keep(key, self.stage(stage, before, schema.types if schema else {}, state))
            state = self.ids[key]
            before = stage
        return state

    def keep(self, key: object, table: Table | None) -> None:
        self.ids[key] = len(self.made)
        self.made.append(table)

    def stage(self, stage: Stage, before: Stage | None, types: dict[str, str], state: int) -> Table | None:
        table = self.made[state]
        step = compile_stage(stage, before, types, Words(STANDARD, ""))
        if table is None or step is None:
            return table
        try:
            return step(table)
        except RunError:
            return None

    def source(self, source: object, ids: Mapping[str, int]) -> int:
        """The number of the table that a source gives."""
        match source:
            case Ref(name):
                return ids[name]
            case Load(name):
                key: object = name
                made: Table | None = self.tables[name]
            case Join(left, right, left_key, right_key):
                key = (ids[left.name], ids[right.name], left_key.name, right_key.name)
                made = None if key in self.ids else self.joined(source, ids)
            case _:
                raise ValueError("only what checks can be run")
        if key not in self.ids:
            self.keep(key, made)
        return self.ids[key]

    def joined(self, source: Join, ids: Mapping[str, int]) -> Table | None:
        left, right = self.made[ids[source.left.name]], self.made[ids[source.right.name]]
        if left is None or right is None:
            return None
        try:
            return join(source, MAX_ROWS)(left, right)
        except RunError:
            return None


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
