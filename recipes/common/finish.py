"""How every recipe runs its trainer: from the last whole checkpoint to a saved model, with its record."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from recipes.common.checkpoints import (
    KeepOneOptimizer,
    PublishCheckpoints,
    latest_checkpoint,
    to_hub,
)
from recipes.common.run_record import RunRecord, record_callback


def callbacks(record: RunRecord, config: Any) -> list[Any]:
    """The record of the run, room on the disk and, where `hub_model_id` names a repository, every checkpoint
    to the Hub.

    The record comes first: a checkpoint is published with it.
    """
    always = [record_callback(record), KeepOneOptimizer()]
    if config.hub_model_id is None:
        return always
    return [*always, PublishCheckpoints(to_hub(config.hub_model_id, bool(config.hub_private_repo)))]


class AllTrained(Exception):
    """The checkpoint that a run goes on from is that of its last step."""


class StopAtTheLastStep(TrainerCallback):
    """Stops a run that has no step left.

    The Trainer looks for its end behind a step only: a run that was stopped between its last checkpoint and
    the saved model would be trained for a step more than it was asked for.
    """

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Raises AllTrained; the weights of the checkpoint are loaded by now."""
        if state.global_step >= state.max_steps:
            raise AllTrained


def run_to_the_end(trainer: Any, folder: Path) -> None:
    """Train from the last checkpoint that is whole, if there is one, and save the model.

    `trainer` is any of transformers', with or without a record; `folder` is its `output_dir`. The state is
    saved last: a folder that holds it is that of a finished run. Uploads are waited for after that, for all
    processes save the model together, and would not wait for one that still publishes.
    """
    checkpoint = latest_checkpoint(folder)
    trainer.add_callback(StopAtTheLastStep())
    with suppress(AllTrained):
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    trainer.save_model(str(folder))
    trainer.save_state()
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, PublishCheckpoints):
            callback.finish()
