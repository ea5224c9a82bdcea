"""Checked tree -> table, within limits.

`run`, `inspect` and `check` are what the rest of the project calls. A program is parsed, checked and compiled
once per text and schema of the tables; running it again costs the closures only.
"""

import time
from dataclasses import dataclass
from functools import lru_cache

from dsl_debug.lang.checker import CheckedStatement, check_program, closure
from dsl_debug.lang.dialect import STANDARD, Dialect
from dsl_debug.lang.errors import MAX_ERRORS, Diagnostic, DslError, SourceText, did_you_mean, listed, quoted
from dsl_debug.lang.nodes import Broken, Join, Load, Program, Ref, Span
from dsl_debug.lang.operators import RunError, Step, Words, compile_stage, join, work
from dsl_debug.lang.parser import CACHED_CHARACTERS, ParseResult, parse_tolerant
from dsl_debug.lang.table import Table, Tables, as_tables

# (table, ((column, type), ...)) for every table: what a check depends on besides the text.
Signature = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one run: rows of any one step, cells that all steps make together, steps, and seconds.

    All but `seconds` are deterministic and are meant to stop a program first; the clock is a last resort
    and is looked at between steps.
    """

    rows: int = 1_000_000
    cells: int = 10_000_000
    steps: int = 20_000
    seconds: float = 10.0


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class _Node:
    """A compiled statement: how to get its first table, then its stages with their work."""

    name: str
    source: Load | Join | Ref
    steps: tuple[tuple[Step, int, Span], ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A compiled program, or part of one, or why there is none."""

    source: SourceText
    nodes: tuple[_Node, ...]
    result: str
    diagnostics: tuple[Diagnostic, ...]
    stages: int


def check(code: str, tables: Tables, dialect: Dialect = STANDARD) -> list[Diagnostic]:
    """Everything that can be found wrong with a program before it runs, by position; [] if nothing is.

    Raises DslError when `tables` are not tables.
    """
    try:
        plan = _plan(code, dialect, signature(as_tables(tables)), None)
    except DslError as error:  # too long, or no text: nothing was parsed
        return list(error.diagnostics)
    return list(plan.diagnostics)


def run(code: str, tables: Tables, limits: Limits | None = None, dialect: Dialect = STANDARD) -> Table:
    """The table that a program emits. Raises DslError if it does not check, or fails, or exceeds a limit."""
    prepared = as_tables(tables)
    return _execute(_plan(code, dialect, signature(prepared), None), prepared, limits or DEFAULT_LIMITS)


def inspect(
    code: str, node_name: str, tables: Tables, limits: Limits | None = None, dialect: Dialect = STANDARD
) -> Table:
    """The table that a program names `node_name`, even if parts that it does not need are wrong.

    Raises DslError for an unknown name (listing the names) and for errors in what the table needs.
    """
    prepared = as_tables(tables)
    plan = _plan(code, dialect, signature(prepared), node_name)
    return _execute(plan, prepared, limits or DEFAULT_LIMITS)


def node_names(code: str, dialect: Dialect = STANDARD) -> list[str]:
    """The names of the tables that a program defines, in its order, whatever else is wrong with it."""
    try:
        program = parse_tolerant(code, dialect).program
    except DslError:
        return []
    return list(dict.fromkeys(s.name for s in program.statements))


def signature(tables: dict[str, Table]) -> Signature:
    """Names, columns and types of tables, hashable."""
    return tuple((name, tuple(table.types.items())) for name, table in tables.items())


# Compilation


def _plan(code: str, dialect: Dialect, tables: Signature, node_name: str | None) -> _Plan:
    if len(code) <= CACHED_CHARACTERS:
        return _plan_cached(code, dialect, tables, node_name)
    return _make_plan(code, dialect, tables, node_name)


def _make_plan(code: str, dialect: Dialect, tables: Signature, node_name: str | None) -> _Plan:
    parsed = parse_tolerant(code, dialect)
    types = {name: dict(columns) for name, columns in tables}
    if node_name is None:
        checked = check_program(parsed.program, parsed.source, types, dialect)
        found = _by_position(parsed.diagnostics + checked.diagnostics)
        result = parsed.program.emit.name
    else:
        needed = closure(parsed.program, node_name)
        if not needed:
            return _no_plan(parsed, (_unknown_node(parsed.program, node_name),))
        checked = check_program(parsed.program, parsed.source, types, dialect, only=needed)
        found = _by_position(_within(parsed, needed) + checked.diagnostics)
        result = node_name
    if found:
        return _no_plan(parsed, found)
    wanted = closure(parsed.program, result)
    nodes = [_compile(s, dialect) for name, s in checked.statements.items() if name in wanted]
    stages = sum(1 + len(s.statement.stages) for name, s in checked.statements.items() if name in wanted)
    return _Plan(parsed.source, tuple(nodes), result, (), stages)


