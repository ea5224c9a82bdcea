"""One-edit neighbours of a program: the mistakes that people make, and their fixes, as a table of generators.

`EDITS` maps a kind of edit to a function from a tree, and what stands around it, to the trees that one such
edit makes of it. The order is fixed by the tree, the columns and the values: nothing here draws numbers or
walks a set. A neighbour need not check, and it may mean the same as the program that it comes from.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from dsl_debug.agents.rewrite import (
    Rewrite,
    Surroundings,
    Types,
    Unit,
    in_aggregations,
    in_assignments,
    in_comparisons,
    in_leaves,
    in_sides,
    in_sources,
    in_stages,
    in_units,
)
from dsl_debug.lang import Program, print_program
from dsl_debug.lang.expressions import COMPARISONS
from dsl_debug.lang.functions import AGGREGATES
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
    Source,
    Stage,
    Take,
    Value,
)


@dataclass(frozen=True, slots=True)
class Edit:
    """A program that one edit of a certain kind makes of another."""

    kind: str
    before: Program
    program: Program

    @property
    def description(self) -> str:
        """The edit in words, for example `count: '|> take(5)' becomes '|> take(6)'`."""
        return f"{self.kind.replace('_', ' ')}: {described(self.before, self.program)}"


def neighbours(program: Program, around: Surroundings, kinds: Iterable[str] | None = None) -> Iterator[Edit]:
    """Every different program within one edit, by kind in the order of `EDITS`, or only those of `kinds`."""
    found = {program}
    for kind in EDITS if kinds is None else kinds:
        for changed in EDITS[kind](program, around):
            if changed not in found:
                found.add(changed)
                yield Edit(kind, program, changed)


def described(before: Program, after: Program) -> str:
    """Which lines of a program became which, in words."""
    old, new = (print_program(p).splitlines() for p in (before, after))
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    gone, come = ("; ".join(line.strip() for line in lines) for lines in (old, new))
    if gone and come:
        return f"'{gone}' becomes '{come}'"
    return f"without '{gone}'" if gone else f"with '{come}' added" if come else "nothing changes"


def _others(name: str, names: Iterable[str]) -> Iterator[str]:
    return (other for other in names if other != name)


# The kinds of edits


def _column(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """Another column of the table, where a stage names one."""

    def swapped(leaf: Column | Literal) -> Iterator[Column]:
        if isinstance(leaf, Column):
            yield from (replace(leaf, name=name) for name in _others(leaf.name, types))

    match stage:
        case Filter(condition):
            for changed in in_comparisons(condition, lambda compare: in_sides(compare, swapped)):
                yield replace(stage, condition=changed)
        case Compute():
            # Later values may use columns that the same stage made: those are not in `types`.
            yield from in_assignments(stage, lambda value: in_leaves(value, swapped))
        case Select(columns):
            yield from (replace(stage, columns=c) for c in _one_column(columns, types))
        case GroupBy(keys):
            yield from (replace(stage, keys=k) for k in _one_column(keys, types))
        case Aggregate():
            yield from in_aggregations(stage, lambda item: _other_column(item, types))
        case SortBy(column):
            yield from (replace(stage, column=changed) for changed in swapped(column))


def _one_column(columns: tuple[Column, ...], types: Types) -> Iterator[tuple[Column, ...]]:
    """The list with one of its columns replaced by one that it does not have."""
    present = [column.name for column in columns]
    for i, column in enumerate(columns):
        for name in types:
            if name not in present[:i] + present[i + 1 :] and name != column.name:
                yield (*columns[:i], replace(column, name=name), *columns[i + 1 :])


def _other_column(item: Aggregation, types: Types) -> Iterator[Aggregation]:
    if item.column is not None:
        for name in _others(item.column.name, types):
            yield replace(item, column=replace(item.column, name=name))


def _comparison(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """Another comparison operator."""
    if isinstance(stage, Filter):
        for changed in in_comparisons(
            stage.condition, lambda c: (replace(c, op=op) for op in _others(c.op, COMPARISONS))
        ):
            yield replace(stage, condition=changed)


def _literal(stage: Stage, types: Types, values: Callable[[str], Sequence[Value]]) -> Iterator[Stage]:
    """Another value of the column that a literal is compared with."""

    def swapped(compare: Compare) -> Iterator[Compare]:
        match compare:
            case Compare(_, Column(name), Literal(value) as literal):
                yield from (
                    replace(compare, right=replace(literal, value=v)) for v in values(name) if v != value
                )
            case Compare(_, Literal(value) as literal, Column(name)):
                yield from (
                    replace(compare, left=replace(literal, value=v)) for v in values(name) if v != value
                )

    if isinstance(stage, Filter):
        yield from (replace(stage, condition=changed) for changed in in_comparisons(stage.condition, swapped))


STEPS = (1, -1, 2, -2)


def _number(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """A number that is off by one or two, in filter, compute and take."""

    def stepped(leaf: Column | Literal) -> Iterator[Literal]:
        if isinstance(leaf, Literal) and not isinstance(leaf.value, str):
            yield from (replace(leaf, value=leaf.value + step) for step in STEPS)

    match stage:
        case Filter(condition):
            for changed in in_comparisons(condition, lambda compare: in_sides(compare, stepped)):
                yield replace(stage, condition=changed)
        case Compute():
            yield from in_assignments(stage, lambda value: in_leaves(value, stepped))
        case Take(count):
            yield from (replace(stage, count=count + step) for step in STEPS if count + step >= 0)


def _function(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """Another aggregate function; `count()`, which has no column to hand on, becomes `count_distinct`."""

    def swapped(item: Aggregation) -> Iterator[Aggregation]:
        if item.column is not None:
            yield from (replace(item, function=name) for name in _others(item.function, AGGREGATES))
        else:
            yield from (replace(item, function="count_distinct", column=Column(name)) for name in types)

    if isinstance(stage, Aggregate):
        yield from in_aggregations(stage, swapped)


def _direction(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """The other direction of a sort."""
    if isinstance(stage, SortBy):
        yield replace(stage, descending=not stage.descending)


def _arithmetic(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """Another arithmetic operator, or the operands of `-` and `/` the other way round."""
    if isinstance(stage, Compute):
        yield from in_assignments(stage, _other_arithmetic)


def _other_arithmetic(expression: Expression) -> Iterator[Expression]:
    match expression:
        case Negate(operand):
            yield from (replace(expression, operand=changed) for changed in _other_arithmetic(operand))
        case Arithmetic(op, left, right):
            yield from (replace(expression, op=other) for other in _others(op, "+-*/"))
            if op in "-/":
                yield replace(expression, left=right, right=left)
            yield from (replace(expression, left=changed) for changed in _other_arithmetic(left))
            yield from (replace(expression, right=changed) for changed in _other_arithmetic(right))


MAX_REGROUPED = 5


def _grouping(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """Parentheses elsewhere: the same operands and operators in another tree, for up to five operands."""

    def regrouped(expression: Expression) -> Iterator[Expression]:
        operands, operators = _infix(expression)
        if len(operands) <= MAX_REGROUPED:
            yield from (tree for tree in _trees(operands, operators) if tree != expression)

    if isinstance(stage, Compute):
        yield from in_assignments(stage, regrouped)


def _infix(expression: Expression) -> tuple[list[Expression], list[str]]:
    """Operands and operators from left to right, without the parentheses."""
    if not isinstance(expression, Arithmetic):
        return [expression], []
    (left, left_ops), (right, right_ops) = _infix(expression.left), _infix(expression.right)
    return left + right, [*left_ops, expression.op, *right_ops]


def _trees(operands: list[Expression], operators: list[str]) -> Iterator[Expression]:
    """Every tree over operands and operators in this order."""
    if not operators:
        yield operands[0]
    for i, op in enumerate(operators):
        for left in _trees(operands[: i + 1], operators[:i]):
            for right in _trees(operands[i + 1 :], operators[i + 1 :]):
                yield Arithmetic(op, left, right)


def _logic(stage: Stage, types: Types, values: object) -> Iterator[Stage]:
    """`and` for `or` and the reverse, a part of a condition left out, a `not` too many."""
    if isinstance(stage, Filter):
        yield from (replace(stage, condition=changed) for changed in _other_logic(stage.condition))


def _other_logic(condition: Condition) -> Iterator[Condition]:
    match condition:
        case Not(part):
            yield part
            yield from (replace(condition, part=changed) for changed in _other_logic(part))
        case Logic(op, parts):
            yield _joined("or" if op == "and" else "and", parts)
            for i, part in enumerate(parts):
                yield _joined(op, (*parts[:i], *parts[i + 1 :]))
                for changed in _other_logic(part):
                    yield _joined(op, (*parts[:i], changed, *parts[i + 1 :]))


def _joined(op: str, parts: tuple[Condition, ...]) -> Condition:
    """One node for parts of one kind, as the parser builds it, so that printing and parsing give it back."""
    merged: list[Condition] = []
    for part in parts:
        merged.extend(part.parts if isinstance(part, Logic) and part.op == op else (part,))
    return Logic(op, tuple(merged)) if len(merged) > 1 else merged[0]


def _drop_stage(units: list[Unit]) -> Iterator[list[Unit]]:
    """One stage less; a group_by goes with its aggregate."""
    for i in range(len(units)):
        yield units[:i] + units[i + 1 :]


def _duplicate_stage(units: list[Unit]) -> Iterator[list[Unit]]:
    """A stage that stands there twice."""
    for i in range(len(units)):
        yield [*units[: i + 1], *units[i:]]


def _swap_stages(units: list[Unit]) -> Iterator[list[Unit]]:
    """Two neighbouring stages in the other order."""
    for i in range(len(units) - 1):
        yield [*units[:i], units[i + 1], units[i], *units[i + 2 :]]


def _join_key(source: Source, program: Program, around: Surroundings) -> Iterator[Source]:
    """Another column as a join's left or right key, or the two keys swapped."""
    if not isinstance(source, Join):
        return
    for name in _others(source.left_key.name, _result_columns(program, around, source.left.name)):
        yield replace(source, left_key=replace(source.left_key, name=name))
    for name in _others(source.right_key.name, _result_columns(program, around, source.right.name)):
        yield replace(source, right_key=replace(source.right_key, name=name))
    yield replace(source, left_key=source.right_key, right_key=source.left_key)


