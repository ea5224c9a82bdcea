"""A folder of a model becomes a repository on the Hub, with its rendered card, in one commit.

Records and configs may hold places of this machine: what is sent of them is cleaned first. The folder itself
is only read.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dsl_debug.hub import Content, Publication, Published, publish
from dsl_debug.storage import read_json
from model_cards.model_folder import is_ours, sorted_out
from model_cards.provenance import hub_model
from model_cards.public import public_arguments, public_text, public_value
from model_cards.record import TRAINING, read_record
from model_cards.render import model_files
from model_cards.results import RESULTS, public_facts
from model_cards.tax import TAX
from model_cards.weights import check_weights


def push_folder(
    folder: Path, repository: str, *, private: bool = False, revision: str | None = None
) -> Published:
    """Publish the model in a folder with its card.

    Raises ValueError, in one line, for a folder that holds no whole model or a record that is not what it
    should be; hub.NotPublished, in one line, where the Hub does not take it; OSError; and ImportError where
    a package is missing.
    """
    return publish(prepare(folder, repository, private=private, revision=revision)[0])


def prepare(
    folder: Path, repository: str, *, private: bool = False, revision: str | None = None
) -> tuple[Publication, list[str]]:
    """What would be published, checked, and what of the folder is left out. Raises as `push_folder` does."""
    check_weights(folder)
    files, left_out = sorted_out(folder)
    rendered = model_files(folder, repository)  # finds out what is wrong with the records
    whole: dict[str, Content] = {**files}
    whole |= {name: _json(value) for name, value in cleaned_copies(folder, files).items()}
    whole |= {name: text.encode() for name, text in rendered.items()}
    asked = Publication(
        whole,
        repository,
        "model",
        f"Publish {folder.resolve().name}",
        is_ours=is_ours,
        landmark=TRAINING,  # or a model that is none of ours might be taken for one
        private=private,
        revision=revision,
    )
    return asked, left_out


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


# Copies without places of this machine

Facts = dict[str, Any]


def cleaned_copies(folder: Path, files: Mapping[str, Path]) -> dict[str, Facts]:
    """What is published of the JSON files that may hold places of this machine, by their path."""
    values = {name: read_json(files[name]) for name in files if _cleaner(name)}
    values[TRAINING] = read_record(folder)[0]
    return {name: cleaner(value) for name, value in values.items() if (cleaner := _cleaner(name))}


def _cleaner(name: str) -> Callable[[Facts], Facts] | None:
    return _result if name.startswith(f"{RESULTS}/") else _CLEANERS.get(name)


def _training(value: Facts) -> Facts:
    """Of the log only numbers are kept: it holds nothing else that is of use to others."""
    history = [
        {key: number for key, number in step.items() if isinstance(number, int | float)}
        for step in value["history"]
    ]
    rest = {name: public_value(part) for name, part in value.items()}
    return {**rest, "arguments": public_arguments(value["arguments"]), "history": history}


def _result(value: Facts) -> Facts:
    """Outcomes stay as they are: they are what is trusted."""
    return {**value, **public_facts(value)}


def _config(value: Facts) -> Facts:
    """A model remembers where it was loaded from, which may be a folder of this machine."""
    names = [name for name in ("_name_or_path", "name_or_path") if name in value]
    strange = [name for name in names if value[name] and not hub_model(str(value[name]))]
    return {name: part for name, part in value.items() if name not in strange}


def _tax(value: Facts) -> Facts:
    models = [{**model, "model": public_text(str(model.get("model")))} for model in value["models"]]
    return {**{name: public_value(part) for name, part in value.items()}, "models": models}


_CLEANERS: dict[str, Callable[[Facts], Facts]] = {
    TRAINING: _training,
    TAX: _tax,
    "config.json": _config,
    "tokenizer_config.json": _config,
}
