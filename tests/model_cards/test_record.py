"""`training.json`: what is wrong with one is told in one line, by file and part."""

import json
from pathlib import Path
from typing import Any

import pytest

from model_cards.record import read_training
from tests.model_cards.made import record


def written(folder: Path, value: Any) -> Path:
    (folder / "training.json").write_text(json.dumps(value))
    return folder


def test_a_record_is_read(tmp_path: Path) -> None:
    training = read_training(written(tmp_path, record()))
    assert (training.recipe, training.steps, training.is_smoke) == ("grpo_sft_rl", 40, False)
    assert training.dataset["rows"] == 6420


@pytest.mark.parametrize("part", [name for name in record() if name != "schema"])
def test_a_missing_part_is_named(tmp_path: Path, part: str) -> None:
    value = record()
    del value[part]
    with pytest.raises(ValueError, match=rf"training\.json lacks '{part}'$"):
        read_training(written(tmp_path, value))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 2}, "training.json has schema 2, and what is read here is 1"),
        ({"recipe": "ppo"}, "no recipe 'ppo'; there is: sft, grpo_sft_rl, grpo_rl_only, arena_grpo"),
        ({"steps": True}, "'steps' is no int"),
        ({"seconds": "long"}, "'seconds' is no int or float"),
        ({"is_smoke": 1}, "'is_smoke' is no bool"),
        ({"dataset": {"place": "x"}}, "lacks 'dataset.config'"),
        ({"code": {"version": "1"}}, "lacks 'code.revision'"),
        ({"hardware": {"devices": []}}, "lacks 'hardware.processes'"),
        ({"history": [1]}, "'history' holds something else than objects"),
    ],
)
def test_a_bad_part_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as told:  # noqa: PT011
        read_training(written(tmp_path, record(**changes)))
    assert words in str(told.value)
    assert "\n" not in str(told.value)


def test_a_folder_without_a_record_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"holds no training\.json: the recipe that trained the model writes"
    ):
        read_training(tmp_path)
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(ValueError, match=r"training\.json is not JSON"):
        read_training(tmp_path)


def test_a_checkpoint_has_the_record_of_its_run_up_to_its_step(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint-20"
    checkpoint.mkdir()
    written(tmp_path, record())
    training = read_training(checkpoint)
    assert training.steps == 20
    assert [row["step"] for row in training.history] == [1]
    written(checkpoint, record(steps=21))
    assert read_training(checkpoint).steps == 21  # its own comes first
