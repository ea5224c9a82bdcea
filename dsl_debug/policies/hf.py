"""Models in this process through transformers: episodes in batches, each as if it were played alone.

A message is drawn with one number per token, from a generator that belongs to the episode and its turn, by
inversion: the token at which the cumulated probabilities pass the number (Devroye, Non-Uniform Random Variate
Generation, 1986, section II.2). What else is in the batch does not matter for it, nor does the device; what
remains is rounding, which padding changes in the last bits.

Temperature and top-p are all that shapes the probabilities: whatever else a model's generation config asks
for (top-k, a penalty for repetitions) is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from random import Random
from typing import Any

from dsl_debug.policies.base import Episodes, Job, ModelOptions, Setup, Unusable
from dsl_debug.policies.tokens import LOCAL, TokenTalk, imported, load_chat_tokens, one_line, play_in_rounds


class HfPolicy:
    """A causal language model: a folder, or a name on the Hub. Raises Unusable for what is none."""

    def __init__(self, path: str, options: ModelOptions) -> None:
        self.name = f"hf:{path}"
        self._torch = imported("torch", self.name, LOCAL)
        self._options = options
        self._chat = load_chat_tokens(path, self.name, options)
        self._device, dtype = _place(self._torch, self.name, options)
        self._model = _load(path, self.name, self._device, dtype)
        self._pad = self._chat.end[0]
        # Generation configs may bring penalties and limits of their own. This is all that holds here.
        self._model.generation_config = type(self._model.generation_config)(
            do_sample=False, eos_token_id=list(self._chat.end), pad_token_id=self._pad
        )
        self.settings: Mapping[str, Any] = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": options.max_tokens,
            "dtype": str(dtype).removeprefix("torch."),
            **self._chat.facts(),
        }

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        """The episodes, each as soon as it is over."""
        return play_in_rounds(jobs, setup, self._chat, self._options.batch_size, self._write)

    def close(self) -> None:
        """Give the memory back."""
        self._model = None
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()

    def _write(self, talks: list[TokenTalk]) -> list[list[int]]:
        """One message for each episode. Those with less room than a message may take go by themselves, so
        that nobody reads beyond the context of the model."""
        limits = [min(self._options.max_tokens, talk.room) for talk in talks]
        written: list[list[int]] = [[] for _ in talks]
        for limit, group in groupby(sorted(range(len(talks)), key=limits.__getitem__), limits.__getitem__):
            places = list(group)
            messages = self._generate([talks[place] for place in places], limit)
            for place, ids in zip(places, messages, strict=True):
                written[place] = ids
        return written

    def _generate(self, talks: Sequence[TokenTalk], limit: int) -> list[list[int]]:
        torch, width = self._torch, max(len(talk.ids) for talk in talks)
        missing = [width - len(talk.ids) for talk in talks]
        rows = [[self._pad] * n + talk.ids for n, talk in zip(missing, talks, strict=True)]
        mask = [[0] * n + [1] * (width - n) for n in missing]
        try:
            with torch.inference_mode():
                made = self._model.generate(
                    input_ids=torch.tensor(rows, device=self._device),
                    attention_mask=torch.tensor(mask, device=self._device),
                    max_new_tokens=limit,
                    logits_processor=self._processors([talk.seed for talk in talks]),
                )
        except torch.OutOfMemoryError:
            raise Unusable(
                f"{self.name} takes more memory than there is with {len(talks)} episodes of up to "
                f"{width + limit:,} tokens: give a smaller batch or context"
            ) from None
        return [_until_end(row, self._chat.end) for row in made[:, width:].tolist()]

    def _processors(self, seeds: Sequence[int]) -> list["Draw"]:
        options = self._options
        return [Draw(self._torch, options.temperature, options.top_p, seeds)] if options.temperature else []


class Draw:
    """Draws the next token of every row, and leaves it as the only one that is possible."""

    def __init__(self, torch: Any, temperature: float, top_p: float, seeds: Sequence[int]) -> None:
        self._torch = torch
        self._temperature = temperature
        self._top_p = top_p
        self._randoms = [Random(seed) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        torch = self._torch
        shares = torch.softmax(scores.float() / self._temperature, dim=-1)
        if self._top_p < 1:
            shares = shares.where(_nucleus(torch, shares, self._top_p), torch.zeros_like(shares))
        # In the order of the vocabulary and not by size: nearly equal shares may change their places.
        exact = torch.float32 if shares.device.type == "mps" else torch.float64
        sums = shares.cumsum(dim=-1, dtype=exact)
        numbers = torch.tensor([[r.random()] for r in self._randoms], dtype=sums.dtype, device=sums.device)
        chosen = torch.searchsorted(sums, numbers * sums[:, -1:], right=True)
        chosen = chosen.clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, float("-inf")).scatter(1, chosen, 0.0)


def _nucleus(torch: Any, shares: Any, top_p: float) -> Any:
    """Which tokens are in the smallest set with a share of `top_p` together (Holtzman et al., 2020)."""
    ordered, places = shares.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(dim=-1) - ordered
    return torch.zeros_like(shares, dtype=torch.bool).scatter(1, places, before < top_p)


def _until_end(ids: list[int], end: Sequence[int]) -> list[int]:
    """What was generated, up to and with the first id that ends a message; padding comes after it."""
    return next((ids[: place + 1] for place, token in enumerate(ids) if token in end), ids)


def _place(torch: Any, policy: str, options: ModelOptions) -> tuple[Any, Any]:
    """The device and the type of the numbers: bfloat16 on a GPU, float32 elsewhere, unless told."""
    name = options.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise Unusable(f"{policy}: {one_line(error)}") from None
    if device.type == "meta":
        raise Unusable(f"{policy}: nothing can be run on the device {name!r}")
    usual = "bfloat16" if device.type == "cuda" else "float32"
    dtype = getattr(torch, usual if options.dtype == "auto" else options.dtype, None)
    if not isinstance(dtype, torch.dtype):
        raise Unusable(f"{policy}: no dtype {options.dtype!r}; there is: float32, bfloat16, float16")
    return device, dtype


def _load(path: str, policy: str, device: Any, dtype: Any) -> Any:
    transformers = imported("transformers", policy, LOCAL)
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=dtype)
        return model.to(device).eval()
    except Exception as error:  # files may be broken in any way, and devices may not be there
        raise Unusable(f"{policy} cannot be loaded: {one_line(error)}") from None
