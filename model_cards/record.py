"""What a training run wrote about itself: `training.json`, as `recipes/common/run_record.py` makes it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from dsl_debug.results.rows import STEP
from dsl_debug.storage import read_json

TRAINING = "training.json"
TRAINING_VERSION = 1
RECIPES = ("sft", "grpo_sft_rl", "grpo_rl_only", "arena_grpo")


@dataclass(frozen=True)
class Training:
    """A training run. `dataset` has place, config, split, revision and rows; `code` version and revision;
    `hardware` devices and processes; `history` a mapping for each logged step. `seconds` is wall time.
    """

    recipe: str
    base_model: str
    start: str
    dataset: Mapping[str, Any]
    arguments: Mapping[str, Any]
    code: Mapping[str, Any]
    libraries: Mapping[str, Any]
    hardware: Mapping[str, Any]
    started: str
    seconds: float
    steps: int
    history: Sequence[Mapping[str, Any]]
    is_smoke: bool


_KINDS: dict[str, tuple[type, ...]] = {
    "recipe": (str,),
    "base_model": (str,),
    "start": (str,),
    "dataset": (dict,),
    "arguments": (dict,),
    "code": (dict,),
    "libraries": (dict,),
    "hardware": (dict,),
    "started": (str,),
    "seconds": (int, float),
    "steps": (int,),
    "history": (list,),
    "is_smoke": (bool,),
}
_PARTS = {
    "dataset": ("place", "config", "split", "revision", "rows"),
    "code": ("version", "revision"),
    "hardware": ("devices", "processes"),
}


def read_training(folder: Path) -> Training:
    """The record of the model in a folder. Raises ValueError, in one line, for none and for a bad one."""
    return training_of(*read_record(folder))


def read_record(folder: Path) -> tuple[dict[str, Any], str]:
    """What the file holds, and its name. A checkpoint without a file of its own has that of its run, up to
    its step; `seconds` stays that of the run. Raises ValueError in one line."""
    path = folder / TRAINING
    if path.is_file():
        return read_json(path), str(path)
    step, of_run = re.search(f"{STEP}$", folder.resolve().name), folder.resolve().parent / TRAINING
    if step is None or not of_run.is_file():
        raise ValueError(f"{folder} holds no {TRAINING}: the recipe that trained the model writes it there")
    return _up_to(read_json(of_run), int(step[1])), str(of_run)


def _up_to(record: dict[str, Any], step: int) -> dict[str, Any]:
    """The record of a run as far as one of its checkpoints; what is wrong with it is found later."""
    history = record.get("history")
    if isinstance(history, list):
        history = [row for row in history if not isinstance(row, dict) or row.get("step", 0) <= step]
    return {**record, "steps": step, "history": history}


def training_of(value: Mapping[str, Any], name: str) -> Training:
    """The record that was read from a file called `name`. Raises ValueError in one line."""
    if value.get("schema") != TRAINING_VERSION:
        raise ValueError(
            f"{name} has schema {value.get('schema')!r}, and what is read here is {TRAINING_VERSION}"
        )
    for part, kinds in _KINDS.items():
        if part not in value:
            raise ValueError(f"{name} lacks '{part}'")
        if not _is_a(value[part], kinds):
            raise ValueError(f"{name}: '{part}' is no {' or '.join(kind.__name__ for kind in kinds)}")
    for part, names in _PARTS.items():
        missing = [one for one in names if one not in value[part]]
        if missing:
            raise ValueError(f"{name} lacks '{part}.{missing[0]}'")
    if value["recipe"] not in RECIPES:
        raise ValueError(f"{name}: no recipe {value['recipe']!r}; there is: {', '.join(RECIPES)}")
    if not all(isinstance(step, dict) for step in value["history"]):
        raise ValueError(f"{name}: 'history' holds something else than objects")
    return Training(**{field.name: value[field.name] for field in fields(Training)})


def _is_a(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a JSON value is of a kind; True is no number."""
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
