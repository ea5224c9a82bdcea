"""What is looked at before anything is loaded: machine, models, sizes. Each check raises BadArguments.

`check_machine` comes before TRL's arguments are made, `check_run` is for every run that trains; `check_chat`,
which fetches a tokenizer from the Hub, comes when all that needs no network is right.
"""

import os
import re
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dsl_debug.hub import NotPublished, check_rights
from dsl_debug.policies.base import ModelOptions, Unusable
from dsl_debug.policies.tokens import WEIGHTS, load_chat_tokens
from recipes.common.arguments import BadArguments, GrpoArguments, RecipeArguments, one_line
from recipes.common.episodes import chat_format

LAUNCH = "accelerate launch --config_file recipes/configs/accelerate_fsdp2_2gpu.yaml recipes/SCRIPT.py"
ELSEWHERE = "run it on such a machine, or give a smaller one with --config (see recipes/README.md)"
ANOTHER = "give --start another folder, or user/name on the Hub"
GIB = 2**30
GB = 10**9

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def check_run(arguments: RecipeArguments, config: Any, how: str = "") -> None:
    """That checkpoints can be published if they are to be, and have room, and that there is a model to start
    from; `how` says how such a model is made."""
    check_publishing(config)
    check_disk(arguments, Path(config.output_dir))
    check_start(arguments, how)


# The machine


def check_machine(arguments: RecipeArguments, environment: Mapping[str, str] | None = None) -> None:
    """That there are the GPUs and the processes that a configuration is for."""
    needed = arguments.needs_gpus
    if not needed:
        return
    env = os.environ if environment is None else environment
    memories = gpu_memories()
    processes = int(env.get("WORLD_SIZE", "1"))
    here = int(env.get("LOCAL_WORLD_SIZE", needed))
    wanted = f"this configuration is for {needed} GPU{'s' if needed > 1 else ''} of {_gib(arguments)} GiB"
    if len(memories) < here:
        there = f"{len(memories)} here" if memories else "none here"
        raise BadArguments(f"{wanted}, and there {'is' if len(memories) < 2 else 'are'} {there}: {ELSEWHERE}")
    small = [memory for memory in memories[:here] if memory < arguments.needs_gpu_gib]
    if small:
        raise BadArguments(f"{wanted}, and one here has {min(small):.0f} GiB: {ELSEWHERE}")
    if processes != needed:
        raise BadArguments(
            f"{wanted}, with a process for each, and this is 1 of {processes}: start it with `{LAUNCH}`,"
            " or change --needs_gpus together with --gradient_accumulation_steps"
        )


def gpu_memories() -> list[float]:
    """The memory of each GPU, in GiB."""
    import torch

    found = range(torch.cuda.device_count())
    return [torch.cuda.get_device_properties(number).total_memory / GIB for number in found]


def _gib(arguments: RecipeArguments) -> str:
    return f"{arguments.needs_gpu_gib:.0f}" if arguments.needs_gpu_gib else "any number of"


def check_disk(arguments: RecipeArguments, folder: Path) -> None:
    """That there is room for the checkpoints of a run; what it has written already counts as room."""
    if not arguments.needs_disk_gb:
        return
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    there = (shutil.disk_usage(place).free + _size(folder)) / GB
    if there < arguments.needs_disk_gb:
        raise BadArguments(
            f"checkpoints of this configuration need {arguments.needs_disk_gb:.0f} GB of disk (one has up to"
            f" 120 GB), and {place} has {there:.0f} GB: give an --output_dir elsewhere, or save less often"
            " (--save_steps, --save_total_limit) and say so with --needs_disk_gb"
        )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


# The model


def check_start(arguments: RecipeArguments, how: str = "") -> None:
    """That there is a model to start from: in a folder, or on the Hub as far as that can be asked.

    `how` says how such a model is made.
    """
    start, place, advice = arguments.start, Path(arguments.start), how or ANOTHER
    if place.is_dir():
        return _check_model_folder(place, advice)
    if not _REPOSITORY.fullmatch(start):
        raise BadArguments(f"there is no model at {start}: {advice}")
    _check_model_on_hub(start, advice)


def _check_model_folder(folder: Path, advice: str) -> None:
    missing = [what for what in ("config.json", "tokenizer_config.json") if not (folder / what).exists()]
    if not any(any(folder.glob(pattern)) for pattern in WEIGHTS):
        missing.append("weights")
    if missing:
        lacks = " and ".join(missing)
        raise BadArguments(f"{folder} holds no model to start from: it lacks {lacks}; {advice}")


