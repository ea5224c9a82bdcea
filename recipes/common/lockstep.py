"""Rounds of generation that every process takes together, whatever is left to do on each.

Where an engine works for several processes at once, each of them must ask for the same number of messages, as
often as the others. TRL's engines gather the prompts of their processes, generate all, and hand out equal
slices: with unequal numbers a process is given the messages of another one, and a process that does not come
any more leaves the others waiting for ever. This holds for vLLM with tensor parallel groups (`colocate`), for
vLLM in a server, and for models whose weights are spread over processes.

So in each round the processes agree on the largest number that any of them needs, fill up with a short
prompt that nobody reads, and go on until none of them needs anything.
"""

from collections.abc import Callable, Sequence

from recipes.common.episodes import Ids, Logprobs, Write

Generate = Callable[[list[Ids]], tuple[list[Ids], list[Logprobs] | None]]
"""One message for each prompt, in their order, with the log-probabilities if they are known."""

Largest = Callable[[int], int]
"""The largest of the numbers that the processes give; every process calls it equally often."""


def shares_engine(
    processes: int, vllm_mode: str | None, tensor_parallel: int, *, sleeps: bool, sharded: bool
) -> bool:
    """Whether processes must keep in step; `vllm_mode` is None where the model that is trained generates.

    An engine that `sleeps` between messages is given its weights anew for each, and models that are `sharded`
    give and generate only together.
    """
    if processes == 1:
        return False
    if vllm_mode is None:
        return sharded
    return vllm_mode != "colocate" or tensor_parallel > 1 or sleeps


def alone(generate: Generate) -> Write:
    """Rounds of a process that generates by itself."""
    return lambda prompts: generate(prompts) if prompts else None


def in_step(generate: Generate, largest: Largest, filler: Sequence[int]) -> Write:
    """Rounds in which every process generates as many messages as the others, `filler` being the prompt of
    those that nobody needs.

    Raises ValueError if the engine gives another number of messages than it was asked for.
    """

    def write(prompts: list[Ids]) -> tuple[list[Ids], list[Logprobs] | None] | None:
        wanted = len(prompts)
        count = largest(wanted)
        if count == 0:
            return None
        asked = prompts + [list(filler) for _ in range(count - wanted)]
        messages, logprobs = generate(asked)
        if len(messages) != count:
            raise ValueError(f"the engine was asked for {count} messages and gave {len(messages)}")
        return messages[:wanted], None if logprobs is None else logprobs[:wanted]

    return write
