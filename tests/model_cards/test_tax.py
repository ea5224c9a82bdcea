"""The table of what training cost on other tasks."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jinja2", reason="needs jinja2: pip install 'dsl-debug[build]'")
pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install 'dsl-debug[build]'")

from model_cards.render import model_files
from model_cards.tax import models_of, tax_table
from tests.model_cards.made import model_folder
from tests.model_cards.test_model_card import row


def measured(value: float, stderr: float | None = 0.004) -> dict[str, Any]:
    return {"metric": "acc", "value": value, "stderr": stderr, "n": 14042, "shots": 5}


MODELS = [
    {"name": "base", "model": "Qwen/Qwen2.5-7B-Instruct", "tasks": {"mmlu": measured(0.75)}},
    {
        "name": "SFT->RL",
        "model": "/home/ann/m",
        "tasks": {"mmlu": measured(0.7375), "own": measured(0.5, None)},
    },
]


def test_values_have_their_errors_and_the_difference_to_the_base() -> None:
    text = tax_table(MODELS)
    assert row(text, "| MMLU") == ["MMLU (5-shot)", "75.0 ± 0.4", "73.8 ± 0.4 (-1.2)"]
    assert row(text, "| own") == ["own (5-shot)", "not measured", "50.0"]
    assert set(row(text, "| GSM8K (8-shot)")[1:]) == {"not measured"}


def test_the_file_beside_the_model_is_in_its_card(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "m")
    (folder / "alignment_tax.json").write_text(json.dumps({"schema": 1, "models": MODELS}))
    text = model_files(folder)["README.md"]
    assert row(text, "| MMLU")[1] == "75.0 ± 0.4"
    assert "/srv" not in text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"schema": 3}, "tax.json has schema 3, and what is read here is 1"),
        ({"schema": 1}, "tax.json lacks 'models'"),
        ({"schema": 1, "models": [{"name": "x"}]}, "tax.json: a model lacks 'name' or 'tasks'"),
        (
            {"schema": 1, "models": [{"name": "x", "tasks": {"mmlu": {"value": None}}}]},
            "tax.json: x has no value for mmlu",
        ),
    ],
)
def test_what_is_wrong_is_told(value: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        models_of(value, "tax.json")
