"""Groups that teach nothing leave the loss: losses computed by hand, and gradients of a tiny model."""

import math
from pathlib import Path
from typing import Any

import pytest

NEEDED = "needs torch and trl: pip install 'dsl-debug[train]'"
torch = pytest.importorskip("torch", reason=NEEDED)
pytest.importorskip("trl", reason=NEEDED)

from dsl_debug.episode.tools import call_block  # noqa: E402
from recipes.common.batches import micro_batches, select  # noqa: E402
from recipes.common.episodes import TokenEpisode  # noqa: E402
from recipes.common.groups import by_rows, informative, keep, mean_of_means, row_scale  # noqa: E402
from recipes.common.tiny import END, make_tiny_model  # noqa: E402
from recipes.common.trainer import DebugTrainer  # noqa: E402
from tests.problems import BUGGY, CORRECT, OVERFIT, make_problem  # noqa: E402
from tests.recipes.common.trained import largest_difference, make_trainer, trained  # noqa: E402

KINDS = ("grpo", "dr_grpo", "dapo")
MIXED, SOLVED, UNSOLVED, ALMOST = (
    make_problem(intent=text) for text in ("mixed", "solved", "unsolved", "almost")
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


# Which groups


def test_a_group_is_informative_if_its_outcomes_differ() -> None:
    solved = [True, True, False, False, True, False]
    assert informative(solved, 2) == [False, False, True]
    assert informative(solved, 3) == [True, True]
    assert informative([True], 1) == [False]
    assert informative([], 4) == []
    assert by_rows([True, False], 2) == [True, True, False, False]


@pytest.mark.parametrize("size", [4, 0])
def test_groups_that_are_not_whole_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"6 rollouts are no whole groups of {size}"):
        informative([True] * 6, size)


def test_the_scale_is_of_the_rows_that_are_left() -> None:
    assert (row_scale(8, 2), row_scale(8, 8), row_scale(8, 0)) == (4.0, 1.0, 0.0)


def test_a_row_without_a_token_has_no_mean_that_is_not_a_number() -> None:
    values, mask = torch.tensor([[1.0, 3.0], [5.0, 7.0]]), torch.tensor([[1, 1], [0, 0]])
    assert mean_of_means(values, mask).item() == 1.0


# Losses by hand. Rows 0 and 1 are the informative group, 2 and 3 hold what would show if it were seen.

NAN = math.nan
RATIOS = [[1.1, 0.7, 9.0], [1.5, 9.0, 0.5], [3.0, 3.0, 3.0], [0.2, 0.2, 0.2]]
ENTROPIES = [[1.0, 3.0, 50.0], [2.0, 50.0, 4.0], [70.0, 70.0, 70.0], [90.0, 90.0, 90.0]]
MASK = [[1, 1, 0], [1, 0, 1], [1, 1, 1], [1, 1, 1]]
ADVANTAGES = [1.0, -1.0, NAN, 5.0]

# What clipping at 0.8 and 1.2 makes of the ratios, times the advantage: row 0 gives 1.1 and 0.7, row 1 gives
# min(-1.5, -1.2) = -1.5 and min(-0.5, -0.8) = -0.8.
TOKEN_LOSSES = [[-1.1, -0.7], [1.5, 0.8]]
LONGEST = 10
BY_HAND = {
    "grpo": ((-1.1 - 0.7) / 2 + (1.5 + 0.8) / 2) / 2,  # 0.125
    "dr_grpo": (-1.1 - 0.7 + 1.5 + 0.8) / (2 * LONGEST),  # 0.025
    "dapo": (-1.1 - 0.7 + 1.5 + 0.8) / 4,  # 0.125
}
ENTROPY = ((1.0 + 3.0) / 2 + (2.0 + 4.0) / 2) / 2  # 2.5


def hand_made() -> dict[str, Any]:
    rows = len(MASK)
    return {
        "prompt_ids": torch.ones(rows, 2, dtype=torch.long),
        "prompt_mask": torch.ones(rows, 2, dtype=torch.long),
        # Each row of completions can be told from the others: its log-probabilities are found by it.
        "completion_ids": torch.tensor([[row] * 3 for row in range(rows)]),
        "completion_mask": torch.ones(rows, 3, dtype=torch.long),
        "tool_mask": torch.tensor(MASK),
        "old_per_token_logps": -torch.tensor(RATIOS).log(),
        "advantages": torch.tensor(ADVANTAGES),
        "num_items_in_batch": torch.tensor(0),
    }