def _check_model_on_hub(name: str, advice: str) -> None:
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import GatedRepoError

    if isinstance(try_to_load_from_cache(name, "config.json"), str):
        return
    try:
        is_there = HfApi().file_exists(name, "config.json")
    except GatedRepoError:
        access = "ask for access on its page and log in with `hf auth login`"
        raise BadArguments(f"the model {name} on the Hub is gated: {access}, or {advice}") from None
    except Exception as error:  # the client's own errors, and those of whatever it speaks HTTP with
        asked = f"the Hub cannot say whether there is a model {name}"
        raise BadArguments(f"{asked}: {one_line(error)}; try again, or {advice}") from None
    if not is_there:
        raise BadArguments(f"there is no model {name} on the Hub, or the token may not see it: {advice}")


# How the model speaks


def check_chat(start: str) -> None:
    """That episodes can be played with a model: by its chat template, at whose ends generation stops."""
    tokenizer = chat_tokenizer(start)
    try:
        chat_format(tokenizer, _stops(start, tokenizer))
    except ValueError as error:
        raise BadArguments(f"{start} cannot be trained on episodes: {one_line(error)}") from None


def chat_tokenizer(start: str) -> Any:
    """The tokenizer of a model. Raises BadArguments for one without a chat template for tools."""
    from trl.chat_template_utils import supports_tool_calling

    try:
        chat = load_chat_tokens(start, start, ModelOptions())
    except Unusable as error:
        raise BadArguments(str(error)) from None
    if chat.tools_in_text or chat.answers_as_user or not supports_tool_calling(chat.tokenizer):
        raise BadArguments(
            f"the chat template of {start} leaves out tools, calls or answers: start from a model made to"
            " call tools, or put the chat_template.jinja of one beside its tokenizer"
        )
    return chat.tokenizer


def _stops(start: str, tokenizer: Any) -> list[int]:
    """The ids at which TRL stops a message: the tokenizer's end and those that the model's settings name."""
    from transformers import AutoConfig, GenerationConfig

    try:
        settings = GenerationConfig.from_pretrained(start)
    except (OSError, ValueError):  # a model may come without: transformers makes them of its config
        settings = GenerationConfig.from_model_config(AutoConfig.from_pretrained(start))
    named = settings.eos_token_id
    ends = [tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])]
    return [end for end in ends if end is not None]


def prepare_engine(config: Any) -> None:
    """That vLLM is there where it is to generate; on a processor it is made fit to be trained with."""
    if not config.use_vllm:
        return
    if config.use_cpu and config.vllm_mode == "colocate":
        from recipes.common import vllm_cpu

        vllm_cpu.prepare()
    elif find_spec("vllm") is None:
        raise BadArguments(
            "use_vllm is set, and vLLM is not installed: `pip install vllm==0.31.0`, or give --use_vllm false"
        )


# Publishing


def check_publishing(config: Any) -> None:
    """That checkpoints can be published where `hub_model_id` says, if it does.

    They are published with a card of ours, so TRL is told not to push any itself.
    """
    if config.push_to_hub and not config.hub_model_id:
        raise BadArguments("push_to_hub needs the repository as well: give --hub_model_id user/name")
    if config.hub_model_id:
        try:
            check_rights(config.hub_model_id)
        except NotPublished as error:
            raise BadArguments(str(error)) from None
    config.push_to_hub = False


# Sizes


def check_batches(arguments: GrpoArguments, config: Any) -> None:
    """That the trainer can do what it is told, and that a message fits into an episode."""
    from recipes.common.checks import check_arguments

    try:
        check_arguments(config)
    except ValueError as error:
        raise BadArguments(str(error)) from None
    groups = config.generation_batch_size // config.num_generations
    wanted = arguments.informative_groups
    if wanted is not None and not 1 <= wanted <= groups:
        raise BadArguments(f"informative_groups is 1 to {groups}, the groups of a batch, not {wanted}")
    if arguments.max_turn_tokens > config.max_completion_length:
        raise BadArguments(
            f"a message may have {arguments.max_turn_tokens} tokens (max_turn_tokens), and a whole"
            f" episode only {config.max_completion_length} (max_completion_length)"
        )


def check_enough(rows: int, config: Any, data: str) -> None:
    """That the problems fill one generation batch: of fewer, TRL would make no step, and say nothing."""
    needed = config.generation_batch_size // config.num_generations
    if rows < needed:
        raise BadArguments(
            f"{data} has {rows} problem{'s' if rows != 1 else ''}, and one generation batch takes {needed}"
            f" ({config.generation_batch_size} rollouts, {config.num_generations} of each): take more data,"
            " or a smaller --gradient_accumulation_steps"
        )
