"""The tree of a program: frozen data, in the standard words whatever dialect it was written in.

Spans (offsets into the text, end exclusive) and comments take no part in equality: two programs are equal
when they say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

Value = int | float | str
Span = tuple[int, int]
NOWHERE: Span = (0, 0)


class Comments(NamedTuple):
    """Comments that belong to a statement's head, a stage or `emit`, each with its leading `--`."""

    before: tuple[str, ...] = ()
    after: str | None = None


NO_COMMENTS = Comments()


@dataclass(frozen=True, slots=True)
class Node:
    """Anything that stands somewhere in a program."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Line(Node):
    """A node that the printer gives a line of its own, and that can hence carry comments."""

    comments: Comments = field(default=NO_COMMENTS, compare=False, repr=False, kw_only=True)


# Expressions


@dataclass(frozen=True, slots=True)
class Column(Node):
    """A column by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number or a text. Negative numbers are literals too."""

    value: Value


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """Unary minus of anything but a number."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """`left op right` with one of + - * /."""

    op: str
    left: "Expression"
    right: "Expression"


Expression = Column | Literal | Negate | Arithmetic

# How tightly the operators of arithmetic bind; those of one number bind from left to right.
PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


# Conditions


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`left op right` with one of == != < <= > >=."""

    op: str
    left: Column | Literal
    right: Column | Literal


@dataclass(frozen=True, slots=True)
class Not(Node):
    """`not part`."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """`and` or `or` over two or more parts; parts of the same kind are merged into one node."""

    op: str
    parts: tuple["Condition", ...]


Condition = Compare | Not | Logic


# Sources


@dataclass(frozen=True, slots=True)
class Load(Node):
    """`load("table")`."""

    table: str


@dataclass(frozen=True, slots=True)
class Ref(Node):
    """The name of a table that the program defines."""

    name: str


@dataclass(frozen=True, slots=True)
class Join(Node):
    """`join(left, right, on: left_key == right_key)`."""

    left: Ref
    right: Ref
    left_key: Column
    right_key: Column


# Stages


@dataclass(frozen=True, slots=True)
class Filter(Line):
    """Keep the rows for which the condition holds."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Select(Line):
    """Keep these columns, in this order."""

    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Assignment(Node):
    """`name: value` in compute."""

    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Compute(Line):
    """Add or replace columns, one after the other."""

    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class GroupBy(Line):
    """Group rows by these columns; the next stage is an Aggregate."""

    keys: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Aggregation(Node):
    """`name: function(column)` in aggregate; only count may go without a column."""

    name: str
    function: str
    column: Column | None = None
    function_span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Aggregate(Line):
    """One row per group: the keys, then these aggregates."""

    aggregations: tuple[Aggregation, ...]


@dataclass(frozen=True, slots=True)
class SortBy(Line):
    """Stable sort by one column."""

    column: Column
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Take(Line):
    """Keep the first rows."""

    count: int


@dataclass(frozen=True, slots=True)
class Broken(Line):
    """A source or a stage that did not parse; only in the result of `parse_tolerant`."""


Source = Load | Join | Ref | Broken
Stage = Filter | Select | Compute | GroupBy | Aggregate | SortBy | Take | Broken


@dataclass(frozen=True, slots=True)
class Statement(Line):
    """`name = source |> stage |> ...`. Its comments are those of the line with the name."""

    name: str
    source: Source
    stages: tuple[Stage, ...] = ()
    blank_before: bool = field(default=True, compare=False, repr=False, kw_only=True)

    @property
    def name_span(self) -> Span:
        """Where the name stands."""
        return (self.span[0], self.span[0] + len(self.name))


@dataclass(frozen=True, slots=True)
class Emit(Line):
    """`emit name`."""

    name: str
    blank_before: bool = field(default=True, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Program:
    """Statements in the order of the text, and what is emitted."""

    statements: tuple[Statement, ...]
    emit: Emit
    last_comments: tuple[str, ...] = field(default=(), compare=False, repr=False)

    def find(self, name: str) -> Statement | None:
        """The statement that defines `name`, if any."""
        return next((s for s in self.statements if s.name == name), None)


def references(source: Source) -> tuple[Ref, ...]:
    """The names of the program that a source reads."""
    match source:
        case Ref():
            return (source,)
        case Join(left, right):
            return (left, right)
    return ()


def columns_of(expression: Expression | Condition) -> Iterator[Column]:
    """Every column that an expression or a condition mentions, from left to right."""
    match expression:
        case Column():
            yield expression
        case Arithmetic(_, left, right) | Compare(_, left, right):
            yield from columns_of(left)
            yield from columns_of(right)
        case Negate(part) | Not(part):
            yield from columns_of(part)
        case Logic(_, parts):
            for item in parts:
                yield from columns_of(item)
