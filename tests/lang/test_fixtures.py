"""Every program in tests/fixtures/programs is read, printed, checked and run, in several dialects.

Drop a program into the folder, write what is expected of it with `python -m tests.lang.shelf --write`, and
read that before you keep it.
"""

from pathlib import Path
from random import Random

import pytest

from dsl_debug.lang import Dialect, Table, check, format_code, inspect, node_names, parse, print_program, run
from dsl_debug.lang.printer import STAGE_PRINTERS
from tests.lang.shelf import ALL_ROWS, DIALECT, PROGRAMS, RULE, tables

PATHS = sorted(PROGRAMS.glob("*.dsl"))
each_program = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
DIALECTS = [DIALECT, *(Dialect.random(Random(seed)) for seed in range(8))]


def code_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def expected(path: Path) -> tuple[str, str]:
    """The program in the standard layout, and the table that it emits, as they stand beside it."""
    beside = path.with_suffix(".expected")
    assert beside.exists(), "nothing is expected of this program yet: python -m tests.lang.shelf --write"
    layout, _, table = beside.read_text(encoding="utf-8").partition(f"{RULE}\n")
    return layout, table.rstrip("\n")


def test_there_are_programs_with_every_stage() -> None:
    assert len(PATHS) >= 30
    used = {type(stage) for path in PATHS for s in parse(code_of(path)).statements for stage in s.stages}
    assert used == set(STAGE_PRINTERS)


def test_nothing_is_expected_of_a_program_that_is_gone() -> None:
    assert [path.name for path in PROGRAMS.glob("*.expected") if not path.with_suffix(".dsl").exists()] == []


@each_program
def test_it_is_printed_in_the_standard_layout(path: Path) -> None:
    layout, _ = expected(path)
    assert format_code(code_of(path)) == layout
    assert format_code(layout) == layout
    assert parse(layout) == parse(code_of(path))


@each_program
def test_it_checks(path: Path) -> None:
    assert check(code_of(path), tables(PROGRAMS)) == []


@each_program
def test_it_gives_the_expected_rows(path: Path) -> None:
    assert run(code_of(path), tables(PROGRAMS)).render(ALL_ROWS) == expected(path)[1]


@each_program
def test_rows_and_columns_are_the_same_input(path: Path) -> None:
    # A table without rows has no columns when it is given as rows.
    given = {name: table.rows() if table.length else table for name, table in tables(PROGRAMS).items()}
    assert run(code_of(path), given) == run(code_of(path), tables(PROGRAMS))


@each_program
def test_every_named_table_can_be_inspected(path: Path) -> None:
    code, program = code_of(path), parse(code_of(path))
    assert node_names(code) == [statement.name for statement in program.statements]
    shown = {name: inspect(code, name, tables(PROGRAMS)) for name in node_names(code)}
    assert shown[program.emit.name] == run(code, tables(PROGRAMS))


@each_program
def test_it_says_the_same_in_other_dialects(path: Path) -> None:
    code, result = code_of(path), run(code_of(path), tables(PROGRAMS))
    for dialect in DIALECTS:
        other = print_program(parse(code), dialect)
        assert parse(other, dialect) == parse(code)
        assert format_code(other, dialect) == other
        assert run(other, tables(PROGRAMS), dialect=dialect) == result


@each_program
def test_the_input_is_left_alone(path: Path) -> None:
    given = tables(PROGRAMS)
    before = {name: Table(table.columns) for name, table in given.items()}
    run(code_of(path), given)
    assert given == before
