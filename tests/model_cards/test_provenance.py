"""Licences of base models, and which names are on the Hub."""

from pathlib import Path
from typing import Any

import pytest

from model_cards.provenance import base_licence, hub_dataset, hub_model
from tests.model_cards.made import COMMIT


@pytest.mark.parametrize(
    ("base", "licence", "name"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "apache-2.0", None),
        ("Qwen/Qwen2.5-Coder-0.5B-Instruct", "apache-2.0", None),
        ("unsloth/qwen2.5-coder-0.5b-instruct", "apache-2.0", None),
        ("unsloth/Qwen2.5-Coder-0.5B-Instruct-unsloth-bnb-4bit", "apache-2.0", None),
        ("Qwen/Qwen2.5-3B-Instruct", "other", "qwen-research"),
        ("Qwen/Qwen2.5-72B-Instruct", "other", "qwen"),
    ],
)
def test_the_licence_of_a_known_base(base: str, licence: str, name: str | None) -> None:
    found = base_licence(base)
    assert found is not None
    assert (found.license, found.license_name) == (licence, name)
    assert ("license_link" in found.front_matter()) == (name is not None)


@pytest.mark.parametrize(
    "base", ["somebody/Qwen2.5-7B", "Qwen/Qwen9-1B", "tiny", "Qwen/Qwen2.5-7B-Instruct-x"]
)
def test_nothing_is_guessed_for_others(base: str) -> None:
    assert base_licence(base) is None


@pytest.mark.parametrize(
    ("name", "is_there"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", True),
        ("tiny", False),
        ("/home/ann/m", False),
        ("runs/sft", False),
        ("me/checkpoint-40", False),
        ("./a/b", False),
        ("a/b/c", False),
    ],
)
def test_folders_are_no_names_on_the_hub(name: str, is_there: bool) -> None:
    assert hub_model(name) == (name if is_there else None)


def test_a_folder_that_exists_is_no_name_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "user" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert hub_model("user/model") is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"place": "user/dsl-debug", "revision": COMMIT}, "user/dsl-debug"),
        ({"place": "dist/dsl-debug", "revision": None}, None),
        ({"place": "samples", "revision": COMMIT}, None),
        ({}, None),
    ],
)
def test_only_data_with_a_commit_is_from_the_hub(data: dict[str, Any], name: str | None) -> None:
    assert hub_dataset(data) == name
