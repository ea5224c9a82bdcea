"""Tree + the tables' columns and types -> every name and type error at once, and the schema at each stage.

A program that passes here can fail at run time only by dividing by zero or by exceeding a limit.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.errors import (
    MAX_ERRORS,
    Diagnostic,
    SourceText,
    TooManyErrors,
    did_you_mean,
    listed,
    nearest,
    quoted,
)
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.mistakes import NO_VALUES
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Column,
    Compare,
    Compute,
    Condition,
    Expression,
    Filter,
    GroupBy,
    Join,
    Literal,
    Load,
    Logic,
    Negate,
    Node,
    Not,
    Program,
    Ref,
    Select,
    SortBy,
    Source,
    Stage,
    Statement,
    Take,
    references,
)
from dsl_debug.lang.printer import print_text
from dsl_debug.lang.table import MIXED, NUMBER, TEXT, UNKNOWN

Types = dict[str, str]
# Bounds time and memory against a program that carries many columns through many steps.
MAX_COLUMNS = 1_000_000


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns at one place of a program, with their types, and who dropped the others.

    `dropped` maps a column that was there before to the offset and word of the stage that dropped it.
    """

    types: Types
    dropped: Mapping[str, tuple[int, str]] = field(default_factory=dict)


# Where something did not check, what follows is not checked for columns: one mistake, one message.
MaybeSchema = Schema | None


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


