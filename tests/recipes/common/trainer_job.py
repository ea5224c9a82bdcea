"""What two processes do together to test the trainer: a step on a group each, and dynamic sampling."""

import os
from pathlib import Path
from typing import Any

import torch

from dsl_debug.episode.tools import call_block
from recipes.common.episodes import TokenEpisode
from recipes.common.pool import ProblemPool
from recipes.common.tiny import END
from tests.problems import CORRECT, OVERFIT, make_problem
from tests.recipes.common.trained import make_trainer, trained

MIXED, SOLVED = (make_problem(intent=text) for text in ("mixed", "solved"))
MANY = [make_problem(intent=f"{'mixed' if n % 3 == 0 else 'solved'} {n}") for n in range(12)]
SETTINGS: dict[str, Any] = {"entropy_coef": 0.1, "per_device_train_batch_size": 2}


def says(episode: TokenEpisode, sample: int) -> str:
    """Sample 0 of a mixed problem is solved, in two turns; sample 1 is not. Others are solved at once."""
    mixed = episode.env.problem.intent.startswith("mixed")  # type: ignore[attr-defined]
    if mixed and sample == 0 and not episode.env.history:
        return "I look at it first." + END
    return call_block("submit", {"code": OVERFIT if mixed and sample else CORRECT}) + END


def train(folder: Path) -> dict[str, Any]:
    """A step of each process; the model is at `folder`/tiny, gradients are left in `folder`."""
    rank = int(os.environ["RANK"])
    trainer, gradients = trained(folder / "tiny", folder / "out", [MIXED, SOLVED], says, **SETTINGS)
    torch.save(gradients, folder / f"gradients-{rank}.pt")
    (part,) = trainer._buffered_inputs
    pool = ProblemPool([problem.id for problem in MANY], seed=3)
    options = {"pool": pool, "max_rounds": 6}
    drawing = make_trainer(folder / "tiny", folder / "drawn", MANY, says, options=options, **SETTINGS)
    drawing.train()
    return {
        "scale": part["row_scale"],
        "kept": part["kept"].tolist(),
        "log": trainer.state.log_history[0] if rank == 0 else None,
        "pool": pool.state(),
        "drawn": drawing._buffered_inputs[0]["kept"].tolist(),
        "drawn_log": drawing.state.log_history[0] if rank == 0 else None,
    }
