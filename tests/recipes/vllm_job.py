"""GRPO on a processor with vLLM, watched: the recipe as it is started, with notes about each generation.

    python -m tests.recipes.vllm_job FOLDER

is run by the interpreter that has vLLM. It makes a model that knows a few episodes by heart (FOLDER/start),
trains it by `recipes/grpo_sft_rl.py` (FOLDER/run), and writes its notes to FOLDER/notes.json.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from vllm import SamplingParams

from dsl_debug.data.loading import load_data
from dsl_debug.episode import schemas
from dsl_debug.episode.tools import call_block
from dsl_debug.policies.base import Problem, new_env, prompt_messages
from dsl_debug.policies.tokens import prompt_ids
from dsl_debug.storage import write_json
from recipes import grpo_sft_rl
from recipes.common import trainer
from recipes.common.arguments import CONFIGS, GrpoArguments, parse, read_config
from recipes.common.episodes import ChatFormat, Ids, TokenEpisode, chat_format
from recipes.common.tiny import END, TinySize, make_tiny_model

CONFIG = "smoke_vllm.yaml"
SIZE = TinySize(hidden=128, feed_forward=256, heads=4, key_value_heads=2)
"""Heads of 32 numbers: of what vLLM has kernels for on processors, the smallest."""

PLAIN = "I look at it first."
STEPS, AT_ONCE, RATE = 210, 2, 5e-3
ROOM = 10_000
"""Tokens that an episode to learn from may have: more than any has."""

MORE = {
    **{"learning_rate": 1e-3, "warmup_steps": 0},
    **{"max_turn_tokens": 200, "max_completion_length": 1_200},
    **{"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2, "num_generations": 8},
}
"""Other than in the configuration: steps that are large enough to be seen, from the first one on; room for
every message in full; two small groups a step."""


# A model that has something to say


def teach(folder: Path) -> Ids:
    """Make a model that knows episodes of one and of two turns, some of them solved; the ids of the first."""
    make_tiny_model(folder, size=SIZE)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), load(folder)
    rows = lessons(tokenizer, model.generation_config.eos_token_id)
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / 5) * (1 - step / STEPS)
        first = step * AT_ONCE % len(rows)
        ids, mask = padded(rows[first : first + AT_ONCE], tokenizer.pad_token_id)
        hidden = model.model(ids[:, :-1]).last_hidden_state[mask[:, 1:]]
        loss = torch.nn.functional.cross_entropy(model.lm_head(hidden), ids[:, 1:][mask[:, 1:]])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    print(f"taught: a loss of {loss.item():.4f} is left")
    model.save_pretrained(folder)
    return rows[0][0]


def lessons(tokenizer: Any, ends: Sequence[int]) -> list[tuple[Ids, list[bool]]]:
    """Prompts with episodes, and which of their ids the model is to write."""
    config, chat = read_config(CONFIGS / CONFIG), chat_format(tokenizer, ends)
    rows = []
    for problem in load_data(config["data"], limit=config["limit"]).problems:
        right, wrong = (call_block("submit", {"code": c}) for c in (problem.correct_code, problem.buggy_code))
        scripts = ([right], [PLAIN, right], [PLAIN, wrong])
        rows += [lesson(tokenizer, chat, problem, script, config) for script in scripts]
    return rows


def lesson(
    tokenizer: Any, chat: ChatFormat, problem: Problem, script: Sequence[str], config: dict[str, Any]
) -> tuple[Ids, list[bool]]:
    """One episode in which the model says this."""
    env = new_env(problem, config["max_turns"])
    env.reset(problem)
    messages = prompt_messages(problem, env.max_turns, config["prompt"])
    prompt = prompt_ids(tokenizer, messages, schemas(env.tools))
    episode = TokenEpisode(env, prompt, chat, ROOM)
    for text in script:
        episode.say(tokenizer(text + END).input_ids)
    return prompt + episode.ids, [False] * len(prompt) + [value == 1 for value in episode.mask]


def padded(rows: Sequence[tuple[Ids, list[bool]]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of one length; what is behind the end of one is never looked at from before it."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in rows])
    return ids, torch.tensor([mask + [False] * (longest - len(mask)) for _, mask in rows])


def load(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


# What is noted


def logprobs(model: Any, ids: Ids) -> torch.Tensor:
    """The log-probability of each id but the first, given those before it."""
    with torch.no_grad():
        known = model(torch.tensor([ids])).logits[0, :-1].float().log_softmax(-1)
    return known.gather(1, torch.tensor(ids[1:]).unsqueeze(1)).squeeze(1)


def vllm_logprobs(engine: Any, ids: Ids) -> torch.Tensor:
    """The same, as vLLM knows them."""
    params = SamplingParams(max_tokens=1, prompt_logprobs=0)
    (request,) = engine.generate([{"prompt_token_ids": ids}], params, use_tqdm=False)
    places = zip(request.prompt_logprobs[1:], ids[1:], strict=True)
    return torch.tensor([place[token].logprob for place, token in places])


def farthest(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max())


class Watched(trainer.DebugTrainer):
    """Notes what vLLM holds after its messages, and what is trained on."""

    start: Any
    probe: Ids
    notes: list[dict[str, Any]]

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        batch = super()._generate_and_score_completions(inputs)
        begun, now = logprobs(self.start, self.probe), logprobs(self.model, self.probe)
        held = vllm_logprobs(self.vllm_generation.llm, self.probe)
        note = {
            "step": self.state.global_step,
            "seed": torch.initial_seed(),
            "to_start": farthest(held, begun),
            "to_now": farthest(held, now),
        }
        rows = [self._row(batch, number) for number in range(len(self._played))]
        self.notes.append({**note, "engine": str(self.vllm_generation.llm.model_config.dtype), "rows": rows})
        return batch

    def _row(self, batch: Any, number: int) -> dict[str, Any]:
        read = batch["completion_mask"][number].bool()
        ids, mask = batch["completion_ids"][number][read], batch["tool_mask"][number][read].bool()
        prompt = batch["prompt_ids"][number][batch["prompt_mask"][number].bool()]
        sampled = batch["sampling_per_token_logps"][number][read]
        known = logprobs(self.model, [*prompt.tolist(), *ids.tolist()])[len(prompt) - 1 :]
        episode = self._played[number]
        turns = [(turn.message, turn.step.observation) for turn in episode.env.history]
        return {
            "kept": bool(batch["kept"][number]),
            "parts": parts(self._tokenizer, ids, mask),
            "turns": turns,
            "tokens": len(ids),
            "logprob_gap": farthest(known[mask], sampled[mask]) if mask.any() else 0.0,
        }


def parts(tokenizer: Any, ids: torch.Tensor, mask: torch.Tensor) -> list[tuple[bool, str]]:
    """The texts of neighbours with the same mask."""
    edges = [0, *((mask[1:] != mask[:-1]).nonzero().flatten() + 1).tolist(), len(ids)]
    ranges = [slice(*pair) for pair in pairwise(edges)]
    return [(bool(mask[place][0]), tokenizer.decode(ids[place])) for place in ranges]


def main(folder: Path) -> None:
    start = folder / "start"
    Watched.probe, Watched.notes = teach(start), []
    Watched.start = load(start)
    trainer.DebugTrainer = Watched  # type: ignore[misc]
    settings = {"start": start, "base_model": start, "output_dir": folder / "run", **MORE}
    flags = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    grpo_sft_rl.main(*parse(GrpoArguments, "GRPOConfig", CONFIG, flags))
    write_json(folder / "notes.json", Watched.notes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
