"""A folder without a whole model is refused before anything is sent."""

import json
from pathlib import Path

import pytest

from model_cards.weights import check_weights
from tests.model_cards.made import model_folder, write_weights


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "m")


def test_a_whole_model_is_fine(whole: Path) -> None:
    check_weights(whole)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.json", "holds no model: there is no config.json"),
        ("tokenizer.json", "holds no tokenizer: save it beside the model"),
        ("model.safetensors", r"holds no weights: there is no \*\.safetensors"),
    ],
)
def test_what_is_missing_is_named(whole: Path, missing: str, words: str) -> None:
    (whole / missing).unlink()
    with pytest.raises(ValueError, match=words):
        check_weights(whole)


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (-1, "is cut short, or holds too much"),
        (20, "is no whole safetensors"),
        (4, "is no whole safetensors"),
    ],
)
def test_torn_weights_are_found(whole: Path, keep: int, words: str) -> None:
    path = whole / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=words):
        check_weights(whole)


def test_a_header_that_is_no_header_is_found(whole: Path) -> None:
    (whole / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"[]")
    with pytest.raises(ValueError, match="is no whole safetensors file: save the model again"):
        check_weights(whole)


def test_every_shard_of_the_index_has_to_be_there(whole: Path) -> None:
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    (whole / "model.safetensors").rename(whole / shards[0])
    index = {"weight_map": {"a": shards[0], "b": shards[1]}}
    (whole / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(
        ValueError, match=r"lacks model-00002-of-00002\.safetensors, which .*index\.json names"
    ):
        check_weights(whole)
    write_weights(whole / shards[1])
    check_weights(whole)


@pytest.mark.parametrize("base", ["/home/ann/base", "./base", "~/base", ""])
def test_an_adapter_on_a_base_that_nobody_has_is_refused(whole: Path, base: str) -> None:
    (whole / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    with pytest.raises(ValueError, match="which nobody else has: merge the adapter, or name it on the Hub"):
        check_weights(whole)