@pytest.fixture(params=KINDS)
def bare(
    request: pytest.FixtureRequest, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> DebugTrainer:
    """A trainer whose model gives log-probabilities of 0 and the entropies above."""
    trainer = make_trainer(folder, tmp_path, [MIXED], None, loss_type=request.param, entropy_coef=0.1)
    trainer.max_completion_length = LONGEST
    trainer.model.train()

    def fake(self: Any, model: Any, ids: Any, mask: Any, width: int, *rest: Any, **named: Any) -> Any:
        rows = ids[:, -1].tolist()
        zeros = torch.zeros(len(rows), width)
        return zeros, torch.tensor([ENTROPIES[row][:width] for row in rows]), None

    monkeypatch.setattr("trl.GRPOTrainer._get_per_token_logps_and_entropies", fake)
    return trainer


def window_loss(trainer: DebugTrainer, batch: dict[str, Any], parts: int) -> float:
    """The loss of an optimizer step over a batch, in this many micro-batches."""
    rows = len(batch["kept"])
    trainer.args.steps_per_generation = trainer.args.gradient_accumulation_steps = parts
    trainer.args.per_device_train_batch_size = rows // parts
    trainer.current_gradient_accumulation_steps = parts
    return sum(trainer._compute_loss(None, part).item() for part in trainer._cut(batch))


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_the_loss_is_that_of_the_informative_rows(parts: int, bare: DebugTrainer) -> None:
    batch = keep(hand_made(), [True, True, False, False])
    expected = BY_HAND[bare.loss_type] - 0.1 * ENTROPY
    assert window_loss(bare, batch, parts) == pytest.approx(expected, abs=1e-6)
    metrics = bare._metrics["train"]
    assert sum(metrics["policy_loss"]) / parts == pytest.approx(BY_HAND[bare.loss_type], abs=1e-6)
    # TRL logs a mean over the tokens of each micro-batch; those without any are not there.
    assert sum(metrics["entropy"]) / len(metrics["entropy"]) == pytest.approx(ENTROPY)
    assert len(metrics["entropy"]) == max(1, parts // 2)
    # Of four tokens one is clipped below (0.5 with -1) and none above (0.7 with 1 is not clipped).
    assert sum(metrics["clip_ratio/region_mean"]) / len(metrics["entropy"]) == pytest.approx(1 / 4)


def test_it_is_the_loss_without_the_others(bare: DebugTrainer) -> None:
    alone = keep(select(hand_made(), [0, 1]), [True, True])
    expected = BY_HAND[bare.loss_type] - 0.1 * ENTROPY
    assert window_loss(bare, alone, 1) == pytest.approx(expected, abs=1e-6)
    assert window_loss(bare, alone, 2) == pytest.approx(expected, abs=1e-6)


def test_a_batch_without_an_informative_group_has_no_loss(bare: DebugTrainer) -> None:
    batch = keep(hand_made(), [False] * 4)
    assert window_loss(bare, batch, 2) == 0.0
    assert bare._metrics["train"]["policy_loss"] == [0.0, 0.0]
    assert "entropy" not in bare._metrics["train"]


def test_each_optimizer_step_has_its_own_denominator(bare: DebugTrainer) -> None:
    """One generation for two steps: the first sees both rows that count and one that does not."""
    bare.args.steps_per_generation, bare.args.gradient_accumulation_steps = 4, 2
    bare.args.per_device_train_batch_size = 1
    bare.current_gradient_accumulation_steps = 2
    made = hand_made()
    made["tool_mask"][1] = torch.tensor([1, 0, 0])  # one token against two
    batch = keep(select(made, [2, 0, 1, 3]), [False, True, True, False])
    parts = bare._cut(batch)
    assert [part["row_scale"] for part in parts] == [2.0, 2.0, 2.0, 2.0]
    assert [part["counts"] for part in parts] == [True, False, True, False]
    losses = [bare._compute_loss(None, part).item() for part in parts]
    means = {
        "grpo": (-1.8 / 2, 1.5),
        "dr_grpo": (-1.8 / LONGEST, 1.5 / LONGEST),
        "dapo": (-1.8 / 2, 1.5),
    }[bare.loss_type]
    assert losses[0] + losses[1] == pytest.approx(means[0] - 0.1 * 2.0, abs=1e-6)
    assert losses[2] + losses[3] == pytest.approx(means[1] - 0.1 * 2.0, abs=1e-6)


def test_what_is_kept_is_not_changed() -> None:
    batch = hand_made()
    kept = keep(batch, [True, True, False, False])
    assert kept["tool_mask"].tolist() == [[1, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert kept["advantages"].tolist() == [1.0, -1.0, 0.0, 0.0]
    assert kept["completion_mask"] is batch["completion_mask"]
    assert batch["tool_mask"].tolist() == MASK
    (cut,) = micro_batches(kept, 1, 1)
    assert cut["kept"].tolist() == [True, True, False, False]


# Gradients


def says(episode: TokenEpisode, sample: int) -> str:
    """Sample 0 of a mixed problem is solved in two turns. Of the others, samples of a problem end alike; in
    the last one with different shares of right rows."""
    kind = episode.env.problem.intent  # type: ignore[attr-defined]
    code = CORRECT if kind == "solved" or (kind == "mixed" and sample == 0) else OVERFIT
    if kind == "almost":
        code = (OVERFIT, BUGGY)[sample % 2]
    if kind == "mixed" and sample == 0 and not episode.env.history:
        return "I look at it first." + END
    return call_block("submit", {"code": code}) + END


@pytest.fixture(scope="module", params=["grpo", "dapo"])
def alone(
    request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, float, dict[str, Any]]:
    """The loss and the gradient of the informative group by itself."""
    out = tmp_path_factory.mktemp("alone")
    settings = {"reward": "partial", "entropy_coef": 0.1, "per_device_train_batch_size": 2}
    trainer, gradients = trained(folder, out, [MIXED], says, loss_type=request.param, **settings)
    return request.param, trainer.state.log_history[0]["loss"], gradients


@pytest.mark.parametrize(("others", "size", "parts"), [([SOLVED], 4, 1), ([SOLVED, UNSOLVED, ALMOST], 2, 4)])
def test_the_gradient_is_that_of_the_informative_group(
    others: list[Any],
    size: int,
    parts: int,
    alone: tuple[str, float, dict[str, Any]],
    folder: Path,
    tmp_path: Path,
) -> None:
    """In one micro-batch, and in four; with rewards that differ within a group that nobody solves."""
    kind, loss, gradients = alone
    trainer, found = trained(
        folder,
        tmp_path,
        [MIXED, *others],
        says,
        reward="partial",
        loss_type=kind,
        entropy_coef=0.1,
        per_device_train_batch_size=size,
        gradient_accumulation_steps=parts,
    )
    assert trainer.state.log_history[0]["loss"] == pytest.approx(loss, abs=1e-5)
    assert largest_difference(gradients, found) < 1e-4
