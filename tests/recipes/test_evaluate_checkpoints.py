"""Checkpoints are validated, the best is chosen and tested once; with agents in their place, and for real."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

import torch
from safetensors.torch import save_file

from dsl_debug.evaluation import load_result
from dsl_debug.policies.agents import AgentPolicy
from dsl_debug.policies.base import Episodes, Job, Setup
from dsl_debug.storage import read_json, write_json
from recipes import evaluate_checkpoints
from recipes.common import validation
from recipes.common.arguments import BadArguments, parse_alone
from recipes.common.tiny import make_tiny_model
from recipes.evaluate_checkpoints import EvaluateArguments, main
from tests.recipes.played import RECORD

# What each checkpoint plays like: two are perfect.
PLAYERS = {5: "unchanged", 10: "reference", 15: "reference"}


def make_checkpoint(run: Path, step: int) -> Path:
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    save_file({"a": torch.full((2,), float(step))}, folder / "model.safetensors")
    return folder


def make_run(folder: Path, players: Mapping[int, str] = PLAYERS) -> Path:
    for step in players:
        make_checkpoint(folder, step)
    write_json(folder / "training.json", RECORD)
    return folder


class StandIn:
    """An agent under the name of a checkpoint."""

    weights = "digest"

    def __init__(self, name: str) -> None:
        self.name, self.settings = name, {"temperature": 0.0, "weights": self.weights}
        self._agent = AgentPolicy(PLAYERS[int(name.rpartition("-")[2])])

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        return self._agent.play(jobs, setup)

    def close(self) -> None:
        self._agent.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Agents play instead of checkpoints; the names of the policies that were opened."""
    names: list[str] = []

    def open_agent(name: str, options: Any) -> StandIn:
        names.append(name)
        return StandIn(name)

    monkeypatch.setattr(validation, "open_policy", open_agent)
    monkeypatch.setattr(validation.Player, "_identity", lambda *_: {"weights": "digest"})
    return names


def arguments(tmp_path: Path, *runs: Path, **others: Any) -> EvaluateArguments:
    given = {"data": "samples", "engine": "hf", "out": str(tmp_path / "out"), **others}
    return EvaluateArguments(runs=[str(run) for run in runs], **given)


