"""Arguments that cannot be used: every script ends with one line and status 2, and asks nobody for anything.

The scripts run in the process of the test, as `__main__`; the last test starts one as users do, as a file
from another folder.
"""

import json
import os
import runpy
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

from dsl_debug.data import sample_problems
from dsl_debug.problem import save_problems
from recipes.common import preflight
from recipes.common.arguments import SFT_MODEL
from recipes.common.tiny import make_tiny_model
from recipes.grpo_sft_rl import TRAIN_IT
from tests.hub_server import LoopbackHub

RECIPES = Path(__file__).resolve().parents[2] / "recipes"

SFT, GRPO = "smoke_sft.yaml", "smoke_grpo.yaml"
SCRIPTS = {"sft": SFT, "grpo_sft_rl": GRPO, "grpo_rl_only": GRPO}
BATCH = {
    "--per_device_train_batch_size": "4",
    "--gradient_accumulation_steps": "4",
    "--num_generations": "8",
}
"""Two problems, eight rollouts of each."""

HERE = ["--use_cpu", "true", "--needs_gpus", "0", "--needs_disk_gb", "0"]
"""Flags with which a configuration for GPUs is taken on a machine that has none."""

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Who was asked for something: nobody answers."""
    addresses: list[Any] = []

    def connect(_: Any, address: Any) -> None:
        addresses.append(address)
        raise ConnectionRefusedError("there is no network")

    def look_up(host: Any, *_: Any, **__: Any) -> None:
        addresses.append(host)
        raise socket.gaierror("there is no network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return addresses


@pytest.fixture
def _same_environment() -> Iterator[None]:
    """Scripts and TRL set variables."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def refused(
    asked: list[Any],
    _same_environment: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Refused:
    """Runs a script with flags, on a machine without a GPU, and gives the one line that it ends with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preflight, "gpu_memories", list)
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)

    def run(script: str, *flags: str) -> str:
        path = RECIPES / f"{script}.py"
        monkeypatch.setattr(sys, "argv", [str(path), *flags])
        monkeypatch.setattr(sys, "path", [*sys.path])
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(path), run_name="__main__")
        assert ended.value.code == 2
        assert sorted(tmp_path.rglob("*")) == before, "nothing is written"
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


def smoke(script: str) -> list[str]:
    """The flags of the script's smallest configuration."""
    return ["--config", str(RECIPES / "configs" / SCRIPTS[script])]


# Before anything is loaded


@pytest.mark.parametrize("script", SCRIPTS)
def test_without_gpus_the_published_configuration_is_refused(
    refused: Refused, asked: list[Any], script: str
) -> None:
    assert refused(script) == (
        f"{script}: this configuration is for 2 GPUs of 75 GiB, and there is none here: run it on such a"
        " machine, or give a smaller one with --config (see recipes/README.md)"
    )
    assert asked == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_misspelt_settings_are_refused(
    refused: Refused, asked: list[Any], tmp_path: Path, script: str
) -> None:
    line = refused(script, *smoke(script), "--learning_rat", "1")
    assert line == f"{script}: there is no argument --learning_rat; did you mean 'learning_rate'?"
    (tmp_path / "mine.yaml").write_text("learning_rat: 1\n")
    line = refused(script, "--config", "mine.yaml")
    assert line == f"{script}: mine.yaml: there is no setting 'learning_rat'; did you mean 'learning_rate'?"
    assert asked == []


# The data


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("sft", "a folder, traces.jsonl, or user/name on the Hub"),
        ("grpo_sft_rl", "a folder, a file, user/name on the Hub, or 'samples'"),
        ("grpo_rl_only", "a folder, a file, user/name on the Hub, or 'samples'"),
    ],
)
def test_a_dataset_that_is_not_there_is_refused(
    refused: Refused, asked: list[Any], model: Path, script: str, what: str
) -> None:
    line = refused(script, *smoke(script), "--start", str(model), "--data", "nowhere")
    assert line == f"{script}: no data at nowhere: give {what}"
    assert asked == []


