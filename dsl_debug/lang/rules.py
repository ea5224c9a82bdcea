"""What each stage asks of the columns before it, and the columns that it leaves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from dsl_debug.lang.dialect import Dialect
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
    Literal,
    Logic,
    Negate,
    Node,
    Not,
    Select,
    SortBy,
    Stage,
    Take,
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


class StageRules:
    """The part of the checker that looks at stages and their columns."""

    def __init__(self, source: SourceText, tables: Mapping[str, Types], dialect: Dialect) -> None:
        self.source = source
        self.tables = tables
        self.dialect = dialect
        self.word = dialect.word
        self.diagnostics: list[Diagnostic] = []
        self.columns = 0

    def report(self, code: str, message: str, node: Node | tuple[int, int], help: str = "") -> None:
        span = node.span if isinstance(node, Node) else node
        self.diagnostics.append(self.source.diagnostic(code, message, span, help))
        if len(self.diagnostics) >= MAX_ERRORS:
            raise TooManyErrors

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
        if before is not None and not isinstance(before, GroupBy) and not is_other(before, GroupBy):
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
    Filter: StageRules.filter,
    Select: StageRules.select,
    Compute: StageRules.compute,
    GroupBy: StageRules.group_by,
    Aggregate: StageRules.aggregate,
    SortBy: StageRules.sort_by,
    Take: StageRules.take,
}


def is_other(stage: Stage, wanted: type) -> bool:
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
