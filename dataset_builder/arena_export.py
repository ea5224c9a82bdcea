"""The arena as a folder that is a dataset repository: parquet files, a card, and the report of the build.

Needs pyarrow (extra `build`). The folder appears whole or not at all.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dataset_builder import folders
from dataset_builder.arena import Splits
from dataset_builder.card import size_category
from dataset_builder.folders import CARD, REPORT
from dataset_builder.model import SPLITS
from dsl_debug.episode.python_prompts import python_messages
from dsl_debug.problem import PYTHON_COLUMNS, PythonProblem, Row
from model_cards.filling import fill

DATA = Path("data", "arena")
MADE_BY = "python -m dataset_builder arena"


def export_row(problem: PythonProblem) -> Row:
    """The row of a problem with its prompt."""
    return replace(problem, prompt=tuple(python_messages(problem))).to_row()


def export_arena(splits: Splits, folder: str | Path, report: Mapping[str, Any]) -> None:
    """Write the splits and the report to a folder that is new, empty or an earlier build.

    Raises ValueError for any other folder, and ImportError, saying what to install, where pyarrow is missing.
    """
    target = Path(folder).resolve()
    check_target(target)
    with folders.placed(target) as made:
        _write(splits, made, report)


def check_target(folder: Path) -> None:
    """Raises ValueError for a folder that cannot be written, or that something else is in."""
    ours = {Path(CARD), Path(REPORT), *(_data_file(split) for split in SPLITS)}
    folders.check_target(folder, MADE_BY, ours.__contains__)


def _data_file(split: str) -> Path:
    return DATA / f"{split}-00000-of-00001.parquet"


def _write(splits: Splits, folder: Path, report: Mapping[str, Any]) -> None:
    (folder / DATA).mkdir(parents=True)
    for split, problems in splits.items():
        write_parquet(problems, folder / _data_file(split))
    (folder / CARD).write_text(card(splits), encoding="utf-8")
    text = json.dumps({"made_by": MADE_BY, **report}, indent=2, ensure_ascii=False)
    (folder / REPORT).write_text(text + "\n", encoding="utf-8")


def write_parquet(problems: Iterable[PythonProblem], path: Path) -> None:
    """One file of rows, under a schema of its own, so that empty lists and hints have a type as well."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as parquet
    except ImportError:
        message = "writing parquet files needs pyarrow: pip install 'dsl-debug[build]'"
        raise ImportError(message) from None
    texts = ("kind", "description", "original", "mutated")
    numbers = ("line", "stages_to_emit")
    bug = pa.struct([(name, pa.string()) for name in texts] + [(name, pa.int64()) for name in numbers])
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    lists = {"bugs": pa.list_(bug), "prompt": pa.list_(message)}
    plain = {str: pa.string(), int: pa.int64()}
    schema = pa.schema([(name, lists.get(name) or plain[kind]) for name, kind in PYTHON_COLUMNS.items()])
    table = pa.Table.from_pylist([export_row(problem) for problem in problems], schema=schema)
    parquet.write_table(table, path, compression="zstd")


def card(splits: Splits) -> str:
    """The text of the card, its figures counted."""
    total = sum(map(len, splits.values()))
    everything = [problem for problems in splits.values() for problem in problems]
    hand_written = sum(problem.source == "hand_written" for problem in everything)
    return fill(
        "dataset_arena",
        size=size_category(total),
        files="\n".join(f"  - split: {name}\n    path: {_data_file(name).as_posix()}" for name in splits),
        splits="\n".join(_line(name, problems) for name, problems in splits.items()),
        total=total,
        hand_written=hand_written,
        generated=total - hand_written,
    )


def _line(split: str, problems: Sequence[PythonProblem]) -> str:
    levels = [
        sum(problem.difficulty == level for problem in problems) for level in ("easy", "medium", "hard")
    ]
    figures = [len(problems), len({problem.family for problem in problems}), *levels]
    return f"| {split} | {' | '.join(map(str, figures))} |"
