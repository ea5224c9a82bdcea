"""Checkpoints played by the functions of `dsl-debug eval`, and what is written of it."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsl_debug.data.loading import Data, load_data
from dsl_debug.episode.system_prompts import SYSTEM_PROMPTS
from dsl_debug.evaluation import RESULT, evaluate, load_result, problems_digest
from dsl_debug.policies import ModelOptions, Unusable, open_policy
from dsl_debug.policies.base import Setup
from dsl_debug.policies.tokens import load_chat_tokens
from dsl_debug.results.markdown import markdown
from dsl_debug.results.plots import write_plots
from dsl_debug.results.report import report
from dsl_debug.sandbox import SandboxError
from dsl_debug.storage import write_atomically, write_json
from model_cards.record import TRAINING, read_training
from recipes.common.arguments import BadArguments, one_line
from recipes.common.plots import DYNAMICS, training_dynamics

ENGINES = ("vllm", "hf")

KEPT_PLOTS = ("learning-curve.png", DYNAMICS)
"""Plots that the card of a chosen checkpoint shows."""

Result = dict[str, Any]


# What there is to play


def checkpoints_of(runs: Sequence[str]) -> dict[Path, dict[int, Path]]:
    """The whole checkpoints of each run, by step. Raises BadArguments for a run without any."""
    from recipes.common.checkpoints import step_of, whole_checkpoints

    if not runs:
        raise BadArguments("give folders of training runs with --runs")
    found = {Path(run): {step_of(one): one for one in whole_checkpoints(Path(run))} for run in runs}
    for run, checkpoints in found.items():
        if not checkpoints:
            raise BadArguments(f"{run} holds no whole checkpoint: give the folder that its recipe wrote")
    if len({run.resolve().name for run in found}) < len(runs):
        raise BadArguments("results are kept by the name of a run, and two of these have the same name")
    return found


def load_split(place: str, config: str, split: str, revision: str | None, limit: int | None) -> Data:
    """The problems of a split. Raises BadArguments."""
    try:
        return load_data(place, config, split, revision, limit)
    except (ValueError, ImportError) as error:
        raise BadArguments(one_line(error)) from None


# Playing


@dataclass(frozen=True)
class Player:
    """How checkpoints are played: by which engine (`ENGINES`), with which `ModelOptions`, how often.

    Raises BadArguments for another engine, for a prompt that there is not, and for options without sense.
    """

    engine: str
    options: Mapping[str, Any]
    setup: Setup = Setup()  # noqa: RUF009  frozen
    samples: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise BadArguments(f"no engine {self.engine!r}; there is: {', '.join(ENGINES)}")
        if self.setup.prompt not in SYSTEM_PROMPTS:
            raise BadArguments(f"no prompt {self.setup.prompt!r}; there is: {', '.join(SYSTEM_PROMPTS)}")
        self._options()

    def _options(self) -> ModelOptions:
        try:
            return ModelOptions(**self.options)
        except ValueError as error:
            raise BadArguments(one_line(error)) from None

    def play(self, model: Path | str, data: Data, out: Path) -> Result:
        """The result of a model on some problems: of its folder, or of user/name on the Hub.

        `out` is a folder as of `dsl-debug eval`. An evaluation that is there already is not repeated, and one
        that was stopped goes on. Raises BadArguments where the engine cannot run the model, or `out` holds
        something else.
        """
        place = model.as_posix() if isinstance(model, Path) else model
        name = f"{self.engine}:{place}"
        try:
            return self._there(place, name, data, out) or self._played(name, data, out)
        except (ValueError, ImportError, Unusable, SandboxError) as error:
            raise BadArguments(one_line(error)) from None

    def _there(self, model: str, name: str, data: Data, out: Path) -> Result | None:
        """The result that a folder holds, if it is of the same weights and problems; no model is loaded."""
        if not (out / RESULT).exists():
            return None
        result = load_result(out)
        asked = {"samples": self.samples, "seed": self.seed, "max_turns": self.setup.max_turns}
        is_same = (
            result["policy"]["name"] == name
            and result["arguments"] == asked
            and result["prompt"]["name"] == self.setup.prompt
            and result["data"]["digest"] == problems_digest(data.problems)
            and result["policy"]["settings"].get("temperature") == self.options.get("temperature")
            and result["policy"]["settings"].items() >= self._identity(model, name).items()
        )
        return result if is_same else None

    def _identity(self, model: str, name: str) -> Mapping[str, str | None]:
        """Which weights these are, as results keep it."""
        return load_chat_tokens(model, name, self._options()).model

    def _played(self, name: str, data: Data, out: Path) -> Result:
        policy = open_policy(name, self._options())
        try:
            return evaluate(
                policy,
                data.problems,
                out,
                data=data.facts,
                samples=self.samples,
                seed=self.seed,
                setup=self.setup,
            )
        finally:
            policy.close()


# What is written


def keep_in(model: Path, name: str, result: Result) -> None:
    """Put a result file into the folder of a model, from which its card is rendered."""
    write_json(model / "results" / f"{name}.json", result)


def keep_plots(written: Sequence[Path], models: Sequence[Path]) -> None:
    """Put how runs went into the folders of models, for their cards."""
    for path in written:
        if path.name in KEPT_PLOTS:
            for model in models:
                (model / "plots").mkdir(exist_ok=True)
                shutil.copyfile(path, model / "plots" / path.name)


def write_report(results: Sequence[Result], runs: Sequence[Path], out: Path) -> list[Path]:
    """Write the report on all results, its plots, and how the runs went: the files."""
    facts = report(results)
    write_json(out / "report.json", facts)
    write_atomically(out / "report.md", [markdown(facts)], 0o644)
    plots = write_plots(facts, out)
    return [out / "report.md", *plots, *dynamics_of(runs, out)]


def dynamics_of(runs: Sequence[Path], out: Path) -> list[Path]:
    """The plot of the histories that the runs have kept; none where they have kept none."""
    try:
        known = [run for run in runs if (run / TRAINING).exists()]
        histories = {run.resolve().name: read_training(run).history for run in known}
        return [training_dynamics(histories, out)] if any(histories.values()) else []
    except ValueError as error:
        raise BadArguments(one_line(error)) from None
