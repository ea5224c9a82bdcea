"""What two processes do together to test that they keep in step: TRL's own engines over a fake vLLM.

An episode says in its prompt which one it is, and in which turn it submits. Each message holds the number of
its episode in every token, so that a message which went to another episode shows.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.distributed as dist
from accelerate import PartialState
from trl.generation import vllm_generation

from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.tools import call_block
from recipes.common.episodes import ChatFormat, Ids, TokenEpisode, play
from recipes.common.lockstep import Generate, in_step
from tests.problems import CORRECT, make_problem

END, ANSWER, SUBMISSION, FILLER = 1, 2, 3, [7, 7]
FIRST = 1_000
"""Episodes have numbers from here on."""

# For each case, the turns in which the episodes of the processes submit; 9 is beyond the last turn.
CASES: dict[str, tuple[list[int], list[int]]] = {
    "even": ([1, 2], [2, 1]),
    "uneven": ([1, 6, 2], [3, 1, 1]),
    "one has nothing from the start": ([4, 2], []),
    "the other has nothing from the start": ([], [1, 5]),
    "all turns": ([9, 1], [1, 9]),
    "nobody has anything": ([], []),
}

FORMAT = ChatFormat(
    decode=lambda ids: call_block("submit", {"code": CORRECT}) if SUBMISSION in ids else "Let me see.",
    answer=lambda told: [END, ANSWER, ANSWER],
    ends=frozenset([END]),
)


def written(prompt: Ids) -> Ids:
    """The message behind a prompt: the number of the episode, and the submission in its turn."""
    if prompt == FILLER:
        return [FILLER[0], END]
    number, turn = prompt[0], prompt[1] - FIRST
    return [number, number, *([SUBMISSION] if prompt.count(END) + 1 == turn else []), END]


class Engine:
    """What vLLM does for the processes of a tensor parallel group: all must come, with the same prompts."""

    def __init__(self) -> None:
        self.rounds: list[int] = []

    def generate(self, prompts: list[dict[str, Ids]], **named: Any) -> list[Any]:
        asked = [prompt["prompt_token_ids"] for prompt in prompts]
        seen: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(seen, asked)
        assert all(other == asked for other in seen), "the processes of a group ask for different things"
        self.rounds.append(len(asked))
        return [SimpleNamespace(prompt_token_ids=ids, outputs=[_output(written(ids))]) for ids in asked]


class Client:
    """What the main process asks of a vLLM server."""

    def __init__(self) -> None:
        self.rounds: list[int] = []

    def generate(self, prompts: list[Ids], n: int, **named: Any) -> dict[str, Any]:
        assert n == 1
        self.rounds.append(len(prompts))
        messages = [written(ids) for ids in prompts]
        return {
            "prompt_ids": prompts,
            "completion_ids": messages,
            "logprobs": [[[-float(token)] for token in ids] for ids in messages],
        }


def _output(ids: Ids) -> Any:
    return SimpleNamespace(
        token_ids=ids, logprobs=[{token: SimpleNamespace(logprob=-float(token), rank=1)} for token in ids]
    )


def engine(mode: str) -> tuple[Any, list[int]]:
    """TRL's engine over a fake vLLM, and the numbers of prompts that it was asked for, round by round."""
    vllm_generation.SamplingParams = lambda **named: named
    made = object.__new__(vllm_generation.VLLMGeneration)
    settings = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    made.__dict__ |= settings | {
        "mode": mode,
        "max_completion_length": 10,
        "logprobs": 0,
        "generation_kwargs": {},
        "structured_outputs_regex": None,
        "enable_sleep_mode": False,
        "tensor_parallel_size": 2,
        "tp_group": dist.group.WORLD,
        "model": torch.nn.Module(),
        "accelerator": PartialState(cpu=True),
        "llm": Engine(),
        "vllm_client": Client(),
    }
    return made, made.llm.rounds if mode == "colocate" else made.vllm_client.rounds


def generator(made: Any) -> Generate:
    def generate(prompts: list[Ids]) -> tuple[list[Ids], list[list[float]]]:
        _, ids, logprobs, _ = made.generate(prompts, None, 1)
        return ids, [[value[0] for value in row] for row in logprobs]

    return generate


def largest(number: int) -> int:
    """The largest of the numbers of all processes."""
    numbers: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(numbers, number)
    return max(numbers)


def episodes(turns: list[int], rank: int) -> list[TokenEpisode]:
    made = []
    for place, turn in enumerate(turns):
        env = DSLDebugEnv()
        env.reset(make_problem())
        made.append(TokenEpisode(env, [FIRST + 100 * rank + place, FIRST + turn], FORMAT, 1_000))
    return made


def keep_in_step(folder: Path) -> dict[str, Any]:
    """The episodes of this process in every case, under both engines; and what happens out of step."""
    rank = dist.get_rank()
    results: dict[str, Any] = {}
    for mode in ("colocate", "server"):
        for name, turns in CASES.items():
            made, rounds = engine(mode)
            played = episodes(turns[rank], rank)
            play(played, in_step(generator(made), largest, FILLER))
            results[f"{mode}: {name}"] = {
                "rounds": rounds,
                "episodes": [
                    {"ids": e.ids, "mask": e.mask, "logprobs": e.logprobs, "ended": e.ended} for e in played
                ],
            }
        # One round with two prompts on the first process and one on the other, out of step.
        made, _ = engine(mode)
        prompts = [[FIRST + 100 * rank + place, FIRST + 9] for place in range(2 - rank)]
        results[f"{mode}: out of step"] = generator(made)(prompts)[0]
    return results
