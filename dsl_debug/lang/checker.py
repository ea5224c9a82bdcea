"""Tree + the tables' columns and types -> every name and type error at once, and the schema at each stage.

A program that passes here can fail at run time only by dividing by zero or by exceeding a limit.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.errors import Diagnostic, SourceText, TooManyErrors, did_you_mean, listed, quoted
from dsl_debug.lang.nodes import (
    Aggregate,
    Column,
    GroupBy,
    Join,
    Load,
    Program,
    Ref,
    Source,
    Stage,
    Statement,
    references,
)
from dsl_debug.lang.printer import print_text
from dsl_debug.lang.rules import STAGE_RULES, MaybeSchema, Schema, StageRules, Types, is_other


@dataclass(frozen=True, slots=True)
class CheckedStatement:
    """A statement with the schema before its first stage and after each stage."""

    statement: Statement
    schemas: tuple[MaybeSchema, ...]

    @property
    def result(self) -> MaybeSchema:
        """The schema of the table that the statement names."""
        return self.schemas[-1]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checker found: statements in dependency order, and the diagnostics by position."""

    statements: dict[str, CheckedStatement]
    diagnostics: tuple[Diagnostic, ...]


def check_program(
    program: Program,
    source: SourceText,
    tables: Mapping[str, Types],
    dialect: Dialect = STANDARD,
    only: frozenset[str] | None = None,
) -> Checked:
    """Check a program against tables, given as name -> column -> type.

    `only` restricts the check to these statements (and leaves `emit` out), for a look at a part of a
    program whose rest may be wrong.
    """
    checker = _Checker(source, tables, dialect)
    return checker.program(program, only)


def closure(program: Program, name: str) -> frozenset[str]:
    """The names of the statements that `name` needs, itself included; unknown names are left out."""
    definitions = _definitions(program.statements)
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in definitions and current not in found:
            found.add(current)
            waiting += [ref.name for ref in references(definitions[current].source)]
    return frozenset(found)


def _definitions(statements: Iterable[Statement]) -> dict[str, Statement]:
    """Name -> the first statement that defines it."""
    found: dict[str, Statement] = {}
    for statement in statements:
        found.setdefault(statement.name, statement)
    return found


