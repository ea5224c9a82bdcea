"""Arguments that the trainer cannot honour, each told in one line."""

from types import SimpleNamespace
from typing import Any

import pytest

from recipes.common.checks import check_arguments

GOOD: dict[str, Any] = {
    "loss_type": "grpo",
    "per_device_train_batch_size": 4,
    "steps_per_generation": 4,
    "gradient_accumulation_steps": 2,
    "num_generations": 8,
    "scale_rewards": "group",
    "multi_objective_aggregation": "sum_then_normalize",
    "max_tool_calling_iterations": None,
    "chat_template_kwargs": None,
    "mask_truncated_completions": False,
    "use_adaptive_entropy": False,
    "top_entropy_quantile": 1.0,
    "fp16": False,
    "max_grad_norm": 1.0,
}

WRONG = [
    ({"loss_type": "bnpo"}, "loss_type 'bnpo' cannot leave groups out: set it to one of grpo, dr_grpo, dapo"),
    (
        {"num_generations": 3},
        "a process generates 16 rollouts (per_device_train_batch_size x steps_per_generation), which is no "
        "multiple of 3 (num_generations): groups must be whole on a process",
    ),
    (
        {"gradient_accumulation_steps": 8},
        "steps_per_generation (4) is no multiple of gradient_accumulation_steps (8): an optimizer step must "
        "see one generation; leave it unset",
    ),
    (
        {"scale_rewards": "batch"},
        "scale_rewards 'batch' lets groups that are left out shape the others: set 'group' or 'none'",
    ),
    (
        {"multi_objective_aggregation": "normalize_then_sum"},
        "multi_objective_aggregation 'normalize_then_sum' lets groups that are left out shape the others: "
        "set 'sum_then_normalize'",
    ),
    (
        {"fp16": True, "max_grad_norm": 0.0},
        "fp16 with max_grad_norm 0: the scaler of fp16 cannot skip a step that teaches nothing unless "
        "gradients are clipped; set max_grad_norm, or bf16 instead of fp16",
    ),
    (
        {"max_tool_calling_iterations": 8},
        "max_tool_calling_iterations has no meaning here: the environments count turns, give max_turns to "
        "them",
    ),
    (
        {"chat_template_kwargs": {"enable_thinking": False}},
        "chat_template_kwargs has no meaning here: prompts are rendered as in evaluation, which knows none",
    ),
    (
        {"mask_truncated_completions": True},
        "mask_truncated_completions has no meaning here: an episode that is cut counts as not solved",
    ),
    (
        {"use_adaptive_entropy": True},
        "use_adaptive_entropy has no meaning here: the bonus for entropy has the fixed weight entropy_coef",
    ),
    (
        {"top_entropy_quantile": 0.2},
        "top_entropy_quantile has no meaning here: all tokens that the model wrote count",
    ),
]


def test_what_can_be_honoured_passes() -> None:
    for change in ({}, {"fp16": True}, {"max_grad_norm": 0.0}):
        check_arguments(SimpleNamespace(**GOOD | change))


@pytest.mark.parametrize(("change", "told"), WRONG, ids=[next(iter(change)) for change, _ in WRONG])
def test_what_cannot_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        check_arguments(SimpleNamespace(**GOOD | change))
    assert str(caught.value) == told


def test_a_quantile_of_nothing_is_told_too() -> None:
    with pytest.raises(ValueError, match="top_entropy_quantile"):
        check_arguments(SimpleNamespace(**GOOD | {"top_entropy_quantile": 0.0}))


def test_the_names_are_those_of_trl() -> None:
    fields = pytest.importorskip("trl", reason="needs trl").GRPOConfig.__dataclass_fields__
    assert set(GOOD) <= set(fields)
