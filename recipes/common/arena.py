"""Training in the arena: rewards one by one, the curriculum, and a model in 4 bits where that can be had."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from dsl_debug.episode.python_trl import PythonDebugToolEnv
from dsl_debug.problem import PYTHON_ENVIRONMENT
from dsl_debug.scoring import SIGNALS
from recipes.common.curriculum import CurriculumPool
from recipes.common.grpo import pool_of, tokenizer_of, train_episodes
from recipes.common.rows import environments
from recipes.common.run_record import RunRecord, is_finished
from recipes.common.unsloth_model import (
    MERGED,
    Adapted,
    has_unsloth,
    load_adapted,
    needs_merging,
    save_merged,
)


class SignalToolEnv(PythonDebugToolEnv):
    """The environment of the arena, for a trainer that is given the four signals as rewards.

    TRL adds what every environment with a method `get_reward` pays to the rewards that it is given, and so
    would pay everything twice. A property is not taken for such a method, and answers all the same.
    """

    @property
    def get_reward(self) -> Callable[[], float]:
        """Gives the sum of the signals."""
        return super().get_reward


def signal_rewards() -> list[Callable[..., list[float]]]:
    """The four signals as TRL's `reward_funcs`, r1 to r4: each is logged, and may be weighted, alone."""
    return [_paying(name) for name in SIGNALS]


def _paying(name: str) -> Callable[..., list[float]]:
    def pay(environments: Sequence[PythonDebugToolEnv], **_: Any) -> list[float]:
        return [SIGNALS[name](environment.episode.outcome) for environment in environments]

    pay.__name__ = name
    return pay


def arena_pool(arguments: Any, dataset: Any, seed: int) -> Any:
    """What problems are drawn from, easy ones first if so asked; None for turns. Raises BadArguments."""
    if arguments.curriculum:
        return pool_of(arguments, dataset, seed, CurriculumPool, ("id", "difficulty"))
    return pool_of(arguments, dataset, seed)


def train_arena(arguments: Any, config: Any, dataset: Any, record: RunRecord) -> None:
    """Train, or go on training, the model of a run. Raises BadArguments."""
    start = _start(arguments, config)
    played = environments(max_turns=arguments.max_turns, python=SignalToolEnv)
    train_episodes(
        arguments,
        config,
        dataset,
        record,
        environments={PYTHON_ENVIRONMENT: played[PYTHON_ENVIRONMENT]},
        pool=arena_pool(arguments, dataset, config.seed),
        model=start.model,
        tokenizer=start.tokenizer,
        reward_funcs=signal_rewards(),
    )
    if start.model is not arguments.start:
        save_merged(start, record.folder)


def _start(arguments: Any, config: Any) -> Adapted:
    """What is trained: an adapter on a model in 4 bits, or all weights of the model of that name."""
    if arguments.unsloth and has_unsloth():
        # Ours is made of TRL's trainer before Unsloth replaces that.
        import_module("recipes.common.trainer")
        return load_adapted(arguments.start, arguments.max_length, config.seed)
    return Adapted(arguments.start, tokenizer_of(arguments.start))


def is_trained(run: Path) -> bool:
    """Whether a run came to its end, and the whole model is there.

    One that was killed while an adapter was merged is trained again, for no step: that loads its last
    checkpoint.
    """
    return is_finished(run) and not needs_merging(run)


def trained_model(run: Path) -> Path:
    """The folder of the whole model that a run has made."""
    return run / MERGED if (run / MERGED).is_dir() else run
