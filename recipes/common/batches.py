"""Batches of rows with padding: rows chosen, batches joined, and micro-batches that are no wider than needed.

A batch is what TRL's trainer makes of a round of generation: `prompt_ids` (B, P) and `prompt_mask`, padded on
the left, and tensors (B, C) about completions, padded on the right; then tensors with one value or several
for each row, and single values without a dimension.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

Batch = dict[str, Any]

PROMPT = {"prompt_ids", "prompt_mask"}
"""What is padded on the left."""

COMPLETION = {
    "completion_ids",
    "completion_mask",
    "tool_mask",
    "old_per_token_logps",
    "ref_per_token_logps",
    "sampling_per_token_logps",
    "importance_sampling_ratio",
}
"""What is padded on the right. A ratio for whole sequences has one column, which is left as it is."""

PADDING = {"tool_mask": 1, "importance_sampling_ratio": 1.0}
"""What padding holds where it is not 0; ids are padded with the id for it."""


def select(batch: Mapping[str, Any], rows: Sequence[int]) -> Batch:
    """Some rows of a batch, in this order; values without a dimension stay."""
    places = torch.tensor(list(rows), dtype=torch.long)
    return {
        name: value[places.to(value.device)] if value.ndim else value
        for name, value in batch.items()
        if value is not None
    }


def merge(batches: Sequence[Mapping[str, Any]], pad_id: int) -> Batch:
    """Batches below one another, padded to the widest of them.

    `num_items_in_batch` becomes that of the whole only by `counted_tokens`; single values are those of the
    first batch. Raises ValueError for batches that do not hold the same things.
    """
    names = [sorted(batch) for batch in batches]
    if any(other != names[0] for other in names):
        raise ValueError(f"batches of different kinds cannot be joined: {names}")
    prompts = max(batch["prompt_ids"].shape[1] for batch in batches)
    completions = max(batch["completion_ids"].shape[1] for batch in batches)
    wide = [widened(batch, prompts, completions, pad_id) for batch in batches]
    return {
        name: torch.cat([batch[name] for batch in wide]) if wide[0][name].ndim else wide[0][name]
        for name in wide[0]
    }


def widened(batch: Mapping[str, Any], prompts: int, completions: int, pad_id: int) -> Batch:
    """A batch with padding up to these numbers of columns."""
    made = dict(batch)
    for name, value in batch.items():
        padding = pad_id if name.endswith("_ids") else PADDING.get(name, 0)
        if name in PROMPT:
            made[name] = _padded(value, prompts - value.shape[1], 0, padding)
        elif is_completion(name, value, batch):
            made[name] = _padded(value, 0, completions - value.shape[1], padding)
    return made


def _padded(value: torch.Tensor, left: int, right: int, padding: float) -> torch.Tensor:
    return torch.nn.functional.pad(value, (left, right), value=padding)


def is_completion(name: str, value: torch.Tensor, batch: Mapping[str, Any]) -> bool:
    """Whether the columns of a value are those of the completions."""
    return name in COMPLETION and value.shape[1] == batch["completion_ids"].shape[1]


def trim(batch: Mapping[str, Any]) -> Batch:
    """A batch without the columns that no row needs.

    Rows with `kept` unset do not count in the loss: they are cut to the width of the others, and to one
    token where there are no others. At least one column of prompts and one of completions stays.
    """
    kept = batch.get("kept")
    counted = slice(None) if kept is None else kept
    prompts = _widest(batch["prompt_mask"][counted])
    completions = _widest(batch["completion_mask"][counted])
    cut = dict(batch)
    for name, value in batch.items():
        if name in PROMPT:
            cut[name] = value[:, value.shape[1] - prompts :]
        elif value is not None and is_completion(name, value, batch):
            cut[name] = value[:, :completions]
    return cut


def _widest(mask: torch.Tensor) -> int:
    lengths = mask.sum(dim=1)
    return max(1, int(lengths.max())) if len(lengths) else 1


def micro_batches(batch: Mapping[str, Any], count: int, windows: int) -> list[Batch]:
    """A batch cut into `count` micro-batches of equal size, each trimmed, for `windows` optimizer steps.

    Within an optimizer step the rows are ordered, the longest first and those that do not count last, so that
    rows of like length are together, and so are those that do not count: micro-batches of these alone need
    not be computed. Which rows go to which
    optimizer step is left as it is.
    """
    rows = batch["completion_ids"].shape[0]
    if rows % count or count % windows:
        raise ValueError(f"{rows} rows cannot be cut into {count} micro-batches for {windows} steps")
    order = _by_length(batch, rows // windows)
    size = rows // count
    return [trim(select(batch, order[start : start + size])) for start in range(0, rows, size)]


def _by_length(batch: Mapping[str, Any], size: int) -> list[int]:
    """The rows, ordered within each `size` of them."""
    lengths = batch["prompt_mask"].sum(dim=1) + batch["completion_mask"].sum(dim=1)
    if "kept" in batch:
        lengths = lengths * batch["kept"]
    known = lengths.tolist()
    return [
        row
        for start in range(0, len(known), size)
        for row in sorted(range(start, start + size), key=lambda row: -known[row])
    ]


def counted_tokens(batches: Iterable[Mapping[str, Any]]) -> int:
    """How many tokens of these batches count in the loss."""
    return sum(int((batch["completion_mask"] * batch["tool_mask"]).sum()) for batch in batches)
