"""What training cost elsewhere: `alignment_tax.json`, as `recipes/alignment_tax.py` writes it, as a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsl_debug.results.markdown import escaped, table
from dsl_debug.storage import read_json
from model_cards.results import NOT_MEASURED

TAX = "alignment_tax.json"
TAX_VERSION = 1
BASE = "base"

BENCHMARKS = {"mmlu": "MMLU (5-shot)", "gsm8k": "GSM8K (8-shot)", "humaneval": "HumanEval (0-shot)"}
"""What every model is to be measured on."""

Model = Mapping[str, Any]


def read_tax(folder: Path) -> list[Model]:
    """The models of the file in a folder, [] without one. Raises ValueError, in one line, for other files."""
    path = folder / TAX
    return models_of(read_json(path), str(path)) if path.exists() else []


def models_of(value: Mapping[str, Any], name: str) -> list[Model]:
    """The models in what was read from a file called `name`. Raises ValueError in one line."""
    if value.get("schema") != TAX_VERSION:
        raise ValueError(f"{name} has schema {value.get('schema')!r}, and what is read here is {TAX_VERSION}")
    models = value.get("models")
    if not isinstance(models, list):
        raise ValueError(f"{name} lacks 'models'")
    for model in models:
        if not isinstance(model, dict) or not isinstance(model.get("tasks"), dict) or "name" not in model:
            raise ValueError(f"{name}: a model lacks 'name' or 'tasks'")
        for task, found in model["tasks"].items():
            if not isinstance(found, dict) or not isinstance(found.get("value"), int | float):
                raise ValueError(f"{name}: {model['name']} has no value for {task}")
    return models


def tax_table(models: Sequence[Model]) -> str:
    """Every benchmark by every model, in percent with its standard error, and the difference to the base."""
    shown = list(models) or [{"name": BASE, "tasks": {}}, {"name": "this model", "tasks": {}}]
    tasks = dict.fromkeys([*BENCHMARKS, *(task for model in models for task in model["tasks"])])
    base: Mapping[str, Any] = next((model["tasks"] for model in shown if model["name"] == BASE), {})
    rows = [[_title(task, shown), *(_cell(model, task, base) for model in shown)] for task in tasks]
    return table(["benchmark", *(escaped(str(model["name"])) for model in shown)], rows)


def _title(task: str, models: Sequence[Model]) -> str:
    """The name of a benchmark with the number of examples that were shown, as it was measured."""
    found: Mapping[str, Any] = next((model["tasks"][task] for model in models if task in model["tasks"]), {})
    if "shots" not in found:
        return BENCHMARKS.get(task, escaped(task))
    name = BENCHMARKS.get(task, escaped(task)).partition(" (")[0]
    return f"{name} ({found['shots']}-shot)"


def _cell(model: Model, task: str, base: Mapping[str, Any]) -> str:
    found = model["tasks"].get(task)
    if found is None:
        return NOT_MEASURED
    error = found.get("stderr")
    text = f"{100 * found['value']:.1f}" + ("" if error is None else f" ± {100 * error:.1f}")
    if model["name"] == BASE or task not in base:
        return text
    return f"{text} ({100 * (found['value'] - base[task]['value']):+.1f})"
