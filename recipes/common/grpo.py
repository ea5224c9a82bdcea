"""What the GRPO recipes share: everything between their arguments and a trained model."""

from collections.abc import Callable, Sequence
from typing import Any

from recipes.common.arguments import BadArguments, GrpoArguments, one_line
from recipes.common.pool import ProblemPool
from recipes.common.preflight import check_batches, check_chat, check_enough, check_run, prepare_engine
from recipes.common.rollout_traces import kept_rollouts
from recipes.common.rows import environments, problem_rows
from recipes.common.run_record import RunRecord, begin, is_finished


def train_grpo(recipe: str, arguments: GrpoArguments, config: Any, how: str = "") -> None:
    """Train, or go on training, the model of a run, in `config.output_dir`.

    `how` says how the model to start from is made, in case there is none. Raises BadArguments.
    """
    check_batches(arguments, config)
    check_run(arguments, config, how)
    prepare_engine(config)
    factory = _environments(arguments)
    rows = problem_rows(arguments)
    check_enough(len(rows.dataset), config, arguments.data)
    record = begin(recipe, arguments, config, rows.facts)
    if is_finished(record.folder):
        print(f"{record.folder} is finished: nothing is left to do")
        return
    check_chat(arguments.start)
    train_episodes(
        arguments,
        config,
        rows.dataset,
        record,
        environments=factory,
        pool=pool_of(arguments, rows.dataset, config.seed),
        model=arguments.start,
        tokenizer=tokenizer_of(arguments.start),
    )


def _environments(arguments: GrpoArguments) -> Any:
    try:
        return environments(arguments.reward, arguments.max_turns)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None


# What every run on episodes is made of


def train_episodes(
    arguments: GrpoArguments,
    config: Any,
    dataset: Any,
    record: RunRecord,
    *,
    environments: Any,
    pool: Any,
    model: Any,
    tokenizer: Any,
    reward_funcs: Sequence[Callable[..., list[float]]] | None = None,
) -> None:
    """Train a model, or the one of this name, on the episodes of a dataset, and save it in the run's folder.

    `environments` are TRL's `environment_factory`; `pool` is what problems are drawn from, or None for turns;
    `reward_funcs` pay where the environments do not. vLLM is prepared by then (`prepare_engine`).
    """
    from recipes.common.finish import callbacks, run_to_the_end
    from recipes.common.trainer import DebugTrainer

    with kept_rollouts(record.folder, arguments.prompt) as keep:
        trainer = DebugTrainer(
            model=model,
            args=config,
            reward_funcs=reward_funcs,
            train_dataset=dataset,
            processing_class=tokenizer,
            environment_factory=environments,
            pool=pool,
            informative_groups=arguments.informative_groups,
            max_rounds=arguments.max_rounds,
            max_turn_tokens=arguments.max_turn_tokens,
            on_rollouts=keep if arguments.log_traces else None,
            callbacks=callbacks(record, config),
        )
        run_to_the_end(trainer, record.folder)


def tokenizer_of(model: str) -> Any:
    """The tokenizer of a model, for generation."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model, padding_side="left")


def pool_of(
    arguments: GrpoArguments,
    dataset: Any,
    seed: int,
    make: Callable[..., Any] = ProblemPool,
    columns: Sequence[str] = ("id",),
) -> Any:
    """What problems are drawn from, made of these columns; None for turns. Raises BadArguments."""
    if not arguments.pool:
        return None
    try:
        return make(*(list(dataset[column]) for column in columns), seed)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None
