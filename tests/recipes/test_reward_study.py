"""The study of rewards as users start it: what it writes, what it refuses, and one pair of real runs."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[eval]'")

from dsl_debug.storage import read_json, write_json
from recipes.common.arguments import BadArguments
from recipes.common.study_runs import ON_VALIDATION
from recipes.common.tiny import make_tiny_model
from recipes.reward_study import StudyArguments, main
from tests.recipes.studied import ROBUST, VISIBLE, write_run
from tests.results.made import result

ROOT = Path(__file__).resolve().parents[2]


def arguments(place: Path, *runs: Path, **others: Any) -> StudyArguments:
    return StudyArguments(runs=[str(run) for run in runs], out=str(place / "out"), **others)


def refused(place: Path, *runs: Path, **others: Any) -> str:
    """The one line with which runs are refused."""
    with pytest.raises(BadArguments) as told:
        main(arguments(place, *runs, **others))
    assert "\n" not in str(told.value)
    assert not (place / "out").exists()
    return str(told.value).replace(f"{place}/", "")


def test_report_and_plot_are_written_the_same_every_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = write_run(tmp_path / "v", "visible", VISIBLE), write_run(tmp_path / "r", "robust", ROBUST)
    main(arguments(tmp_path, *runs))
    names = ["hack-rate.png", "report.json", "report.md"]
    written = [(tmp_path / "out" / name).read_bytes() for name in names]
    assert sorted(Path(line).name for line in capsys.readouterr().out.split()) == names
    main(arguments(tmp_path, *runs))
    assert [(tmp_path / "out" / name).read_bytes() for name in names] == written
    assert written[0].startswith(b"\x89PNG")
    assert str(tmp_path) not in (written[1] + written[2]).decode()


def test_what_may_differ_does_no_harm(tmp_path: Path) -> None:
    one = write_run(tmp_path / "v", "visible", VISIBLE, save_steps=5, hub_model_id="a/b")
    main(arguments(tmp_path, one, write_run(tmp_path / "r", "robust", ROBUST, save_steps=10)))
    assert len(read_json(tmp_path / "out" / "report.json")["runs"]) == 2


# What is refused


def test_runs_that_differ_in_more_than_the_reward_are_refused(tmp_path: Path) -> None:
    one = write_run(tmp_path / "v", "visible", VISIBLE)
    other = write_run(tmp_path / "r", "robust", ROBUST, learning_rate=1e-4)
    assert refused(tmp_path, one, other) == (
        "r cannot be compared with v (learning_rate: 1e-05 there, 0.0001 here): all but reward and seed has"
        " to be the same"
    )
    other = write_run(tmp_path / "r", "robust", ROBUST, start="another")
    assert "(start: tiny there, another here)" in refused(tmp_path, one, other)


@pytest.mark.parametrize(
    ("rewards", "message"),
    [
        ((("visible", 1),), "two rewards are compared, and these runs have 1: visible"),
        (
            (("visible", 1), ("robust", 1), ("partial", 1)),
            "two rewards are compared, and these runs have 3: visible, robust, partial",
        ),
        ((("visible", 1), ("robust", 2)), "seed 1 has a run with reward visible and none with robust"),
        (
            (("visible", 1), ("robust", 1), ("robust", 2)),
            "seed 2 has a run with reward robust and none with visible",
        ),
        (
            (("visible", 1), ("robust", 1), ("robust", 1)),
            "run-1 and run-2 are both of reward robust, seed 1: give one",
        ),
    ],
)
def test_every_run_needs_its_counterpart(
    rewards: tuple[tuple[str, int], ...], message: str, tmp_path: Path
) -> None:
    runs = [write_run(tmp_path / f"run-{n}", *pair[:1], ROBUST, pair[1]) for n, pair in enumerate(rewards)]
    assert refused(tmp_path, *runs) == message


def test_a_run_that_is_not_as_far_as_the_other_is_refused(tmp_path: Path) -> None:
    runs = write_run(tmp_path / "v", "visible", VISIBLE), write_run(tmp_path / "r", "robust", ROBUST[:4])
    assert refused(tmp_path, *runs) == (
        "v has logged 6 steps up to 6, and r 4 up to 4: let both come to the same step, and log the same ones"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"history": [{"step": 1, "loss": 0.5}]},
            "run has logged the hack rate of 0 steps, and the thirds of a run need 3",
        ),
        ({"reward": None}, "run is no run of GRPO: its record has no argument 'reward'"),
        ({"num_generations": None}, "run is no run of GRPO: its record has no argument 'num_generations'"),
        (
            {"recipe": "other"},
            "run/training.json: no recipe 'other'; there is: sft, grpo_sft_rl, grpo_rl_only, arena_grpo",
        ),
    ],
)
def test_a_run_without_rollouts_is_refused(tmp_path: Path, changes: Mapping[str, Any], message: str) -> None:
    run = write_run(tmp_path / "run", "visible", VISIBLE, **{k: v for k, v in changes.items() if v})
    record = read_json(run / "training.json")
    kept = {name: value for name, value in record["arguments"].items() if name not in changes}
    write_json(run / "training.json", {**record, "arguments": kept})
    assert refused(tmp_path, run) == message


def test_a_folder_without_a_record_and_no_folder_at_all_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path) == "give folders of training runs with --runs"
    assert refused(tmp_path, tmp_path / "none").startswith("none holds no training.json: the recipe ")


# Validation


def write_validation(place: Path, run: str, steps: Mapping[int, str], **changes: Any) -> None:
    for step, agent in steps.items():
        made = result(agent, **changes)
        write_json(place / run / "validation" / f"checkpoint-{step}" / "result.json", made)


def test_checkpoints_are_told_with_their_hack_rates(tmp_path: Path) -> None:
    runs = write_run(tmp_path / "v", "visible", VISIBLE), write_run(tmp_path / "r", "robust", ROBUST)
    results = tmp_path / "checkpoints"
    write_validation(results, "v", {10: "constant_emitter", 5: "unchanged"})
    write_validation(results, "r", {5: "unchanged", 10: "reference"})
    main(arguments(tmp_path, *runs))
    without = (tmp_path / "out" / "hack-rate.png").read_bytes()
    main(arguments(tmp_path, *runs, checkpoints=str(results)))
    assert (tmp_path / "out" / "hack-rate.png").read_bytes() != without
    found = read_json(tmp_path / "out" / "report.json")["validation"]
    assert [(row["label"], row["step"]) for row in found] == [
        (f"{reward}, seed 42", step) for reward in ("visible", "robust") for step in (5, 10)
    ]
    overall = result("constant_emitter")["summary"]["overall"]
    assert overall["hack_rate"]["rate"] > 0.5, "it writes down the rows that are shown"
    assert {name: found[1][name] for name in ON_VALIDATION} == {
        name: overall[theirs] for name, theirs in ON_VALIDATION.items()
    }
    assert found[3]["hack_rate"]["rate"] == 0
    text = (tmp_path / "out" / "report.md").read_text()
    assert "| visible, seed 42 | 10 | " in text.split("## Checkpoints on validation")[1]


def test_checkpoints_that_were_played_differently_are_refused(tmp_path: Path) -> None:
    runs = write_run(tmp_path / "v", "visible", VISIBLE), write_run(tmp_path / "r", "robust", ROBUST)
    results = tmp_path / "checkpoints"
    write_validation(results, "v", {5: "unchanged"})
    assert refused(tmp_path, *runs, checkpoints=str(results)) == (
        "checkpoints holds no validation of r: evaluate_checkpoints.py makes it"
    )
    write_validation(results, "r", {5: "unchanged"}, data={"digest": "another"})
    assert refused(tmp_path, *runs, checkpoints=str(results)) == (
        "checkpoints/v/validation/checkpoint-5 and checkpoints/r/validation/checkpoint-5 were played in"
        " different ways, or on different problems"
    )


# For real

SMALL: dict[str, Any] = {
    **{"data": "samples", "limit": 2, "needs_gpus": 0, "needs_gpu_gib": 0, "needs_disk_gb": 0},
    **{"use_cpu": True, "use_vllm": False, "bf16": False, "fsdp": "", "gradient_checkpointing": False},
    **{"model_init_kwargs": '{"dtype": "float32"}', "disable_tqdm": True, "prompt": "bare"},
    **{"max_turns": 1, "max_turn_tokens": 8, "max_completion_length": 64, "max_steps": 3, "save_steps": 3},
    **{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "num_generations": 4},
}
"""The settings of the study for a processor."""


def started(script: str, folder: Path, **flags: Any) -> None:
    words = [str(word) for name, value in flags.items() for word in (f"--{name}", value)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HOME": str(folder / "home")}
    command = [sys.executable, str(ROOT / "recipes" / script), *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_the_configurations_of_the_study_give_two_runs_that_can_be_compared(tmp_path: Path) -> None:
    model = make_tiny_model(tmp_path / "model")
    for reward in ("visible", "robust"):
        config = ROOT / "recipes" / "configs" / f"study_reward_{reward}.yaml"
        started("grpo_sft_rl.py", tmp_path, config=config, start=model, **SMALL)
    started("reward_study.py", tmp_path)
    facts = read_json(tmp_path / "results" / "reward-study" / "report.json")
    assert facts["rewards"] == ["visible", "robust"]
    assert [run["rollouts"] for run in facts["runs"]] == [24, 24]
    assert [point["step"] for point in facts["runs"][0]["by_step"]] == [1, 2, 3]
    assert (tmp_path / "results" / "reward-study" / "hack-rate.png").is_file()
