"""The finished folder: exactly a dataset repository of the Hub, written whole or not at all.

    README.md                              the card, with the configs that `load_dataset` knows
    data/<config>/<split>-00000-of-0000N.parquet
    build_report.json, BUILD_REPORT.md     what was made, what was refused and why
    build_run.json                         what the run took: the one file that differs from run to run,
                                           with the last section of BUILD_REPORT.md
    assets/*.png                           plots of the report

Rows are ordered by the hash of their content, which is to say mixed: whoever streams a config, or takes its
first rows, sees all categories and databases. That is why `problems` is stored by itself although it is the
three categories together.

Needs pyarrow, datasets and matplotlib (extra `build`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from dataset_builder import folders
from dataset_builder.arena_export import export_row
from dataset_builder.card import card
from dataset_builder.figures import Head, Heads, facts_of, heads_of
from dataset_builder.folders import CARD, REPORT
from dataset_builder.model import SPLITS, Trajectory
from dataset_builder.parquet_files import (
    Writer,
    arena_features,
    problem_features,
    trace_features,
    trajectory_features,
    write_split,
)
from dataset_builder.report import readable
from dataset_builder.traces import chat_call, trace_export
from dsl_debug.episode.dsl import TOOLS
from dsl_debug.episode.prompts import messages
from dsl_debug.episode.tools import schemas
from dsl_debug.problem import CATEGORIES, DslProblem, PythonProblem, Row

MADE_BY = "python -m dataset_builder build"
READABLE_REPORT = "BUILD_REPORT.md"
RUN = "build_run.json"
DATA = "data"
ASSETS = "assets"

_OURS = re.compile(
    rf"{CARD}|{REPORT}|{READABLE_REPORT}|{RUN}|{ASSETS}/\w+\.png"
    rf"|{DATA}/\w+/(train|validation|test)-\d{{5}}-of-\d{{5}}\.parquet"
)


class DatabaseFacts(NamedTuple):
    """Where a database of the build comes from and where its problems are.

    `split` is one of `train`, `validation`, `test`, `sft_train`, `sft_validation`; `tables` counts them.
    """

    id: str
    source: str
    title: str
    split: str
    tables: int


@dataclass(frozen=True)
class Content:
    """All rows of a dataset, by split. What is empty, or None, is left out of the folder.

    `problems`: train, validation, test. `sft_problems`, `sft`: train, validation; each trajectory was
    recorded on a problem of the same split. `traces`, as `evaluation.trace_row` makes them, were recorded on
    `problems["test"]`.
    """

    problems: Mapping[str, Sequence[DslProblem]]
    dialect_shift: Sequence[DslProblem] = ()
    sft_problems: Mapping[str, Sequence[DslProblem]] = field(default_factory=dict)
    sft: Mapping[str, Sequence[Trajectory]] = field(default_factory=dict)
    arena: Mapping[str, Sequence[PythonProblem]] | None = None
    traces: Sequence[Row] = ()
    databases: Sequence[DatabaseFacts] = ()


def export_folder(folder: Path, content: Content, report: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Write a folder that is new, empty, or an earlier build.

    `report` holds what depends on nothing but seed and inputs (see `report.py` for the keys that are
    rendered), `run` what this run took. Raises ValueError for a folder that holds something else or a
    trajectory of a problem that is not there, and ImportError where a package of the extra is missing.
    """
    check_target(folder)
    heads = _heads(content)
    with folders.placed(folder) as made:
        files = _write_data(made / DATA, content, heads)
        facts = {"made_by": MADE_BY, **report, **facts_of(content, heads)}
        _write_json(made / REPORT, facts)
        _write_json(made / RUN, run)
        (made / ASSETS).mkdir()
        text = readable(facts, run, made / ASSETS)
        (made / READABLE_REPORT).write_text(text, encoding="utf-8", newline="\n")
        (made / CARD).write_text(card(facts, files), encoding="utf-8", newline="\n")


def check_target(folder: Path) -> None:
    """Raises ValueError for a folder that cannot be written, or that something else is in."""
    folders.check_target(folder, MADE_BY, _is_ours)