_plan_cached = lru_cache(maxsize=1024)(_make_plan)


def _no_plan(parsed: ParseResult, diagnostics: tuple[Diagnostic, ...]) -> _Plan:
    return _Plan(parsed.source, (), "", diagnostics[:MAX_ERRORS], 0)


def _by_position(diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    return tuple(sorted(diagnostics, key=lambda d: (d.line, d.column)))


def _within(parsed: ParseResult, names: frozenset[str]) -> tuple[Diagnostic, ...]:
    """The syntax errors that lie in these statements."""
    if not parsed.diagnostics:
        return ()
    statements = [s for s in parsed.program.statements if s.name in names]
    lines = [_lines(parsed.source, s.span) for s in statements]
    # That there is no `emit` is told at the end of the program, and is no fault of its last statement.
    syntax = [d for d in parsed.diagnostics if d.code != "no-emit"]
    found = tuple(d for d in syntax if any(first <= d.line <= last for first, last in lines))
    if not found and any(isinstance(part, Broken) for s in statements for part in (s.source, *s.stages)):
        return parsed.diagnostics  # what is missing at the end of a statement is told at the next one
    return found


def _lines(source: SourceText, span: Span) -> tuple[int, int]:
    first = source.line_number(span[0])
    return first, first + source.text.count("\n", span[0], span[1])


def _unknown_node(program: Program, name: str) -> Diagnostic:
    names = [s.name for s in program.statements]
    message = f"the program names no table {quoted(name)}{did_you_mean(name, names)}"
    return Diagnostic("unknown-name", message, help=f"names: {listed(names)}" if names else "it names none")


def _compile(checked: CheckedStatement, dialect: Dialect) -> _Node:
    statement = checked.statement
    words = Words(dialect, statement.name)
    steps: list[tuple[Step, int, Span]] = []
    before = None
    for stage, schema in zip(statement.stages, checked.schemas[:-1], strict=True):
        step = compile_stage(stage, before, schema.types if schema else {}, words)
        if step:
            steps.append((step, work(stage), stage.span))
        before = stage
    source = statement.source
    if isinstance(source, Broken):
        raise ValueError("a source that did not parse cannot be run")
    return _Node(statement.name, source, tuple(steps))


# Running


def _execute(plan: _Plan, tables: dict[str, Table], limits: Limits) -> Table:
    if plan.diagnostics:
        raise DslError(plan.diagnostics)
    budget = _Budget(limits, plan)
    done: dict[str, Table] = {}
    try:
        for node in plan.nodes:
            table = _first_table(node.source, tables, done, budget)
            for step, columns, span in node.steps:
                budget.reserve(table.length * columns, span)
                result = step(table)
                if result is not table:
                    budget.spend(result, span)
                table = result
            done[node.name] = table
    except RunError as error:
        found = plan.source.diagnostic(error.code, error.message, error.span, error.help)
        raise DslError([found]) from None
    return done[plan.result]


def _first_table(
    source: Load | Join | Ref, tables: dict[str, Table], done: dict[str, Table], budget: "_Budget"
) -> Table:
    if isinstance(source, Load):
        return tables[source.table]
    if isinstance(source, Ref):
        return done[source.name]
    table = join(source, budget.limits.rows)(done[source.left.name], done[source.right.name])
    budget.spend(table, source.span)
    return table


class _Budget:
    """What is left of a run's limits."""

    __slots__ = ("cells", "deadline", "limits")

    def __init__(self, limits: Limits, plan: _Plan) -> None:
        self.limits = limits
        self.cells = limits.cells
        self.deadline = time.monotonic() + limits.seconds
        if plan.stages > limits.steps:
            message = f"the program has {plan.stages:,} steps; at most {limits.steps:,} are run"
            raise DslError([Diagnostic("limit-steps", message)])

    def spend(self, table: Table, span: Span) -> None:
        if table.length > self.limits.rows:
            message = f"this step gives {table.length:,} rows; at most {self.limits.rows:,} are allowed"
            raise RunError("limit-rows", message, span)
        cells = table.length * len(table.columns)
        self.reserve(cells, span)
        self.cells -= cells
        if time.monotonic() > self.deadline:
            message = f"the program ran for more than {self.limits.seconds:g} seconds"
            raise RunError("limit-seconds", message, span)

    def reserve(self, cells: int, span: Span) -> None:
        """Stop before a step that would make more cells, also on the way to its result, than are left."""
        if cells > self.cells:
            message = f"the program makes more than {self.limits.cells:,} cells up to this step"
            raise RunError("limit-cells", message, span, "keep fewer rows or columns before this step")
