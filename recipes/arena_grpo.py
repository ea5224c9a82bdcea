# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "accelerate==1.15.0",
#     "datasets==5.2.0",
#     "jinja2==3.1.6",
#     "matplotlib==3.11.2",
#     "pyseccomp==0.1.2",
#     "torch==2.13.0",
#     "transformers==5.23.0",
#     "trl==1.16.0",
# ]
#
# [tool.hf-jobs]
# flavor = "t4-medium"
# timeout = "8h"
# secrets = ["HF_TOKEN"]
# ///
"""GRPO in DebugArena: a small model learns to fix Python functions, from easy bugs to hard ones.

    accelerate launch --num_processes 1 recipes/arena_grpo.py                  # 0.5B, on a T4
    python recipes/arena_grpo.py --config recipes/configs/arena_smoke.yaml --start MODEL --data DATASET

The four signals r1 to r4 are rewards of their own. The model plays the test problems before and after:
`evaluation/before` and `evaluation/after` are folders of `dsl-debug eval`, from which `evaluation/report.md`
and `plots/before-after.png` are rendered. Where unsloth is installed an adapter is trained on the model in 4
bits (see `recipes/common/unsloth_model.py`), else all weights are. The same command again goes on with a run
that was stopped.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script sees its own folder only

from recipes.common.arguments import BadArguments, GrpoArguments, parse, refusing
from recipes.common.preflight import (
    check_batches,
    check_chat,
    check_enough,
    check_machine,
    check_run,
    prepare_engine,
)


@dataclass
class ArenaArguments(GrpoArguments):
    """What the arena recipe is told."""

    data_configs: list[str] = field(default_factory=lambda: ["arena"], metadata={"help": "Its configs."})
    pool: bool = field(default=True, metadata={"help": "Draw problems by solve rates, not by turns."})
    curriculum: bool = field(default=True, metadata={"help": "Of the pool: from easy to hard problems."})
    unsloth: bool = field(default=True, metadata={"help": "Load in 4 bits where unsloth is installed."})
    max_length: int = field(default=4_096, metadata={"help": "Tokens of an episode that unsloth allows."})
    test_split: str = field(default="test", metadata={"help": "What is played before and after."})
    test_limit: int | None = field(default=None, metadata={"help": "Only its first so many problems."})
    test_samples: int = field(default=1, metadata={"help": "Episodes a problem, before and after."})
    test_batch_size: int = field(default=16, metadata={"help": "Episodes at a time, before and after."})


def main(arguments: ArenaArguments, config: Any) -> None:
    """Evaluate, train, and evaluate again. Raises BadArguments."""
    check_batches(arguments, config)
    check_run(arguments, config)
    if config.world_size > 1:
        raise BadArguments("the arena recipe is for one process: start it with --num_processes 1")
    prepare_engine(config)
    from recipes.common.arena import is_trained, train_arena, trained_model
    from recipes.common.before_after import held_out_problems, play_test, write_before_after
    from recipes.common.rows import problem_rows
    from recipes.common.run_record import begin

    rows, test = problem_rows(arguments), held_out_problems(arguments)
    check_enough(len(rows.dataset), config, arguments.data)
    record = begin("arena_grpo", arguments, config, rows.facts)
    check_chat(arguments.start)
    if not record.facts["steps"]:
        record.write(0, [])  # a folder without a record would be refused when the run goes on
    before = play_test(arguments, config, arguments.start, test, "before")
    if not is_trained(record.folder):
        train_arena(arguments, config, rows.dataset, record)
    model = trained_model(record.folder)
    after = play_test(arguments, config, model, test, "after")
    for line in write_before_after(before, after, record.folder, model):
        print(line)


if __name__ == "__main__":
    with refusing("arena_grpo"):
        main(*parse(ArenaArguments, "GRPOConfig", "arena.yaml", check=check_machine))
