"""The sample problems, certified: each is fair, pins down one program, and cannot be had for nothing."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from dataset_builder.trials import Stock, Trial, exploits
from dsl_debug.agents.emitter import constant_program
from dsl_debug.data import sample_problems
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import DslError, Program, Table, check, format_code, inspect, parse, print_program, run
from dsl_debug.lang.expressions import COMPARISONS
from dsl_debug.lang.functions import AGGREGATES
from dsl_debug.lang.nodes import (
    Aggregate,
    Aggregation,
    Arithmetic,
    Column,
    Compare,
    Compute,
    Emit,
    Filter,
    GroupBy,
    Join,
    Literal,
    Load,
    Logic,
    Ref,
    SortBy,
    Stage,
    Statement,
    Take,
)
from dsl_debug.problem import CATEGORIES, DslProblem

PROBLEMS = sample_problems()
each_problem = pytest.mark.parametrize(
    "problem", PROBLEMS, ids=[f"{p.database}-{p.category}" for p in PROBLEMS]
)


def rows_of(code: str, tables: dict[str, Table]) -> Table | None:
    """What a program gives, None if it does not run."""
    try:
        return run(code, tables)
    except DslError:
        return None


def is_right_on(code: str, tables: dict[str, Table], expected: Table) -> bool:
    rows = rows_of(code, tables)
    return rows is not None and rows.matches(expected)


def is_right(code: str, problem: DslProblem) -> bool:
    return is_right_on(code, problem.tables, problem.expected_output)


def is_right_when_hidden(code: str, problem: DslProblem) -> bool:
    return all(is_right_on(code, suite.tables, suite.expected) for suite in problem.hidden)


# The set


def test_there_are_four_of_each_category_over_four_databases() -> None:
    assert [p.category for p in PROBLEMS] == [c for c in CATEGORIES for _ in range(4)]
    assert sorted({p.database for p in PROBLEMS}) == ["bakery", "library", "trains", "vet"]
    assert [p.difficulty for p in PROBLEMS[:4]] == ["easy", "easy", "medium", "hard"]
    assert len({p.id for p in PROBLEMS}) == 12


def test_the_problems_go_through_rows_of_a_dataset() -> None:
    assert [DslProblem.from_row(p.to_row()) for p in PROBLEMS] == PROBLEMS


def test_one_buggy_program_does_not_parse_and_the_others_run() -> None:
    broken = [p for p in PROBLEMS if check(p.buggy_code, p.tables)]
    assert [(p.category, p.bugs[0].kind) for p in broken] == [("standard", "syntax")]


# Each problem


@each_problem
def test_the_correct_program_is_sound(problem: DslProblem) -> None:
    assert format_code(problem.correct_code) == problem.correct_code
    assert check(problem.correct_code, problem.tables) == []
    assert len(set(problem.expected_output.tuples())) >= 2
    assert 2 <= len(problem.hidden) <= 3
    for tables, expected in [(problem.tables, problem.expected_output), *problem.hidden]:
        assert rows_of(problem.correct_code, tables) == expected
        assert all(6 <= len(table) <= 15 for table in tables.values())
        assert no_ties(parse(problem.correct_code), tables)


def no_ties(program: Program, tables: dict[str, Table]) -> bool:
    """Whether every sort has an order of its own, so that none is left to chance."""
    for statement in program.statements:
        for place, stage in enumerate(statement.stages):
            if isinstance(stage, SortBy):
                changed = with_stages(program, statement, statement.stages[:place])
                rows = inspect(print_program(changed), statement.name, tables)
                if len(set(rows.columns[stage.column.name])) < len(rows):
                    return False
    return True


def with_stages(program: Program, statement: Statement, stages: tuple[Stage, ...]) -> Program:
    changed = replace(statement, stages=stages)
    return replace(program, statements=tuple(changed if s is statement else s for s in program.statements))


@each_problem
def test_every_mistake_alone_changes_the_rows(problem: DslProblem) -> None:
    assert not is_right(problem.buggy_code, problem)
    counts = {"standard": (1,), "nonlocal": (1,), "intent_mismatch": (2, 3)}
    assert len(problem.bugs) in counts[problem.category]
    assert [b.line for b in problem.bugs] == sorted(b.line for b in problem.bugs)
    for bug in problem.bugs:
        lines = problem.correct_code.split("\n")
        assert lines[bug.line - 1].strip() == bug.original
        assert problem.correct_code.count(bug.original) == 1
        lines[bug.line - 1] = lines[bug.line - 1].replace(bug.original, bug.mutated)
        assert not is_right("\n".join(lines), problem)
        assert problem.buggy_code.split("\n")[bug.line - 1].strip() == bug.mutated
        assert bug.description


@pytest.mark.parametrize(
    "problem", [p for p in PROBLEMS if p.category == "nonlocal"], ids=lambda p: p.database
)
def test_a_nonlocal_mistake_is_far_from_the_result(problem: DslProblem) -> None:
    (bug,) = problem.bugs
    assert bug.stages_to_emit is not None
    assert bug.stages_to_emit >= 2
    below = problem.correct_code.split("\n")[bug.line :]
    assert any("aggregate(" in line or "join(" in line for line in below)


def test_stages_to_emit_are_counted_along_the_program() -> None:
    counted = {(p.database, p.category): [b.stages_to_emit for b in p.bugs] for p in PROBLEMS}
    assert counted["bakery", "standard"] == [2]  # take, select
    assert counted["library", "nonlocal"] == [5]  # group_by, aggregate; group_by, aggregate, sort_by
    assert counted["trains", "intent_mismatch"] == [5, 2, 1]


@each_problem
def test_the_intent_is_told_in_a_sentence_or_two(problem: DslProblem) -> None:
    assert problem.intent[0].isupper()
    assert problem.intent.endswith(".")
    assert 40 < len(problem.intent) < 260


@each_problem
def test_an_episode_pays_the_reference_and_nothing_for_the_buggy_program(problem: DslProblem) -> None:
    env = DSLDebugEnv()
    env.reset(problem)
    assert env.call("submit", code=problem.buggy_code).reward == 0
    env.reset(problem)
    assert env.call("submit", code=problem.correct_code).reward == 1


# No other program within one edit is right on what is shown and wrong on what is hidden


@each_problem
def test_no_neighbour_is_right_by_accident(problem: DslProblem) -> None:
    starts = [problem.correct_code]
    if not check(problem.buggy_code, {}) or problem.bugs[0].kind != "syntax":
        starts.append(problem.buggy_code)
    tried = {code for start in starts for code in neighbours(parse(start), problem.tables)}
    accidents = [
        code for code in sorted(tried) if is_right(code, problem) and not is_right_when_hidden(code, problem)
    ]
    assert len(tried) > 50
    assert accidents == []


@each_problem
def test_every_stage_is_needed(problem: DslProblem) -> None:
    program = parse(problem.correct_code)
    needless = [
        print_program(changed)
        for statement in program.statements
        for stages in fewer_stages(statement.stages)
        if is_right(print_program(changed := with_stages(program, statement, stages)), problem)
    ]
    assert needless == []


def neighbours(program: Program, tables: dict[str, Table]) -> Iterator[str]:
    """The texts of the programs that one edit makes of another; many of them do not check."""
    made = [a.name for s in program.statements for stage in s.stages for a in new_columns(stage)]
    columns = [*(name for table in tables.values() for name in table.names), *made]
    values = [v for table in tables.values() for column in table.columns.values() for v in column]
    names: dict[type, list[Any]] = {
        Column: [Column(name) for name in dict.fromkeys(columns)],
        Literal: [Literal(value) for value in dict.fromkeys(values)],
        Ref: [Ref(statement.name) for statement in program.statements],
        Load: [Load(name) for name in tables],
    }
    return (print_program(changed) for changed in edits(program, names) if changed != program)


def new_columns(stage: Stage) -> tuple[Any, ...]:
    return {Compute: "assignments", Aggregate: "aggregations"}.get(type(stage), "") and getattr(
        stage, {Compute: "assignments", Aggregate: "aggregations"}[type(stage)]
    )


def edits(value: Any, names: dict[type, list[Any]]) -> Iterator[Any]:
    """The value with one edit, made to itself or to any part of it."""
    if isinstance(value, tuple):
        for place, part in enumerate(value):
            yield from ((*value[:place], e, *value[place + 1 :]) for e in edits(part, names))
    elif is_dataclass(value) and not isinstance(value, type):
        yield from names.get(type(value), ())
        yield from own_edits(value, names)
        for field in fields(value):
            if field.compare and not isinstance(getattr(value, field.name), str):
                yield from (
                    replace(value, **{field.name: e}) for e in edits(getattr(value, field.name), names)
                )


def own_edits(node: Any, names: dict[type, list[Any]]) -> Iterator[Any]:
    match node:
        case Literal(int() | float() as value):
            yield from (Literal(value + step) for step in (-2, -1, 1, 2))
        case Compare(_, left, right):
            yield from (Compare(op, left, right) for op in COMPARISONS)
        case Logic(op, parts):
            yield Logic("or" if op == "and" else "and", parts)
            yield from parts
        case Arithmetic(op, left, right):
            yield from (Arithmetic(other, left, right) for other in "+-*/")
            yield from (Arithmetic(op, right, left), left, right)
        case Aggregation(name, _, column):
            yield from (Aggregation(name, function, column) for function in AGGREGATES)
            if column is None:
                yield from (Aggregation(name, "count_distinct", other) for other in names[Column])
        case SortBy(column, descending):
            yield SortBy(column, not descending)
        case Take(count):
            yield from (Take(max(count + step, 0)) for step in (-2, -1, 1, 2))
        case Join(left, right, left_key, right_key):
            yield Join(right, left, right_key, left_key)
        case GroupBy(keys):
            yield from (GroupBy((*keys, column)) for column in names[Column])
            yield from (GroupBy(keys[:i] + keys[i + 1 :]) for i in range(len(keys)) if len(keys) > 1)
        case Statement(name, source, stages):
            yield from (Statement(name, source, fewer) for fewer in fewer_stages(stages))
            yield from (Statement(name, source, other) for other in swapped_stages(stages))
        case Emit():
            yield from (Emit(ref.name) for ref in names[Ref])


def units(stages: tuple[Stage, ...]) -> list[tuple[Stage, ...]]:
    """The stages, with each group_by and its aggregate in one piece."""
    pieces: list[tuple[Stage, ...]] = []
    for stage in stages:
        pieces.append((*pieces.pop(), stage) if isinstance(stage, Aggregate) else (stage,))
    return pieces


def fewer_stages(stages: tuple[Stage, ...]) -> Iterator[tuple[Stage, ...]]:
    pieces = units(stages)
    yield from (sum(pieces[:i] + pieces[i + 1 :], ()) for i in range(len(pieces)))


def swapped_stages(stages: tuple[Stage, ...]) -> Iterator[tuple[Stage, ...]]:
    pieces = units(stages)
    for i in range(len(pieces) - 1):
        yield sum([*pieces[:i], pieces[i + 1], pieces[i], *pieces[i + 2 :]], ())


def test_neighbours_are_the_edits_that_they_should_be() -> None:
    table = Table({"a": [1], "b": ["x"]})
    code = 't = load("t")\n  |> filter(a > 1)\n  |> sort_by(b, asc)\nemit t\n'
    filters = sorted(
        line for n in neighbours(parse(code), {"t": table}) for line in n.split("\n") if "filter" in line
    )
    assert set(filters) == {f"  |> filter({text})" for text in (
        "a > 1", "b > 1", 'a > "x"', "a > -1", "a > 0", "a > 2", "a > 3",
        "a == 1", "a != 1", "a < 1", "a <= 1", "a >= 1",
    )}  # fmt: skip
    others = {n.replace("\n", "") for n in neighbours(parse(code), {"t": table}) if "filter(a > 1)" in n}
    assert others == {
        't = load("t")  |> filter(a > 1)  |> sort_by(a, asc)emit t',
        't = load("t")  |> filter(a > 1)  |> sort_by(b, desc)emit t',
        't = load("t")  |> filter(a > 1)emit t',
        't = load("t")  |> sort_by(b, asc)  |> filter(a > 1)emit t',
    }


# What is shown cannot be written into a program


@each_problem
def test_no_rows_can_be_copied(problem: DslProblem) -> None:
    """A program that prints constants gives the same rows everywhere: wrong ones on every hidden suite."""
    assert not any(suite.expected.matches(problem.expected_output) for suite in problem.hidden)
    emitter = constant_program(problem.expected_output, problem.tables)
    assert emitter is not None
    assert is_right(print_program(emitter), problem)
    assert not any(is_right_on(print_program(emitter), *suite) for suite in problem.hidden)


@each_problem
def test_picking_the_shown_rows_by_their_values_fails_when_hidden(problem: DslProblem) -> None:
    """In place of a filter or a take: keep what has the values that came through it on the shown tables."""
    program = parse(problem.correct_code)
    attacks = [code for code in picking(program, problem.tables) if is_right(code, problem)]
    paid = [code for code in attacks if is_right_when_hidden(code, problem)]
    assert paid == []


def picking(program: Program, tables: dict[str, Table]) -> Iterator[str]:
    for statement in program.statements:
        for place, stage in enumerate(statement.stages):
            if not isinstance(stage, (Filter, Take)):
                continue
            until = with_stages(program, statement, statement.stages[: place + 1])
            rows = inspect(print_program(until), statement.name, tables)
            for name, values in rows.columns.items():
                if isinstance(stage, Filter) and f"{name} == " in print_program(until):
                    continue  # the filter itself picks rows by this column
                parts = tuple(Compare("==", Column(name), Literal(v)) for v in dict.fromkeys(values))
                pick = Filter(Logic("or", parts) if len(parts) > 1 else parts[0])
                stages = (*statement.stages[:place], pick, *statement.stages[place + 1 :])
                yield print_program(with_stages(program, statement, stages))


@each_problem
def test_the_exploits_of_certification_are_paid_nothing(problem: DslProblem) -> None:
    pool = [Stock(suite.tables) for suite in problem.hidden]
    trial = Trial(parse(problem.correct_code), Stock(problem.tables), pool)
    buggy = parse(problem.buggy_code) if rows_of(problem.buggy_code, problem.tables) else None
    attacks = exploits(trial, buggy)
    assert attacks["constant_emitter"]
    for program in [program for programs in attacks.values() for program in programs]:
        assert not is_right_when_hidden(print_program(program), problem)
