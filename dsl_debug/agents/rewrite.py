"""Rewriting one place of a program: what may stand around it, and what a changed part makes of the whole."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain

from dsl_debug.lang import DslError, Program, Table, inspect, print_program
from dsl_debug.lang.checker import Checked, check_program
from dsl_debug.lang.errors import SourceText
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Column,
    Compare,
    Compute,
    Condition,
    Expression,
    GroupBy,
    Literal,
    Logic,
    Negate,
    Not,
    Source,
    Stage,
    Statement,
    Value,
)

Types = dict[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What edits may draw on.

    `tables`: the tables that can be loaded. `columns(statement, n)`: column -> type after the first n stages
    of a statement, empty where that is unknown. `values(statement, n, column)`: the values seen there.
    """

    tables: tuple[str, ...]
    columns: Callable[[str, int], Types]
    values: Callable[[str, int, str], Sequence[Value]]


Rewrite = Callable[[Program, Surroundings], Iterator[Program]]


def surroundings(program: Program, tables: Mapping[str, Table]) -> Surroundings:
    """What stands around the parts of a program: schemas from the checker, values from running it."""
    schemas = schemas_of(program, {name: table.types for name, table in tables.items()})

    @cache
    def table_at(statement: str, stages: int) -> Table | None:
        found = program.find(statement)
        if found is None:
            return None
        cut = _with_statement(program, found, replace(found, stages=found.stages[:stages]))
        try:
            return inspect(print_program(cut), statement, tables)
        except DslError:
            return None

    @cache
    def values(statement: str, stages: int, column: str) -> Sequence[Value]:
        table = table_at(statement, stages)
        return tuple(dict.fromkeys(table.columns.get(column, ()))) if table else ()

    return Surroundings(tuple(tables), schemas, values)


def imagined(
    program: Program, tables: Mapping[str, Types], values: Mapping[str, Sequence[Value]]
) -> Surroundings:
    """What stands around the parts of a program, from the tables' types and from values by column."""
    return Surroundings(
        tuple(tables), schemas_of(program, tables), lambda statement, stages, column: values.get(column, ())
    )


def schemas_of(program: Program, tables: Mapping[str, Types]) -> Callable[[str, int], Types]:
    """The `columns` of `Surroundings`, from the types of the tables' columns alone."""
    checked = check_tree(program, tables).statements

    def columns(statement: str, stages: int) -> Types:
        schema = checked[statement].schemas[stages] if statement in checked else None
        return schema.types if schema else {}

    return columns


def check_tree(program: Program, tables: Mapping[str, Types]) -> Checked:
    """Schemas and mistakes of a tree that has no text; the places in the diagnostics mean nothing."""
    return check_program(program, SourceText(""), tables)


# From edits of a stage, a source or a list of stages to edits of a program


def _with_statement(program: Program, old: Statement, new: Statement) -> Program:
    return replace(program, statements=tuple(new if s is old else s for s in program.statements))


StageRewrite = Callable[[Stage, Types, Callable[[str], Sequence[Value]]], Iterator[Stage]]


def in_stages(rewrite: StageRewrite) -> Rewrite:
    """Apply `rewrite(stage, columns before it, values of a column)` to every stage."""

    def edits(program: Program, around: Surroundings) -> Iterator[Program]:
        for statement in program.statements:
            for i, stage in enumerate(statement.stages):

                def values(column: str, name: str = statement.name, stages: int = i) -> Sequence[Value]:
                    return around.values(name, stages, column)

                for changed in rewrite(stage, around.columns(statement.name, i), values):
                    stages = (*statement.stages[:i], changed, *statement.stages[i + 1 :])
                    yield _with_statement(program, statement, replace(statement, stages=stages))

    return edits


def in_sources(rewrite: Callable[[Source, Program, Surroundings], Iterator[Source]]) -> Rewrite:
    """Apply `rewrite(source, program, around)` to the source of every statement."""

    def edits(program: Program, around: Surroundings) -> Iterator[Program]:
        for statement in program.statements:
            for changed in rewrite(statement.source, program, around):
                yield _with_statement(program, statement, replace(statement, source=changed))

    return edits


Unit = tuple[Stage, ...]


def in_units(rewrite: Callable[[list[Unit]], Iterator[list[Unit]]]) -> Rewrite:
    """Apply `rewrite` to every statement's list of stages, in which a group_by and its aggregate are one."""

    def edits(program: Program, around: Surroundings) -> Iterator[Program]:
        for statement in program.statements:
            for units in rewrite(_units(statement.stages)):
                changed = replace(statement, stages=tuple(chain.from_iterable(units)))
                yield _with_statement(program, statement, changed)

    return edits


def _units(stages: tuple[Stage, ...]) -> list[Unit]:
    units: list[Unit] = []
    for stage in stages:
        if units and isinstance(stage, Aggregate) and isinstance(units[-1][-1], GroupBy):
            units[-1] = (*units[-1], stage)
        else:
            units.append((stage,))
    return units


# Conditions and expressions


def in_comparisons(
    condition: Condition, rewrite: Callable[[Compare], Iterator[Compare]]
) -> Iterator[Condition]:
    """The condition with one of its comparisons rewritten."""
    match condition:
        case Compare():
            yield from rewrite(condition)
        case Not(part):
            yield from (replace(condition, part=changed) for changed in in_comparisons(part, rewrite))
        case Logic(_, parts):
            for i, part in enumerate(parts):
                for changed in in_comparisons(part, rewrite):
                    yield replace(condition, parts=(*parts[:i], changed, *parts[i + 1 :]))


def in_leaves(
    expression: Expression, rewrite: Callable[[Column | Literal], Iterator[Expression]]
) -> Iterator[Expression]:
    """The expression with one of its columns or literals rewritten."""
    match expression:
        case Column() | Literal():
            yield from rewrite(expression)
        case Negate(operand):
            yield from (replace(expression, operand=changed) for changed in in_leaves(operand, rewrite))
        case Arithmetic(_, left, right):
            yield from (replace(expression, left=changed) for changed in in_leaves(left, rewrite))
            yield from (replace(expression, right=changed) for changed in in_leaves(right, rewrite))


def in_sides(
    compare: Compare, rewrite: Callable[[Column | Literal], Iterator[Column | Literal]]
) -> Iterator[Compare]:
    yield from (replace(compare, left=changed) for changed in rewrite(compare.left))
    yield from (replace(compare, right=changed) for changed in rewrite(compare.right))


def in_assignments(stage: Compute, rewrite: Callable[[Expression], Iterator[Expression]]) -> Iterator[Stage]:
    """The stage with the value of one assignment rewritten."""
    for i, item in enumerate(stage.assignments):
        for changed in rewrite(item.value):
            rest = (*stage.assignments[:i], replace(item, value=changed), *stage.assignments[i + 1 :])
            yield replace(stage, assignments=rest)


def in_aggregations(
    stage: Aggregate, rewrite: Callable[[Aggregation], Iterator[Aggregation]]
) -> Iterator[Stage]:
    for i, item in enumerate(stage.aggregations):
        for changed in rewrite(item):
            rest = (*stage.aggregations[:i], changed, *stage.aggregations[i + 1 :])
            yield replace(stage, aggregations=rest)
