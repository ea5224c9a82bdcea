"""A folder of a model: what it tells of the model, and which of its files are published.

    config.json, *.safetensors, the tokenizer's files, generation_config.json, chat_template.jinja
    training.json          what the recipe wrote about the run
    results/*.json         result files of `dsl-debug eval`; in results/before/ those of the start
    alignment_tax.json     optional
    plots/*.png            optional

Only files on the list below are published. All others stay where they are and are named, as the folder of a
run holds much that is nobody else's business: states of the optimizer, earlier checkpoints, settings.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model_cards.record import TRAINING, Training, read_training
from model_cards.results import BEFORE, Measured, read_results
from model_cards.tax import TAX, Model, read_tax
from model_cards.weights import ADAPTER

CARD = "README.md"

_MODEL = re.compile(
    r"config\.json|generation_config\.json|adapter_config\.json|model\.safetensors\.index\.json"
    r"|(model|adapter_model)[\w-]*\.safetensors"
    r"|tokenizer\.json|tokenizer_config\.json|tokenizer\.model|special_tokens_map\.json|added_tokens\.json"
    r"|vocab\.json|merges\.txt|chat_template\.jinja"
)
_RECORDS = re.compile(rf"{TRAINING}|{TAX}|results/(before/)?[\w.-]+\.json|plots/[\w-]+\.png")
_RENDERED = re.compile(rf"{CARD}|\.eval_results/[\w.-]+\.yaml")


@dataclass(frozen=True)
class ModelFacts:
    """What the files in a folder tell of a model."""

    folder: Path
    training: Training
    results: Sequence[Measured]
    before: Sequence[Measured]
    tax: Sequence[Model]
    plots: Sequence[str]
    is_adapter: bool


def read_model(folder: Path) -> ModelFacts:
    """Read a folder. Raises OSError, and ValueError, in one line, for a file that is something else."""
    return ModelFacts(
        folder,
        read_training(folder),
        read_results(folder),
        read_results(folder, BEFORE),
        read_tax(folder),
        sorted(
            f"plots/{path.name}" for path in (folder / "plots").glob("*.png") if is_ours(f"plots/{path.name}")
        ),
        (folder / ADAPTER).exists(),
    )


def is_ours(path: str) -> bool:
    """Whether a file of this path is one that is published."""
    return any(known.fullmatch(path) for known in (_MODEL, _RECORDS, _RENDERED))


def sorted_out(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The files of a model and its records by their path, and what is left out: files by their path, folders
    that hold nothing of ours by theirs and a slash."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    kept = {name: found[name] for name in sorted(found) if is_ours(name) and not _RENDERED.fullmatch(name)}
    tops = {name.partition("/")[0] for name in kept if "/" in name}
    others = {name for name in found if not is_ours(name)}
    return kept, sorted({_folded(name, tops) for name in others})


def _folded(name: str, tops: set[str]) -> str:
    top, slash, _ = name.partition("/")
    return name if not slash or top in tops else f"{top}/"