def dataset_of(folder: Path, config: str, row: dict[str, Any]) -> Path:
    """A folder like a built one, whose only config has a single row."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "train.jsonl").write_text(json.dumps(row) + "\n")
    files = [{"split": "train", "path": "data/train.jsonl"}]
    listed = json.dumps([{"config_name": config, "data_files": files}])
    (folder / "README.md").write_text(f"---\nconfigs: {listed}\n---\n")
    return folder


@pytest.mark.parametrize(
    ("script", "config", "line"),
    [
        ("sft", "sft", "train, row 0: no conversation, for it lacks the columns: messages, tools"),
        ("grpo_sft_rl", "problems", "train: these rows are no problems"),
    ],
)
def test_columns_of_something_else_are_refused(
    refused: Refused, asked: list[Any], model: Path, tmp_path: Path, script: str, config: str, line: str
) -> None:
    dataset_of(tmp_path / "odd", config, {"text": "a"})
    flags = ["--start", str(model), "--data", "odd", "--data_configs", config]
    assert refused(script, *smoke(script), *flags) == f"{script}: odd, config {config}, {line}"
    assert asked == []


def test_fewer_problems_than_one_generation_batch_are_refused(
    refused: Refused, asked: list[Any], model: Path, tmp_path: Path
) -> None:
    save_problems(sample_problems()[:1], tmp_path / "few.jsonl")
    batch = [word for flag in BATCH.items() for word in flag]
    flags = [*smoke("grpo_sft_rl"), "--start", str(model), "--data", "few.jsonl", *batch]
    assert refused("grpo_sft_rl", *flags) == (
        "grpo_sft_rl: few.jsonl has 1 problem, and one generation batch takes 2 (16 rollouts, 8 of each):"
        " take more data, or a smaller --gradient_accumulation_steps"
    )
    assert asked == []


def test_a_batch_that_does_not_hold_whole_groups_is_refused(refused: Refused, asked: list[Any]) -> None:
    batch = [word for flag in {**BATCH, "--num_generations": "3"}.items() for word in flag]
    line = refused("grpo_rl_only", *smoke("grpo_rl_only"), *batch)
    assert line == "grpo_rl_only: generation_batch_size (16) must be divisible by num_generations (3)."
    assert asked == []


# The folder and the model


def test_a_folder_of_something_else_is_left_alone(
    refused: Refused, asked: list[Any], model: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    flags = ["--start", str(model), "--data", "samples", "--output_dir", "mine"]
    line = refused("grpo_rl_only", *smoke("grpo_rl_only"), *flags)
    assert line == "grpo_rl_only: mine is no folder of a run: give another --output_dir, or empty it"
    assert asked == []


@pytest.mark.parametrize(
    ("start", "what"),
    [
        ("runs/sft/none", "there is no model at runs/sft/none"),
        ("empty", "empty holds no model to start from: it lacks config.json"),
    ],
)
def test_a_folder_without_an_sft_checkpoint_says_how_one_is_trained(
    refused: Refused, asked: list[Any], tmp_path: Path, start: str, what: str
) -> None:
    (tmp_path / "empty").mkdir()
    line = refused("grpo_sft_rl", *smoke("grpo_sft_rl"), "--start", start)
    assert line.startswith(f"grpo_sft_rl: {what}")
    assert TRAIN_IT in line
    assert asked == []


def test_where_the_hub_is_out_of_reach_it_says_how_one_is_trained(refused: Refused, asked: list[Any]) -> None:
    line = refused("grpo_sft_rl", *smoke("grpo_sft_rl"), "--start", "user/none")
    assert line.startswith("grpo_sft_rl: the Hub cannot say whether there is a model user/none: ")
    assert TRAIN_IT in line
    assert asked, "the Hub was asked"


def test_without_an_sft_checkpoint_on_the_hub_it_says_how_one_is_trained(
    hub: LoopbackHub, tmp_path: Path
) -> None:
    """The published configuration, which names the Hub's, with no `--start` at all."""
    script = str(RECIPES / "grpo_sft_rl.py")
    done = hub.python(tmp_path / "home", [script, *HERE], folder=tmp_path)
    assert done.returncode == 2, done.stderr[-2000:]
    assert done.stderr.splitlines()[-1] == (
        f"grpo_sft_rl: there is no model {SFT_MODEL} on the Hub, or the token may not see it: train it with"
        " `accelerate launch recipes/sft.py`, and give its folder with --start"
    )
    assert "Traceback" not in done.stderr
    assert [request for request in hub.hub.requests if "dsl-debug-sft-7b" in request] != []
    assert not (tmp_path / "runs").exists()
