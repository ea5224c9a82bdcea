"""Canonical forms of programs: equal texts for programs that differ only in what does not matter."""

import re
from dataclasses import replace

from dsl_debug.lang import Program, print_program
from dsl_debug.lang.nodes import (
    NO_COMMENTS,
    Aggregate,
    Compute,
    Emit,
    Filter,
    GroupBy,
    Join,
    Load,
    Ref,
    Select,
    SortBy,
    Source,
    Stage,
    Statement,
    Take,
    references,
)

_NAMES = re.compile(r'"(?:[^"\\]|\\.)*"|[^\W\d]\w*|\d+(?:\.\d+)?(?:e[+-]?\d+)?')

OPERATORS: dict[type, str] = {
    Load: "load",
    Join: "join",
    Filter: "filter",
    Select: "select",
    Compute: "compute",
    GroupBy: "group_by",
    Aggregate: "aggregate",
    SortBy: "sort_by",
    Take: "take",
}
"""The standard word for a source or a stage, by the type of its node."""

_KEPT = frozenset(
    (
        *(*OPERATORS.values(), "on", "emit", "asc", "desc", "and", "or", "not"),
        *("sum", "avg", "min", "max", "count", "count_distinct"),
    )
)


def canonical(program: Program) -> str:
    """The program with statements in dependency order, named t1, t2, ..., and without comments.

    Two programs that differ only in the names or the order of statements, or in statements that nothing
    needs, have one canonical text. It serves comparison; a column or a table may be called t1 too.
    """
    done = needed_statements(program)
    names = {statement.name: f"t{number}" for number, statement in enumerate(done, 1)}
    renamed = tuple(Statement(names[s.name], _renamed(s.source, names), _bare(s.stages)) for s in done)
    return print_program(Program(renamed, Emit(names.get(program.emit.name, program.emit.name))))


def needed_statements(program: Program) -> list[Statement]:
    """The statements that the result needs, each after those that it reads, left sides of joins first.

    What is not defined is left out; in a cycle the statement that closes it comes first.
    """
    definitions = {statement.name: statement for statement in reversed(program.statements)}
    done: dict[str, Statement] = {}
    entered: set[str] = set()
    waiting = [program.emit.name]
    while waiting:
        name = waiting[-1]
        statement = definitions.get(name)
        if statement is None or name in entered:
            waiting.pop()
            if statement is not None:
                done.setdefault(name, statement)
            continue
        entered.add(name)
        waiting += [ref.name for ref in reversed(references(statement.source)) if ref.name not in entered]
    return list(done.values())


def _renamed(source: Source, names: dict[str, str]) -> Source:
    match source:
        case Ref(name):
            return Ref(names.get(name, name))
        case Join(left, right):
            first, second = (Ref(names.get(ref.name, ref.name)) for ref in (left, right))
            return replace(source, left=first, right=second)
    return source


def _bare(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    return tuple(replace(stage, comments=NO_COMMENTS) for stage in stages)


def shape(program: Program) -> str:
    """The canonical text with every column, table and value replaced by a sign: `c` names, `v` values."""

    def abstract(match: re.Match[str]) -> str:
        text = match.group()
        if text[0] == '"' or text[0].isdigit():
            return "v"
        if text in _KEPT or re.fullmatch(r"t\d+", text):
            return text
        return "c"

    lines = canonical(program).splitlines()
    return " ".join(_NAMES.sub(abstract, line).strip() for line in lines if line)
