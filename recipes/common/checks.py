"""What the trainer asks of its arguments, checked before anything is loaded."""

from collections.abc import Callable
from typing import Any

from recipes.common.groups import BY_ROWS, BY_TOKENS

LOSSES = (*BY_ROWS, *BY_TOKENS)

Check = Callable[[Any], str]
"""Says what is wrong with a `GRPOConfig` and what to do; "" if nothing is."""


def _loss_type(args: Any) -> str:
    if args.loss_type in LOSSES:
        return ""
    return f"loss_type {args.loss_type!r} cannot leave groups out: set it to one of {', '.join(LOSSES)}"


def _whole_groups(args: Any) -> str:
    rows, size = args.per_device_train_batch_size * args.steps_per_generation, args.num_generations
    if rows % size == 0:
        return ""
    return (
        f"a process generates {rows} rollouts (per_device_train_batch_size x steps_per_generation), which is "
        f"no multiple of {size} (num_generations): groups must be whole on a process"
    )


def _whole_steps(args: Any) -> str:
    if args.steps_per_generation % args.gradient_accumulation_steps == 0:
        return ""
    return (
        f"steps_per_generation ({args.steps_per_generation}) is no multiple of gradient_accumulation_steps "
        f"({args.gradient_accumulation_steps}): an optimizer step must see one generation; leave it unset"
    )


def _scale_rewards(args: Any) -> str:
    if args.scale_rewards != "batch":
        return ""
    return "scale_rewards 'batch' lets groups that are left out shape the others: set 'group' or 'none'"


def _aggregation(args: Any) -> str:
    if args.multi_objective_aggregation == "sum_then_normalize":
        return ""
    return (
        f"multi_objective_aggregation {args.multi_objective_aggregation!r} lets groups that are left out "
        "shape the others: set 'sum_then_normalize'"
    )


def _clipped_scaler(args: Any) -> str:
    if not args.fp16 or (args.max_grad_norm or 0.0) > 0.0:
        return ""
    return (
        "fp16 with max_grad_norm 0: the scaler of fp16 cannot skip a step that teaches nothing unless "
        "gradients are clipped; set max_grad_norm, or bf16 instead of fp16"
    )


def _unused(name: str, unset: Any, instead: str) -> Check:
    """A check that an option which this trainer does not honour is left alone."""

    def check(args: Any) -> str:
        value = getattr(args, name)
        return "" if value == unset else f"{name} has no meaning here: {instead}"

    return check


CHECKS: tuple[Check, ...] = (
    _loss_type,
    _whole_groups,
    _whole_steps,
    _scale_rewards,
    _aggregation,
    _clipped_scaler,
    _unused("max_tool_calling_iterations", None, "the environments count turns, give max_turns to them"),
    _unused("chat_template_kwargs", None, "prompts are rendered as in evaluation, which knows none"),
    _unused("mask_truncated_completions", False, "an episode that is cut counts as not solved"),
    _unused("use_adaptive_entropy", False, "the bonus for entropy has the fixed weight entropy_coef"),
    _unused("top_entropy_quantile", 1.0, "all tokens that the model wrote count"),
)


def check_arguments(args: Any) -> None:
    """Raises ValueError, in one line, for a `GRPOConfig` that the trainer cannot honour."""
    for check in CHECKS:
        wrong = check(args)
        if wrong:
            raise ValueError(wrong)
