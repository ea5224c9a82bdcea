"""What the GRPO recipes share: everything between their arguments and a trained model."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from recipes.common.arguments import BadArguments, GrpoArguments, one_line
from recipes.common.preflight import (
    check_batches,
    check_disk,
    check_enough,
    check_publishing,
    check_start,
)
from recipes.common.rows import environments, problem_rows
from recipes.common.run_record import RunRecord, begin, is_finished

TRACES = "traces"


def train_grpo(recipe: str, arguments: GrpoArguments, config: Any, how: str = "") -> None:
    """Train, or go on training, the model of a run, in `config.output_dir`.

    `how` says how the model to start from is made, in case there is none. Raises BadArguments.
    """
    check_batches(arguments, config)
    check_publishing(config)
    check_disk(arguments, Path(config.output_dir))
    check_start(arguments, how)
    factory = _environments(arguments)
    rows = problem_rows(arguments)
    check_enough(len(rows.dataset), config, arguments.data)
    record = begin(recipe, arguments, config, rows.facts)
    if is_finished(record.folder):
        print(f"{record.folder} is finished: nothing is left to do")
        return
    _train(arguments, config, rows.dataset, factory, record)


def _environments(arguments: GrpoArguments) -> Any:
    try:
        return environments(arguments.reward, arguments.max_turns)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None


def _train(arguments: GrpoArguments, config: Any, dataset: Any, factory: Any, record: RunRecord) -> None:
    from transformers import AutoTokenizer

    from recipes.common.finish import callbacks, run_to_the_end
    from recipes.common.trainer import DebugTrainer

    traces = _traces(arguments, record.folder) if arguments.log_traces else None
    trainer = DebugTrainer(
        model=arguments.start,
        args=config,
        train_dataset=dataset,
        processing_class=AutoTokenizer.from_pretrained(arguments.start, padding_side="left"),
        environment_factory=factory,
        pool=_pool(dataset, config.seed) if arguments.pool else None,
        informative_groups=arguments.informative_groups,
        max_rounds=arguments.max_rounds,
        max_turn_tokens=arguments.max_turn_tokens,
        on_rollouts=traces,
        callbacks=callbacks(record, config),
    )
    run_to_the_end(trainer, record.folder)


def _pool(dataset: Any, seed: int) -> Any:
    from recipes.common.pool import ProblemPool

    try:
        return ProblemPool(list(dataset["id"]), seed)
    except ValueError as error:
        raise BadArguments(one_line(error)) from None


def _traces(arguments: GrpoArguments, folder: Path) -> Callable[[int, Sequence[Any]], None]:
    """Keeps rollouts. Nothing is written before the first: until then processes look into the folder."""
    import os

    from recipes.common.rollout_traces import RolloutTraces

    opened: list[RolloutTraces] = []

    def keep(step: int, rollouts: Sequence[Any]) -> None:
        if not opened:
            rank = int(os.environ.get("RANK", "0"))
            opened.append(RolloutTraces(folder / TRACES, folder.name, rank, prompt=arguments.prompt))
        opened[0].add(step, rollouts)

    return keep
