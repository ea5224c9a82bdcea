"""Trajectories by a model: a teacher `openai:MODEL@URL` plays the problems, and its successes are kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dataset_builder.model import REFERENCE, Progress, Trajectory
from dataset_builder.teacher import model_trajectories
from dsl_debug.policies.endpoint import Settings, parse_target
from dsl_debug.problem import DslProblem


def public_name(teacher: str) -> str:
    """The name without the address, which is nobody's business."""
    return teacher if teacher == REFERENCE else f"openai:{parse_target(teacher).model}"


def taught(
    teacher: str,
    problems: Sequence[DslProblem],
    cache: Path,
    workers: int,
    on_progress: Progress,
) -> tuple[list[Trajectory], dict[str, Any]]:
    """The trajectories and the facts about the teacher. Raises endpoint.Unavailable."""
    model, url = parse_target(teacher)
    settings = Settings(model, url, cache, workers)
    made = model_trajectories(settings, problems, on_progress=on_progress)
    facts = {
        "counts": made.counts,
        "solve_rate": made.solve_rate,
        "tokens_in": made.tokens_in,
        "tokens_out": made.tokens_out,
        "stopped": made.stopped,
    }
    return made.trajectories, facts
