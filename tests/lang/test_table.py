"""Tables: what is let in, with the exact refusals; equality of results; how a table is shown."""

import json
import math
import pickle
from typing import Any

import pytest

from dsl_debug.lang import DslError, Table, check, run


def refusal(rows: Any) -> str:
    with pytest.raises(DslError) as caught:
        Table.from_rows(rows, "sales")
    return str(caught.value)


# What is let in


def test_rows_become_columns_in_the_order_of_the_first_row() -> None:
    table = Table.from_rows([{"b": 1, "a": "x"}, {"a": "y", "b": 2.5}])
    assert table.names == ("b", "a")
    assert table.columns == {"b": [1, 2.5], "a": ["x", "y"]}
    assert (table.length, len(table)) == (2, 2)
    assert table.rows() == [{"b": 1, "a": "x"}, {"b": 2.5, "a": "y"}]
    assert list(table.tuples()) == [(1, "x"), (2.5, "y")]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "number"),
        ([1.5], "number"),
        ([1, 2.5, -3], "number"),
        (["1", ""], "text"),
        ([1, "1"], "mixed"),
        ([1.5, "x", 2], "mixed"),
        ([], "unknown"),
    ],
)
def test_the_type_of_a_column_is_that_of_its_values(values: list[Any], kind: str) -> None:
    assert Table({"a": values}).types == {"a": kind}


def test_whole_numbers_stay_whole() -> None:
    (value,) = Table.from_rows([{"a": 2**53 + 1}]).columns["a"]
    assert value == 2**53 + 1
    assert type(value) is int


def test_a_table_without_rows_or_columns_is_a_table() -> None:
    assert Table.from_rows([]).length == Table({}).length == Table.from_rows([{}, {}]).length == 0
    assert Table({"a": []}).names == ("a",)
    assert Table({}).render() == "(0 rows)"


def test_what_was_given_is_not_shared() -> None:
    given = {"a": [1, 2]}
    table = Table(given)
    given["a"].append(3)
    assert table.columns == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"a": 1}, {"a": None}],
            "row 2, column 'a': null is no value of the language; fill it or drop the row",
        ),
        ([{"a": False}], "row 1, column 'a': False is a boolean; use 1 and 0, or texts"),
        ([{"a": math.nan}], "row 1, column 'a': nan is out of range; numbers are finite, up to 1.8e308"),
        (
            [{"a": "x"}, {"a": -math.inf}],
            "row 2, column 'a': -inf is out of range; numbers are finite, up to 1.8e308",
        ),
        (
            [{"a": 10**309}],
            "row 1, column 'a': this number is out of range; numbers are finite, up to 1.8e308",
        ),
        ([{"a": [1]}], "row 1, column 'a': a value is a number or a text, not list"),
        ([{"a": b"x"}], "row 1, column 'a': a value is a number or a text, not bytes"),
    ],
)
def test_a_value_that_is_none_is_refused(rows: list[Any], message: str) -> None:
    assert refusal(rows) == f"table 'sales', {message}"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"a": 1, "b": 2}, {"a": 1}], ", row 2 has no column 'b', which row 1 has"),
        ([{"a": 1}, {"a": 1, "b": 2}], ", row 2 has a column 'b', which row 1 lacks"),
        ([{"a": 1}, {"a": 2}, {"b": 1}], ", row 3 has no column 'a', which row 1 has"),
        ([{"a": 1}, [1]], ", row 2: a row is a mapping of column to value"),
        ([(1, 2)], ": a row is a mapping of column to value"),
        ("abc", ": a row is a mapping of column to value"),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(rows: Any, message: str) -> None:
    assert refusal(rows) == f"table 'sales'{message}"


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(DslError, match=r"^table 'sales': its columns differ in length$"):
        Table({"a": [1], "b": [1, 2]}, "sales")


def test_the_name_of_the_table_is_in_the_message_of_a_run() -> None:
    with pytest.raises(DslError, match=r"^table 'people', row 1, column 'age': null is no value"):
        run('a = load("people")\nemit a', {"people": [{"age": None}]})


def test_tables_are_a_mapping() -> None:
    assert [d.message for d in check('a = load("t")\nemit a', [{"a": 1}])] == [  # type: ignore[arg-type]
        "tables are given as a mapping of name to rows"
    ]


@pytest.mark.parametrize("rows", [12, None])
def test_a_table_that_is_no_list_of_rows_is_refused(rows: Any) -> None:
    assert refusal(rows) == "table 'sales': a table is a list of rows"


def test_a_name_of_a_column_that_is_no_text_is_refused() -> None:
    assert refusal([{1: 2}]) == "table 'sales': the name of a column is a text, not 1"


# JSON


def test_json_and_back_is_the_same_table() -> None:
    table = Table({"a": [1, 2.5], "b": ["x", ""], "c": [1, "1"]})
    stored = json.loads(json.dumps(table.to_json()))
    assert stored == {"columns": ["a", "b", "c"], "rows": [[1, "x", 1], [2.5, "", "1"]]}
    assert Table.from_json(stored) == table
    empty = Table({"a": [], "b": []})
    assert Table.from_json(empty.to_json()) == empty


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({}, "table 't': expected {'columns': [...], 'rows': [[...], ...]}"),
        ({"columns": ["a"], "rows": 3}, "table 't': expected {'columns': [...], 'rows': [[...], ...]}"),
        ({"columns": [1], "rows": [[1]]}, "table 't': expected {'columns': [...], 'rows': [[...], ...]}"),
        ({"columns": ["a", "a"], "rows": [[1, 2]]}, "table 't': two columns have one name"),
        ({"columns": ["a"], "rows": [[1], [1, 2]]}, "table 't': every row needs 1 values"),
        ({"columns": ["a"], "rows": [1]}, "table 't': every row needs 1 values"),
        (
            {"columns": ["a"], "rows": [[None]]},
            "table 't', row 1, column 'a': null is no value of the language; fill it or drop the row",
        ),
    ],
)
def test_json_that_is_no_table_is_refused(stored: Any, message: str) -> None:
    with pytest.raises(DslError) as caught:
        Table.from_json(stored, "t")
    assert str(caught.value) == message


