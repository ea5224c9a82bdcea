"""The tables of a program in words: what their rows and columns are, for the sentence in `intent.py`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dataset_builder.model import Database
from dataset_builder.programs.naming import plural, words
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
    Not,
    Ref,
    Select,
    SortBy,
    Stage,
    Statement,
    Take,
    Value,
)
from dsl_debug.lang.table import TEXT

FUNCTIONS = {
    "sum": "total {}",
    "avg": "average {}",
    "min": "lowest {}",
    "max": "highest {}",
    "count_distinct": "number of different {}",
}
COMPARISONS = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
}
OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
OPERATORS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
TIMES = ("date", "datetime", "time", "timestamp", "day", "month", "year")
NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True)
class Field:
    """A column in words.

    `is_text`: it is ordered by the alphabet. `made`: the program made it. `short`: the same by the program's
    own names for what it is reckoned from, empty where it is not reckoned from others.
    """

    text: str
    is_text: bool = False
    made: bool = False
    short: str = ""


@dataclass(frozen=True)
class View:
    """A table of the program in words.

    `rows` names its rows, `table` is the stored table that they come from, one row of it for each, and
    `conditions` say which of them. `keys` are the columns that it is grouped by, empty for plain rows, and
    `over` says what was grouped. `order` holds sorts, the latest first.
    """

    rows: str
    columns: dict[str, Field]
    conditions: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    over: str = ""
    order: tuple[tuple[Field, bool], ...] = ()
    table: str = ""
    take: int | None = None

    def field(self, name: str) -> Field:
        """A column in words, also one that does not exist."""
        return self.columns.get(name) or Field(words(name))

    @property
    def noun(self) -> str:
        """The rows without what they are joined with."""
        return self.rows.split(" with their ")[0]

    @property
    def subject(self) -> str:
        """The rows with their conditions."""
        return f"{self.rows} whose {' and '.join(self.conditions)}" if self.conditions else self.rows


# Statements


def view_of(statement: Statement, views: dict[str, View], database: Database) -> View:
    """What a statement gives; `views` holds those of the statements that it reads."""
    view = _source(statement, views, database)
    grouping: tuple[Column, ...] = ()
    for stage in statement.stages:
        if isinstance(stage, GroupBy):
            grouping = stage.keys
        elif isinstance(stage, Aggregate):
            view = _grouped(view, [key.name for key in grouping], stage.aggregations)
        else:
            view = _staged(view, stage)
    return view


def _source(statement: Statement, views: dict[str, View], database: Database) -> View:
    match statement.source:
        case Load(name):
            table = database.tables.get(name)
            types = table.types if table else {}
            columns = {column: Field(words(column), kind == TEXT) for column, kind in types.items()}
            return View(plural(words(name)), columns, table=name)
        case Ref(name):
            return views.get(name) or View(words(name), {})
        case Join() as source:
            left, right = (views.get(r.name) or View(words(r.name), {}) for r in (source.left, source.right))
            return _joined(left, right, source, database)
    return View(words(statement.name), {})


def _staged(view: View, stage: Stage) -> View:
    match stage:
        case Filter(condition):
            view = _settled(view)
            parts = condition.parts if isinstance(condition, Logic) and condition.op == "and" else [condition]
            found = [_condition(part, view) for part in parts]
            return replace(view, conditions=(*view.conditions, *found))
        case Compute(assignments):
            columns = dict(view.columns)
            for item in assignments:
                text = _expression(item.value, replace(view, columns=columns))
                short = _expression(item.value, View("", {}))
                columns[item.name] = Field(text, made=True, short=short)
            return replace(view, columns=columns)
        case Select(chosen):
            # What was dropped may still be what the rows are sorted by.
            return replace(view, columns={c.name: view.field(c.name) for c in chosen})
        case SortBy(column, descending):
            view = _settled(view)
            field = view.field(column.name)
            return replace(view, order=((field, descending), *view.order))
        case Take(count):
            return replace(view, take=count if view.take is None else min(count, view.take))
    return view


def ordered(field: Field, descending: bool) -> str:
    """What comes first in this order: `largest price`."""
    if field.is_text and any(word in TIMES for word in field.text.split()):
        return f"{'latest' if descending else 'earliest'} {field.text}"
    if field.is_text:
        return f"alphabetically {'last' if descending else 'first'} {field.text}"
    return f"{'largest' if descending else 'smallest'} {field.text}"


def _settled(view: View) -> View:
    """The view with its `take` among the conditions, before something is done to the rows that were left."""
    if view.take is None:
        return view
    return replace(view, conditions=(*view.conditions, _among(view)), order=(), take=None)


def _among(view: View) -> str:
    what = f"{listed([view.field(k).text for k in view.keys])} is" if view.keys else "row is"
    return f"{what} among the {top(view)}"


def top(view: View) -> str:
    """The rows that a `take` leaves: `three with the largest price`."""
    count = _number(view.take or 0)
    return f"{count} with the {ordered(*view.order[0])}" if view.order else f"first {count}"


def _grouped(view: View, keys: Sequence[str], aggregations: Iterable[Aggregation]) -> View:
    view = _settled(view)
    if view.keys:
        by = listed([view.field(key).text for key in view.keys])
        view = replace(_qualified(view, True, False), rows=f"groups by {by} of {view.over}")
    columns = {key: view.field(key) for key in keys}
    for item in aggregations:
        columns[item.name] = Field(_aggregation(item, view), made=True)
    return View(view.rows, columns, (), tuple(keys), view.subject)


def _aggregation(item: Aggregation, view: View) -> str:
    if item.column is None:
        return f"number of {view.noun}"
    field = view.field(item.column.name)
    if item.function == "count_distinct":
        return FUNCTIONS[item.function].format(plural(field.text))
    pattern = FUNCTIONS.get(item.function, item.function + " {}")
    is_long = any(f" {word} " in field.text for word in ("and", *OPERATORS.values()))
    return pattern.format(f"of ({field.text})" if is_long else field.text)


def _qualified(view: View, per: bool, of: bool) -> View:
    """The view with its groups, and what was grouped, written into the words of its numbers."""
    groups = f" per {listed([view.field(key).text for key in view.keys])}" if per else ""
    rows = f" of {view.over}" if of else ""

    def qualified(field: Field) -> Field:
        if not field.made or field.text.endswith(groups or " "):
            return field
        if field.text.startswith("number of ") and view.over.startswith(field.text[10:]):
            return replace(field, text=f"number of {view.over if of else field.text[10:]}{groups}")
        return replace(field, text=field.text + rows + groups)

    return replace(view, columns={name: qualified(field) for name, field in view.columns.items()})


def _joined(left: View, right: View, source: Join, database: Database) -> View:
    left, right = _settled(left), _settled(right)
    different = bool(left.keys and right.keys) and left.over != right.over
    if left.keys and right.keys:
        finer = left if len(left.keys) >= len(right.keys) else right
        if different or left.keys != right.keys:
            left = _qualified(left, left.keys != finer.keys, different)
            right = _qualified(right, right.keys != finer.keys, different)
        over = "" if different else finer.over + _by(source, database)
        columns = {**left.columns, **right.columns}
        return View(finer.rows, columns, _both(left, right), finer.keys, over)
    if left.keys or right.keys:
        return _groups_and_rows(left, right, source, database)
    columns = {**left.columns, **right.columns}
    by = _by(source, database)
    first, second = left, right
    if database.keys.get(right.table) != source.right_key.name:
        if database.keys.get(left.table) != source.left_key.name:
            return View(f"pairs of {left.rows} and {right.rows}{by}", columns, _both(left, right))
        first, second = right, left  # each row of the right table finds one of the left
    return View(f"{first.rows} with their {second.rows}{by}", columns, _both(left, right), table=first.table)


def _groups_and_rows(left: View, right: View, source: Join, database: Database) -> View:
    groups, rows = (left, right) if left.keys else (right, left)
    key = source.left_key.name if left.keys else source.right_key.name
    other = source.right_key.name if left.keys else source.left_key.name
    if database.keys.get(rows.table) == other and groups.keys == (key,):
        # The rows describe the groups: one row for each.
        columns = {**left.columns, **right.columns}
        return View(rows.rows, columns, _both(left, right), groups.keys, groups.over)
    groups = _qualified(groups, True, groups.over not in (rows.subject, rows.rows))
    rows = replace(rows, rows=rows.rows + _by(source, database))
    columns = {**rows.columns, **groups.columns} if groups is right else {**groups.columns, **rows.columns}
    return View(rows.rows, columns, _both(rows, groups), table=rows.table)


def _both(left: View, right: View) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*left.conditions, *right.conditions)))


def _by(source: Join, database: Database) -> str:
    """The columns of a join, where the database does not say that they belong together."""
    pair = (source.left_key.name, source.right_key.name)
    if pair[0] == pair[1]:
        return ""
    known = [(k.column, k.target_column) for k in database.foreign_keys]
    if pair in known or pair[::-1] in known:
        return ""
    return f" where {words(pair[0])} equals {words(pair[1])}"


# Expressions


def _condition(condition: Condition, view: View) -> str:
    match condition:
        case Compare(op, left, right):
            if isinstance(left, Literal):
                left, right, op = right, left, {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(op, op)
            the = "the " if isinstance(right, Column) and view.field(right.name).made else ""
            return f"{_operand(left, view)} {COMPARISONS[op]} {the}{_operand(right, view)}"
        case Not(Compare(op) as part):
            return _condition(replace(part, op=OPPOSITES[op]), view)
        case Not(part):
            return f"it is not so that {_condition(part, view)}"
        case Logic(op, parts):
            return f"({f' {op} '.join(_condition(part, view) for part in parts)})"


def _operand(operand: Column | Literal, view: View) -> str:
    if isinstance(operand, Literal):
        return _value(operand.value)
    return view.field(operand.name).text


def _value(value: Value) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _expression(expression: Expression, view: View, inner: bool = False) -> str:
    match expression:
        case Column(name):
            text = view.field(name).text
            return f"({text})" if inner and any(f" {word} " in text for word in OPERATORS.values()) else text
        case Literal(value):
            return _value(value)
        case Negate(operand):
            return f"minus {_expression(operand, view, True)}"
        case Arithmetic(op, left, right):
            text = f"{_expression(left, view, True)} {OPERATORS[op]} {_expression(right, view, True)}"
            return f"({text})" if inner else text


def _number(count: int) -> str:
    return NUMBERS[count] if 0 < count < len(NUMBERS) else str(count)


def listed(items: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))
