"""The trainer over several optimizer steps: what moves the weights, and which problems come after a stop."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

NEEDED = "needs torch and trl: pip install 'dsl-debug[train]'"
torch = pytest.importorskip("torch", reason=NEEDED)
pytest.importorskip("trl", reason=NEEDED)

from transformers import TrainerCallback  # noqa: E402

from dsl_debug.episode.tools import call_block  # noqa: E402
from recipes.common.episodes import Rollout, TokenEpisode  # noqa: E402
from recipes.common.finish import run_to_the_end  # noqa: E402
from recipes.common.tiny import END, make_tiny_model  # noqa: E402
from tests.problems import CORRECT, OVERFIT, make_problem  # noqa: E402
from tests.recipes.common.trained import (  # noqa: E402
    Gradients,
    largest_difference,
    make_trainer,
    trained,
)

MIXED, SOLVED, UNSOLVED = (make_problem(intent=text) for text in ("mixed", "solved", "unsolved"))
OTHERS = [make_problem(intent=f"mixed {n}") for n in range(6)]
SUBMIT, WRONG = (call_block("submit", {"code": code}) for code in (CORRECT, OVERFIT))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def says(episode: TokenEpisode, sample: int) -> str:
    """One sample of two solves a mixed problem; both or none solve the others."""
    kind = episode.env.problem.intent.split()[0]  # type: ignore[attr-defined]
    is_solved = kind == "solved" or (kind == "mixed" and sample == 0)
    return (SUBMIT if is_solved else WRONG) + END


class Weights(TrainerCallback):
    """Keeps the weights after every step."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self.steps.append(weights_of(named["model"]))


