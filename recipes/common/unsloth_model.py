"""A model in 4 bits, loaded by Unsloth, of which an adapter is trained.

Unsloth replaces TRL's trainers when it is imported. Whoever comes here imports the trainer before, so that
the one that is used stays ours, whose masks and denominators are tested; what Unsloth brings is the model and
its kernels. Not run yet: Unsloth 2026.10.9 asks for trl <= 1.15 and datasets < 5, so it has to be installed
with `--no-deps` beside ours. The tests play its part with a stand-in.
"""

import importlib
import importlib.util
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from recipes.common.run_record import TRAINING

MERGED = "merged"
"""The folder of a run that holds adapter and model as one."""

ADAPTER = "adapter_config.json"
"""What the trainer saves where an adapter is trained."""

RANK = 16
"""Of the adapter; its scale is the same number."""

ADAPTED = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Adapted(NamedTuple):
    """A model with an adapter, and its tokenizer."""

    model: Any
    tokenizer: Any


def has_unsloth() -> bool:
    """Whether Unsloth is installed, and there is a GPU for it."""
    import torch

    return importlib.util.find_spec("unsloth") is not None and torch.cuda.is_available()


def load_adapted(name: str, max_length: int, seed: int) -> Adapted:
    """Load a model in 4 bits and put an adapter on it; `max_length` is that of an episode, in tokens."""
    unsloth: Any = importlib.import_module("unsloth")
    fast = unsloth.FastLanguageModel
    model, tokenizer = fast.from_pretrained(model_name=name, max_seq_length=max_length, load_in_4bit=True)
    adapted = fast.get_peft_model(
        model,
        r=RANK,
        lora_alpha=RANK,
        target_modules=ADAPTED,
        use_gradient_checkpointing="unsloth",
        random_state=seed,
    )
    tokenizer.padding_side = "left"
    return Adapted(adapted, tokenizer)


def save_merged(start: Adapted, run: Path) -> None:
    """Write adapter and model as one model of 16 bits, with the record of its run, which comes last."""
    folder = run / MERGED
    if folder.exists():  # half of it, from a run that was killed here
        shutil.rmtree(folder)
    start.model.save_pretrained_merged(str(folder), start.tokenizer, save_method="merged_16bit")
    shutil.copyfile(run / TRAINING, folder / TRAINING)


def needs_merging(run: Path) -> bool:
    """Whether a run has saved an adapter, and not yet the whole model."""
    return (run / ADAPTER).is_file() and not (run / MERGED / TRAINING).is_file()
