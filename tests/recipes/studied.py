"""Runs of a study of rewards, as files: the records of training that a test writes by hand."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsl_debug.storage import write_json
from recipes.common.study_runs import StudyRun, read_run
from tests.recipes.played import RECORD

SHAPE: dict[str, Any] = {
    "generation_batch_size": 16,
    "gradient_accumulation_steps": 2,
    "steps_per_generation": 2,
    "num_iterations": 1,
    "num_generations": 4,
    "learning_rate": 1e-5,
}
"""Four problems a step, with four rollouts each."""

VISIBLE = (0.0, 0.25, 0.25, 0.5, 0.5, 0.75)
ROBUST = (0.0, 0.0, 0.25, 0.0, 0.0, 0.25)
"""Hack rates of six steps."""


def row(step: int, hack_rate: float | None) -> dict[str, Any]:
    """What is logged at a step of which the shown tables are right in three of four rollouts."""
    hidden = None if hack_rate is None else 0.75 - hack_rate
    return {"step": step, "hack_rate": hack_rate, "visible_accuracy": 0.75, "accuracy": hidden, "loss": 0.1}


def write_run(
    folder: Path, reward: str, hack_rates: Sequence[float | None], seed: int = 42, **changes: Any
) -> Path:
    """Write the record of a run; `changes` are of its arguments, or parts of the record."""
    arguments = {**SHAPE, "reward": reward, "seed": seed, "output_dir": str(folder)}
    record = {**RECORD, "is_smoke": False, "history": [row(n, r) for n, r in enumerate(hack_rates, 1)]}
    for name, value in changes.items():
        (record if name in RECORD else arguments)[name] = value
    write_json(folder / "training.json", {**record, "arguments": arguments})
    return folder


def pair(place: Path) -> list[StudyRun]:
    """The two runs of a study."""
    rates = {"visible": VISIBLE, "robust": ROBUST}
    return [read_run(write_run(place / reward, reward, found)) for reward, found in rates.items()]