def test_json_that_is_no_object_is_refused() -> None:
    with pytest.raises(DslError, match=r"^table 't': expected"):
        Table.from_json([1], "t")  # type: ignore[arg-type]


def test_a_table_and_an_error_travel_between_processes() -> None:
    table = Table({"a": [1, "x"]})
    assert pickle.loads(pickle.dumps(table)) == table
    with pytest.raises(DslError) as caught:
        Table.from_rows([{"a": None}])
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.diagnostics) == (str(caught.value), caught.value.diagnostics)


# Equality of results


def matches(left: list[Any], right: list[Any]) -> bool:
    one, other = Table({"a": left}), Table({"a": right})
    assert one.matches(other) == other.matches(one)
    return one.matches(other)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([1], [1.0]),
        ([0], [-0.0]),
        ([0.1 + 0.2], [0.3]),
        ([1.0], [1.0 + 9e-10]),
        ([1e300], [1e300 * (1 + 9e-10)]),
        ([-5e-12], [-5e-12 * (1 + 9e-10)]),
        ([10**300], [10**300 + 1]),
        (["x", ""], ["x", ""]),
        ([], []),
    ],
)
def test_these_are_one_result(left: list[Any], right: list[Any]) -> None:
    assert matches(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([1.0], [1.0 + 3e-9]),
        ([0.0], [1e-300]),  # the tolerance is relative
        ([1e-12], [2e-12]),
        ([1], ["1"]),
        ([1.5], ["1.5"]),
        (["x"], ["X"]),
        (["x"], ["x "]),
        (["é"], ["e\u0301"]),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ([1], []),
    ],
)
def test_these_are_not(left: list[Any], right: list[Any]) -> None:
    assert not matches(left, right)


def test_the_order_of_columns_does_not_count_but_their_names_do() -> None:
    table = Table({"a": [1], "b": [2]})
    assert table.matches(Table({"b": [2], "a": [1]}))
    assert table != Table({"b": [2], "a": [1]})
    assert not table.matches(Table({"a": [1]}))
    assert not table.matches(Table({"a": [1], "c": [2]}))
    assert not Table({"a": []}).matches(Table({"b": []}))


def test_a_table_equals_only_tables_and_has_no_hash() -> None:
    assert Table({"a": [1]}) != {"a": [1]}
    with pytest.raises(TypeError):
        hash(Table({"a": [1]}))


# Shown


def test_a_table_is_shown_as_in_the_reference() -> None:
    assert Table({"region": ["north"], "revenue": [120]}).render() == (
        "region | revenue\n-------+--------\nnorth  | 120\n(1 row)"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12, "12"),
        (-3.5, "-3.5"),
        (1e22, "1e+22"),
        (0.1, "0.1"),
        ("north", "north"),
        ("two words", "two words"),
        ("café ☕", "café ☕"),
        ('say "hi"', 'say "hi"'),
        ("a\\b", "a\\b"),
        ("|", "|"),
        # In quotes: what reads like a number, cannot be seen, or could be taken for something else.
        ("12", '"12"'),
        ("-3.5", '"-3.5"'),
        ("1e5", '"1e5"'),
        ("1_000", '"1_000"'),
        ("nan", '"nan"'),
        ("Infinity", '"Infinity"'),
        ("", '""'),
        (" x", '" x"'),
        ("x ", '"x "'),
        ("two\nlines", '"two\\nlines"'),
        ("tab\t", '"tab\\t"'),
        ("\x1b[31m", '"\\u001b[31m"'),
        ("\u00a0", '"\\u00a0"'),
        ('"x"', '"\\"x\\""'),
        ("a | b", '"a | b"'),
    ],
)
def test_values_are_shown_so_that_they_can_be_told_apart(value: Any, shown: str) -> None:
    assert Table({"a": [value]}).render().split("\n")[2] == shown


def test_at_most_twenty_rows_are_shown() -> None:
    lines = Table({"a": list(range(137))}).render().split("\n")
    assert lines[2:4] == ["0", "1"]
    assert lines[-2:] == ["19", "(20 of 137 rows shown)"]
    assert len(lines) == 23
    assert Table({"a": list(range(20))}).render().endswith("19\n(20 rows)")
    assert Table({"a": list(range(12345))}).render(2).endswith("1\n(2 of 12,345 rows shown)")
    assert Table({"a": [1, 2]}).render(limit=0) == "a\n-\n(0 of 2 rows shown)"


def test_only_the_rows_that_are_shown_decide_the_widths() -> None:
    assert Table({"a": ["x", "longer"]}).render(1) == "a\n-\nx\n(1 of 2 rows shown)"


def test_a_long_text_is_cut() -> None:
    shown = Table({"a": ["x" * 1234]}).render().split("\n")[2]
    assert shown == "x" * 200 + "… (1,234 characters)"


def test_no_line_ends_in_a_blank() -> None:
    shown = Table({"name": ["x", "longer"], "other": ["y", "z"]}).render()
    assert [line for line in shown.split("\n") if line != line.rstrip()] == []


def test_a_name_that_cannot_be_seen_is_shown_in_quotes() -> None:
    assert Table({"a\nb": [1]}).render() == '"a\\nb"\n------\n1\n(1 row)'


def test_the_representation_is_short() -> None:
    assert repr(Table({"a": [1, 2], "b": ["x", "y"]})) == "Table(2 x 2: a, b)"
