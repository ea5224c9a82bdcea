"""Batches: rows, padding, and micro-batches that are cut to what they need without another loss."""

from pathlib import Path
from typing import Any

import pytest

NEEDED = "needs torch and trl: pip install 'dsl-debug[train]'"
torch = pytest.importorskip("torch", reason=NEEDED)
pytest.importorskip("trl", reason=NEEDED)

from dsl_debug.episode.tools import call_block  # noqa: E402
from recipes.common.batches import counted_tokens, merge, micro_batches, select, trim  # noqa: E402
from recipes.common.episodes import TokenEpisode  # noqa: E402
from recipes.common.tiny import END, make_tiny_model  # noqa: E402
from tests.problems import BUGGY, CORRECT, make_problem  # noqa: E402
from tests.recipes.common.trained import make_trainer  # noqa: E402

PAD = 9


def batch_of(prompts: list[list[int]], completions: list[list[int]], **others: Any) -> dict[str, Any]:
    """A batch as TRL makes it, from ids; every second id of a completion was written by the model."""
    wide, long = max(map(len, prompts)), max(map(len, completions))
    return {
        "prompt_ids": torch.tensor([[PAD] * (wide - len(ids)) + ids for ids in prompts]),
        "prompt_mask": torch.tensor([[0] * (wide - len(ids)) + [1] * len(ids) for ids in prompts]),
        "completion_ids": torch.tensor([ids + [PAD] * (long - len(ids)) for ids in completions]),
        "completion_mask": torch.tensor([[1] * len(ids) + [0] * (long - len(ids)) for ids in completions]),
        "tool_mask": torch.tensor(
            [[(n + 1) % 2 for n in range(len(ids))] + [1] * (long - len(ids)) for ids in completions]
        ),
        "advantages": torch.arange(float(len(prompts))),
        "num_items_in_batch": torch.tensor(77),
        **others,
    }


