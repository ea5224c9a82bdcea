"""The choice among checkpoints, and that test problems are played for one of them only."""

from pathlib import Path
from typing import Any

import pytest

from dsl_debug.storage import read_json
from recipes.common.arguments import BadArguments
from recipes.common.choice import begin_test, choose, played_tests, write_choice


def result(rate: float) -> dict[str, Any]:
    accuracy = {"rate": rate, "low": rate - 0.1, "high": rate + 0.1}
    return {"summary": {"overall": {"accuracy": accuracy}}, "data": {"split": "validation"}}


def test_the_best_is_chosen_and_the_earlier_one_of_equals() -> None:
    assert choose({5: result(0.2), 10: result(0.5), 15: result(0.4)}) == 10
    assert choose({20: result(0.5), 5: result(0.2), 10: result(0.5)}) == 10
    assert choose({100: result(0.0), 20: result(0.0)}) == 20


def test_without_checkpoints_there_is_no_choice() -> None:
    with pytest.raises(ValueError, match=r"^there is no checkpoint to choose from$"):
        choose({})


def test_the_choice_is_written_with_what_it_was_made_of(tmp_path: Path) -> None:
    assert write_choice(tmp_path, {10: result(0.5), 5: result(0.2)}) == 10
    choice = read_json(tmp_path / "choice.json")
    assert choice["best"] == 10
    assert [one["step"] for one in choice["checkpoints"]] == [5, 10]
    assert choice["checkpoints"][1]["accuracy"]["rate"] == 0.5
    assert choice["validation"] == {"split": "validation"}
    assert choice["tests"] == []


def test_one_checkpoint_may_be_tested_again_but_no_other(tmp_path: Path) -> None:
    write_choice(tmp_path, {5: result(0.2)})
    begin_test(tmp_path, 5, force=False)
    begin_test(tmp_path, 5, force=False)
    assert [(test["step"], test["forced"]) for test in played_tests(tmp_path)] == [(5, False)]
    message = (
        rf"^{tmp_path}: checkpoint-5 was tested already, and checkpoint-10 would be another one: a choice"
        r" among test results is no test; --force tests it all the same, and choice\.json tells so$"
    )
    with pytest.raises(BadArguments, match=message):
        begin_test(tmp_path, 10, force=False)
    assert len(played_tests(tmp_path)) == 1


def test_a_forced_test_is_kept_and_outlives_the_next_choice(tmp_path: Path) -> None:
    write_choice(tmp_path, {5: result(0.2)})
    begin_test(tmp_path, 5, force=False)
    write_choice(tmp_path, {5: result(0.2), 10: result(0.4)})
    begin_test(tmp_path, 10, force=True)
    write_choice(tmp_path, {5: result(0.2), 10: result(0.4)})
    assert [(test["step"], test["forced"]) for test in played_tests(tmp_path)] == [(5, False), (10, True)]
    with pytest.raises(BadArguments, match="checkpoint-10 was tested already"):
        begin_test(tmp_path, 5, force=False)
