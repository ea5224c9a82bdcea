"""What two processes do together to test the trainer: a step on three groups each, dynamic sampling, and a
step with an engine that works for both."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist

from dsl_debug.episode.tools import call_block
from recipes.common.episodes import TokenEpisode
from recipes.common.pool import ProblemPool
from recipes.common.tiny import END
from tests.problems import CORRECT, OVERFIT, make_problem
from tests.recipes.common import lockstep_job
from tests.recipes.common.trained import make_trainer, trained

MIXED = make_problem(intent="mixed")
MANY = [make_problem(intent=f"{'mixed' if n % 3 == 0 else 'solved'} {n}") for n in range(12)]
SETTINGS: dict[str, Any] = {"entropy_coef": 0.1, "per_device_train_batch_size": 2}
STEP = [MIXED, *(make_problem(intent=f"solved {n}") for n in range(5))]
"""Six groups, of which one teaches; the first process plays three of them, and the other the rest."""


def says(episode: TokenEpisode, sample: int) -> str:
    """Sample 0 of a mixed problem is solved, in two turns; sample 1 is not. Others are solved at once."""
    mixed = episode.env.problem.intent.startswith("mixed")  # type: ignore[attr-defined]
    if mixed and sample == 0 and not episode.env.history:
        return "I look at it first." + END
    return call_block("submit", {"code": OVERFIT if mixed and sample else CORRECT}) + END


def train(folder: Path) -> dict[str, Any]:
    """A step of each process; the model is at `folder`/tiny, gradients are left in `folder`."""
    rank = int(os.environ["RANK"])
    parts = {"gradient_accumulation_steps": 3}
    trainer, gradients = trained(folder / "tiny", folder / "out", STEP, says, **SETTINGS, **parts)
    torch.save(gradients, folder / f"gradients-{rank}.pt")
    pool = ProblemPool([problem.id for problem in MANY], seed=3)
    options = {"pool": pool, "max_rounds": 6}
    drawing = make_trainer(folder / "tiny", folder / "drawn", MANY, says, options=options, **SETTINGS)
    drawing.train()
    return {
        "scale": [part["row_scale"] for part in trainer._buffered_inputs],
        "kept": [part["kept"].tolist() for part in trainer._buffered_inputs],
        "counts": [part["counts"] for part in trainer._buffered_inputs],
        "log": trainer.state.log_history[0] if rank == 0 else None,
        "pool": pool.state(),
        "drawn": drawing._buffered_inputs[0]["kept"].tolist(),
        "drawn_log": drawing.state.log_history[0] if rank == 0 else None,
    }


# An engine that both processes share

NAMES = (("alpha 3", "beta 3"), ("gamma 1", "delta 2"))
"""The problems of each process; the number is that of the turn in which both episodes of one submit."""

SAYS_YES = "yes" + END
"""What the engine says to fillers."""


class SharedModel:
    """What vLLM does for a group of two processes; it knows an episode by the name in its prompt."""

    def __init__(self, tokenizer: Any) -> None:
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=4_000))
        self._tokenizer = tokenizer

    def generate(self, prompts: list[dict[str, list[int]]], **named: Any) -> list[Any]:
        asked = [prompt["prompt_token_ids"] for prompt in prompts]
        return [SimpleNamespace(prompt_token_ids=ids, outputs=[self._message(ids)]) for ids in asked]

    def _message(self, prompt: list[int]) -> Any:
        ids = self._tokenizer(self._text(self._tokenizer.decode(prompt))).input_ids
        logprobs = [{token: SimpleNamespace(logprob=-7.3, rank=1)} for token in ids]
        return SimpleNamespace(token_ids=ids, logprobs=logprobs)

    @staticmethod
    def _text(read: str) -> str:
        name = next((name for names in NAMES for name in names if f"It is {name}." in read), None)
        if name is None:
            return SAYS_YES
        turn = read.count("<|im_start|>assistant")
        if turn < int(name.split()[1]):
            return f"{name}, turn {turn}, and not a word more." + END
        return f"{name}, at last. {call_block('submit', {'code': CORRECT})}" + END


def share_engine(trainer: Any) -> list[tuple[int, int]]:
    """Give a trainer TRL's engine over a model for both processes; what this one asks for, round by round:
    messages, and tokens of a message.

    Raises RuntimeError, on both, as soon as they ask for different things.
    """
    made, _ = lockstep_job.engine("colocate")
    made.llm, generate, rounds = SharedModel(trainer._tokenizer), made.generate, []

    def together(prompts: Any, *others: Any, **named: Any) -> Any:
        asked: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(asked, (len(prompts), made.max_completion_length))
        rounds.append(asked[dist.get_rank()])
        if asked[0] != asked[1]:
            raise RuntimeError(f"the processes are out of step: they ask for {asked}")
        return generate(prompts, *others, **named)

    made.generate, made.sync_weights = together, lambda: None
    trainer.use_vllm, trainer.vllm_mode, trainer._last_loaded_step = True, "colocate", -1
    trainer.vllm_generation = made
    return rounds


def train_in_step(folder: Path) -> dict[str, Any]:
    """A step of two groups each, with an engine for both; the model is at `folder`/tiny."""
    rank = int(os.environ["RANK"])
    names = [name for pair in NAMES for name in pair]
    rollouts: list[Any] = []
    trainer = make_trainer(
        folder / "tiny",
        folder / "shared",
        [make_problem(intent=name) for name in names],
        None,
        options={"on_rollouts": lambda step, made: rollouts.extend(made)},
        per_device_train_batch_size=4,
        vllm_tensor_parallel_size=2,
    )
    prompts = [[{"role": "user", "content": f"It is {name}."}] for name in names]
    trainer.train_dataset = trainer.train_dataset.remove_columns("prompt").add_column("prompt", prompts)
    rounds = share_engine(trainer)
    trainer.train()
    return {
        "rounds": rounds,
        "said": [[m["content"] for m in made.messages if m["role"] == "assistant"] for made in rollouts],
        "calls": [dict(made.calls) for made in rollouts],
        "prompts": [made.messages[0]["content"] for made in rollouts],
        "masks": [sum(episode.mask) for episode in trainer._played],
        "yes": len(trainer._tokenizer(SAYS_YES).input_ids),
        "log": trainer.state.log_history[0] if rank == 0 else None,
    }