def test_every_checkpoint_is_validated_and_the_earlier_best_one_tested(
    tmp_path: Path, opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = make_run(tmp_path / "rl"), tmp_path / "out"
    main(arguments(tmp_path, run, test=True))
    assert [name.rpartition("/")[2] for name in opened] == [
        *("checkpoint-5", "checkpoint-10", "checkpoint-15"),
        "checkpoint-10",
    ]
    choice = read_json(out / "rl" / "choice.json")
    assert choice["best"] == 10
    assert [(test["step"], test["forced"]) for test in choice["tests"]] == [(10, False)]
    assert load_result(out / "rl" / "test" / "checkpoint-10")["summary"]["overall"]["accuracy"]["rate"] == 1
    kept = sorted(path.name for path in (run / "checkpoint-10" / "results").iterdir())
    assert kept == ["test.json", "validation.json"]
    assert not (run / "checkpoint-5" / "results").exists()
    assert "checkpoint-10 is the best of 3 on validation" in capsys.readouterr().out


def test_curves_and_dynamics_of_two_runs_come_from_files(tmp_path: Path, opened: list[str]) -> None:
    out = tmp_path / "out"
    main(arguments(tmp_path, make_run(tmp_path / "rl-only"), make_run(tmp_path / "sft-rl")))
    curves = read_json(out / "report.json")["learning_curves"]
    assert [curve["parent"] for curve in curves] == ["hf:rl-only", "hf:sft-rl"]
    assert [point["step"] for point in curves[0]["points"]] == [5, 10, 15]
    assert {"standard", "nonlocal", "intent_mismatch"} == curves[0]["points"][0]["by_category"].keys()
    for plot in ("learning-curve.png", "training-dynamics.png"):
        assert (out / plot).read_bytes().startswith(b"\x89PNG")
    assert "# " in (out / "report.md").read_text()
    kept = sorted(path.name for path in (tmp_path / "rl-only" / "checkpoint-10" / "plots").iterdir())
    assert kept == ["learning-curve.png", "training-dynamics.png"]


def test_what_is_done_is_not_played_again_and_a_new_checkpoint_is(tmp_path: Path, opened: list[str]) -> None:
    run = make_run(tmp_path / "rl", {5: "unchanged"})
    main(arguments(tmp_path, run))
    opened.clear()
    main(arguments(tmp_path, run))
    assert opened == []
    make_checkpoint(run, 10)
    main(arguments(tmp_path, run))
    assert [name.rpartition("/")[2] for name in opened] == ["checkpoint-10"]
    assert read_json(tmp_path / "out" / "rl" / "choice.json")["best"] == 10


def test_an_evaluation_that_was_stopped_goes_on(tmp_path: Path, opened: list[str]) -> None:
    run, done = make_run(tmp_path / "rl", {10: "reference"}), tmp_path / "out/rl/validation/checkpoint-10"
    main(arguments(tmp_path, run))
    whole = load_result(done)
    traces = (done / "traces.jsonl").read_text().splitlines(keepends=True)
    (done / "traces.jsonl").write_text("".join(traces[:5]) + traces[5][:40])
    (done / "result.json").unlink()
    main(arguments(tmp_path, run))
    assert load_result(done)["outcomes"] == whole["outcomes"]


def test_a_second_checkpoint_is_not_tested_unless_forced(tmp_path: Path, opened: list[str]) -> None:
    run = make_run(tmp_path / "rl", {5: "unchanged"})
    main(arguments(tmp_path, run, test=True))
    make_checkpoint(run, 10)
    with pytest.raises(BadArguments, match="checkpoint-5 was tested already, and checkpoint-10 would be"):
        main(arguments(tmp_path, run, test=True))
    assert not (tmp_path / "out" / "rl" / "test" / "checkpoint-10").exists()
    main(arguments(tmp_path, run, test=True, force=True))
    tests = read_json(tmp_path / "out" / "rl" / "choice.json")["tests"]
    assert [(test["step"], test["forced"]) for test in tests] == [(5, False), (10, True)]


def test_other_weights_in_the_same_place_are_told(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "rl", {5: "unchanged"})
    main(arguments(tmp_path, run))
    monkeypatch.setattr(validation.Player, "_identity", lambda *_: {"weights": "another"})
    monkeypatch.setattr(StandIn, "weights", "another")
    with pytest.raises(
        BadArguments, match=r"holds another run \(policy\.settings\.weights: digest there, anoth"
    ):
        main(arguments(tmp_path, run))


def test_a_run_without_a_record_has_no_dynamics(tmp_path: Path, opened: list[str]) -> None:
    run = make_run(tmp_path / "rl")
    (run / "training.json").unlink()
    main(arguments(tmp_path, run))
    assert not (tmp_path / "out" / "training-dynamics.png").exists()
    assert (tmp_path / "out" / "learning-curve.png").exists()


def test_half_written_checkpoints_are_passed_over(tmp_path: Path, opened: list[str]) -> None:
    run = make_run(tmp_path / "rl", {5: "unchanged", 10: "reference"})
    (run / "checkpoint-10" / "model.safetensors").write_bytes(b"torn")
    main(arguments(tmp_path, run))
    assert [name.rpartition("/")[2] for name in opened] == ["checkpoint-5"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "sglang"}, "no engine 'sglang'; there is: vllm, hf"),
        ({"temperature": -1.0}, "temperature is at least 0, and top_p above 0 and at most 1"),
        (
            {"data": "nowhere"},
            "no data at nowhere: give a folder, a file, user/name on the Hub, or",
        ),
        (
            {"prompt": "shout"},
            "no prompt 'shout'; there is: expert, pitfalls, chain_of_thought",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, opened: list[str], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadArguments) as refused:
        main(arguments(tmp_path, make_run(tmp_path / "rl"), **changes))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_runs_that_cannot_be_evaluated_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadArguments, match=rf"^{tmp_path}/empty holds no whole checkpoint: give the folder"):
        main(arguments(tmp_path, tmp_path / "empty"))
    with pytest.raises(BadArguments, match=r"^give folders of training runs with --runs$"):
        main(arguments(tmp_path))
    for parent in ("a", "b"):
        make_checkpoint(tmp_path / parent / "rl", 5)
    with pytest.raises(BadArguments, match="two of these have the same name"):
        main(arguments(tmp_path, tmp_path / "a" / "rl", tmp_path / "b" / "rl"))


def test_without_arguments_the_published_configuration_is_taken() -> None:
    found = parse_alone(EvaluateArguments, "evaluate_checkpoints.yaml", [])
    assert found.runs == ["runs/grpo_rl_only_7b", "runs/grpo_sft_rl_7b"]
    assert (found.engine, found.context, found.test) == ("vllm", 12288, False)


def test_real_checkpoints_are_played(tmp_path: Path) -> None:
    """Two tiny models on one problem: written by transformers, loaded and played by it."""
    first = make_tiny_model(tmp_path / "runs" / "tiny" / "checkpoint-1")
    shutil.copytree(first, first.with_name("checkpoint-2"))
    flags = ["--config", "recipes/configs/evaluate_checkpoints_smoke.yaml", "--out", str(tmp_path / "out")]
    flags += ["--runs", str(first.parent), "--limit", "1", "--max_tokens", "4", "--max_turns", "1"]
    root = Path(evaluate_checkpoints.__file__).resolve().parents[1]
    flags[1] = str(root / flags[1])
    asked = parse_alone(EvaluateArguments, "evaluate_checkpoints.yaml", flags)
    main(asked)
    result = load_result(tmp_path / "out" / "tiny" / "validation" / "checkpoint-2")
    assert result["policy"]["name"] == f"hf:{first.with_name('checkpoint-2')}"
    assert json.loads((first / "results" / "validation.json").read_text())["outcomes"]
    again = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("result.json")}
    main(asked)
    assert {path: path.stat().st_mtime_ns for path in again} == again