def rows_of(batch: dict[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a batch without their padding."""
    masks = batch["prompt_mask"].bool(), batch["completion_mask"].bool()
    return [
        (
            batch["prompt_ids"][row][masks[0][row]].tolist(),
            batch["completion_ids"][row][masks[1][row]].tolist(),
            batch["tool_mask"][row][masks[1][row]].tolist(),
            batch["advantages"][row].item(),
        )
        for row in range(len(batch["advantages"]))
    ]


NARROW = batch_of([[1], [1, 2]], [[3, 4, 5], [3]])
WIDE = batch_of([[5, 6, 7, 8], [5]], [[1], [2, 3, 4, 5, 6]])


def test_rows_are_chosen_and_single_values_stay() -> None:
    chosen = select(WIDE, [1, 0, 1])
    assert rows_of(chosen) == [rows_of(WIDE)[1], rows_of(WIDE)[0], rows_of(WIDE)[1]]
    assert chosen["num_items_in_batch"].item() == 77


def test_batches_with_different_padding_are_joined() -> None:
    joined = merge([NARROW, WIDE], PAD)
    assert rows_of(joined) == rows_of(NARROW) + rows_of(WIDE)
    assert joined["prompt_ids"].tolist() == [[9, 9, 9, 1], [9, 9, 1, 2], [5, 6, 7, 8], [9, 9, 9, 5]]
    assert joined["completion_ids"][0].tolist() == [3, 4, 5, 9, 9]
    assert joined["completion_mask"][0].tolist() == [1, 1, 1, 0, 0]
    assert counted_tokens([joined]) == counted_tokens([NARROW]) + counted_tokens([WIDE]) == 3 + 4


def test_values_for_tokens_are_padded_and_those_for_rows_are_not() -> None:
    tokens = (
        {"old_per_token_logps": torch.full((2, 3), -1.0)},
        {"old_per_token_logps": torch.full((2, 5), -2.0)},
    )
    ratios = {"importance_sampling_ratio": torch.full((2, 1), 0.5)}
    joined = merge([NARROW | tokens[0] | ratios, WIDE | tokens[1] | ratios], PAD)
    assert joined["old_per_token_logps"][0].tolist() == [-1.0, -1.0, -1.0, 0.0, 0.0]
    assert joined["importance_sampling_ratio"].tolist() == [[0.5]] * 4


def test_batches_of_different_kinds_are_not_joined() -> None:
    with pytest.raises(ValueError, match="batches of different kinds"):
        merge([NARROW, WIDE | {"old_per_token_logps": torch.zeros(2, 5)}], PAD)


def test_columns_that_no_row_needs_go() -> None:
    joined = merge([NARROW, WIDE], PAD)
    narrow = trim(select(joined, [0, 1]))
    assert narrow["prompt_ids"].tolist() == NARROW["prompt_ids"].tolist()
    assert narrow["completion_ids"].tolist() == NARROW["completion_ids"].tolist()
    assert rows_of(narrow) == rows_of(NARROW)
    assert trim(WIDE)["completion_ids"].shape == (2, 5)


def test_rows_that_do_not_count_do_not_make_a_batch_wide() -> None:
    kept = trim(WIDE | {"kept": torch.tensor([True, False])})
    assert kept["completion_ids"].tolist() == [[1], [2]]
    assert kept["prompt_ids"].shape == (2, 4)
    none = trim(WIDE | {"kept": torch.tensor([False, False])})
    assert (none["prompt_ids"].tolist(), none["completion_ids"].tolist()) == ([[8], [5]], [[1], [2]])
    assert none["prompt_mask"].tolist() == [[1], [1]], "an attention mask is never empty"


def test_micro_batches_hold_rows_of_like_length() -> None:
    lengths = [1, 7, 2, 6, 3, 5, 4, 8]
    batch = batch_of([[1]] * 8, [[row] * n for row, n in enumerate(lengths)])
    batch["kept"] = torch.tensor([True] * 7 + [False])
    parts = micro_batches(batch, 4, 1)
    assert [part["completion_ids"].shape for part in parts] == [(2, 7), (2, 5), (2, 3), (2, 1)]
    assert [part["completion_ids"][:, 0].tolist() for part in parts] == [[1, 3], [5, 6], [4, 2], [0, 7]]
    rows = sorted(row for part in parts for row in rows_of(part) if row[3] != 7)
    assert rows == sorted(rows_of(batch)[:7])


def test_rows_stay_in_their_optimizer_step() -> None:
    batch = batch_of([[1]] * 4, [[0], [1, 1], [2, 2, 2], [3, 3, 3, 3]])
    first, second = micro_batches(batch, 2, 2)
    assert [first["completion_ids"][:, 0].tolist(), second["completion_ids"][:, 0].tolist()] == [
        [1, 0],
        [3, 2],
    ]


@pytest.mark.parametrize(("count", "windows"), [(3, 1), (4, 3)])
def test_micro_batches_that_do_not_come_out_even_are_refused(count: int, windows: int) -> None:
    with pytest.raises(ValueError, match=f"4 rows cannot be cut into {count} micro-batches for {windows}"):
        micro_batches(merge([NARROW, WIDE], PAD), count, windows)


# The same loss


def says(episode: TokenEpisode, sample: int) -> str:
    """Messages of different lengths."""
    if len(episode.env.history) < 2 * sample:
        return "It may be the filter. " * (sample + 1) + END
    return call_block("submit", {"code": BUGGY if sample % 2 else CORRECT}) + END


def test_trimming_does_not_change_loss_or_gradient(tmp_path: Path) -> None:
    """Rows alone, each cut to its length, against all of them in the padding of the longest."""
    folder = make_tiny_model(tmp_path / "tiny")
    sizes = {"per_device_train_batch_size": 4, "num_generations": 4, "entropy_coef": 0.1, "beta": 0.0}
    trainer = make_trainer(folder, tmp_path, [make_problem()], says, **sizes)
    trainer.model.train()
    batch = trainer._generate_and_score_completions([0] * 4)
    results = []
    for parts in (1, 4):
        trainer.args.steps_per_generation = trainer.args.gradient_accumulation_steps = parts
        trainer.args.per_device_train_batch_size = 4 // parts
        trainer.current_gradient_accumulation_steps = parts
        cut = trainer._cut(batch)
        losses = []
        trainer.model.zero_grad()
        for part in cut:
            loss = trainer._compute_loss(trainer.model, part)
            loss.backward()
            losses.append(loss.item())
        gradient = torch.cat([weight.grad.flatten() for weight in trainer.model.parameters()])
        results.append((sum(losses), gradient, [part["completion_ids"].shape[1] for part in cut]))
    (whole, together, widths), (pieces, apart, trimmed) = results
    assert trimmed == sorted(trimmed, reverse=True)
    assert widths[0] == trimmed[0] > 2 * trimmed[-1]
    assert whole == pytest.approx(pieces, abs=1e-5)
    assert (together - apart).abs().max() < 1e-4 * together.abs().max()
