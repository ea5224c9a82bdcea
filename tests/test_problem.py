"""Problems as data: rows, ids, files, and the loader of the published benchmark."""

import builtins
import json
import pickle
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dsl_debug.lang import Dialect, Table
from dsl_debug.problem import COLUMNS, Bug, DslProblem, Suite, load_problems, load_published, save_problems
from tests.problems import BUGGY, CORRECT, OTHERS, VISIBLE, make_problem

PROBLEM = make_problem()
DIALECT = Dialect.random(Random(3))


def message_of(row: dict[str, Any]) -> str:
    """What `from_row` says about a row."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        DslProblem.from_row(row)
    return str(caught.value)


# Rows

VARIANTS = {
    "plain": PROBLEM,
    "without hidden tables": make_problem(others=()),
    "in a dialect": make_problem(dialect=DIALECT),
    "with everything": make_problem(
        certificate={"neighbours": 12, "killed": {"visible": 10, "hidden": 0}},
        prompt=({"role": "system", "content": "s"}, {"role": "user", "content": "u\n```\n|>"}),
    ),
    "several bugs": make_problem(bugs=(Bug("a", 0, "d", "o", "m"), Bug("b", 2, "", "", "", 4))),
    "odd values": make_problem(
        'a = load("t")\nemit a',
        'a = load("t") |> take(0)\nemit a',
        {"t": Table({"n": [1, 1.0, -0.5, 10**20, 1e-300], "x": ['"', "", "\u2028", "é|>\\", "\U0001f600"]})},
        others=({"t": Table({"n": [], "x": []})},),
    ),
}


@pytest.mark.parametrize("problem", VARIANTS.values(), ids=VARIANTS.keys())
def test_rows_round_trip(problem: DslProblem) -> None:
    row = problem.to_row()
    again = DslProblem.from_row(row)
    assert again == problem
    assert again.to_row() == row
    assert DslProblem.from_row(json.loads(json.dumps(row))) == problem


@pytest.mark.parametrize("problem", VARIANTS.values(), ids=VARIANTS.keys())
def test_rows_hold_the_columns_in_order_and_nothing_but_plain_values(problem: DslProblem) -> None:
    row = problem.to_row()
    assert list(row) == list(COLUMNS)
    assert {column: type(value) for column, value in row.items()} == COLUMNS
    json.dumps(row, allow_nan=False)


def test_whole_numbers_and_floats_stay_what_they_are() -> None:
    again = DslProblem.from_row(VARIANTS["odd values"].to_row())
    assert [type(v) for v in again.tables["t"].columns["n"]] == [int, float, float, int, float]


def test_a_row_is_what_the_documentation_says() -> None:
    row = make_problem(prompt=({"role": "user", "content": "Hello"},)).to_row()
    assert json.loads(row["tables"])["regions"] == {
        "columns": ["code", "manager"],
        "rows": [["north", "Ada"], ["south", "Ben"], ["west", "Cleo"]],
    }
    assert json.loads(row["expected_output"]) == {
        "columns": ["region", "revenue", "orders"],
        "rows": [["south", 140.5, 2], ["north", 120, 1]],
    }
    hidden = json.loads(row["hidden"])
    assert [sorted(suite) for suite in hidden] == [["expected", "tables"]] * 2
    assert hidden[0]["expected"]["rows"] == [["zanzibar", 10, 1], ["north", 5, 1]]
    assert row["bugs"] == [
        {
            "kind": "wrong_operator",
            "line": 3,
            "description": "== became !=",
            "original": 'status == "paid"',
            "mutated": 'status != "paid"',
            "stages_to_emit": 3,
        }
    ]
    assert (row["environment"], row["schema_version"], row["dialect"]) == ("dsl", 1, "")
    assert row["prompt"] == [{"role": "user", "content": "Hello"}]


def test_the_dialect_is_stored_as_json() -> None:
    row = VARIANTS["in a dialect"].to_row()
    assert Dialect.from_json(json.loads(row["dialect"])) == DIALECT


# What `from_row` refuses

GOOD = PROBLEM.to_row()
ONE_TABLE = {"columns": ["a"], "rows": [[1]]}
REFUSED = {
    "another version": (
        GOOD | {"schema_version": 2},
        "this row has schema version 2; this package reads version 1",
    ),
    "no version": (
        {k: v for k, v in GOOD.items() if k != "schema_version"},
        "the row lacks the columns: schema_version",
    ),
    "nothing": ({}, f"the row lacks the columns: {', '.join(COLUMNS)}"),
    "missing": (
        {k: v for k, v in GOOD.items() if k not in ("hidden", "bugs")},
        "the row lacks the columns: hidden, bugs",
    ),
    "unknown": (GOOD | {"score": 1, "answer": 2}, "the row has unknown columns: answer, score"),
    "wrong type": (GOOD | {"tables": {}}, "the column 'tables' holds dict, not str"),
    "null": (GOOD | {"intent": None}, "the column 'intent' holds NoneType, not str"),
    "environment": (GOOD | {"environment": "python"}, "this row is of the environment 'python', not 'dsl'"),
    "category": (
        GOOD | {"category": "odd"},
        "no category 'odd'; there is: standard, nonlocal, intent_mismatch",
    ),
    "difficulty": (GOOD | {"difficulty": "x"}, "no difficulty 'x'; there is: easy, medium, hard"),
    "broken JSON": (
        GOOD | {"tables": "{"},
        "the column 'tables' is not JSON: "
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
    ),
    "a list for an object": (
        GOOD | {"expected_output": "[]"},
        "the column 'expected_output' is a JSON text of an object",
    ),
    "an object for a list": (GOOD | {"hidden": "{}"}, "the column 'hidden' is a JSON text of a list"),
    "no tables": (GOOD | {"tables": "{}"}, "a problem needs at least one table"),
    "a table that is none": (
        GOOD | {"tables": '{"orders": [1]}'},
        "tables, table 'orders': a table is an object of columns and rows",
    ),
    "a null": (
        GOOD | {"expected_output": '{"columns": ["a"], "rows": [[null]]}'},
        "expected_output: table 'table', row 1, column 'a': null is no value of the language; "
        "fill it or drop the row",
    ),
    "a suite that is none": (
        GOOD | {"hidden": "[[]]"},
        "a hidden suite is an object of 'tables' and 'expected'",
    ),
    "a suite with other tables": (
        GOOD | {"hidden": json.dumps([{"tables": {"orders": ONE_TABLE}, "expected": ONE_TABLE}])},
        "the tables of hidden suite 1 differ from the visible ones in their columns",
    ),
    "a bug that is none": (
        GOOD | {"bugs": [{"kind": "x"}]},
        "a bug is an object of kind, line, description, original, mutated, stages_to_emit",
    ),
    "a message that is none": (
        GOOD | {"prompt": ["Hi"]},
        "a message of the prompt is an object of role and content",
    ),
    "a dialect that is none": (GOOD | {"dialect": '{"pipe": "+"}'}, None),
    "a wrong id": (
        GOOD | {"id": "0" * 16},
        f"the id 0000000000000000 does not belong to this content, whose id is {PROBLEM.id}",
    ),
}


@pytest.mark.parametrize(("row", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_rows_that_are_refused(row: dict[str, Any], message: str | None) -> None:
    said = message_of(row)
    assert "\n" not in said
    assert message is None or said == message


# Ids


def test_the_id_is_a_hash_of_the_content() -> None:
    assert len(PROBLEM.id) == 16
    assert int(PROBLEM.id, 16) >= 0
    assert make_problem().id == PROBLEM.id
    assert hash(make_problem()) == hash(PROBLEM)


def test_the_id_is_the_same_on_every_machine() -> None:
    assert PROBLEM.id == "c1dfc3e07e8e1f91"


SAME_ID = {
    "certificate": {"certificate": {"neighbours": 1}},
    "prompt": {"prompt": ({"role": "user", "content": "x"},)},
    "order of tables": {"tables": dict(reversed(VISIBLE.items()))},
}
OTHER_ID = {
    "category": {"category": "nonlocal"},
    "difficulty": {"difficulty": "hard"},
    "database": {"database": "x"},
    "source": {"source": "x"},
    "buggy program": {"buggy_code": BUGGY + "\n"},
    "correct program": {"correct_code": CORRECT + "\n"},
    "tables": {"tables": OTHERS[0]},
    "expected rows": {"expected_output": Table({"a": [1]})},
    "hidden": {"hidden": PROBLEM.hidden[:1]},
    "hidden rows": {"hidden": (Suite(OTHERS[0], Table({"a": [1]})), PROBLEM.hidden[1])},
    "bugs": {"bugs": ()},
    "intent": {"intent": ""},
    "dialect": {"dialect": DIALECT},
}


@pytest.mark.parametrize("change", SAME_ID.values(), ids=SAME_ID.keys())
def test_what_takes_no_part_in_the_id(change: dict[str, Any]) -> None:
    assert replace(PROBLEM, **change).id == PROBLEM.id


@pytest.mark.parametrize("change", OTHER_ID.values(), ids=OTHER_ID.keys())
def test_what_takes_part_in_the_id(change: dict[str, Any]) -> None:
    assert replace(PROBLEM, **change).id != PROBLEM.id


def test_problems_are_frozen_and_travel_between_processes() -> None:
    with pytest.raises(FrozenInstanceError):
        PROBLEM.buggy_code = ""  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(PROBLEM)) == PROBLEM


# Files


def test_files_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    save_problems(VARIANTS.values(), path)
    assert load_problems(path) == list(VARIANTS.values())
    assert len(path.read_text(encoding="utf-8").splitlines()) == len(VARIANTS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes: line 2 column 1 (char 2)"),
        ("[1]", "a row is a JSON object"),
        ("", "not JSON: Expecting value: line 2 column 1 (char 1)"),
        ('{"schema_version": 7}', "this row has schema version 7; this package reads version 1"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        load_problems(path)
    assert str(caught.value) == f"{path}, line 2: {message}"


def test_a_missing_file() -> None:
    with pytest.raises(FileNotFoundError):
        load_problems("no/such/file.jsonl")


# The published format


def published_row(**changes: Any) -> dict[str, Any]:
    """A row of the published benchmark; as there, every tool has its own copy."""
    content = {
        "buggy_code": BUGGY,
        "correct_code": CORRECT,
        "datasets": json.dumps({name: table.rows() for name, table in VISIBLE.items()}),
        "expected_output": json.dumps(PROBLEM.expected_output.rows()),
        "bug_info": json.dumps(
            [{"category": "wrong_arg", "description": "d", "line_num": 3, "original": "o", "mutated": "m"}]
        ),
        "difficulty": "medium",
        "domain": "shop_1__orders",
    }
    tool = {"create_kwargs": content | changes}
    return {"data_source": "dsl_debug_medium", "extra_info": {"tools_kwargs": {"run": tool, "submit": tool}}}


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_a_published_problem(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "test_standard.parquet", [published_row()])
    [problem] = load_published(path)
    bug = Bug("wrong_arg", 3, "d", "o", "m", None)
    expected = replace(PROBLEM, difficulty="medium", database="shop_1", source="published", bugs=(bug,))
    assert problem == replace(expected, hidden=(), intent="")


@pytest.mark.parametrize(
    ("kinds", "category"),
    [
        (["syntax"], "standard"),
        (["wrong_col", "logic_bug"], "standard"),
        (["nonlocal_filter"], "nonlocal"),
        (["nonlocal_compound", "nonlocal_compound"], "nonlocal"),
        (["intent_mismatch"], "intent_mismatch"),
    ],
)
def test_published_categories(tmp_path: Path, kinds: list[str], category: str) -> None:
    bug = {"description": "", "line_num": 1, "original": "", "mutated": "", "distance_to_output": 4}
    info = json.dumps([bug | {"category": kind} for kind in kinds])
    [problem] = load_published(write_parquet(tmp_path / "a.parquet", [published_row(bug_info=info)]))
    assert problem.category == category
    assert [b.stages_to_emit for b in problem.bugs] == [4] * len(kinds)


def test_a_folder_of_published_files(tmp_path: Path) -> None:
    write_parquet(tmp_path / "b.parquet", [published_row(difficulty="hard")])
    write_parquet(tmp_path / "a.parquet", [published_row(difficulty="easy")])
    write_parquet(tmp_path / "sft.parquet", [{"messages": "x"}])
    (tmp_path / "README.md").write_text("x", encoding="utf-8")
    assert [p.difficulty for p in load_published(tmp_path)] == ["easy", "hard"]


def test_files_without_published_problems(tmp_path: Path) -> None:
    other = write_parquet(tmp_path / "sft.parquet", [{"messages": "x"}])
    for path in (other, tmp_path):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
            load_published(path)
        assert str(caught.value) == f"{path}: no published problems in it"


def test_a_broken_published_row_is_named(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet", [published_row(), published_row(datasets='{"t": [{"a": null}]}')]
    )
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        load_published(path)
    assert str(caught.value) == (
        f"{path}, row 1: no published problem: table 't', row 1, column 'a': "
        "null is no value of the language; fill it or drop the row"
    )


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_pyarrow(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_pyarrow)
    with pytest.raises(ImportError) as caught:
        load_published(tmp_path / "a.parquet")
    assert str(caught.value) == "reading parquet files needs pyarrow: pip install 'dsl-debug[build]'"
