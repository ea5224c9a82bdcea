"""What stands for a language model in tests: the tiny model with messages by a script, and a fake vLLM."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from recipes.common.tiny import END

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
