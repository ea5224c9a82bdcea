"""Folders of models as recipes and evaluations leave them: real result files, and weights that are tiny."""

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dsl_debug.data import sample_problems
from dsl_debug.evaluation import evaluate
from dsl_debug.policies.agents import play_job
from dsl_debug.policies.base import Episodes, Job, Problem, Setup
from dsl_debug.problem import PythonProblem
from model_cards.record import TRAINING

ROOT = Path(__file__).resolve().parents[2]
DATASET = "user/dsl-debug"
COMMIT = "0123456789" * 4

RECORD: dict[str, Any] = {
    "schema": 1,
    "recipe": "grpo_sft_rl",
    "base_model": "Qwen/Qwen2.5-7B-Instruct",
    "start": "user/dsl-debug-sft-7b",
    "dataset": {
        "place": DATASET,
        "config": "problems",
        "split": "train",
        "revision": COMMIT,
        "rows": 6420,
    },
    "arguments": {
        "start": "user/dsl-debug-sft-7b",
        "data": DATASET,
        "learning_rate": 1e-5,
        "lr_scheduler_kwargs": {"min_lr_rate": 0.1},
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 512,
        "num_generations": 8,
        "beta": 0.0,
        "bf16": True,
        "reward": "robust",
    },
    "code": {"version": "0.1.0", "revision": "f" * 40},
    "libraries": {"trl": "1.16.0", "torch": "2.13.0"},
    "hardware": {"devices": ["NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"], "processes": 2},
    "started": "2026-11-20T08:00:00+00:00",
    "seconds": 43_200.0,
    "steps": 40,
    "history": [
        {"step": 1, "loss": 0.5, "reward": 0.125, "groups/informative": 0.5},
        {"step": 40, "loss": 0.25, "reward": 0.75},
    ],
    "is_smoke": False,
}


def record(**changes: Any) -> dict[str, Any]:
    """The record of a run, with some of its parts changed."""
    made: dict[str, Any] = json.loads(json.dumps(RECORD))
    return {**made, **changes}


class Named:
    """An agent without a model that plays under the name of a model, in this process."""

    def __init__(self, agent: str, name: str) -> None:
        self._agent = agent
        self.name = name
        self.settings: Mapping[str, Any] = {"temperature": 0.0, "dtype": "bfloat16"}

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        for job in jobs:
            yield play_job(self._agent, setup, job)

    def close(self) -> None:
        """There is nothing to close."""


def played(
    out: Path,
    agent: str = "search",
    name: str = "hf:user/dsl-debug-rl-7b",
    problems: Iterable[Problem] | None = None,
    **data: Any,
) -> dict[str, Any]:
    """A real evaluation of a few sample problems in the folder `out`; what its result file holds."""
    chosen = sample_problems()[::3] if problems is None else list(problems)
    facts = {"place": DATASET, "config": "problems", "split": "test", "revision": COMMIT, **data}
    return evaluate(Named(agent, name), chosen, out, data=facts)


def arena_problems() -> list[PythonProblem]:
    """Two of the arena problems that come with the Space."""
    lines = (ROOT / "space" / "sample" / "arena.jsonl").read_text(encoding="utf-8").splitlines()
    return [PythonProblem.from_row(json.loads(line)) for line in lines[:2]]


def write_weights(path: Path, numbers: int = 4) -> None:
    """A whole safetensors file with one tensor of so many zeros."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}})
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4 * numbers))


def model_folder(folder: Path, training: Mapping[str, Any] | None = None, **results: Any) -> Path:
    """A folder with weights that look like some, a record, and result files: name -> what it holds."""
    (folder / "results").mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "qwen2"}\n')
    (folder / "tokenizer.json").write_text("{}\n")
    write_weights(folder / "model.safetensors")
    (folder / TRAINING).write_text(json.dumps(record() if training is None else training))
    for name, result in results.items():
        (folder / "results" / f"{name}.json").write_text(json.dumps(result))
    return folder
