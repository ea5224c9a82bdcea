"""The runs of the study of rewards, read from their files, and whether they may be compared at all."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl_debug.evaluation import load_result
from model_cards.record import Training, read_record, training_of
from recipes.common.arguments import BadArguments, one_line
from recipes.common.plots import is_number
from recipes.common.run_record import differences

MEASURES = {"hack_rate": "hack rate", "visible_accuracy": "visible accuracy", "accuracy": "robust accuracy"}
"""What is compared, as training logs it: right on the shown tables alone, on the shown ones, on all."""

ON_VALIDATION = {"hack_rate": "hack_rate", "visible_accuracy": "visible", "accuracy": "accuracy"}
"""The names of the same in result files."""

VALIDATED = "validation/checkpoint-*"

SHAPE = (
    "generation_batch_size",
    "gradient_accumulation_steps",
    "steps_per_generation",
    "num_iterations",
    "num_generations",
)
"""Arguments that tell how many rollouts, of how many problems, a step has."""

FEWEST_STEPS = 3
"""A run is told by thirds."""

Facts = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What was logged at a step: how many rollouts were played since the row before, and their rates."""

    step: int
    rollouts: int
    rates: Mapping[str, float]


@dataclass(frozen=True)
class StudyRun:
    """A run of the study; `facts` is its record as it was read."""

    folder: Path
    facts: Mapping[str, Any]
    training: Training
    steps: tuple[Step, ...]
    reward: str
    seed: int

    @property
    def label(self) -> str:
        """What the run is called in tables and plots."""
        return f"{self.reward}, seed {self.seed}"

    def problems(self, rollouts: int) -> int:
        """Of how many problems so many rollouts are, at most: one is played again in the next epoch."""
        groups = max(1, rollouts // int(self.training.arguments["num_generations"]))
        rows = self.training.dataset["rows"]
        return min(groups, rows) if is_number(rows) else groups


# Reading


def read_run(folder: Path) -> StudyRun:
    """A run of GRPO with what it logged. Raises BadArguments for anything else."""
    try:
        facts, name = read_record(folder)
        training = training_of(facts, name)
    except (OSError, ValueError) as error:
        raise BadArguments(one_line(error)) from None
    arguments = training.arguments
    missing = [key for key in ("reward", "seed", *SHAPE) if key not in arguments]
    if missing:
        raise BadArguments(f"{folder} is no run of GRPO: its record has no argument {missing[0]!r}")
    steps = steps_of(training)
    if len(steps) < FEWEST_STEPS:
        raise BadArguments(
            f"{folder} has logged the hack rate of {len(steps)} steps, and the thirds of a run need"
            f" {FEWEST_STEPS}"
        )
    return StudyRun(folder, facts, training, steps, str(arguments["reward"]), int(arguments["seed"]))


def steps_of(training: Training) -> tuple[Step, ...]:
    """The steps of a history that have rates of rollouts, in their order.

    A row counts for all steps since the row before: runs may log every few steps only. Where a pool generates
    again, there were more rollouts than are counted here.
    """
    kept = [row for row in training.history if all(is_number(row.get(name)) for name in ("step", *MEASURES))]
    each = rollouts_of_a_step(training.arguments)
    steps: list[Step] = []
    for row in sorted(kept, key=lambda row: int(row["step"])):
        since = int(row["step"]) - (steps[-1].step if steps else 0)
        rates = {name: float(row[name]) for name in MEASURES}
        steps.append(Step(int(row["step"]), max(1, round(since * each)), rates))
    return tuple(steps)


def rollouts_of_a_step(arguments: Mapping[str, Any]) -> float:
    """Rollouts for each optimizer step, of all processes together."""
    batch, accumulated, generated, iterations, _ = (int(arguments[name]) for name in SHAPE)
    return batch * accumulated / (generated * iterations)


# What may be compared


def check_comparable(runs: Sequence[StudyRun]) -> None:
    """Raises BadArguments unless there are two rewards, each with the same seeds, and all else is equal."""
    rewards = rewards_of(runs)
    if len(rewards) != 2:
        raise BadArguments(
            f"two rewards are compared, and these runs have {len(rewards)}: {', '.join(rewards)}"
        )
    found: dict[tuple[str, int], StudyRun] = {}
    for run in runs:
        twin = found.setdefault((run.reward, run.seed), run)
        if twin is not run:
            raise BadArguments(f"{twin.folder} and {run.folder} are both of reward {run.label}: give one")
    for one, other in (rewards, rewards[::-1]):
        alone = sorted(seed for reward, seed in found if reward == one and (other, seed) not in found)
        if alone:
            raise BadArguments(f"seed {alone[0]} has a run with reward {one} and none with {other}")
    for run in runs[1:]:
        _check_equal(runs[0], run)


def rewards_of(runs: Iterable[StudyRun]) -> list[str]:
    """The rewards, in the order in which they were given."""
    return list(dict.fromkeys(run.reward for run in runs))


def _check_equal(first: StudyRun, other: StudyRun) -> None:
    told = differences(_without_what_varies(first.facts), _without_what_varies(other.facts))
    if told:
        raise BadArguments(
            f"{other.folder} cannot be compared with {first.folder} ({told}): all but reward and seed has to"
            " be the same"
        )
    was, now = ([step.step for step in run.steps] for run in (first, other))
    if was != now:
        raise BadArguments(
            f"{first.folder} has logged {len(was)} steps up to {was[-1]}, and {other.folder} {len(now)} up to"
            f" {now[-1]}: let both come to the same step, and log the same ones"
        )


def _without_what_varies(facts: Mapping[str, Any]) -> Facts:
    arguments = {name: value for name, value in facts["arguments"].items() if name not in ("reward", "seed")}
    return {**facts, "arguments": arguments}


def warnings_of(runs: Sequence[StudyRun]) -> list[str]:
    """What a reader has to know before believing any figure."""
    first = runs[0]
    told = []
    if first.training.is_smoke:
        told.append("These are smoke runs: they show that everything works, and nothing else.")
    if first.training.arguments.get("pool"):
        told.append(
            "Problems were drawn by their solve rates, so that each run has played a mix of its own, and more"
            " rollouts than are counted here where it generated again: compare on validation."
        )
    for what in ("code", "libraries", "hardware"):
        others = [run.label for run in runs if getattr(run.training, what) != getattr(first.training, what)]
        if others:
            told.append(f"Not the same {what} as that of {first.label}: {'; '.join(others)}.")
    return told


# Checkpoints that were played


def validation_of(runs: Sequence[StudyRun], place: Path) -> list[Facts]:
    """What checkpoints of the runs did on validation: what `evaluate_checkpoints.py` wrote into a folder.

    Raises BadArguments where a run was not evaluated, or the evaluations are not of the same kind.
    """
    names = [run.folder.resolve().name for run in runs]
    if len(set(names)) < len(names):
        raise BadArguments("results are kept by the name of a run, and two of these have the same name")
    rows: list[Facts] = []
    kinds: dict[str, Path] = {}
    for run, name in zip(runs, names, strict=True):
        found = {int(path.name.rpartition("-")[2]): path for path in (place / name).glob(VALIDATED)}
        if not found:
            raise BadArguments(f"{place} holds no validation of {name}: evaluate_checkpoints.py makes it")
        for step, path in sorted(found.items()):
            result = _result(path)
            kinds.setdefault(_kind(result), path)
            rows.append({"label": run.label, "step": step, **_rates(result)})
    if len(kinds) > 1:
        one, other, *_ = kinds.values()
        raise BadArguments(f"{one} and {other} were played in different ways, or on different problems")
    return rows


def _result(path: Path) -> Facts:
    try:
        return load_result(path)
    except (OSError, ValueError) as error:
        raise BadArguments(one_line(error)) from None


def _rates(result: Facts) -> Facts:
    overall = result["summary"]["overall"]
    return {"problems": overall["problems"], **{name: overall[was] for name, was in ON_VALIDATION.items()}}


def _kind(result: Facts) -> str:
    """What has to be equal for results to be compared."""
    return json.dumps([result["data"].get("digest"), result["arguments"], result["prompt"].get("name")])
