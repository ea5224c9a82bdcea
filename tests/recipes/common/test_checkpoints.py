"""Which checkpoints are whole, and that publishing them never stops a run."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")
pytest.importorskip("uvicorn", reason="needs uvicorn: pip install 'dsl-debug[serve]'")

import torch
from safetensors.torch import save_file

from dsl_debug.hub import NotPublished
from recipes.common.checkpoints import (
    KeepOneOptimizer,
    PublishCheckpoints,
    forget_optimizers,
    latest_checkpoint,
    step_of,
    whole_checkpoints,
)
from recipes.common.finish import run_to_the_end
from recipes.common.tiny import make_tiny_model
from tests.hub_server import LoopbackHub
from tests.hub_server.store import READ_ONLY_TOKEN
from tests.recipes.played import RECORD


def save_checkpoint(run: Path, step: int) -> Path:
    """What the Trainer writes, as far as it matters here."""
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen2"}')
    save_file({"a": torch.ones(3, 4), "b": torch.zeros(5)}, folder / "model.safetensors")
    torch.save({"step": step}, folder / "optimizer.pt")
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return folder


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def test_checkpoints_come_by_step_and_not_by_name(tmp_path: Path) -> None:
    for step in (10, 5, 100):
        save_checkpoint(tmp_path, step)
    (tmp_path / "checkpoint-last").mkdir()
    (tmp_path / "checkpoint-7").write_text("a file")
    assert [step_of(folder) for folder in whole_checkpoints(tmp_path)] == [5, 10, 100]
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


def test_a_run_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert latest_checkpoint(tmp_path / "nowhere") is None
    assert whole_checkpoints(tmp_path) == []


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def torn(name: str) -> Callable[[Path], None]:
    return lambda folder: cut(folder / name)


def state_of_another_step(folder: Path) -> None:
    (folder / "trainer_state.json").write_text('{"global_step": 9}')


def a_shard_is_missing(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "c": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("harm", "has_weights"),
    [
        (without("trainer_state.json"), True),
        (torn("trainer_state.json"), True),
        (state_of_another_step, True),
        (without("optimizer.pt"), True),
        (torn("optimizer.pt"), True),
        (without("model.safetensors"), False),
        (torn("model.safetensors"), False),
        (a_shard_is_missing, False),
        (without("config.json"), False),
    ],
    ids=lambda value: getattr(value, "__qualname__", None),
)
def test_half_written_ones_are_passed_over(
    tmp_path: Path, harm: Callable[[Path], None], has_weights: bool
) -> None:
    save_checkpoint(tmp_path, 5)
    harm(save_checkpoint(tmp_path, 10))
    assert latest_checkpoint(tmp_path) == tmp_path / "checkpoint-5"
    assert (tmp_path / "checkpoint-10" in whole_checkpoints(tmp_path)) == has_weights


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 9, b"\x02" + b"\0" * 7 + b"[]", b"\x04" + b"\0" * 7 + b"{}"]
)
def test_a_file_that_is_no_weights_is_none(tmp_path: Path, content: bytes) -> None:
    (save_checkpoint(tmp_path, 5) / "model.safetensors").write_bytes(content)
    assert whole_checkpoints(tmp_path) == []


def test_an_optimizer_in_shards_and_an_adapter_are_enough(tmp_path: Path) -> None:
    folder = save_checkpoint(tmp_path, 5)
    (folder / "optimizer.pt").unlink()
    assert latest_checkpoint(tmp_path) is None
    (folder / "optimizer_0").mkdir()
    (folder / "optimizer_0" / ".metadata").write_bytes(b"x")
    (folder / "config.json").rename(folder / "adapter_config.json")
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    assert latest_checkpoint(tmp_path) == folder


def test_other_folders_have_no_step() -> None:
    with pytest.raises(ValueError, match=r"^best is no checkpoint: its name is not checkpoint- and a step$"):
        step_of(Path("best"))


# Disk


def test_older_checkpoints_keep_their_weights_and_lose_the_optimizer(tmp_path: Path) -> None:
    for step in (5, 10, 15):
        folder = save_checkpoint(tmp_path, step)
        (folder / "optimizer_0").mkdir()
        (folder / "pytorch_model_fsdp.bin").write_bytes(b"x")
    before = {path.name for path in folder.iterdir()}
    args, state = SimpleNamespace(output_dir=str(tmp_path)), SimpleNamespace(is_world_process_zero=False)
    KeepOneOptimizer().on_save(args, state, None)
    assert (tmp_path / "checkpoint-5" / "optimizer.pt").exists(), "not the main process"
    state.is_world_process_zero = True
    KeepOneOptimizer().on_save(args, state, None)
    assert [step_of(folder) for folder in whole_checkpoints(tmp_path)] == [5, 10, 15]
    kept = {"config.json", "model.safetensors", "trainer_state.json"}
    for step in (5, 10):
        assert {path.name for path in (tmp_path / f"checkpoint-{step}").iterdir()} == kept
    assert {path.name for path in folder.iterdir()} == before
    assert latest_checkpoint(tmp_path) == folder


def test_the_optimizer_stays_until_a_newer_checkpoint_is_whole(tmp_path: Path) -> None:
    older, newer = save_checkpoint(tmp_path, 5), save_checkpoint(tmp_path, 10)
    cut(newer / "optimizer.pt")
    forget_optimizers(tmp_path)
    assert latest_checkpoint(tmp_path) == older
    forget_optimizers(tmp_path / "nowhere")


# Publishing

CALLS = """
import sys
from pathlib import Path
from types import SimpleNamespace
from recipes.common.checkpoints import PublishCheckpoints, to_hub
run = Path(sys.argv[1])
callback = PublishCheckpoints(to_hub("user/model"))
for step in (1, 2):
    state = SimpleNamespace(global_step=step, is_world_process_zero=True)
    callback.on_save(SimpleNamespace(output_dir=str(run)), state, None)