class _Checker:
    def __init__(self, source: SourceText, tables: Mapping[str, Types], dialect: Dialect) -> None:
        self.source = source
        self.tables = tables
        self.dialect = dialect
        self.word = dialect.word
        self.diagnostics: list[Diagnostic] = []
        self.checked: dict[str, CheckedStatement] = {}
        self.names: dict[str, Statement] = {}
        self.columns = 0

    def report(self, code: str, message: str, node: Node | tuple[int, int], help: str = "") -> None:
        span = node.span if isinstance(node, Node) else node
        self.diagnostics.append(self.source.diagnostic(code, message, span, help))
        if len(self.diagnostics) >= MAX_ERRORS:
            raise TooManyErrors

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
        if isinstance(stage, GroupBy) and (after is None or _is_other(after, Aggregate)):
            message = f"{quoted(group_by)} must be followed by {quoted(aggregate)}"
            help = f"for example: {self.dialect.pipe} {aggregate}(n: {self.word('count')}())"
            if isinstance(after, GroupBy):
                help = f"all keys stand in one: {group_by}(key, key)"
            elif any(isinstance(later, Aggregate) for later in stages[index + 1 :]):
                help = f"nothing may stand between the two; move it before {group_by} or after {aggregate}"
            self.report("group-without-aggregate", message, stage, help)
        if isinstance(stage, Aggregate) and (before is None or _is_other(before, GroupBy)):
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

    # Columns and types

    def column(self, column: Column, schema: MaybeSchema, as_text: bool = False) -> str:
        """The type of a column; UNKNOWN after reporting that there is none. `as_text`: it may have been
        meant as a text without quotes."""
        if schema is None:
            return UNKNOWN
        if column.name in schema.types:
            return schema.types[column.name]
        message, help = self.unknown_column(column.name, schema, as_text)
        self.report("unknown-column", message, column, help)
        return UNKNOWN

    def unknown_column(self, name: str, schema: Schema, as_text: bool) -> tuple[str, str]:
        """Message and help."""
        message, help = f"unknown column {quoted(name)}", f"columns here: {listed(schema.types)}"
        if name in schema.dropped:
            offset, word = schema.dropped[name]
            line = self.source.line_number(offset)
            return f"column {quoted(name)} is gone: {quoted(word)} in line {line} dropped it", help
        suggestion = did_you_mean(name, schema.types)
        if suggestion:
            return message + suggestion, help
        elsewhere = [table for table, types in self.tables.items() if name in types]
        if as_text and name.lower() in NO_VALUES:
            help = NO_VALUES[name.lower()]
        elif elsewhere:
            help = f"{help}\n  tables with a column {quoted(name)}: {listed(elsewhere)}"
        elif as_text:
            help = f"a text is written in double quotes: {print_text(name)}\n  {help}"
        return message, help

    def duplicates(self, items: Iterable[tuple[str, Node]], where: str) -> None:
        seen: set[str] = set()
        for name, node in items:
            if name in seen:
                message = f"column {quoted(name)} stands twice in {quoted(where)}"
                self.report("duplicate-column", message, node)
            seen.add(name)

    def schema(self, types: Types, dropped: Mapping[str, tuple[int, str]], node: Node) -> Schema:
        """A schema that a stage or a join makes; ends the check where all of them together grow too large."""
        self.columns += len(types) + len(dropped)
        if self.columns > MAX_COLUMNS:
            message = f"the steps up to this one carry more than {MAX_COLUMNS:,} columns"
            self.report("limit-columns", message, node, "keep fewer columns, or make fewer steps")
            raise TooManyErrors
        return Schema(types, dropped)

    def without(self, schema: Schema, kept: Types, node: Node, word: str) -> Schema:
        """The schema after a stage that keeps these columns and drops the others."""
        gone = {name: (node.span[0], word) for name in schema.types if name not in kept}
        before = {name: where for name, where in schema.dropped.items() if name not in kept}
        return self.schema(kept, {**before, **gone}, node)

    # Stages: each gives the schema after it

    def filter(self, stage: Filter, schema: MaybeSchema, _: Stage | None) -> MaybeSchema:
        self.condition(stage.condition, schema)
        return schema

    def condition(self, condition: Condition, schema: MaybeSchema) -> None:
        match condition:
            case Compare():
                self.comparison(condition, schema)
            case Not(part):
                self.condition(part, schema)
            case Logic(_, parts):
                for part in parts:
                    self.condition(part, schema)

    def comparison(self, compare: Compare, schema: MaybeSchema) -> None:
        left, right = compare.left, compare.right
        if isinstance(left, Literal) and isinstance(right, Literal):
            quoted_column = schema and next((v for v in (left.value, right.value) if v in schema.types), None)
            help = f"a column is written without quotes: {quoted_column}" if quoted_column else ""
            self.report("constant-comparison", "a comparison needs a column on one side", compare, help)
            return
        types = [self.operand(left, schema, right), self.operand(right, schema, left)]
        if compare.op not in ("==", "!=") and {TEXT, NUMBER} == set(types):
            text, number = (left, right) if types[0] == TEXT else (right, left)
            message = f"{_described(text, TEXT)} cannot be ordered against {_described(number, NUMBER)}"
            self.report("text-against-number", message, compare, _other_type(text, number, schema))

    def operand(self, operand: Column | Literal, schema: MaybeSchema, other: Column | Literal) -> str:
        if isinstance(operand, Literal):
            return TEXT if isinstance(operand.value, str) else NUMBER
        return self.column(operand, schema, as_text=isinstance(other, Column))

    def select(self, stage: Select, schema: MaybeSchema, _: Stage | None) -> MaybeSchema:
        self.duplicates(((c.name, c) for c in stage.columns), self.word("select"))
        for column in stage.columns:
            self.column(column, schema)
        types = _kept(stage.columns, schema)
        if schema is None or types is None:
            return None
        return self.without(schema, types, stage, self.word("select"))

    def compute(self, stage: Compute, schema: MaybeSchema, _: Stage | None) -> MaybeSchema:
        self.duplicates(((a.name, a) for a in stage.assignments), self.word("compute"))
        types = dict(schema.types) if schema else {}
        so_far = Schema(types, schema.dropped) if schema else None  # grows with `types`
        for item in stage.assignments:
            types[item.name] = self.expression(item.value, so_far)
        return self.schema(types, so_far.dropped, stage) if so_far else None

    def expression(self, expression: Expression, schema: MaybeSchema) -> str:
        """The type of what `compute` assigns: any column or literal, or arithmetic over numbers."""
        if isinstance(expression, Column):
            return self.column(expression, schema, as_text=True)
        if isinstance(expression, Literal):
            return TEXT if isinstance(expression.value, str) else NUMBER
        self.numeric(expression, schema)
        return NUMBER

    def numeric(self, expression: Expression, schema: MaybeSchema) -> None:
        match expression:
            case Arithmetic(_, left, right):
                texts = any(isinstance(p, Literal) and isinstance(p.value, str) for p in (left, right))
                for part in (left, right):
                    if not (texts and isinstance(part, Column)):  # what is said of the text says it all
                        self.numeric(part, schema)
            case Negate(operand):
                self.numeric(operand, schema)
            case Literal(value):
                if isinstance(value, str):
                    self.report("arithmetic-on-text", "arithmetic needs numbers, not a text", expression)
            case Column(name):
                kind = self.column(expression, schema)
                if kind in (TEXT, MIXED):
                    holds = "text" if kind == TEXT else "numbers and texts"
                    message = f"arithmetic needs numbers; column {quoted(name)} holds {holds}"
                    self.report("arithmetic-on-text", message, expression, _number_columns(schema))

    def group_by(self, stage: GroupBy, schema: MaybeSchema, _: Stage | None) -> MaybeSchema:
        self.duplicates(((c.name, c) for c in stage.keys), self.word("group_by"))
        for key in stage.keys:
            self.column(key, schema)
        return schema

    def aggregate(self, stage: Aggregate, schema: MaybeSchema, before: Stage | None) -> MaybeSchema:
        keys = before.keys if isinstance(before, GroupBy) else ()
        if before is not None and not isinstance(before, GroupBy) and not _is_other(before, GroupBy):
            schema = None  # the stage before did not parse: it may have been a group_by
        self.named_like_keys(stage, keys)
        self.duplicates(((a.name, a) for a in stage.aggregations), self.word("aggregate"))
        made = {item.name: self.aggregation(item, schema) for item in stage.aggregations}
        types = _kept(keys, schema)
        if schema is None or types is None:
            return None
        return self.without(schema, types | made, stage, self.word("aggregate"))

    def named_like_keys(self, stage: Aggregate, keys: tuple[Column, ...]) -> None:
        names = {key.name for key in keys}
        for item in stage.aggregations:
            if item.name in names:
                message = f"{quoted(item.name)} is a key of {quoted(self.word('group_by'))} already"
                self.report("duplicate-column", message, item, "give the new column another name")

    def aggregation(self, item: Aggregation, schema: MaybeSchema) -> str:
        function = AGGREGATES[item.function]
        word = self.word(item.function)
        if item.column is None:
            if function.needs_column:
                help = f"for example: {item.name}: {word}(column)"
                self.report("missing-column", f"{quoted(word)} needs a column", item.function_span, help)
            return function.result or UNKNOWN
        kind = self.column(item.column, schema)
        if kind != UNKNOWN and kind not in function.accepts:
            message = f"{quoted(word)} needs numbers; column {quoted(item.column.name)} holds text"
            self.report("aggregate-on-text", message, item.column, _number_columns(schema))
        return function.result or kind

    def sort_by(self, stage: SortBy, schema: MaybeSchema, _: Stage | None) -> MaybeSchema:
        self.column(stage.column, schema)
        return schema

    def take(self, stage: Take, schema: MaybeSchema, _: Stage | None) -> MaybeSchema:
        return schema


