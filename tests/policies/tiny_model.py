"""Language models small enough for tests: with random weights, with messages by a script, and a fake vLLM.

The tokenizer is trained on the spot. Its chat template gives, sign for sign, what that of the Qwen2.5 models
gives for messages, tools, calls and answers.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from dsl_debug.data import sample_problems
from dsl_debug.episode import TOOLS, messages, schemas
from dsl_debug.lang import read_docs

VOCABULARY = 1_500
CONTEXT = 8_192
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

TEMPLATE = """\
{%- set first = messages[0] %}
{{- '<|im_start|>system\\n' + (first.content if first.role == 'system' else 'You are a helpful assistant.') }}
{%- if tools %}
    {{- '\\n\\n# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\n' }}
    {{- 'You are provided with function signatures within <tools></tools> XML tags:\\n<tools>' }}
    {%- for tool in tools %}
        {{- '\\n' + (tool | tojson) }}
    {%- endfor %}
    {{- '\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments ' }}
    {{- 'within <tool_call></tool_call> XML tags:\\n<tool_call>\\n' }}
    {{- '{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call>' }}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'assistant' and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == 'assistant' %}
        {{- '<|im_start|>assistant' + ('\\n' + message.content if message.content else '') }}
        {%- for call in message.tool_calls %}
            {{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
            {{- (call.function.arguments | tojson) + '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {{- '' if loop.previtem.role == 'tool' else '<|im_start|>user' }}
        {{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
        {{- '' if loop.nextitem is defined and loop.nextitem.role == 'tool' else '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{{- '<|im_start|>assistant\\n' if add_generation_prompt else '' }}
"""


def make_tiny_model(folder: Path, seed: int = 0) -> Path:
    """Write model, tokenizer and generation config of a model with about 0.2 million weights; the folder."""
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    tokenizer = make_tokenizer()
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen2ForCausalLM(config)
    # As the published configs do, this one asks for a penalty and for sampling, which nobody should heed.
    ends = [tokenizer.eos_token_id, tokenizer.pad_token_id]
    model.generation_config = GenerationConfig(
        eos_token_id=ends, pad_token_id=ends[1], do_sample=True, top_k=20, repetition_penalty=1.5
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tokenizer() -> Any:
    """A byte-level BPE over the texts of the sample problems and of the language reference."""
    from tokenizers import (
        AddedToken,
        Regex,
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        trainers,
    )
    from transformers import Qwen2Tokenizer

    made = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(SPLIT), behavior="isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(CONTROL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    made.train_from_iterator(training_texts(), trainer)
    kept = json.loads(made.to_str())["model"]
    merges = [tuple(pair) for pair in kept["merges"]]
    tokenizer = Qwen2Tokenizer(
        vocab=kept["vocab"], merges=merges, eos_token=END, pad_token=PAD, unk_token=PAD
    )
    tokenizer.add_tokens([AddedToken(word, normalized=False, special=False) for word in WORDS])
    tokenizer.add_tokens(
        [AddedToken(word, normalized=False, special=True) for word in CONTROL], special_tokens=True
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def training_texts() -> list[str]:
    """What the tokenizer learns from."""
    pages = [read_docs(name) for name in ("overview", "join", "filter", "aggregate", "sort_by")]
    chats = [message["content"] for problem in sample_problems() for message in messages(problem)]
    return [*chats, *pages, json.dumps(schemas(TOOLS))]


# A model that says what it is told

Writes = Callable[[list[int]], list[int]]
"""The ids of a message, for all the ids before it."""


def by_script(tokenizer: Any, says: Callable[[str], str]) -> Writes:
    """A model's messages as texts, for all the text before them; each ends as the template ends messages."""
    return lambda ids: tokenizer(says(tokenizer.decode(ids)) + END).input_ids


def turn_of(text: str) -> int:
    """Which turn a conversation is at, from 0."""
    return text.count("<|im_start|>assistant") - 1


def without_padding(input_ids: Any, attention_mask: Any) -> list[list[int]]:
    """The rows of a batch as a model reads them; without a mask, nothing is padded."""
    if attention_mask is None:
        return input_ids.tolist()
    return [row[seen.bool()].tolist() for row, seen in zip(input_ids, attention_mask, strict=True)]


def scripted_model(folder: Path, writes: Writes) -> Any:
    """The tiny model with other logits: the next token of a message is sure, the others impossible."""
    from transformers import Qwen2ForCausalLM

    class Scripted(Qwen2ForCausalLM):
        def forward(
            self, input_ids: Any, past_key_values: Any, attention_mask: Any = None, **others: Any
        ) -> Any:
            if not past_key_values.get_seq_length():
                self.messages = [writes(row) for row in without_padding(input_ids, attention_mask)]
                self.written = 0
            made = super().forward(
                input_ids=input_ids, attention_mask=attention_mask, past_key_values=past_key_values, **others
            )
            made.logits[:] = float("-inf")
            for row, message in enumerate(self.messages):
                # Whoever reads on behind the end of a message gets nonsense.
                made.logits[row, -1, message[self.written] if self.written < len(message) else 7] = 0.0
            self.written += 1
            return made

    return Scripted.from_pretrained(folder)


# A fake vLLM


@dataclass(frozen=True)
class SamplingParams:
    """The arguments of the real one that are used here, without defaults."""

    temperature: float
    top_p: float
    max_tokens: int
    seed: int
    stop_token_ids: list[int]
    detokenize: bool


class LLM:
    """An engine like vLLM's, as far as it is used here; what it writes is up to `writes`."""

    made: "list[LLM]"
    writes: Callable[[list[int], SamplingParams], list[int]]

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.asked: list[tuple[list[int], SamplingParams]] = []
        self.made.append(self)

    def generate(
        self, prompts: Sequence[dict[str, list[int]]], params: Sequence[SamplingParams], use_tqdm: bool
    ) -> list[Any]:
        asked = [(list(p["prompt_token_ids"]), q) for p, q in zip(prompts, params, strict=True)]
        self.asked += asked
        written = [type(self).writes(ids, q)[: q.max_tokens] for ids, q in asked]
        return [SimpleNamespace(outputs=[SimpleNamespace(token_ids=tuple(ids))]) for ids in written]


def fake_vllm(writes: Callable[[list[int], SamplingParams], list[int]]) -> Any:
    """A module to stand in for `vllm`. `LLM.made` lists its engines, with what each was asked."""
    module: Any = ModuleType("vllm")
    module.SamplingParams = SamplingParams
    module.LLM = type("LLM", (LLM,), {"made": [], "writes": staticmethod(writes)})
    return module