class _Checker(StageRules):
    def __init__(self, source: SourceText, tables: Mapping[str, Types], dialect: Dialect) -> None:
        super().__init__(source, tables, dialect)
        self.checked: dict[str, CheckedStatement] = {}
        self.names: dict[str, Statement] = {}

    # Program

    def program(self, program: Program, only: frozenset[str] | None) -> Checked:
        self.names = _definitions(program.statements)
        with suppress(TooManyErrors):
            self.check_all(program, only)
        ordered = sorted(self.diagnostics, key=lambda d: (d.line, d.column))
        return Checked(self.checked, tuple(ordered))

    def check_all(self, program: Program, only: frozenset[str] | None) -> None:
        wanted = [s for s in self.names.values() if only is None or s.name in only]
        if only is None:
            self.check_redefinitions(program)
        for statement in self.in_dependency_order(wanted):
            self.checked[statement.name] = self.statement(statement)
        if only is None and program.emit.name:
            self.check_emit(program)

    def check_redefinitions(self, program: Program) -> None:
        for statement in program.statements:
            first = self.names[statement.name]
            if first is not statement:
                line = self.source.line_number(first.span[0])
                message = f"{quoted(statement.name)} is already defined in line {line}"
                self.report("redefinition", message, statement.name_span, "give this table a name of its own")

    def check_emit(self, program: Program) -> None:
        emit = program.emit
        if emit.name in self.names:
            return
        span = (emit.span[1] - len(emit.name), emit.span[1])
        self.unknown_name(Ref(emit.name, span=span))

    def in_dependency_order(self, statements: list[Statement]) -> list[Statement]:
        """Statements after those that they read; the ones in a cycle are reported and left out."""
        waiting: dict[str, int] = {}
        readers: dict[str, list[Statement]] = {}
        for statement in statements:
            needed = {ref.name for ref in references(statement.source) if ref.name in self.names}
            waiting[statement.name] = len(needed)
            for name in needed:
                readers.setdefault(name, []).append(statement)
        ready = [s for s in statements if not waiting[s.name]]
        for statement in ready:  # grows while it is walked
            for reader in readers.get(statement.name, ()):
                waiting[reader.name] -= 1
                if not waiting[reader.name]:
                    ready.append(reader)
        if len(ready) < len(statements):
            done = {s.name for s in ready}
            self.report_cycles([s for s in statements if s.name not in done])
        return ready

    def report_cycles(self, stuck: list[Statement]) -> None:
        """One message per cycle, at its first statement; what merely reads a cycle is passed over."""
        names = {s.name: s for s in stuck}
        seen: set[str] = set()
        for statement in stuck:
            path: list[str] = []
            name = statement.name
            while name not in seen:
                seen.add(name)
                path.append(name)
                name = next(r.name for r in references(names[name].source) if r.name in names)
            if name in path:
                self.report_cycle(path[path.index(name) :], names)

    def report_cycle(self, cycle: list[str], names: Mapping[str, Statement]) -> None:
        text = " -> ".join([*cycle[:8], *(["..."] if len(cycle) > 8 else []), cycle[0]])
        message, help = f"these tables are defined by each other: {text}", ""
        if len(cycle) == 1:
            name = cycle[0]
            message = f"{quoted(name)} is defined by itself"
            if name in self.tables:
                help = f"the stored table is {self.word('load')}({print_text(name)})"
        self.report("cycle", message, names[cycle[0]].name_span, help)

    # Statements

    def statement(self, statement: Statement) -> CheckedStatement:
        schema = self.table_source(statement.source)
        schemas = [schema]
        for index, stage in enumerate(statement.stages):
            before = statement.stages[index - 1] if index else None
            self.check_grouping(statement.stages, index)
            rule = STAGE_RULES.get(type(stage))
            # A stage that did not parse may have made or dropped any column.
            schema = rule(self, stage, schema, before) if rule else None
            schemas.append(schema)
        return CheckedStatement(statement, tuple(schemas))

    def check_grouping(self, stages: tuple[Stage, ...], index: int) -> None:
        stage, group_by, aggregate = stages[index], self.word("group_by"), self.word("aggregate")
        after = stages[index + 1] if index + 1 < len(stages) else None
        before = stages[index - 1] if index else None
        if isinstance(stage, GroupBy) and (after is None or is_other(after, Aggregate)):
            message = f"{quoted(group_by)} must be followed by {quoted(aggregate)}"
            help = f"for example: {self.dialect.pipe} {aggregate}(n: {self.word('count')}())"
            if isinstance(after, GroupBy):
                help = f"all keys stand in one: {group_by}(key, key)"
            elif any(isinstance(later, Aggregate) for later in stages[index + 1 :]):
                help = f"nothing may stand between the two; move it before {group_by} or after {aggregate}"
            self.report("group-without-aggregate", message, stage, help)
        if isinstance(stage, Aggregate) and (before is None or is_other(before, GroupBy)):
            if _open_group(stages[:index]):
                return  # said there
            message = f"{quoted(aggregate)} needs {quoted(group_by)} right before it"
            help = f"for example: {self.dialect.pipe} {group_by}(column) {self.dialect.pipe} {aggregate}(...)"
            self.report("aggregate-without-group", message, stage, help)

    # Sources

    def table_source(self, source: Source) -> MaybeSchema:
        match source:
            case Load(name):
                return self.load(source, name)
            case Ref():
                return self.ref(source)
            case Join():
                return self.join(source)
        return None

    def load(self, source: Load, name: str) -> MaybeSchema:
        if name in self.tables:
            return Schema(self.tables[name])
        # `orders.csv` and `shop.orders` mean `orders`.
        parts = [name, *(part for part in name.split(".") if part in self.tables)]
        message = f"unknown table {quoted(name)}{did_you_mean(parts[-1], self.tables)}"
        help = f"tables: {listed(self.tables)}" if self.tables else "there are no tables"
        self.report("unknown-table", message, source, help)
        return None

    def ref(self, ref: Ref) -> MaybeSchema:
        if ref.name not in self.names:
            self.unknown_name(ref)
            return None
        done = self.checked.get(ref.name)
        return done.result if done else None

    def unknown_name(self, ref: Ref) -> None:
        message = f"unknown name {quoted(ref.name)}{did_you_mean(ref.name, self.names)}"
        help = f"names: {listed(self.names)}" if self.names else "the program defines no table"
        if ref.name in self.tables:
            help = f"define it first: {ref.name} = {self.word('load')}({print_text(ref.name)})"
        self.report("unknown-name", message, ref, help)

    def join(self, source: Join) -> MaybeSchema:
        left, right = self.ref(source.left), self.ref(source.right)
        if left and right and self.keys_are_swapped(source, left, right):
            on = self.word("on")
            help = f"write {on}: {source.right_key.name} == {source.left_key.name}"
            span = (source.left_key.span[0], source.right_key.span[1])
            self.report("swapped-keys", "the column of the left table goes first", span, help)
        else:
            self.key(source.left_key, left, source.left.name)
            self.key(source.right_key, right, source.right.name)
        if left is None or right is None:
            return None
        return self.schema({**left.types, **right.types}, {**left.dropped, **right.dropped}, source)

    def keys_are_swapped(self, source: Join, left: Schema, right: Schema) -> bool:
        """Whether the keys fit the tables only the other way round."""
        first, second = source.left_key.name, source.right_key.name
        fits = first in left.types and second in right.types
        return not fits and first in right.types and second in left.types

    def key(self, key: Column, schema: MaybeSchema, table: str) -> None:
        if schema is None or key.name in schema.types:
            return
        message = f"{quoted(table)} has no column {quoted(key.name)}{did_you_mean(key.name, schema.types)}"
        help = f"columns of {table}: {listed(schema.types)}"
        if key.name in schema.dropped:
            offset, word = schema.dropped[key.name]
            column = f"column {quoted(key.name)} of {quoted(table)}"
            line = self.source.line_number(offset)
            message = f"{column} is gone: {quoted(word)} in line {line} dropped it"
        self.report("unknown-column", message, key, help)


def _open_group(stages: tuple[Stage, ...]) -> bool:
    """Whether a group_by among these stages still waits for its aggregate."""
    waiting = False
    for stage in stages:
        waiting = isinstance(stage, GroupBy) or (waiting and not isinstance(stage, Aggregate))
    return waiting