def _is_ours(name: PurePath) -> bool:
    return _OURS.fullmatch(name.as_posix()) is not None


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


# The data


def _heads(content: Content) -> Heads:
    return {
        "problems": {split: heads_of(problems) for split, problems in content.problems.items()},
        "dialect_shift": {"test": heads_of(content.dialect_shift)},
        "sft_problems": {split: heads_of(problems) for split, problems in content.sft_problems.items()},
    }


def _write_data(data: Path, content: Content, heads: Heads) -> dict[str, list[str]]:
    """Write every config; config -> its splits that have rows."""
    for split, problems in content.problems.items():
        _write_problems(problems, heads["problems"][split], data, split)
    _write_one(content.dialect_shift, heads["dialect_shift"]["test"], data / "dialect_shift", "test")
    for split, problems in content.sft_problems.items():
        _write_one(problems, heads["sft_problems"][split], data / "sft_problems", split)
    for split, trajectories in content.sft.items():
        rows = _sft_rows(trajectories, heads["sft_problems"].get(split, []))
        write_split(rows, data / "sft", split, trajectory_features)
    for split, functions in (content.arena or {}).items():
        rows = (export_row(p) for p in sorted(functions, key=lambda p: p.id))
        write_split(rows, data / "arena", split, arena_features)
    rows = _trace_rows(content.traces, heads["problems"].get("test", []))
    write_split(rows, data / "traces", "test", trace_features)
    found = {c: [s for s in SPLITS if any((data / c).glob(f"{s}-*.parquet"))] for c in CONFIGS}
    return {config: splits for config, splits in found.items() if splits}


CONFIGS = ("problems", *CATEGORIES, "dialect_shift", "sft", "sft_problems", "arena", "traces")


def problem_row(problem: DslProblem) -> Row:
    """The row of a problem with its prompt."""
    return problem.to_row() | {"prompt": messages(problem)}


def _write_problems(problems: Sequence[DslProblem], heads: list[Head], data: Path, split: str) -> None:
    """Rows of `problems`, and each once more in the config of its category."""
    whole = Writer(data / "problems", split, problem_features)
    parts = {category: Writer(data / category, split, problem_features) for category in CATEGORIES}
    for head in heads:
        row = problem_row(problems[head.place])
        whole.add(row)
        parts[head.category].add(row)
    for writer in (whole, *parts.values()):
        writer.close()


def _write_one(problems: Sequence[DslProblem], heads: list[Head], folder: Path, split: str) -> None:
    write_split((problem_row(problems[head.place]) for head in heads), folder, split, problem_features)


def _sft_rows(trajectories: Iterable[Trajectory], heads: list[Head]) -> Iterator[Row]:
    known = {head.id: head for head in heads}
    tools = schemas(TOOLS)
    for trajectory in sorted(trajectories, key=lambda t: t.problem_id):
        problem = _problem_of(trajectory, known)
        yield {
            "messages": chat(trajectory),
            "tools": tools,
            "problem_id": problem.id,
            "teacher": trajectory.teacher,
            "category": problem.category,
            "difficulty": problem.difficulty,
            "turns": trajectory.turns,
        }


def _trace_rows(traces: Iterable[Row], heads: list[Head]) -> Iterator[Row]:
    known = {head.id for head in heads}
    rows = [trace_export(trace) for trace in traces]
    for row in sorted(rows, key=lambda row: (row["problem_id"], row["policy"])):
        if row["problem_id"] not in known:
            raise ValueError(f"a trace of the problem {row['problem_id']}, which is not there")
        yield row


def _problem_of(trajectory: Trajectory, known: Mapping[str, Head]) -> Head:
    try:
        return known[trajectory.problem_id]
    except KeyError:
        raise ValueError(f"a trajectory of the problem {trajectory.problem_id}, which is not there") from None


def chat(trajectory: Trajectory) -> list[Row]:
    """The messages of a trajectory, each with the same keys."""
    return [
        {
            "role": message["role"],
            "content": message.get("content") or "",
            "tool_calls": [chat_call(call) for call in message.get("tool_calls") or ()],
        }
        for message in trajectory.messages
    ]