def weights_of(model: Any) -> dict[str, Any]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def moved(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return any(not torch.equal(before[name], after[name]) for name in before)


# What moves the weights


@pytest.mark.parametrize("max_grad_norm", [1.0, 0.0])
def test_a_step_that_teaches_nothing_moves_nothing(
    folder: Path, tmp_path: Path, max_grad_norm: float
) -> None:
    """Behind one that teaches: the optimizer's memory of that, and its decay of weights, are left out."""
    kept, gradients = Weights(), Gradients()
    settings = {"max_steps": 3, "learning_rate": 1e-3, "weight_decay": 0.1, "max_grad_norm": max_grad_norm}
    trainer = make_trainer(
        folder,
        tmp_path,
        [MIXED, UNSOLVED, OTHERS[0]],
        says,
        [kept, gradients],
        per_device_train_batch_size=2,
        **settings,
    )
    start = weights_of(trainer.model)
    trainer.train()
    first, second, third = kept.steps
    assert moved(start, first)
    assert not moved(first, second)
    assert moved(second, third)
    log = trainer.state.log_history
    assert [row["groups/kept"] for row in log[:3]] == [1.0, 0.0, 1.0]
    assert log[1]["grad_norm"] == 0.0
    assert log[2]["learning_rate"] < log[1]["learning_rate"], "the schedule goes on"


def test_of_two_steps_of_a_generation_only_the_one_that_teaches_moves_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recipes.common.trainer.shuffle_sequence_dict", lambda batch: batch)
    kept = Weights()
    settings = {"max_steps": 2, "learning_rate": 1e-3, "steps_per_generation": 2}
    trainer = make_trainer(
        folder, tmp_path, [MIXED, UNSOLVED], says, [kept], per_device_train_batch_size=2, **settings
    )
    trainer.train()
    assert [part["row_scale"] for part in trainer._buffered_inputs] == [1.0, 0.0]
    assert not moved(*kept.steps)


def test_each_pass_over_a_generation_has_the_same_denominator(folder: Path, tmp_path: Path) -> None:
    """Two passes in two micro-batches, at a learning rate of 0: both gradients are that of the one group."""
    alone, expected = trained(folder, tmp_path / "alone", [MIXED], says, per_device_train_batch_size=2)
    kept = Gradients()
    trainer = make_trainer(
        folder,
        tmp_path / "twice",
        [MIXED, SOLVED],
        says,
        [kept],
        per_device_train_batch_size=2,
        gradient_accumulation_steps=2,
        num_iterations=2,
        max_steps=2,
    )
    trainer.train()
    assert trainer._buffered_inputs[0]["row_scale"] == 2.0
    assert "old_per_token_logps" in trainer._buffered_inputs[0]
    for found in kept.steps:
        assert largest_difference(expected, found) < 1e-4
    losses = [row["loss"] for row in trainer.state.log_history[:2]]
    assert losses == pytest.approx([alone.state.log_history[0]["loss"]] * 2, abs=1e-5)


def says_more(episode: TokenEpisode, sample: int) -> str:
    """The sample that solves a mixed problem takes a turn more."""
    is_first = sample == 0 and not episode.env.history
    return "I look at it first." + END if is_first else says(episode, sample)


def test_the_policy_loss_that_is_logged_is_a_mean_over_all_micro_batches(
    folder: Path, tmp_path: Path
) -> None:
    """Of four, two hold no row that counts, and one of these is not computed at all.

    By tokens the loss is a (n - m) / (n + m), for advantages a and -a of rows with m and n tokens.
    """
    rollouts: list[Rollout] = []
    trainer, _ = trained(
        folder,
        tmp_path,
        [MIXED, SOLVED],
        says_more,
        options={"on_rollouts": lambda step, made: rollouts.extend(made)},
        loss_type="dapo",
        entropy_coef=0.1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=4,
    )
    assert [part["counts"] for part in trainer._buffered_inputs] == [True, True, False, False]
    more, fewer = (one.generated_tokens for one in rollouts[:2])
    assert more > fewer
    by_hand = 0.5 / (0.5**0.5 + 1e-4) * (fewer - more) / (fewer + more)
    log = trainer.state.log_history[0]
    assert log["policy_loss"] == pytest.approx(by_hand, rel=1e-4)
    assert log["loss"] == pytest.approx(by_hand - 0.1 * log["entropy"], abs=1e-4)


# After a stop


class Order:
    """Which problems were generated for, and at which step."""

    def __init__(self) -> None:
        self.played: list[tuple[int, list[str]]] = []

    def __call__(self, step: int, rollouts: Sequence[Rollout]) -> None:
        self.played.append((step, list(dict.fromkeys(one.problem_id for one in rollouts))))


def ordered(
    folder: Path, out: Path, start: Path | None = None, **settings: Any
) -> list[tuple[int, list[str]]]:
    """The order of a run, or of one that goes on from a checkpoint."""
    order = Order()
    given = {"save_strategy": "steps", "per_device_train_batch_size": 2, **settings}
    trainer = make_trainer(folder, out, OTHERS, says, options={"on_rollouts": order}, **given)
    trainer.train(resume_from_checkpoint=None if start is None else str(start))
    return order.played


def test_a_run_that_is_resumed_in_a_later_epoch_goes_on_in_the_order_of_that_epoch(
    folder: Path, tmp_path: Path
) -> None:
    settings = {
        "shuffle_dataset": True,
        "gradient_accumulation_steps": 2,
        "num_train_epochs": 2,
        "max_steps": -1,
        "save_steps": 4,
    }
    whole = ordered(folder, tmp_path / "whole", **settings)
    assert len(whole) == 6, "two epochs of three steps"
    first, second = ([name for _, names in whole[step : step + 3] for name in names] for step in (0, 3))
    assert sorted(first) == sorted(second)
    assert first != second, "each epoch has an order of its own"
    resumed = ordered(folder, tmp_path / "resumed", tmp_path / "whole" / "checkpoint-4", **settings)
    assert resumed == whole[4:]


def test_a_run_that_is_resumed_within_a_generation_leaves_no_problem_out(
    folder: Path, tmp_path: Path
) -> None:
    """Two optimizer steps to a generation, and a stop between them: its problems are played once more, and
    what follows keeps its order."""
    settings = {"steps_per_generation": 2, "max_steps": 6, "save_steps": 3}
    whole = ordered(folder, tmp_path / "whole", **settings)
    assert [step for step, _ in whole] == [0, 2, 4]
    resumed = ordered(folder, tmp_path / "resumed", tmp_path / "whole" / "checkpoint-3", **settings)
    assert resumed == [(step + 1, names) for step, names in whole[1:]]


def test_a_run_that_is_stopped_behind_its_last_checkpoint_is_not_trained_any_further(
    folder: Path, tmp_path: Path
) -> None:
    """Its last step is in the middle of an epoch. What is saved are the weights of that checkpoint."""
    from safetensors.torch import load_file

    settings = {"save_strategy": "steps", "save_steps": 1, "max_steps": 2, "learning_rate": 1e-3}
    order = Order()
    for _ in range(2):
        trainer = make_trainer(
            folder,
            tmp_path,
            OTHERS,
            says,
            options={"on_rollouts": order},
            per_device_train_batch_size=2,
            **settings,
        )
        run_to_the_end(trainer, tmp_path)
        assert trainer.state.global_step == 2
        saved, last = (
            load_file(place / "model.safetensors") for place in (tmp_path, tmp_path / "checkpoint-2")
        )
        assert not moved(saved, last)
        for name in ("trainer_state.json", "model.safetensors"):
            (tmp_path / name).unlink()
    assert [step for step, _ in order.played] == [0, 1]
