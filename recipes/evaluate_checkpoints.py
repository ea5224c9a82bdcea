# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "datasets==5.2.0",
#     "jinja2==3.1.6",
#     "matplotlib==3.11.2",
#     "pyseccomp==0.1.2",
#     "torch==2.13.0",
#     "transformers==5.17.0",
#     "trl==1.16.0",
#     "vllm==0.31.0",
# ]
# ///
"""Validate every saved checkpoint of training runs, choose the best of each on validation only, test it once.

    python recipes/evaluate_checkpoints.py                                     # the two published runs, vLLM
    python recipes/evaluate_checkpoints.py --runs runs/grpo_sft_rl_7b --test
    python recipes/evaluate_checkpoints.py --config recipes/configs/evaluate_checkpoints_smoke.yaml --runs RUN

Writes, below `--out`: for each run `RUN/validation/checkpoint-N` (folders of `dsl-debug eval`), its choice in
`RUN/choice.json` and with `--test` `RUN/test/checkpoint-N`; for all of them together `report.md`,
`report.json`, the plots of `dsl-debug report`, among them `learning-curve.png` with a panel for each run, and
`training-dynamics.png`. The chosen checkpoint gets its results into its folder, where its card is rendered
from. Whatever was stopped goes on with the same command.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script sees its own folder only

from dsl_debug.data.loading import Data
from dsl_debug.episode.prompts import DEFAULT_PROMPT
from dsl_debug.policies.base import Setup
from recipes.common.arguments import DATASET, parse_alone, refusing
from recipes.common.choice import begin_test, write_choice
from recipes.common.validation import (
    Player,
    checkpoints_of,
    keep_in,
    keep_plots,
    load_split,
    write_report,
)

DEFAULT = "evaluate_checkpoints.yaml"


@dataclass
class EvaluateArguments:
    """What is evaluated, and how."""

    runs: list[str] = field(default_factory=list, metadata={"help": "Folders of training runs."})
    out: str = field(default="results/checkpoints", metadata={"help": "The folder to write."})
    test: bool = field(default=False, metadata={"help": "Play the best checkpoint on the test split, once."})
    force: bool = field(default=False, metadata={"help": "Test although another checkpoint was tested."})
    data: str = field(default=DATASET, metadata={"help": "user/name on the Hub, a built folder, or a file."})
    data_config: str = field(default="problems", metadata={"help": "Its config."})
    data_revision: str | None = field(default=None, metadata={"help": "A commit, branch or tag of it."})
    validation_split: str = field(default="validation", metadata={"help": "What the choice is made on."})
    test_split: str = field(default="test", metadata={"help": "What is played by the chosen one only."})
    limit: int | None = field(default=None, metadata={"help": "Only the first so many problems of a split."})
    engine: str = field(default="vllm", metadata={"help": "What runs the models: vllm or hf."})
    samples: int = field(default=1, metadata={"help": "Episodes a problem."})
    seed: int = field(default=0, metadata={"help": "Of all that is random."})
    prompt: str = field(default=DEFAULT_PROMPT, metadata={"help": "The system prompt."})
    max_turns: int | None = field(default=None, metadata={"help": "Instead of 8, or 5 in the arena."})
    temperature: float = field(default=0.0, metadata={"help": "0 is greedy."})
    max_tokens: int = field(default=2_048, metadata={"help": "Tokens of a message at most."})
    context: int | None = field(default=None, metadata={"help": "Tokens of a whole episode at most."})
    batch_size: int = field(default=16, metadata={"help": "Episodes at a time, with hf."})
    device: str = field(default="auto", metadata={"help": "For hf: cpu, cuda, ..."})
    dtype: str = field(default="auto", metadata={"help": "float32, bfloat16, ..."})


def main(arguments: EvaluateArguments) -> None:
    """Evaluate the checkpoints of all runs. Raises BadArguments."""
    out, player = Path(arguments.out), player_of(arguments)
    runs = checkpoints_of(arguments.runs)
    validation = data_of(arguments, arguments.validation_split)
    test = data_of(arguments, arguments.test_split) if arguments.test else None
    results: list[dict[str, Any]] = []
    chosen: list[Path] = []
    for run, checkpoints in runs.items():
        place = out / run.resolve().name
        played = {
            step: player.play(checkpoint, validation, place / "validation" / checkpoint.name)
            for step, checkpoint in checkpoints.items()
        }
        results += played.values()
        best = write_choice(place, played)
        chosen.append(checkpoints[best])
        keep_in(checkpoints[best], "validation", played[best])
        print(f"{run}: checkpoint-{best} is the best of {len(played)} on validation")
        if test is not None:
            play_test(arguments, player, test, checkpoints[best], place)
    written = write_report(results, list(runs), out)
    keep_plots(written, chosen)
    print(*written, sep="\n")


def player_of(arguments: EvaluateArguments) -> Player:
    """How the checkpoints are played. Raises BadArguments."""
    names = ("temperature", "max_tokens", "context", "batch_size", "device", "dtype")
    options = {name: getattr(arguments, name) for name in names}
    setup = Setup(arguments.max_turns, arguments.prompt)
    return Player(arguments.engine, options, setup, arguments.samples, arguments.seed)


def data_of(arguments: EvaluateArguments, split: str) -> Data:
    """The problems of a split. Raises BadArguments."""
    return load_split(arguments.data, arguments.data_config, split, arguments.data_revision, arguments.limit)


def play_test(arguments: EvaluateArguments, player: Player, test: Data, checkpoint: Path, out: Path) -> None:
    """Play the chosen checkpoint on the test problems. Raises BadArguments where another one was played."""
    step = int(checkpoint.name.rpartition("-")[2])
    begin_test(out, step, arguments.force)
    result = player.play(checkpoint, test, out / "test" / checkpoint.name)
    keep_in(checkpoint, "test", result)
    rate = result["summary"]["overall"]["accuracy"]
    print(f"{checkpoint}: {rate['rate']:.1%} on test ({rate['low']:.1%} to {rate['high']:.1%})")


if __name__ == "__main__":
    with refusing("evaluate_checkpoints"):
        main(parse_alone(EvaluateArguments, DEFAULT))
