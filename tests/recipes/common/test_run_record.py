"""The record of a run: what it holds, what goes on with it, and what is refused."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from model_cards.record import read_training
from recipes.common.arguments import BadArguments, GrpoArguments
from recipes.common.run_record import (
    FINISHED,
    TRAINING,
    begin,
    differences,
    finite,
    is_finished,
    record_callback,
    resolved,
    run_facts,
)

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

ARGUMENTS = GrpoArguments(start="runs/sft", base_model="a/base", is_smoke=True)
DATASET = {"place": "samples", "config": None, "split": None, "revision": None, "rows": 12}


def config(folder: Path, **changes: Any) -> Any:
    from trl import GRPOConfig

    return GRPOConfig(str(folder), use_cpu=True, bf16=False, **changes)


def begun(folder: Path, **changes: Any) -> Any:
    return begin("grpo_sft_rl", ARGUMENTS, config(folder, **changes), DATASET)


def test_a_record_is_what_cards_are_rendered_from(tmp_path: Path) -> None:
    record = begun(tmp_path / "run", learning_rate=3e-6)
    record.write(2, [{"step": 1, "loss": 0.5}, {"step": 2, "loss": float("nan")}])
    training = read_training(tmp_path / "run")
    assert (training.recipe, training.base_model, training.start) == ("grpo_sft_rl", "a/base", "runs/sft")
    assert training.dataset == DATASET
    assert (training.steps, training.is_smoke) == (2, True)
    assert training.history == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": None}]
    assert training.arguments["learning_rate"] == 3e-6
    assert training.arguments["reward"] == "robust"
    assert training.hardware["processes"] == 1
    assert training.hardware["devices"][0].startswith("CPU, ")
    assert {"trl", "transformers", "torch"} <= training.libraries.keys()


def test_the_base_is_the_start_if_nothing_else_is_said(tmp_path: Path) -> None:
    facts = run_facts("sft", replace(ARGUMENTS, base_model=None), config(tmp_path), DATASET)
    assert facts["base_model"] == "runs/sft"


def test_no_token_is_recorded(tmp_path: Path) -> None:
    made = resolved(ARGUMENTS, config(tmp_path, hub_token="hf_secret"))
    assert "hf_secret" not in json.dumps(made)
    assert not [name for name in made if name.endswith("_token")]


def test_the_same_arguments_go_on(tmp_path: Path) -> None:
    first = begun(tmp_path)
    first.facts["started"] = "2026-01-01T00:00:00+00:00"
    first.write(1, [{"step": 1}])
    first.facts["seconds"] = 100.0
    first.write_into(tmp_path)
    second = begun(tmp_path, save_steps=7, logging_steps=2)
    assert second.facts["started"] == "2026-01-01T00:00:00+00:00"
    assert (second.facts["steps"], second.facts["history"]) == (1, [{"step": 1}])
    second.write(2, [{"step": 1}, {"step": 2}])
    assert 100.0 <= json.loads((tmp_path / TRAINING).read_text())["seconds"] < 200.0


def test_a_run_goes_on_with_other_demands_on_the_machine(tmp_path: Path) -> None:
    """As the check of the disk advises; a batch of another size stays refused."""
    began = replace(ARGUMENTS, needs_disk_gb=450.0, needs_gpus=2, needs_gpu_gib=75.0)
    begin("grpo_sft_rl", began, config(tmp_path), DATASET).write(0, [])
    begin("grpo_sft_rl", replace(ARGUMENTS, needs_disk_gb=90.0), config(tmp_path), DATASET)
    with pytest.raises(BadArguments, match=r"; gradient_accumulation_steps: 1 there, 2 here; "):
        begin("grpo_sft_rl", began, config(tmp_path, gradient_accumulation_steps=2), DATASET)


def test_another_run_is_refused(tmp_path: Path) -> None:
    begun(tmp_path).write(0, [])
    message = (
        r"holds another run \(learning_rate: 1e-06 there, 1e-05 here\): give another --output_dir, or what"
        r" that run was given$"
    )
    with pytest.raises(BadArguments, match=message):
        begun(tmp_path, learning_rate=1e-5)
    with pytest.raises(BadArguments, match=r"\(recipe: grpo_sft_rl there, sft here\)"):
        begin("sft", ARGUMENTS, config(tmp_path), DATASET)
    with pytest.raises(BadArguments, match=r"\(dataset.rows: 12 there, 13 here\)"):
        begin("grpo_sft_rl", ARGUMENTS, config(tmp_path), {**DATASET, "rows": 13})
    with pytest.raises(BadArguments, match=r"\(reward: robust there, visible here\)"):
        begin("grpo_sft_rl", replace(ARGUMENTS, reward="visible"), config(tmp_path), DATASET)


def test_many_differences_are_cut_short() -> None:
    old = {"recipe": "a", "start": "b", "dataset": {}, "arguments": dict.fromkeys("uvwxyz", 1)}
    new = {**old, "arguments": dict.fromkeys("uvwxyz", 2)}
    assert differences(old, new) == "u: 1 there, 2 here; v: 1 there, 2 here; w: 1 there, 2 here and 3 more"
    assert differences(old, old) == ""


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.txt", "mine", r"is no folder of a run: give another --output_dir, or empty it$"),
        (TRAINING, "{", r"training\.json is not JSON: "),
        (TRAINING, "{}", r"training\.json is no record of a run: give another --output_dir$"),
    ],
)
def test_folders_of_something_else_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadArguments, match=message):
        begun(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_run_is_finished_when_its_state_is_saved(tmp_path: Path) -> None:
    assert not is_finished(tmp_path)
    begun(tmp_path).write(3, [])
    assert not is_finished(tmp_path)
    (tmp_path / FINISHED).write_text("{}")
    assert is_finished(tmp_path)


def test_the_callback_writes_into_every_checkpoint_from_one_process(tmp_path: Path) -> None:
    callback = record_callback(begun(tmp_path))
    state = SimpleNamespace(global_step=5, log_history=[{"step": 5, "loss": 1.0}], is_world_process_zero=True)
    callback.on_save(None, state, None)
    for place in (tmp_path, tmp_path / "checkpoint-5"):
        kept = json.loads((place / TRAINING).read_text())
        assert (kept["steps"], kept["history"]) == (5, [{"step": 5, "loss": 1.0}])
    state.global_step, state.is_world_process_zero = 10, False
    callback.on_save(None, state, None)
    callback.on_train_end(None, state, None)
    assert not (tmp_path / "checkpoint-10").exists()


def test_values_become_what_json_can_hold() -> None:
    assert finite({"a": float("inf"), 1: [float("nan"), 2.5, True, None], "p": Path("x")}) == {
        "a": None,
        "1": [None, 2.5, True, None],
        "p": "x",
    }