def _result_columns(program: Program, around: Surroundings, name: str) -> Types:
    statement = program.find(name)
    return around.columns(name, len(statement.stages)) if statement else {}


def _source(program: Program, around: Surroundings) -> Iterator[Program]:
    """Another table to load, another name to read or to join, a join's tables swapped, another emit."""
    yield from in_sources(_other_source)(program, around)
    for name in _others(program.emit.name, (s.name for s in program.statements)):
        yield replace(program, emit=replace(program.emit, name=name))


def _other_source(source: Source, program: Program, around: Surroundings) -> Iterator[Source]:
    names = [statement.name for statement in program.statements]
    match source:
        case Load(table):
            yield from (replace(source, table=other) for other in _others(table, around.tables))
        case Ref(name):
            yield from (replace(source, name=other) for other in _others(name, names))
        case Join(left, right):
            for other in _others(left.name, names):
                yield replace(source, left=replace(left, name=other))
            for other in _others(right.name, names):
                yield replace(source, right=replace(right, name=other))
            yield replace(source, left=right, right=left)


EDITS: dict[str, Rewrite] = {
    "column": in_stages(_column),
    "comparison": in_stages(_comparison),
    "literal": in_stages(_literal),
    "number": in_stages(_number),
    "function": in_stages(_function),
    "direction": in_stages(_direction),
    "join_key": in_sources(_join_key),
    "arithmetic": in_stages(_arithmetic),
    "grouping": in_stages(_grouping),
    "logic": in_stages(_logic),
    "drop_stage": in_units(_drop_stage),
    "duplicate_stage": in_units(_duplicate_stage),
    "swap_stages": in_units(_swap_stages),
    "source": _source,
}
