"""Programs and Python bugs in one run: the trainer with TRL's dictionary of environments, for one step."""

from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")

from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.episode.tools import call_block
from dsl_debug.problem import DslProblem, PythonProblem
from recipes.common.episodes import Rollout, TokenEpisode
from recipes.common.rows import environments, problem_dataset
from recipes.common.tiny import END, make_tiny_model
from tests.problems import CORRECT, OVERFIT, make_problem
from tests.recipes.common.trained import SETTINGS, Gradients, Scripted

PROGRAM = make_problem()
FUNCTION = hand_written_problems()[0]


def says(episode: TokenEpisode, sample: int) -> str:
    """The first rollout of a group submits what is right; the second a program that is right on the visible
    tables alone, or the function with its bug."""
    problem: DslProblem | PythonProblem = episode.env.problem  # type: ignore[attr-defined]
    right, wrong = (
        (CORRECT, OVERFIT) if isinstance(problem, DslProblem) else (problem.correct_code, problem.buggy_code)
    )
    return call_block("submit", {"code": wrong if sample else right}) + END


class Told(Scripted):
    """Says it."""

    script = staticmethod(says)


def test_one_run_trains_on_both_environments(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig

    folder = make_tiny_model(tmp_path / "tiny")
    sizes = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2}
    played: list[Rollout] = []
    gradients = Gradients()
    trainer = Told(
        model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        processing_class=AutoTokenizer.from_pretrained(folder, padding_side="left"),
        args=GRPOConfig(output_dir=str(tmp_path / "run"), **{**SETTINGS, **sizes}),
        train_dataset=problem_dataset([PROGRAM, FUNCTION]),
        environment_factory=environments(),
        on_rollouts=lambda step, rollouts: played.extend(rollouts),
        callbacks=[gradients],
    )
    trainer.train()
    assert [(one.problem_id, one.environment, one.solved) for one in played] == [
        (PROGRAM.id, "dsl", True),
        (PROGRAM.id, "dsl", False),
        (FUNCTION.id, "python", True),
        (FUNCTION.id, "python", False),
    ]
    rewards = [one.reward for one in played]
    assert rewards[:2] == [1.0, 0.0]
    assert rewards[2] > rewards[3]
    log = trainer.state.log_history[0]
    assert (log["accuracy/dsl"], log["accuracy/python"], log["accuracy"]) == (0.5, 0.5, 0.5)
    assert log["reward/played"] == pytest.approx(sum(rewards) / 4)
    assert (log["groups/informative"], log["groups/kept"], log["tokens/after_end"]) == (1.0, 1.0, 0.0)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients.steps[0].values())
    assert log["grad_norm"] > 0.0
