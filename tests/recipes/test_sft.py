"""Supervised training: which tokens are learned, and checkpoints on the Hub while a run goes on."""

import json
from itertools import groupby
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.evaluation import evaluate
from dsl_debug.policies import open_policy
from dsl_debug.policies.base import ModelOptions
from dsl_debug.policies.tokens import prompt_ids
from recipes.common.rows import lesson_dataset
from recipes.common.tiny import END, make_tiny_model
from tests.hub_server import LoopbackHub
from tests.hub_server.store import TOKEN
from tests.recipes.lessons import lesson, solution

PROBLEMS = sample_problems()[:2]
RECIPES = Path(__file__).resolve().parents[2] / "recipes"
NOT_LEARNED = -100
"""What TRL gives as the label of a token that does not count."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


# Masks


def test_what_the_assistant_says_is_learned_and_nothing_else(model: Path, tmp_path: Path) -> None:
    """Its messages and their ends; with the line break before each message, and the one behind its end, which
    TRL's template counts as the assistant's as well and nobody ever writes."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(model)
    dataset = lesson_dataset([lesson(problem) for problem in PROBLEMS])
    settings = {"use_cpu": True, "bf16": False, "report_to": [], "disable_tqdm": True}
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(model),
        args=SFTConfig(str(tmp_path), assistant_only_loss=True, max_length=8_192, **settings),
        train_dataset=dataset,
        processing_class=tokenizer,
    )
    made = list(trainer.train_dataset)
    assert len(made) == len(PROBLEMS)
    for row, problem, learned in zip(made, PROBLEMS, dataset, strict=True):
        ids, labels = row["input_ids"], row["labels"]
        assert ids == prompt_of(tokenizer, learned)
        start = prompt_ids(tokenizer, messages(problem), schemas(TOOLS))
        assert ids[: len(start)] == start, "what GRPO and evaluation begin with"
        assert all(label in (NOT_LEARNED, token) for label, token in zip(labels, ids, strict=True))
        parts = groupby(labels, key=lambda label: label != NOT_LEARNED)
        texts = [tokenizer.decode(list(part)) for is_learned, part in parts if is_learned]
        assert texts == [f"\n{message}{END}\n" for message in solution(problem)]


def prompt_of(tokenizer: Any, learned: dict[str, Any]) -> list[int]:
    """A whole conversation, by the model's own chat template."""
    ids: list[int] = tokenizer.apply_chat_template(
        learned["messages"], tools=learned["tools"], tokenize=True, return_dict=False
    )
    return ids


# Checkpoints on the Hub


# Runs a script that is killed in its second step: nothing is saved of that.
KILLED = f"""\
import os, runpy, sys
sys.path.insert(0, {str(RECIPES.parent)!r})
from recipes.common.checkpoints import KeepOneOptimizer
def on_step_end(self, args, state, control, **_):
    if state.global_step == 2:
        os._exit(9)
KeepOneOptimizer.on_step_end = on_step_end
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def train(hub: LoopbackHub, folder: Path, model: Path, *python: str) -> CompletedProcess[str]:
    """Two steps of `sft.py` on two episodes, each step a checkpoint that is published; `python` comes before
    the name of the script."""
    flags = {
        "--config": str(RECIPES / "configs" / "smoke_sft.yaml"),
        "--start": str(model),
        "--data": str(lessons(folder)),
        "--output_dir": "run",
        "--max_steps": "2",
        "--save_steps": "1",
        "--logging_steps": "1",
        "--hub_model_id": "user/m",
    }
    words = [word for flag in flags.items() for word in flag]
    return hub.python(folder / "home", [*python, str(RECIPES / "sft.py"), *words], folder=folder)


def lessons(folder: Path) -> Path:
    """An evaluation of a player that solves everything."""
    if not (folder / "lessons").exists():
        policy = open_policy("reference", ModelOptions(workers=1))
        evaluate(policy, PROBLEMS, folder / "lessons", data={})
        policy.close()
    return folder / "lessons"


def published(hub: LoopbackHub, revision: str) -> dict[str, Any]:
    """What a branch holds: the record of its run, after a look at the rest."""
    files = hub.hub.find("model", "user/m").at(revision).files
    assert {"README.md", "training.json", "model.safetensors", "config.json", "tokenizer.json"} <= set(files)
    assert not [name for name in files if name.startswith(("optimizer", "rng_state", "trainer_state"))]
    assert not [name for name, file in files.items() if TOKEN.encode() in file.content]
    assert "library_name: transformers" in files["README.md"].content.decode()
    record: dict[str, Any] = json.loads(files["training.json"].content)
    return record


def test_every_checkpoint_is_published_with_its_card(hub: LoopbackHub, tmp_path: Path, model: Path) -> None:
    done = train(hub, tmp_path, model)
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(hub.hub.find("model", "user/m").branches) == {"main", "step-1", "step-2"}
    steps = {name: published(hub, name)["steps"] for name in ("step-1", "step-2", "main")}
    assert steps == {"step-1": 1, "step-2": 2, "main": 2}
    weights = [
        hub.hub.find("model", "user/m").file(name, "model.safetensors")[1].sha256
        for name in ("step-1", "step-2", "main")
    ]
    assert weights[0] != weights[1] == weights[2]


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_is_published(
    hub: LoopbackHub, tmp_path: Path, model: Path
) -> None:
    assert train(hub, tmp_path, model, "-c", KILLED).returncode == 9
    first = tmp_path / "run" / "checkpoint-1" / "model.safetensors"
    written = first.stat().st_mtime_ns
    assert not (tmp_path / "run" / "checkpoint-2").exists()
    done = train(hub, tmp_path, model)
    assert done.returncode == 0, done.stderr[-2000:]
    assert first.stat().st_mtime_ns == written, "the first step was not done again"
    assert {"main", "step-2"} <= set(hub.hub.find("model", "user/m").branches)
    assert [row["step"] for row in published(hub, "step-2")["history"] if "loss" in row] == [1, 2]
