"""What holds for every program, every text and every table, on examples that hypothesis makes up."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dsl_debug.lang import (
    STANDARD,
    Dialect,
    DslError,
    Program,
    Table,
    check,
    format_code,
    inspect,
    node_names,
    parse,
    print_program,
    run,
)
from dsl_debug.lang.checker import check_program
from dsl_debug.lang.errors import SourceText
from dsl_debug.lang.tokens import tokenize
from tests.lang import strategies
from tests.lang.shelf import PROGRAMS, all_cases, tables
from tests.lang.test_errors import inside

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent.parent
# What a program that checks may still fail by.
RUN_TIME_CODES = {
    *("division-by-zero", "number-too-large"),
    *("limit-rows", "limit-cells", "limit-steps", "limit-seconds"),
}

VALID_CODES = [path.read_text(encoding="utf-8") for path in sorted(PROGRAMS.glob("*.dsl"))]
BROKEN_CODES = [case.program for _, case in all_cases() if not case.options]
printed_programs = strategies.any_program.map(print_program)
nearly_programs = strategies.broken(st.sampled_from(VALID_CODES + BROKEN_CODES) | printed_programs)


def examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same examples in every run."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, derandomize=True, deadline=None, suppress_health_check=slow)


@st.composite
def over_tables(draw: st.DrawFn, make: Callable[..., st.SearchStrategy[T]]) -> tuple[T, dict[str, Table]]:
    made = draw(strategies.tables())
    return draw(make(made)), made


# Print and parse


@examples(200)
@given(strategies.any_program, strategies.dialects)
def test_what_is_printed_parses_to_the_same_tree(program: Program, dialect: Dialect) -> None:
    reserved = dialect.word("emit") in {program.emit.name, *(s.name for s in program.statements)}
    for words in (STANDARD,) if reserved else (STANDARD, dialect):
        code = print_program(program, words)
        assert parse(code, words) == program
        assert format_code(code, words) == code


@examples(200)
@given(strategies.any_program, strategies.layouts)
def test_layout_and_comments_change_nothing(program: Program, spaces: list[str]) -> None:
    code = strategies.laid_out(print_program(program), spaces)
    assert parse(code) == program
    formatted = format_code(code)
    assert parse(formatted) == program
    assert format_code(formatted) == formatted
    assert comments(formatted) == comments(code)


def comments(code: str) -> Counter[str]:
    return Counter(text for _, text in tokenize(code, STANDARD).comments)


# Any text


def outcome(action: Callable[[], object]) -> object:
    """What an action gives, or the diagnostics that it raises; anything else that it raises is a bug."""
    try:
        return action()
    except DslError as error:
        return error.diagnostics


GIVEN = tables() | tables(PROGRAMS)


@examples(200)
@given(nearly_programs | strategies.any_text, st.just(STANDARD) | strategies.dialects, strategies.names)
def test_any_text_is_answered(code: str, dialect: Dialect, name: str) -> None:
    found = check(code, GIVEN, dialect)
    assert [str(d) for d in found if not inside(d, code)] == []
    ran = outcome(lambda: run(code, GIVEN, dialect=dialect))
    if found:
        assert ran == tuple(found)
    parsed = outcome(lambda: parse(code, dialect))
    assert isinstance(parsed, Program) or parsed[0].code in {d.code for d in found}
    outcome(lambda: format_code(code, dialect))
    defined = node_names(code, dialect)
    for node in [name, *defined[:2]]:
        shown = outcome(lambda node=node: inspect(code, node, GIVEN, dialect=dialect))
        assert isinstance(shown, Table) or all(inside(d, code) for d in shown)


@examples(200)
@given(nearly_programs)
def test_nothing_is_said_twice_in_one_place(code: str) -> None:
    places = Counter((d.line, d.column, d.message) for d in check(code, GIVEN))
    assert [place for place, times in places.items() if times > 1] == []


@examples(200)
@given(nearly_programs)
def test_one_text_has_one_answer(code: str) -> None:
    # The second text is another one, so that no cache answers for it.
    first = outcome(lambda: run(code, GIVEN))
    again = outcome(lambda: run(code + "\n", GIVEN))
    assert str(first) == str(again)


# Check and run


def fails_only_as_it_may(code: str, given_tables: dict[str, Table]) -> Table | None:
    result = outcome(lambda: run(code, given_tables))
    if isinstance(result, Table):
        return result
    assert {d.code for d in result} <= RUN_TIME_CODES
    return None


@examples(200)
@given(over_tables(strategies.sound_programs))
def test_a_sound_program_checks_and_runs(case: tuple[Program, dict[str, Table]]) -> None:
    program, given_tables = case
    code = print_program(program)
    assert [str(d) for d in check(code, given_tables)] == []
    result = fails_only_as_it_may(code, given_tables)
    if result is not None:
        assert inspect(code, program.emit.name, given_tables) == result
        assert Table(result.columns) == result  # every value that comes out may go in again
        assert_types_as_checked(program, given_tables, result)


def assert_types_as_checked(program: Program, given_tables: dict[str, Table], result: Table) -> None:
    """The columns that the checker foretold are there, in its order, and hold what it said."""
    types = {name: table.types for name, table in given_tables.items()}
    checked = check_program(program, SourceText(""), types)
    schema = checked.statements[program.emit.name].result
    assert schema is not None
    assert tuple(schema.types) == result.names
    for name, kind in schema.types.items():
        assert kind in (result.types[name], "mixed") or not result.length, name


@examples(200)
@given(over_tables(strategies.sloppy_codes))
def test_what_the_checker_passes_runs(case: tuple[str, dict[str, Table]]) -> None:
    code, given_tables = case
    if not check(code, given_tables):
        result = fails_only_as_it_may(code, given_tables)
        if result is not None:
            assert_types_as_checked(parse(code), given_tables, result)


@examples(100)
@given(over_tables(strategies.sloppy_codes), strategies.dialects)
def test_a_dialect_says_the_same(case: tuple[str, dict[str, Table]], dialect: Dialect) -> None:
    code, given_tables = case
    program = outcome(lambda: parse(code))
    if not isinstance(program, Program) or dialect.word("emit") in node_names(code):
        return
    other = print_program(program, dialect)
    found = Counter(d.code for d in check(code, given_tables))
    assert Counter(d.code for d in check(other, given_tables, dialect)) == found
    result = outcome(lambda: run(code, given_tables))
    translated = outcome(lambda: run(other, given_tables, dialect=dialect))
    if isinstance(result, Table):
        assert translated == result
    else:
        assert [d.code for d in translated] == [d.code for d in result]


def test_answers_do_not_depend_on_the_order_of_sets() -> None:
    for seed in ("1", "2", "3"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        command = [sys.executable, "-m", "tests.lang.shelf"]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert (ran.stdout, ran.returncode) == ("", 0), ran.stderr
