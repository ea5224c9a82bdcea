"""A small, sound dataset for tests: the sample problems of the package, one database for each stage."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from dataset_builder.experts import recorded
from dataset_builder.export import Content, DatabaseFacts
from dataset_builder.model import Trajectory
from dataset_builder.parquet_files import read_rows, write_split
from dataset_builder.python_bugs.families import hand_written_problems
from dsl_debug.data import sample_problems
from dsl_debug.lang import Dialect, parse, print_program
from dsl_debug.problem import DslProblem, PythonProblem

STAGES = {"library": "train", "vet": "validation", "bakery": "test", "trains": "sft_train"}
POLICIES = ("constant_emitter", "reference", "unchanged")
REPORT: dict[str, Any] = {
    "command": "python -m dataset_builder build --preset sample --seed 0",
    "preset": "sample",
    "seed": 0,
    "gates": {"accepted": 10, "a tie decides the order": 30},
    "rounds": [{"jobs": 4, "accepted": 10}],
    "leakage": {"databases": 0},
}
RUN: dict[str, Any] = {"seconds": {"problems": 1.5}, "workers": 2}


def problem_with(**labels: str) -> DslProblem:
    """The first sample problem with these labels."""
    return next(p for p in sample_problems() if all(getattr(p, k) == v for k, v in labels.items()))


def taught(problem: DslProblem) -> Trajectory:
    """An expert's trajectory: a remark, and the correct program."""
    row = recorded("reference", problem, 1)
    chat = [m | {"content": "A look."} if m["role"] == "assistant" else m for m in row["messages"]]
    return Trajectory(problem.id, "reference", tuple(chat), row["turns"], row["reward"])


def in_dialect(problem: DslProblem) -> DslProblem:
    """The same problem in other words."""
    dialect = Dialect.random(Random(7))
    codes = (print_program(parse(code), dialect) for code in (problem.buggy_code, problem.correct_code))
    buggy, correct = codes
    return replace(problem, buggy_code=buggy, correct_code=correct, dialect=dialect)


def functions() -> dict[str, list[PythonProblem]]:
    """A few problems of the arena, no family in two splits."""
    families: dict[str, list[PythonProblem]] = {}
    for problem in hand_written_problems():
        families.setdefault(problem.family, []).append(problem)
    return dict(zip(("train", "validation", "test"), families.values(), strict=False))


@lru_cache(maxsize=1)
def content() -> Content:
    """All configs; a standard problem that fails and one that a filter by values solves are left out."""
    stages: dict[str, list[DslProblem]] = {stage: [] for stage in STAGES.values()}
    for problem in sample_problems():
        if problem.bugs[0].kind not in ("syntax", "join_key"):
            stages[STAGES[problem.database]].append(problem)
    sft = stages.pop("sft_train")
    return Content(
        problems=stages,
        dialect_shift=[in_dialect(stages["test"][0])],
        sft_problems={"train": sft, "validation": []},
        sft={"train": [taught(problem) for problem in sft]},
        arena=functions(),
        traces=[recorded(name, p, 1) for p in stages["test"] for name in POLICIES],
        databases=[DatabaseFacts(name, "samples", name, stage, 2) for name, stage in STAGES.items()],
    )


def rewrite(folder: Path, config: str, split: str, change: Callable[[list[Any]], Any], features: Any) -> None:
    """Change the rows of a split in place; JSON columns are texts to `change`."""
    paths = sorted((folder / "data" / config).glob(f"{split}-*.parquet"))
    rows = list(read_rows(paths))
    change(rows)
    for path in paths:
        path.unlink()
    write_split(rows, folder / "data" / config, split, features)
