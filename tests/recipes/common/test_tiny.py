"""The tiny model: its tokenizer survives a file, and the same arguments give the same weights."""

from pathlib import Path

import pytest

from dsl_debug.data import sample_problems
from dsl_debug.episode.prompts import messages
from recipes.common import tiny
from recipes.common.tiny import CONTROL, END, PAD, WORDS, TinySize, make_tiny_model, make_tokenizer

pytest.importorskip("torch", reason="needs torch: pip install 'dsl-debug[train]'")
pytest.importorskip("trl", reason="needs trl: pip install 'dsl-debug[train]'")


def test_a_saved_tokenizer_gives_the_same_ids(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    made = make_tokenizer()
    texts = [message["content"] for problem in sample_problems()[:4] for message in messages(problem)]
    texts += ["Größe: 12,5 m²\n\n\tcafé  ", "".join(CONTROL + WORDS)]
    make_tiny_model(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in texts:
        assert loaded(text).input_ids == made(text).input_ids
        assert loaded.decode(loaded(text).input_ids) == text
    assert (loaded.eos_token, loaded.pad_token) == (END, PAD)


def test_the_chat_template_is_the_one_that_trl_knows(tmp_path: Path) -> None:
    from trl.chat_template_utils import get_training_chat_template

    training = get_training_chat_template(make_tokenizer())
    assert training is not None
    assert "generation" in training


def test_the_same_arguments_give_the_same_weights(tmp_path: Path) -> None:
    folders = [make_tiny_model(tmp_path / str(number), seed=seed) for number, seed in enumerate((3, 3, 4))]
    first, second, other = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert first == second != other


def test_size_and_texts_are_heeded(tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    size = TinySize(vocabulary=400, hidden=32, layers=1, heads=2, context=512)
    folder = make_tiny_model(tmp_path, size=size, texts=["zebra crossing " * 20])
    config, tokenizer = AutoConfig.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert (config.hidden_size, config.num_hidden_layers, config.max_position_embeddings) == (32, 1, 512)
    assert len(tokenizer("zebra crossing").input_ids) < len(make_tokenizer()("zebra crossing").input_ids)


def test_without_trl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"^the chat template comes with trl: pip install "):
        tiny.qwen_template()