callback.finish()
"""

LOADS = """
import torch
from transformers import AutoModelForCausalLM
for revision in ("step-1", "main"):
    model = AutoModelForCausalLM.from_pretrained("user/model", revision=revision)
    print(f"{model.lm_head.weight.double().sum().item():.6f}")
"""


def test_on_the_hub_every_checkpoint_stays_and_main_is_the_last_one(hub: LoopbackHub, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folders = [make_tiny_model(tmp_path / "run" / f"checkpoint-{n}", seed=n) for n in (1, 2)]
    (tmp_path / "run" / "training.json").write_text(json.dumps(RECORD))
    (folders[0] / "optimizer.pt").write_bytes(b"not for the Hub")
    done = hub.python(tmp_path / "a", ["-c", CALLS, str(tmp_path / "run")])
    assert (done.returncode, done.stderr) == (0, "")
    repository = hub.hub.find("model", "user/model")
    assert {"README.md", "training.json", "model.safetensors"} <= repository.at("step-1").files.keys()
    assert "optimizer.pt" not in repository.at("step-1").files
    loaded = hub.python(tmp_path / "b", ["-c", LOADS])
    sums = [AutoModelForCausalLM.from_pretrained(f).lm_head.weight.double().sum() for f in folders]
    assert loaded.stdout.split() == [f"{one.item():.6f}" for one in sums], loaded.stderr


def test_a_real_hub_that_refuses_is_told_and_ends_nothing(hub: LoopbackHub, tmp_path: Path) -> None:
    for step in (1, 2):
        make_tiny_model(tmp_path / "run" / f"checkpoint-{step}")
    (tmp_path / "run" / "training.json").write_text(json.dumps(RECORD))
    done = hub.python(tmp_path / "a", ["-c", CALLS, str(tmp_path / "run")], READ_ONLY_TOKEN)
    assert done.returncode == 0
    first, *_, last = done.stderr.splitlines()
    assert first.endswith("training goes on, and it is tried again with the next checkpoint")
    assert "checkpoint-1: the token can only read: make one that can write" in first
    assert last.endswith("checkpoint-2 was never published: publish it with `python -m model_cards push`")


class Hub:
    """Takes what it is given unless it is `away`."""

    def __init__(self) -> None:
        self.away: Exception | None = None
        self.given: list[str] = []

    def __call__(self, folder: Path) -> None:
        if self.away is not None:
            raise self.away
        self.given.append(folder.name)


class Run:
    """Calls the callback as the Trainer does."""

    def __init__(self, folder: Path, push: Any, main: bool = True) -> None:
        self.told: list[str] = []
        self.folder, self.main = folder, main
        self.callback = PublishCheckpoints(push, self.told.append)

    def call(self, event: str, step: int) -> None:
        args = SimpleNamespace(output_dir=str(self.folder))
        state = SimpleNamespace(global_step=step, is_world_process_zero=self.main)
        getattr(self.callback, event)(args, state, None, model=None)

    def save(self, step: int) -> None:
        save_checkpoint(self.folder, step)
        self.call("on_save", step)

    def end(self) -> None:
        self.callback.finish()


def test_every_checkpoint_is_published_in_order(tmp_path: Path) -> None:
    hub = Hub()
    run = Run(tmp_path, hub)
    for step in (5, 10, 15):
        run.save(step)
    run.end()
    assert hub.given == ["checkpoint-5", "checkpoint-10", "checkpoint-15"]
    assert run.told == []


def test_only_the_main_process_publishes(tmp_path: Path) -> None:
    hub = Hub()
    run = Run(tmp_path, hub, main=False)
    run.save(5)
    run.end()
    assert hub.given == []


def test_a_hub_that_is_away_is_told_and_asked_again_with_the_next_checkpoint(tmp_path: Path) -> None:
    hub = Hub()
    run = Run(tmp_path, hub)
    hub.away = NotPublished("the connection to the Hub broke off")
    run.save(5)
    run.callback._wait()
    assert hub.given == []
    hub.away = None
    run.save(10)
    run.end()
    assert hub.given == ["checkpoint-5", "checkpoint-10"]
    assert run.told == [
        f"{tmp_path}/checkpoint-5: the connection to the Hub broke off; training goes on, and it is tried "
        "again with the next checkpoint"
    ]


def test_what_was_never_published_is_told_at_the_end(tmp_path: Path) -> None:
    hub = Hub()
    hub.away = KeyError("a fault of ours")
    run = Run(tmp_path, hub)
    run.save(5)
    run.end()
    assert run.told[0].startswith(f"{tmp_path}/checkpoint-5 was not published: KeyError: 'a fault of ours'")
    assert run.told[-1] == (
        f"{tmp_path}/checkpoint-5 was never published: publish it with `python -m model_cards push`"
    )


def test_training_goes_on_while_a_checkpoint_is_being_published(tmp_path: Path) -> None:
    go, given = threading.Event(), []

    def slow(folder: Path) -> None:
        assert go.wait(60)
        given.append(folder.name)

    run = Run(tmp_path, slow)
    run.save(5)
    run.save(10)
    assert given == [], "saved, and still being published"
    go.set()
    run.end()
    assert given == ["checkpoint-5", "checkpoint-10"]


def test_uploads_are_waited_for_when_all_processes_are_done_with_each_other(tmp_path: Path) -> None:
    done: list[str] = []

    def slow(folder: Path) -> None:
        assert go.wait(60)
        done.append(f"published {folder.name}")

    go, run = threading.Event(), Run(tmp_path, slow)

    class Trainer:
        callback_handler = SimpleNamespace(callbacks=[run.callback])

        def add_callback(self, callback: Any) -> None:
            self.callback_handler.callbacks.append(callback)

        def train(self, resume_from_checkpoint: str | None) -> None:
            run.save(5)
            run.call("on_train_end", 5)
            done.append("trained")

        def save_model(self, folder: str) -> None:
            done.append("saved")

        def save_state(self) -> None:
            done.append("finished")
            go.set()

    run_to_the_end(Trainer(), tmp_path)
    assert done == ["trained", "saved", "finished", "published checkpoint-5"]


def test_training_goes_on_from_the_last_whole_checkpoint(tmp_path: Path) -> None:
    """Of any trainer: nothing is asked of it but what every one of them has."""
    asked: list[str | None] = []
    trainer = SimpleNamespace(
        callback_handler=SimpleNamespace(callbacks=[]),
        add_callback=lambda callback: None,
        train=lambda resume_from_checkpoint: asked.append(resume_from_checkpoint),
        save_model=lambda folder: None,
        save_state=lambda: None,
    )
    run_to_the_end(trainer, tmp_path / "run")
    first, second = (save_checkpoint(tmp_path / "run", step) for step in (5, 10))
    cut(second / "model.safetensors")
    run_to_the_end(trainer, tmp_path / "run")
    assert asked == [None, str(first)]


def test_a_checkpoint_that_was_rotated_away_is_told_and_forgotten(tmp_path: Path) -> None:
    hub = Hub()
    hub.away = NotPublished("away")
    run = Run(tmp_path, hub)
    run.save(5)
    run.callback._wait()
    (tmp_path / "checkpoint-5").rename(tmp_path / "gone")
    hub.away = None
    run.save(10)
    run.end()
    assert hub.given == ["checkpoint-10"]
    assert run.told[-1] == (
        f"{tmp_path}/checkpoint-5 was deleted before it could be published: raise save_total_limit"
    )
