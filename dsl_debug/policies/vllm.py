"""Models in this process through vLLM's offline engine, with the same ids as everywhere.

All episodes that are played at a time write a message in one call of the engine, which makes its own batches
and keeps what it has read of an episode for the next turn. Each message has a seed of its own. vLLM does not
promise equal numbers in batches of other sizes: where two tokens are nearly equal, a message may come out
otherwise in another run.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from dsl_debug.policies.base import Episodes, Job, ModelOptions, Setup, Unusable
from dsl_debug.policies.tokens import TokenTalk, imported, load_chat_tokens, one_line, play_in_rounds

EPISODES = 256
"""Episodes at a time. The engine takes as many of them into a batch as its memory allows."""


class VllmPolicy:
    """A model in vLLM: a folder, or a name on the Hub. Raises Unusable for what is none."""

    def __init__(self, path: str, options: ModelOptions) -> None:
        self.name = f"vllm:{path}"
        self._vllm = imported("vllm", self.name, "vllm")
        self._options = options
        self._chat = load_chat_tokens(path, self.name, options)
        self._engine = self._load(path)
        self.settings: Mapping[str, Any] = {
            "temperature": options.temperature,
            "top_p": options.top_p,
            "max_tokens": options.max_tokens,
            "dtype": options.dtype,
            **self._chat.facts(),
        }

    def play(self, jobs: Iterable[Job], setup: Setup) -> Episodes:
        """The episodes, each as soon as it is over."""
        return play_in_rounds(jobs, setup, self._chat, EPISODES, self._write)

    def close(self) -> None:
        """Give the memory back: the engine ends when nothing refers to it."""
        self._engine = None

    def _load(self, path: str) -> Any:
        options = self._options
        try:
            return self._vllm.LLM(
                model=path, dtype=options.dtype, max_model_len=self._chat.context, generation_config="vllm"
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise Unusable(f"{self.name} cannot be loaded: {one_line(error)}") from None

    def _write(self, talks: list[TokenTalk]) -> list[list[int]]:
        prompts = [{"prompt_token_ids": talk.ids} for talk in talks]
        params = [self._params(talk) for talk in talks]
        made = self._engine.generate(prompts, params, use_tqdm=False)
        return [list(request.outputs[0].token_ids) for request in made]

    def _params(self, talk: TokenTalk) -> Any:
        return self._vllm.SamplingParams(
            temperature=self._options.temperature,
            top_p=self._options.top_p,
            max_tokens=min(self._options.max_tokens, talk.room),
            seed=talk.seed,
            stop_token_ids=list(self._chat.end),
            detokenize=False,
        )
