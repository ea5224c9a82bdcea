"""The problems that the servers let play: of a dataset, or those that come with the package."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dsl_debug.data.loading import SAMPLES, commit_of, load_data
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.episode.python import PythonDebugEnv
from dsl_debug.problem import DslProblem, PythonProblem
from dsl_debug.visitors import ARENA_LIMITS, LIMITS, why_arena_closed

VARIABLE = "DSL_DEBUG_DATASET"
MAX_PROBLEMS = 2_000
"""Problems of each environment that are held in memory."""


@dataclass(frozen=True)
class Problems:
    """Problems of both environments by id; `source` says where they come from, and `arena_closed`, a reason
    a line, why no Python function may run here (() where it may)."""

    dsl: Mapping[str, DslProblem]
    python: Mapping[str, PythonProblem]
    source: str
    arena_closed: tuple[str, ...] = ()


def open_problems(place: str = SAMPLES, split: str = "test") -> Problems:
    """The problems of a dataset repository (`user/dsl-debug`), of a folder that the builder made, or those
    that come with the package.

    Raises ValueError, in one line, for whatever is no such thing, and ImportError, saying what to install.
    """
    if place == SAMPLES:
        dsl, python = load_data(SAMPLES).problems, []
        source = "the problems that come with the package"
    else:
        revision = None if Path(place).is_dir() else commit_of(place)
        dsl = load_data(place, "problems", split, revision, MAX_PROBLEMS).problems
        python = _arena(place, split, revision)
        source = f"{place}, {split}" + (f", revision {revision[:7]}" if revision else "")
    return Problems(
        {p.id: p for p in dsl if isinstance(p, DslProblem)},
        {p.id: p for p in python if isinstance(p, PythonProblem)},
        source,
        why_arena_closed(),
    )


def _arena(place: str, split: str, revision: str | None) -> list[DslProblem | PythonProblem]:
    """The Python bugs of a dataset; [] where it has none."""
    from datasets import get_dataset_config_names

    if "arena" not in get_dataset_config_names(place, revision=revision):
        return []
    return load_data(place, "arena", split, revision, MAX_PROBLEMS).problems


def dsl_env() -> DSLDebugEnv:
    """An environment for a stranger: with tight limits."""
    return DSLDebugEnv(limits=LIMITS)


def python_env() -> PythonDebugEnv:
    """The same of the arena; ask `arena_closed` first."""
    return PythonDebugEnv(limits=ARENA_LIMITS)