# mypy cannot see that each rule gets the type of stage that it is filed under.
STAGE_RULES: dict[type, Callable[..., MaybeSchema]] = {
    Filter: _Checker.filter,
    Select: _Checker.select,
    Compute: _Checker.compute,
    GroupBy: _Checker.group_by,
    Aggregate: _Checker.aggregate,
    SortBy: _Checker.sort_by,
    Take: _Checker.take,
}


def _is_other(stage: Stage, wanted: type) -> bool:
    """Whether a stage that did parse is something else than wanted."""
    return not isinstance(stage, wanted) and type(stage) in STAGE_RULES


def _kept(columns: Iterable[Column], schema: MaybeSchema) -> dict[str, str] | None:
    """The types of the columns that a stage keeps, a misspelled one counting as the one that was meant.

    None where that cannot be known; then what follows is not checked, as one mistake gets one message.
    """
    types: dict[str, str] = {}
    for column in columns:
        name = column.name
        if schema is not None and name not in schema.types:
            name = nearest(name, schema.types) or name
        if schema is None or name not in schema.types:
            return None
        types[name] = schema.types[name]
    return types


def _open_group(stages: tuple[Stage, ...]) -> bool:
    """Whether a group_by among these stages still waits for its aggregate."""
    waiting = False
    for stage in stages:
        waiting = isinstance(stage, GroupBy) or (waiting and not isinstance(stage, Aggregate))
    return waiting


def _number_columns(schema: MaybeSchema) -> str:
    numbers = [name for name, kind in schema.types.items() if kind == NUMBER] if schema else []
    if schema is None:
        return ""
    return f"number columns here: {listed(numbers)}" if numbers else "there is no number column here"


def _described(operand: Column | Literal, kind: str) -> str:
    if isinstance(operand, Column):
        return f"{kind} column {quoted(operand.name)}"
    return f"the {kind} {print_text(operand.value) if isinstance(operand.value, str) else operand.value}"


def _other_type(text: Column | Literal, number: Column | Literal, schema: MaybeSchema) -> str:
    """What a text and a number that are ordered against each other could be instead."""
    if isinstance(number, Literal):
        return f"compare it with a text: {print_text(str(number.value))}\n  {_number_columns(schema)}"
    if isinstance(text, Literal):
        value = str(text.value)
        return f"compare it with a number{f', without quotes: {value}' if value.isdigit() else ''}"
    return ""
