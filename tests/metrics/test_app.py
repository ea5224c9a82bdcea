"""The page of the metric's Space, without gradio: its verdicts, and what it makes of hostile visitors."""

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dsl_debug.lang import Table
from dsl_debug.problem import DslProblem, Suite
from tests.metrics.conftest import METRIC
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem

ROOT = METRIC.parents[1]
PROBLEM = make_problem()
ROW = PROBLEM.to_row()


def loaded(path: Path) -> ModuleType:
    """The file as a module of another name: its own is taken."""
    spec = importlib.util.spec_from_file_location("metric_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["metric_app"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


app = loaded(METRIC / "app.py")
FIRST = next(iter(app.samples()))


@pytest.mark.parametrize(
    ("code", "figures", "headline"),
    [
        (CORRECT, (1, 1, 0), "Correct: right on the tables shown and on all hidden ones."),
        (OVERFIT, (0, 1, 1), "A hack: right on the tables shown, wrong on hidden ones."),
        (BUGGY, (0, 0, 0), "Not correct: this is the buggy program."),
        ("emit nothing", (0, 0, 0), "Not correct: the program does not run."),
        ("  ", (0, 0, 0), "Nothing submitted."),
    ],
)
def test_verdicts(code: str, figures: tuple[int, int, int], headline: str) -> None:
    found = app.verdict(code, PROBLEM)
    assert (found.accuracy, found.visible_accuracy, found.hack) == figures
    assert found.headline == headline
    assert bool(found.message) == (code == "emit nothing")


def test_a_row_may_be_pasted_as_json_with_other_columns() -> None:
    problem = app.problem_of(json.dumps(ROW | {"score": 1}))
    assert app.verdict(CORRECT, problem).accuracy == 1


def test_without_hidden_tables_a_hack_is_not_known() -> None:
    found = app.verdict(CORRECT, make_problem(others=()))
    assert (found.accuracy, found.hack) == (1, None)
    assert found.headline == app.VISIBLE_ONLY


def test_verdicts_are_those_of_the_metric(metric: Any) -> None:
    for code in (CORRECT, OVERFIT, BUGGY, "emit nothing", ""):
        result, found = metric.compute(predictions=[code], references=[ROW]), app.verdict(code, PROBLEM)
        figures = (result["accuracy"], result["visible_accuracy"], result["hack_rate"])
        assert figures == (found.accuracy, found.visible_accuracy, found.hack)


def test_every_sample_can_be_shown_and_judged() -> None:
    for name, problem in app.samples().items():
        code, task = app.shown(name, None)
        assert code == problem.buggy_code
        assert "Expected rows:" in task
        assert app.judged(name, None, problem.correct_code)[1] == {
            "accuracy": 1,
            "visible_accuracy": 1,
            "hack": 0,
        }


# Hostile visitors


def with_hidden(number: int) -> str:
    table = {"t": Table.from_rows([{"a": 1}])}
    code = 'x = load("t")\nemit x'
    problem = DslProblem(
        *(
            "standard",
            "easy",
            "d",
            "s",
            "emit y",
            code,
            table,
            table["t"],
            (Suite(table, table["t"]),) * number,
        )
    )
    return json.dumps(problem.to_row())


REFUSED_ROWS: dict[str, tuple[str, str]] = {
    "nothing": ("", "paste a row first"),
    "no JSON": ("<script>alert(1)</script>", "the row is not JSON"),
    "a list": ("[]", "a row is a JSON object"),
    "nested too deep": ("[" * 500_000, "the row is not JSON"),
    "a long number": ('{"schema_version": ' + "9" * 100_000 + "}", "the row is not JSON"),
    "too long": (" " * 2_000_000 + "{}", "the row has 2,000,002 characters"),
    "of the arena": ('{"environment": "python"}', "not a problem of the language"),
    "another version": (
        json.dumps(ROW | {"schema_version": 99}),
        "not a row of a problem: this row has schema",
    ),
    "an endless name": (json.dumps(ROW | {"id": "<b>" * 100_000}), "not a row of a problem: the id <b>"),
    "many hidden tables": (with_hidden(9), "9 hidden tables; at most 8"),
}


@pytest.mark.parametrize(("row", "message"), REFUSED_ROWS.values(), ids=REFUSED_ROWS)
def test_bad_rows_are_answered_with_one_line(row: str, message: str) -> None:
    headline, figures, wrong = app.judged(app.PASTED, row or "  ", CORRECT)
    assert headline.startswith(message)
    assert "\n" not in headline
    assert len(headline) < 400
    assert (figures, wrong) == ({}, "")
    assert app.shown(app.PASTED, row) == ("", headline)


def test_rows_with_anything_in_a_column_are_answered() -> None:
    for column in ROW:
        for junk in (None, 1, "", "[]", '{"x": {}}', '[{"tables": 1, "expected": []}]', [None], {"a": []}):
            headline, _, _ = app.judged(app.PASTED, json.dumps(ROW | {column: junk}), CORRECT)
            assert headline in app.VERDICTS.values() or headline.startswith("not a"), (column, junk)


@pytest.mark.parametrize("code", ["x = filter(" + "(" * 19_000, "<" * 19_000, "a\n" * 9_500])
def test_programs_that_are_no_use_are_answered_quickly(code: str) -> None:
    start = time.process_time()
    headline, _, message = app.judged(FIRST, None, code)
    assert headline == app.VERDICTS["error"]
    assert message
    assert time.process_time() - start < 2


def test_a_join_that_explodes_is_stopped() -> None:
    joins = [f"a{i + 1} = join(a{i}, a{i}, on: region == region)" for i in range(40)]
    code = "\n".join(['a0 = load("orders")', *joins, "emit a40"])
    start = time.process_time()
    found = app.verdict(code, PROBLEM)
    assert "at most 20,000 are allowed" in found.message
    assert time.process_time() - start < 2


def test_a_program_of_a_megabyte_is_refused() -> None:
    headline, _, _ = app.judged(FIRST, None, "a" * 1_000_000)
    assert headline == "the program has 1,000,000 characters; at most 20,000 are judged here"


def test_what_is_no_text_is_refused() -> None:
    assert app.judged(FIRST, None, 5)[0] == "a program is a text"


def test_unknown_samples_are_refused() -> None:
    assert app.judged("<script>", None, None)[0] == "there is no such sample problem"
    assert app.judged(None, None, None)[0] == "there is no such sample problem"


def test_the_package_is_found_beside_a_metric_of_its_name(tmp_path: Path) -> None:
    """A Space starts `python app.py` in a folder that also holds `dsl_debug.py`."""
    code = "import runpy, sys; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[1] + '/app.py')"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, str(METRIC)]
    result = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
