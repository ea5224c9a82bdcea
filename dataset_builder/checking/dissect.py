"""What programs and tables are made of, as `verify` sees it: worked out from the trees, and from nothing that
the stages which made them believe.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dsl_debug import lang
from dsl_debug.lang import DslError, Program, Table, print_program
from dsl_debug.lang.nodes import Aggregate, Join, Load, Ref, Source, Stage, Statement, references
from dsl_debug.problem import DslProblem


def chain(program: Program) -> tuple[Source, tuple[Stage, ...]]:
    """The source and the stages that lead to the result without a join or another branch in between."""
    statement = program.find(program.emit.name)
    stages: tuple[Stage, ...] = ()
    seen: list[str] = []
    while statement is not None and statement.name not in seen:
        stages = statement.stages + stages
        seen.append(statement.name)
        before = program.find(statement.source.name) if isinstance(statement.source, Ref) else None
        if before is None:
            return statement.source, stages
        statement = before
    return Load(""), stages


def emitted(
    program: Program, source: Source, stages: tuple[Stage, ...], tables: Mapping[str, Table]
) -> Table | None:
    """What `source |> stages` gives after the statements of a program."""
    name = "it"
    while program.find(name) or name in tables:
        name += "_"
    statement = Statement(name, source, stages)
    whole = replace(
        program, statements=(*program.statements, statement), emit=replace(program.emit, name=name)
    )
    try:
        return lang.run(print_program(whole), tables)
    except DslError:
        return None


def root_cause(correct: Program, buggy: Program) -> tuple[Statement, int] | None:
    """The first statement that differs, and its first stage that does; -1 is the source."""
    for statement in correct.statements:
        other = buggy.find(statement.name)
        if other is None or statement.source != other.source:
            return statement, -1
        if statement.stages != other.stages:
            pairs = zip(statement.stages, other.stages, strict=False)
            same = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
            return statement, min(len(statement.stages), len(other.stages)) if same is None else same
    return None


def to_emit(program: Program, statement: Statement, place: int) -> tuple[int, bool]:
    """How many stages and joins lie between a place and the result, on the longest way, and whether an
    aggregate or a join is among them. The program is one that checks: its statements make no cycle.
    """
    known: dict[str, tuple[int, bool]] = {}

    def after(statement: Statement) -> tuple[int, bool]:
        """The way on from the end of a statement; -1 where none leads to the result."""
        if statement.name not in known:
            ways = [(0, False)] if statement.name == program.emit.name else []
            for reader in program.statements:
                if any(ref.name == statement.name for ref in references(reader.source)):
                    ways.append(through(reader))  # noqa: PERF401
            known[statement.name] = max(ways, default=(-1, False))
        return known[statement.name]

    def through(reader: Statement) -> tuple[int, bool]:
        further, crosses = after(reader)
        joins = isinstance(reader.source, Join)
        crosses = crosses or joins or any(isinstance(stage, Aggregate) for stage in reader.stages)
        return (further + joins + len(reader.stages), crosses) if further >= 0 else (-1, False)

    rest = statement.stages[place + 1 :]
    further, crosses = after(statement)
    return len(rest) + further, crosses or any(isinstance(stage, Aggregate) for stage in rest)


def signatures(problem: DslProblem) -> list[str]:
    """The tables as schemas: name, columns and their types."""
    return [
        f"{name}({', '.join(f'{column} {kind}' for column, kind in table.types.items())})"
        for name, table in problem.tables.items()
    ]


def canonical(program: Program | None) -> str:
    """A program without its names: two that differ in names, comments or unused statements are the same."""
    if program is None:
        return ""
    numbers: dict[str, str] = {}
    lines: list[Any] = []

    def visit(name: str) -> None:
        statement = program.find(name)
        if statement is None or name in numbers:
            return
        numbers[name] = ""  # being visited: a cycle ends here
        for ref in references(statement.source):
            visit(ref.name)
        numbers[name] = f"_{len(lines)}"
        lines.append((_renamed(statement.source, numbers), statement.stages))

    visit(program.emit.name)
    return repr(lines)


def _renamed(source: Source, numbers: Mapping[str, str]) -> Source:
    match source:
        case Ref(name):
            return replace(source, name=numbers.get(name, name))
        case Join(left, right):
            names = [replace(ref, name=numbers.get(ref.name, ref.name)) for ref in (left, right)]
            return replace(source, left=names[0], right=names[1])
    return source
