"""Many programs in one: a question that a single `run` answers.

The language has no `if`, but it stops at a division by zero and says where. A program that holds many others,
each followed by `1 / (how far it is from the rows wanted)`, therefore names the first one that gives them. It
holds as many as fit into the limits on a program, and nothing in it is hidden from a player.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from dsl_debug.agents.rewrite import Types
from dsl_debug.agents.seen import Seen
from dsl_debug.lang import Program
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Assignment,
    Column,
    Compare,
    Compute,
    Condition,
    Emit,
    Expression,
    Filter,
    GroupBy,
    Join,
    Literal,
    Logic,
    Ref,
    Source,
    Stage,
    Statement,
    Take,
    Value,
    references,
)

# How many columns of a single row and of each of several rows are compared.
COMPARED = (10, 3)
_HIT = re.compile(r"division by zero in row \d+ of 'hit(\d+)'")
_FAILED = re.compile(r"division by zero in row \d+ of 'try(\d+_\w+)'")
_CUT = re.compile(r"… \([\d,]+ characters\)$")


def question(programs: Sequence[Program], goal: Seen) -> Program:
    """A program that divides by zero in `hit3` if programs[3] is the first to give the rows wanted.

    Compared are the number of rows and, as sets, the first row, the first half and all rows that were shown:
    what passes is worth a run of its own. `goal` has at least one row.
    """
    one = next(name for name in ("one", "one_", "one__") if name not in goal.table.columns)
    tests = [(size, rows_test(_first(goal, size))) for size in _sizes(goal)]
    made: dict[tuple[Source, tuple[Stage, ...]], Statement] = {}
    statements: list[Statement] = []
    for number, program in enumerate(programs):
        name = _merged(program, f"try{number}_", made)
        statements += _measured(number, name, tests, goal.rows, one)
        if number:
            left = "hit0" if number == 1 else f"hits{number - 1}"
            statements.append(Statement(f"hits{number}", _join(left, f"hit{number}", one)))
    last = f"hits{len(programs) - 1}" if len(programs) > 1 else "hit0"
    return Program((*made.values(), *statements), Emit(last))


def answer(observation: str) -> tuple[int | None, str | None]:
    """The number of the program that gives the rows wanted, and the name of what failed by itself, if any."""
    hit, failed = _HIT.search(observation), _FAILED.search(observation)
    return (int(hit[1]) if hit else None), (failed[1] if failed else None)


def failing(programs: Sequence[Program], failed: str) -> Statement | None:
    """The statement that `answer` says has failed."""
    number, _, name = failed.partition("_")
    return programs[int(number)].find(name)


def in_order(program: Program) -> list[Statement]:
    """The statements that the result needs, each after those that it reads. The program is known to check."""
    ordered: dict[str, Statement] = {}

    def visit(name: str) -> None:
        statement = program.find(name)
        if statement and name not in ordered:
            for needed in references(statement.source):
                visit(needed.name)
            ordered[name] = statement

    visit(program.emit.name)
    return list(ordered.values())


def _sizes(goal: Seen) -> list[int]:
    shown = goal.table.length
    return list(dict.fromkeys(size for size in (1, shown // 2, shown) if size))


def _first(goal: Seen, size: int) -> dict[str, list[Value]]:
    return {name: values[:size] for name, values in goal.table.columns.items()}


def values_before(
    program: Program,
    statement: Statement,
    place: int,
    column: str,
    columns: Callable[[str, int], Types],
    goal: Seen,
) -> Program:
    """A program for the different values of a column before a stage, in rows that look like the rows wanted.

    A row looks like a wanted one if they agree in the columns that are there before the stage and that no
    aggregate makes. `columns` is that of `Surroundings`.
    """
    types = columns(statement.name, place)
    made = [
        a.name
        for s in program.statements
        for g in s.stages
        if isinstance(g, Aggregate)
        for a in g.aggregations
    ]
    shared = {n: v for n, v in goal.table.columns.items() if n in types and n not in made}
    alike = (Filter(rows_test(shared)),) if shared and goal.rows else ()
    count = Aggregation("rows" if column != "rows" else "rows_", "count")
    stages = (*statement.stages[:place], *alike, GroupBy((Column(column),)), Aggregate((count,)))
    name = "values"
    while program.find(name):
        name += "_"
    return Program((*program.statements, Statement(name, statement.source, stages)), Emit(name))


def rows_test(columns: Mapping[str, Sequence[Value]]) -> Condition:
    """The condition that a row is one of these, given by column.

    Only some columns are compared, to keep programs short: of several rows those that tell them apart best.
    """
    several = any(len(values) > 1 for values in columns.values())
    names = sorted(columns, key=lambda name: -len(set(columns[name])))[: COMPARED[several]]
    tests: list[Condition] = []
    for row in dict.fromkeys(zip(*(columns[name] for name in names), strict=True)):
        equal = [
            Compare(_comparison(value), Column(n), Literal(value))
            for n, value in zip(names, row, strict=True)
        ]
        tests.append(equal[0] if len(equal) == 1 else Logic("and", tuple(equal)))
    return tests[0] if len(tests) == 1 else Logic("or", tuple(tests))


def _comparison(value: Value) -> str:
    """`==`; nothing equals a text that was shown in part, so that its `!=` lets every value pass."""
    return "!=" if isinstance(value, str) and _CUT.search(value) else "=="


def _measured(
    number: int, name: str, tests: Sequence[tuple[int, Condition]], total: int, one: str
) -> Iterator[Statement]:
    """`hit<number>`: how many rows there are and pass each test, and the division."""
    yield _counted(f"all{number}", name, (), one, "total")
    left = f"all{number}"
    distance = _square("total", total)
    for index, (size, test) in enumerate(tests):
        part = f"part{number}_{index}"
        yield _counted(part, name, (Take(size), Filter(test)), one, f"n{index}")
        distance = Arithmetic("+", distance, _square(f"n{index}", size))
        if index < len(tests) - 1:
            yield Statement(f"both{number}_{index}", _join(left, part, one))
            left = f"both{number}_{index}"
        else:
            hit = Assignment("hit", Arithmetic("/", Literal(1), distance))
            yield Statement(f"hit{number}", _join(left, part, one), (Compute((hit,)),))


def _counted(name: str, of: str, stages: tuple[Stage, ...], one: str, count: str) -> Statement:
    grouped = (
        Compute((Assignment(one, Literal(1)),)),
        GroupBy((Column(one),)),
        Aggregate((Aggregation(count, "count"),)),
    )
    return Statement(name, Ref(of), stages + grouped)


def _square(name: str, wanted: int) -> Expression:
    off = Arithmetic("-", Column(name), Literal(wanted))
    return Arithmetic("*", off, off)


def _join(left: str, right: str, key: str) -> Join:
    return Join(Ref(left), Ref(right), Column(key), Column(key))


def _merged(program: Program, prefix: str, made: dict[tuple[Source, tuple[Stage, ...]], Statement]) -> str:
    """Add what is new in a program to the statements that there are, and give its result's name among them.

    Programs within a few edits of each other share most of their statements, and share the work.
    """
    names: dict[str, str] = {}

    def ref(of: Ref) -> Ref:
        return Ref(names[of.name])

    for statement in in_order(program):
        source = statement.source
        match source:
            case Ref():
                source = ref(source)
            case Join(left, right):
                source = replace(source, left=ref(left), right=ref(right))
        key = (source, statement.stages)
        if key not in made:
            made[key] = Statement(prefix + statement.name, source, statement.stages)
        names[statement.name] = made[key].name
    return names[program.emit.name]
