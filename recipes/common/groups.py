"""Groups of rollouts: which of them teach, and how the others leave the loss and its denominator.

A group, the rollouts of one problem, teaches something only if some of them solve it and others do not. The
rows of all other groups are masked, and what is left is scaled up: TRL divides the sum over rows by their
number, here it is to be the number of rows that are left. So the loss, the bonus for entropy and what is
logged about both are what they would be, had only the informative groups been generated.
"""

from collections.abc import Mapping, Sequence
from typing import Any

BY_ROWS = ("grpo", "dr_grpo")
"""Kinds of loss that are a sum over rows, divided by the number of rows."""

BY_TOKENS = ("dapo",)
"""Kinds of loss that are a sum over tokens, divided by `num_items_in_batch`."""


def informative(solved: Sequence[bool], size: int) -> list[bool]:
    """For each group of `size` rollouts in a row, whether their binary outcomes differ.

    Raises ValueError unless the groups are whole.
    """
    if size < 1 or len(solved) % size:
        raise ValueError(f"{len(solved)} rollouts are no whole groups of {size}")
    groups = [solved[start : start + size] for start in range(0, len(solved), size)]
    return [any(group) and not all(group) for group in groups]


def by_rows(groups: Sequence[bool], size: int) -> list[bool]:
    """What holds for each group, for each of its rows."""
    return [value for value in groups for _ in range(size)]


def keep(batch: Mapping[str, Any], kept: Sequence[bool]) -> dict[str, Any]:
    """A batch in which the rows that are not kept have no advantage and no token that counts.

    `tool_mask` and `advantages` are replaced and `kept` is added, a flag for each row. The attention mask
    stays: all rows are still read.
    """
    import torch

    flags = torch.tensor(list(kept), dtype=torch.bool, device=batch["completion_mask"].device)
    counted = batch.get("tool_mask", batch["completion_mask"])
    return {
        **batch,
        "tool_mask": counted * flags.unsqueeze(1).to(counted.dtype),
        # Not a product: what is not a number stays one when it is multiplied.
        "advantages": batch["advantages"].masked_fill(~flags, 0.0),
        "kept": flags,
    }


def row_scale(rows: int, kept: int) -> float:
    """By how much a mean over `rows` rows is too small if only `kept` of them count; 0 if none does."""
    return rows / kept if kept else 0.0


def mean_of_means(values: Any, mask: Any) -> Any:
    """The mean over rows of the means over their tokens; a row without a token counts as 0."""
    return ((values * mask).sum(-1) / mask.sum(-1).clamp(min=1)).mean()
