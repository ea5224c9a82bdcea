# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "matplotlib==3.11.2",
#     "torch==2.13.0",
#     "transformers==5.23.0",
#     "trl==1.16.0",
# ]
# ///
"""The study of rewards: hack rate over training, paid for the shown tables against the hidden ones as well.

    python recipes/reward_study.py                                             # the two runs of the study
    python recipes/reward_study.py --runs runs/study_reward_visible runs/study_reward_robust
    python recipes/reward_study.py --checkpoints results/checkpoints           # and on validation

Writes `report.json`, `report.md` and `hack-rate.png` below `--out`, from the `training.json` of the runs.
They have to be the same in all but `reward`; of several seeds, each needs a run with either reward.
`--checkpoints` names what `evaluate_checkpoints.py` wrote about these runs. No model is loaded.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script sees its own folder only

from dsl_debug.storage import write_atomically, write_json
from recipes.common.arguments import BadArguments, parse_alone, refusing
from recipes.common.plots import hack_rates
from recipes.common.study import markdown, study
from recipes.common.study_runs import read_run, validation_of

DEFAULT = "reward_study.yaml"


@dataclass
class StudyArguments:
    """Which runs are compared."""

    runs: list[str] = field(default_factory=list, metadata={"help": "Folders of training runs."})
    out: str = field(default="results/reward-study", metadata={"help": "The folder to write."})
    checkpoints: str | None = field(
        default=None, metadata={"help": "What evaluate_checkpoints.py wrote about them, its --out."}
    )


def main(arguments: StudyArguments) -> None:
    """Compare the runs. Raises BadArguments."""
    if not arguments.runs:
        raise BadArguments("give folders of training runs with --runs")
    runs = [read_run(Path(folder)) for folder in arguments.runs]
    validation = validation_of(runs, Path(arguments.checkpoints)) if arguments.checkpoints else []
    facts, out = study(runs, validation), Path(arguments.out)
    write_json(out / "report.json", facts)
    write_atomically(out / "report.md", [markdown(facts)], 0o644)
    print(out / "report.md", out / "report.json", hack_rates(facts, out), sep="\n")


if __name__ == "__main__":
    with refusing("reward_study"):
        main(parse_alone(StudyArguments, DEFAULT))
