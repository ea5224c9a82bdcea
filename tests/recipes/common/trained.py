"""DebugTrainer on a tiny model, with messages by a script in the place of what it would write."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig

from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.problem import DslProblem
from recipes.common.episodes import TokenEpisode
from recipes.common.rows import environments, problem_columns, problem_row
from recipes.common.trainer import DebugTrainer

Script = Callable[[TokenEpisode, int], str]
"""What the model says in an episode; the second is the number of the rollout in its group."""

SETTINGS: dict[str, Any] = {
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": [],
    "disable_tqdm": True,
    "save_strategy": "no",
    "logging_steps": 1,
    "max_steps": 1,
    "learning_rate": 0.0,
    "max_grad_norm": 1e9,
    "loss_type": "grpo",
    "shuffle_dataset": False,
    "num_generations": 2,
    "max_completion_length": 4_000,
}


SHORT = [{"role": "system", "content": "Repair it."}, {"role": "user", "content": "Begin."}]
"""A prompt that costs next to nothing."""


class Scripted(DebugTrainer):
    """Says what it is told."""

    script: Script

    def _generate_single_turn(self, prompt_ids: Any, *others: Any, **named: Any) -> Any:
        size = self.num_generations if self.model.training else self.num_generations_eval
        talking = [
            (number % size, episode) for number, episode in enumerate(self._played) if not episode.done
        ]
        assert [episode.prompt + episode.ids for _, episode in talking] == prompt_ids
        texts = [self.script(episode, sample) for sample, episode in talking]
        return [self._tokenizer(text).input_ids for text in texts], None


class Gradients(TrainerCallback):
    """Keeps the gradients of every step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, torch.Tensor]] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        model = getattr(named["model"], "module", named["model"])
        self.steps.append({name: weight.grad.clone() for name, weight in model.named_parameters()})


def make_trainer(
    folder: Path,
    out: Path,
    problems: Sequence[DslProblem],
    script: Script | None,
    callbacks: Sequence[TrainerCallback] = (),
    reward: str = "robust",
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> DebugTrainer:
    """A trainer over these problems, in this order; without a script the model writes itself."""
    rows = [{**problem_row(problem, None, DEFAULT_PROMPT), "prompt": SHORT} for problem in problems]
    kind = DebugTrainer if script is None else type("Told", (Scripted,), {"script": staticmethod(script)})
    return kind(
        model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        processing_class=AutoTokenizer.from_pretrained(folder, padding_side="left"),
        args=GRPOConfig(output_dir=str(out), **{**SETTINGS, **settings}),
        train_dataset=Dataset.from_list(rows, features=problem_columns(rows)),
        environment_factory=environments(reward),
        callbacks=list(callbacks),
        **(options or {}),
    )


def trained(*args: Any, **settings: Any) -> tuple[DebugTrainer, dict[str, torch.Tensor]]:
    """A trainer after its first step, and the gradients of that step."""
    kept = Gradients()
    trainer = make_trainer(*args, callbacks=[kept], **settings)
    trainer.train()
    return trainer, kept.steps[0]


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """The largest difference of two sets of gradients, in relation to the largest of them."""
    scale = max(float(value.abs().max()) for value in one.values())
    return max(float((one[name] - other[name]).abs().max()) for name in one) / scale
