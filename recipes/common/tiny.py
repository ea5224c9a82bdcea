"""Language models made on the spot, without a download: Qwen2 with random weights, and its tokenizer.

The tokenizer is trained on given texts. Its chat template is that of the Qwen2.5 models, to the letter: TRL
knows it and marks in it what the assistant wrote.
"""

import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.lang import read_docs

END, PAD = "<|im_end|>", "<|endoftext|>"
CONTROL = (PAD, "<|im_start|>", END)
# Words of the vocabulary, but no control tokens: decoding never leaves them out.
WORDS = ("<tool_call>", "</tool_call>")

# How Qwen2 splits texts. AutoTokenizer makes a Qwen2Tokenizer of whatever lies beside a qwen2 model, which
# splits like this: with another way of splitting, the texts of a saved tokenizer would have other ids.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class TinySize:
    """The shape of a model; `vocabulary` counts the tokens that are learned, `context` is in tokens."""

    vocabulary: int = 1_500
    hidden: int = 64
    feed_forward: int = 128
    layers: int = 2
    heads: int = 2
    key_value_heads: int = 1
    context: int = 8_192


TINY = TinySize()
"""About 0.2 million weights."""


def make_tiny_model(
    folder: Path, seed: int = 0, size: TinySize = TINY, texts: Iterable[str] | None = None
) -> Path:
    """Write model, tokenizer and generation config; the folder.

    `texts` is what the tokenizer learns from, by default the sample problems and the language reference. The
    same arguments give the same weights.
    """
    import torch
    from transformers import GenerationConfig, Qwen2ForCausalLM

    tokenizer = make_tokenizer(texts, size.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(_config(size, tokenizer))
    # As the published configs do, this one asks for a penalty and for sampling, which nobody should heed.
    ends = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=ends, pad_token_id=ends[1], do_sample=True, top_k=20, repetition_penalty=1.5
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _config(size: TinySize, tokenizer: Any) -> Any:
    from transformers import Qwen2Config

    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_value_heads,
        max_position_embeddings=size.context,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def make_tokenizer(texts: Iterable[str] | None = None, vocabulary: int = TINY.vocabulary) -> Any:
    """A byte-level BPE over `texts`, with the chat template of Qwen2.5."""
    from tokenizers import AddedToken
    from transformers import Qwen2Tokenizer

    learned = json.loads(_learned(training_texts() if texts is None else texts, vocabulary))["model"]
    merges: Any = [tuple(pair) for pair in learned["merges"]]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"], merges=merges, eos_token=END, pad_token=PAD, unk_token=PAD
    )
    tokenizer.add_tokens([AddedToken(word, normalized=False, special=False) for word in WORDS])
    tokenizer.add_tokens(
        [AddedToken(word, normalized=False, special=True) for word in CONTROL], special_tokens=True
    )
    tokenizer.chat_template = qwen_template()
    return tokenizer


def _learned(texts: Iterable[str], vocabulary: int) -> str:
    """A trained tokenizer, as JSON."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(CONTROL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return str(made.to_str())


def qwen_template() -> str:
    """The chat template of the Qwen2.5 models, as TRL ships it. Raises ModuleNotFoundError without TRL."""
    found = importlib.util.find_spec("trl")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the chat template comes with trl: pip install 'dsl-debug[train]'")
    return (Path(found.origin).parent / "chat_templates" / "qwen2_5.jinja").read_text(encoding="utf-8")


def training_texts() -> list[str]:
    """What the tokenizer of a test learns from."""
    pages = [read_docs(name) for name in ("overview", "join", "filter", "aggregate", "sort_by")]
    chats = [message["content"] for problem in sample_problems() for message in messages(problem)]
    return [*chats, *pages, json.dumps(schemas(TOOLS))]
