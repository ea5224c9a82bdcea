"""Arguments of a training run: a table of those that shape a model, and all that may be shown as a config."""

from collections.abc import Mapping
from typing import Any

from dsl_debug.results.markdown import escaped, table
from model_cards.public import public_arguments
from model_cards.record import Training

NOT_RECORDED = "not recorded"

_BOTH = {
    "learning_rate": "learning rate",
    "lr_scheduler_type": "schedule of the learning rate",
    "per_device_train_batch_size": "rows on a device at a time",
    "gradient_accumulation_steps": "accumulated",
    "max_steps": "most steps (-1: by epochs)",
    "num_train_epochs": "epochs",
    "bf16": "bfloat16",
    "seed": "seed",
}
_SFT = {
    "max_length": "tokens of a trajectory, at most",
    "assistant_only_loss": "loss on what the assistant says only",
}
_RL = {
    "num_generations": "rollouts of a problem",
    "num_iterations": "updates from one batch of rollouts",
    "beta": "weight of the KL penalty",
    "entropy_coef": "weight of the entropy bonus",
    "epsilon": "clipping",
    "loss_type": "loss",
    "temperature": "temperature of rollouts",
    "max_completion_length": "tokens of an episode, at most",
    "use_vllm": "vLLM generates",
}
ASKED = {
    "sft": {**_BOTH, **_SFT},
    "grpo_sft_rl": {**_BOTH, **_RL},
    "grpo_rl_only": {**_BOTH, **_RL},
    "arena_grpo": {**_BOTH, **_RL},
}
"""Recipe -> what its table always has, recorded or not: the argument, and what it is."""

FURTHER = {
    "lr_scheduler_kwargs": "of the schedule",
    "warmup_steps": "warm-up steps",
    "optim": "optimizer",
    "weight_decay": "weight decay",
    "max_grad_norm": "gradients clipped at a norm of",
    "reward": "reward",
    "prompt": "system prompt",
    "max_turn_tokens": "tokens of a message, at most",
    "informative_groups": "informative groups that a batch is filled up to",
    "pool": "problems drawn by how often they are solved",
    "max_rounds": "rounds of generation for one batch, at most",
    "max_turns": "turns of an episode",
    "epsilon_high": "clipping above",
    "top_p": "top-p of rollouts",
    "vllm_mode": "vLLM runs as",
    "vllm_tensor_parallel_size": "tensor parallel",
    "vllm_gpu_memory_utilization": "share of GPU memory for vLLM",
    "use_peft": "adapter",
    "lora_r": "rank of the adapter",
    "lora_alpha": "scale of the adapter",
    "load_in_4bit": "weights in 4 bits",
}
"""What is in the table where it was recorded."""


def hyper_parameters(training: Training) -> str:
    """The table. Where an argument was not recorded it says so; it knows no defaults of any library."""
    known = public_arguments(training.arguments)
    asked = ASKED[training.recipe]
    rows = [[title, f"`{name}`", _shown(known.get(name))] for name, title in asked.items()]
    rows += [
        [title, f"`{name}`", _shown(known[name])]
        for name, title in FURTHER.items()
        if _says_something(known, name)
    ]
    rows.append(["rows of one update, all processes", "", batch(training, known)])
    return table(["", "argument", "value"], rows)


def _says_something(known: Mapping[str, Any], name: str) -> bool:
    return known.get(name) not in (None, "", {}, [])


def _shown(value: Any) -> str:
    if value is None:
        return NOT_RECORDED
    if isinstance(value, Mapping):
        return escaped(", ".join(f"{name} {part}" for name, part in value.items()))
    if isinstance(value, float):
        return f"{value:g}"
    return {"True": "yes", "False": "no"}.get(str(value), escaped(str(value)))


def batch(training: Training, known: Mapping[str, Any]) -> str:
    """Rows on a device times what is accumulated times processes."""
    parts = [
        known.get("per_device_train_batch_size"),
        known.get("gradient_accumulation_steps"),
        training.hardware["processes"],
    ]
    sizes = [part for part in parts if isinstance(part, int)]
    if len(sizes) < len(parts):
        return NOT_RECORDED
    return f"{sizes[0]} x {sizes[1]} x {sizes[2]} = {sizes[0] * sizes[1] * sizes[2]}"


def config_yaml(training: Training) -> str:
    """All arguments that anybody may see, as a config for the recipe."""
    import yaml

    shown = public_arguments(training.arguments)
    if "steps_per_generation" in shown:  # the one follows from the other, and trainers refuse both
        shown.pop("generation_batch_size", None)
    text: str = yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100)
    return text
