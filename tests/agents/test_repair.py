"""Texts that do not parse, and the programs that come out."""

import pytest

from dsl_debug.agents.repair import repaired
from dsl_debug.lang import Dialect, Program, parse, print_program

RIGHT = """
a = load("sales")
  |> filter(amount >= 2)
  |> group_by(region)
  |> aggregate(n: count())
  |> sort_by(n, desc)
  |> take(3)
emit a
"""

MISTAKES = [
    ("  |> take(3)", "  take(3)"),
    ("  |> take(3)", "  |> tkae(3)"),
    ("  |> group_by(region)\n  |> aggregate", "  group_by(region)\n  aggregate"),
    ("|> filter", "|>= filter"),
    (">= 2", ">== 2"),
    ("amount >= 2)", "amount >= 2"),
    ("|> sort_by(n, desc)", "|> srt_by(n, dsc)"),
    ("load(", "lod("),
]


@pytest.mark.parametrize(("right", "wrong"), MISTAKES, ids=[w.strip() for _, w in MISTAKES])
def test_the_first_repair_is_the_right_one(right: str, wrong: str) -> None:
    broken = RIGHT.replace(right, wrong)
    assert broken != RIGHT
    assert repaired(broken, ())[0] == parse(RIGHT)


def test_what_parses_is_left_alone() -> None:
    assert repaired(RIGHT, ("x",)) == [parse(RIGHT)]


def test_columns_are_tried_where_a_column_is_wanted() -> None:
    broken = RIGHT.replace("group_by(region)", "group_by(7)")
    columns = ("amount", "region", "amount")
    assert repaired(broken, columns) == [
        parse(RIGHT.replace("group_by(region)", f"group_by({name})")) for name in ("amount", "region")
    ]


def test_a_load_inside_a_join_gets_a_name() -> None:
    broken = 'a = load("sales")\nj = join(a, load("regions"), on: region == code)\nemit j'
    mended = 'regions = load("regions")\na = load("sales")\nj = join(a, regions, on: region == code)\nemit j'
    assert repaired(broken, ()) == [parse(mended)]


def test_a_line_that_means_nothing_goes() -> None:
    assert repaired(RIGHT.replace("  |> take(3)", "  |> take(3)\n  |> take(three)"), ()) == [parse(RIGHT)]


@pytest.mark.parametrize("code", ["", "SELECT * FROM sales", "emit", "\0", "((((" * 50, "|>\n" * 200])
def test_what_cannot_be_mended_gives_nothing_or_a_program(code: str) -> None:
    assert all(isinstance(program, Program) for program in repaired(code, ("a", "b")))


def test_dialects() -> None:
    dialect = Dialect({"take": "head", "load": "read"}, ">>")
    code = print_program(parse(RIGHT), dialect)
    assert repaired(code.replace(">> head", "head"), (), dialect) == [parse(RIGHT)]
    assert repaired(code.replace("head", "haed"), (), dialect) == [parse(RIGHT)]
