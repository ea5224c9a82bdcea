"""Training in the arena: rewards one by one, the curriculum, and a model in 4 bits where that can be had."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dsl_debug.episode.python_trl import PythonDebugToolEnv
from dsl_debug.problem import PYTHON_ENVIRONMENT
from dsl_debug.scoring import SIGNALS
from recipes.common.arguments import BadArguments, one_line
from recipes.common.curriculum import CurriculumPool
from recipes.common.pool import ProblemPool
from recipes.common.run_record import RunRecord
from recipes.common.unsloth_model import MERGED, Adapted, has_unsloth, load_adapted, save_merged

TRACES = "traces"


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


def pool_of(arguments: Any, dataset: Any, seed: int) -> CurriculumPool | ProblemPool | None:
    """What problems are drawn from; None for TRL's own order. Raises BadArguments."""
    if not arguments.pool:
        return None
    ids = list(dataset["id"])
    try:
        if arguments.curriculum:
            return CurriculumPool(ids, list(dataset["difficulty"]), seed)
        return ProblemPool(ids, seed)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None


def train_arena(arguments: Any, config: Any, dataset: Any, record: RunRecord) -> None:
    """Train, or go on training, the model of a run. Raises BadArguments."""
    from recipes.common.finish import callbacks, run_to_the_end
    from recipes.common.rollout_traces import RolloutTraces
    from recipes.common.trainer import DebugTrainer

    start = _start(arguments, config)
    traces = RolloutTraces(record.folder / TRACES, record.folder.name, prompt=arguments.prompt)
    turns = {} if arguments.max_turns is None else {"max_turns": arguments.max_turns}
    pool: Any = pool_of(arguments, dataset, config.seed)
    trainer = DebugTrainer(
        model=start.model,
        args=config,
        reward_funcs=signal_rewards(),
        train_dataset=dataset,
        processing_class=start.tokenizer,
        environment_factory={PYTHON_ENVIRONMENT: lambda: SignalToolEnv(**turns)},
        pool=pool,
        informative_groups=arguments.informative_groups,
        max_rounds=arguments.max_rounds,
        max_turn_tokens=arguments.max_turn_tokens,
        on_rollouts=traces.add if arguments.log_traces else None,
        callbacks=callbacks(record, config),
    )
    run_to_the_end(trainer, record.folder)
    traces.close()
    if start.model is not arguments.start:
        save_merged(start, record.folder)


def _start(arguments: Any, config: Any) -> Adapted:
    """What is trained: an adapter on a model in 4 bits, or all weights of the model of that name."""
    if arguments.unsloth and has_unsloth():
        return load_adapted(arguments.start, arguments.max_length, config.seed)
    from transformers import AutoTokenizer

    return Adapted(arguments.start, AutoTokenizer.from_pretrained(arguments.start, padding_side="left"))


def trained_model(run: Path) -> Path:
    """The folder of the whole model that a run has made."""
    return run / MERGED if (run / MERGED).is_dir() else run
