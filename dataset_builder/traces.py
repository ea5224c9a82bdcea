"""Traces as rows of a dataset, and the folders of evaluations as a dataset repository of their own.

    README.md                                 the card, with the config `traces`
    data/traces/<split>-00000-of-0000N.parquet
    build_report.json                         the evaluations that the rows come from

A split is named after the one that was evaluated. Rows are ordered by problem, so that those of one problem
stand together; the same evaluations give the same bytes, in whatever order their episodes were finished and
their folders are given. Needs pyarrow and datasets (extra `build`).
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePath
from random import Random
from typing import Any, NamedTuple

from dataset_builder import folders
from dataset_builder.card import size_category
from dataset_builder.folders import CARD, REPORT
from dataset_builder.model import SPLITS
from dataset_builder.parquet_files import Writer, trace_features
from dataset_builder.report import markdown, percent
from dsl_debug.evaluation import RESULT, RUN, TRACES
from dsl_debug.problem import Row
from dsl_debug.results.columns import ARENA, COMMON, check_columns
from dsl_debug.results.rows import public_name
from dsl_debug.storage import read_json, read_lines
from model_cards.filling import fill

MADE_BY = "python -m dataset_builder traces"
CONFIG = "traces"
DATA = Path("data", CONFIG)

_OURS = re.compile(rf"{CARD}|{REPORT}|{DATA.as_posix()}/({'|'.join(SPLITS)})-\d{{5}}-of-\d{{5}}\.parquet")
_PUBLIC = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


# One row


def trace_export(trace: Mapping[str, Any], run: str | None = None, *, timed: bool = False) -> Row:
    """The row of the config `traces` for a trace of `evaluation.trace_row`.

    `run` is the digest of its evaluation, null for what a build recorded itself. Seconds are kept where they
    are `timed`: they differ from run to run. Raises ValueError, in one line, for what is no such trace.
    """
    check_columns(trace)
    row = {"run": run, **{name: trace[name] for name in COMMON}}
    row["policy"] = public_name(row["policy"])
    row |= {name: trace.get(name) for name in ARENA}
    seconds = trace.get("seconds") if timed else None
    row["seconds"] = float(seconds) if isinstance(seconds, (int, float)) else None
    row["messages"] = [_message(message) for message in row["messages"]]
    return row


def _message(message: Any) -> Row:
    """A message with the same keys as every other one; `name` is null where no tool speaks."""
    try:
        role, content = message["role"], message.get("content") or ""
        calls = [chat_call(call) for call in message.get("tool_calls") or ()]
        name = (message.get("name") or "") if role == "tool" else None
    except (KeyError, TypeError, AttributeError):
        raise ValueError("no trace: one of its messages is none") from None
    if not isinstance(role, str) or not isinstance(content, str) or not isinstance(name, (str, type(None))):
        raise ValueError("no trace: one of its messages holds something else than text")
    return {"role": role, "name": name, "content": content, "tool_calls": calls}


def chat_call(call: Mapping[str, Any]) -> Row:
    """A structured call, with the keys that trainers know."""
    function = call["function"]
    return {
        "type": "function",
        "function": {"name": str(function["name"]), "arguments": function["arguments"]},
    }


# The folders of evaluations


@dataclass(frozen=True)
class Run:
    """An evaluation: its folder, the digest and the facts of its `run.json`, and the split it played."""

    folder: Path
    digest: str
    facts: Mapping[str, Any]
    split: str

    @classmethod
    def read(cls, folder: Path) -> "Run":
        """Raises OSError, and ValueError in one line, for a folder that holds no evaluation."""
        if not (folder / RUN).is_file() or not (folder / TRACES).is_file():
            raise ValueError(f"{folder} holds no evaluation: {RUN} and {TRACES} have to be in it")
        facts = read_json(folder / RUN)
        if not _part(facts, "data") or not _part(facts, "policy"):
            raise ValueError(f"{folder / RUN} says nothing of data and policy")
        split = facts["data"].get("split")
        return cls(folder, run_digest(facts), facts, split if split in SPLITS else "test")


def run_digest(facts: Mapping[str, Any]) -> str:
    """The first 12 hex digits of a SHA-256 over what `run.json` says."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Place(NamedTuple):
    """Where a trace is: what orders the rows, then the place of its run in the list, and its first byte."""

    problem_id: str
    policy: str
    prompt: str
    run: str
    sample: int
    number: int
    offset: int


def export_traces(
    results: Sequence[Path], folder: Path, max_per_policy: int | None = None, seed: int = 0
) -> Row:
    """Write the traces of evaluations to a folder that is new, empty, or was written by this; the report.

    Of each policy at most `max_per_policy` episodes are taken, a sample drawn by `seed`. Only places of
    traces are held in memory, not traces. Raises ValueError, in one line, for what is no evaluation, for one
    that is given twice, and for a folder that holds something else; OSError; and ImportError where a package
    of the extra is missing.
    """
    check_target(folder)
    runs = [Run.read(place) for place in results]
    for number, run in enumerate(runs):
        if run.digest in {other.digest for other in runs[:number]}:
            raise ValueError(f"{run.folder} holds an evaluation that was given before: leave it out")
    places = [place for number, run in enumerate(runs) for place in _places(run, number)]
    if not places:
        raise ValueError("these evaluations hold no traces yet")
    with folders.placed(folder) as made:
        report = _write(made, runs, sampled(places, max_per_policy, seed))
        text = json.dumps(report, indent=2, ensure_ascii=False)
        (made / REPORT).write_text(text + "\n", encoding="utf-8", newline="\n")
        (made / CARD).write_text(card(report), encoding="utf-8", newline="\n")
    return report


def check_target(folder: Path) -> None:
    """Raises ValueError for a folder that cannot be written, or that something else is in."""
    folders.check_target(folder, MADE_BY, _is_ours)


def _is_ours(name: PurePath) -> bool:
    return _OURS.fullmatch(name.as_posix()) is not None


def _places(run: Run, number: int) -> Iterable[Place]:
    """The last trace of every episode: one that was stopped and played again stands in the file twice."""
    found: dict[tuple[str, int], Place] = {}
    path = run.folder / TRACES
    # The offsets end with a torn line, the objects before it.
    for line, (trace, offset) in enumerate(zip(read_lines(path), _offsets(path), strict=False), 1):
        try:
            row = trace_export(trace)
        except ValueError as error:
            raise ValueError(f"{path}, line {line}: {error}") from None
        name, policy, prompt, sample = (row[key] for key in ("problem_id", "policy", "prompt", "sample"))
        found[name, sample] = Place(name, policy, prompt, run.digest, sample, number, offset)
    return found.values()


def _offsets(path: Path) -> Iterator[int]:
    """Where the lines of a file begin."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            yield offset
            offset += len(line)


def sampled(places: Iterable[Place], most: int | None, seed: int) -> list[Place]:
    """At most so many places of each policy, in order; all of them for None."""
    by_policy: dict[str, list[Place]] = {}
    for place in sorted(places):
        by_policy.setdefault(place.policy, []).append(place)
    kept: list[Place] = []
    for policy, found in by_policy.items():
        few = most is None or len(found) <= most
        kept += found if few else Random(f"{seed}|{policy}").sample(found, most or 0)
    return sorted(kept)


def _write(folder: Path, runs: Sequence[Run], places: Iterable[Place]) -> Row:
    """Write the rows; what the report says of them."""
    writers = {split: Writer(folder / DATA, split, trace_features) for split in SPLITS}
    counts = [Counter[str]() for _ in runs]
    try:
        for number, row in _read(runs, places):
            writers[runs[number].split].add(row)
            counts[number].update(episodes=1, robust=row["robust"], visible=row["visible_match"])
        for writer in writers.values():
            writer.close()
    except (UnicodeError, TypeError, OverflowError) as error:
        raise ValueError(f"one of these traces cannot be stored: {error}") from None
    figures = ("episodes", "robust", "visible")
    told = [_told(r) | {name: c[name] for name in figures} for r, c in zip(runs, counts, strict=True)]
    rows = {split: writer.rows for split, writer in writers.items() if writer.rows}
    return {"made_by": MADE_BY, "rows": rows, "runs": sorted(told, key=lambda run: str(run["run"]))}


def _read(runs: Sequence[Run], places: Iterable[Place]) -> Iterator[tuple[int, Row]]:
    """The number of the run and the row of each trace, read again from its place."""
    with ExitStack() as stack:
        files = [stack.enter_context((run.folder / TRACES).open("rb")) for run in runs]
        for place in places:
            files[place.number].seek(place.offset)
            trace = json.loads(files[place.number].readline())
            yield place.number, trace_export(trace, place.run, timed=True)


def _told(run: Run) -> Row:
    """What is said of an evaluation: no address, and no path of the machine that it ran on."""
    names = ("data", "policy", "prompt", "arguments", "code")
    data, policy, prompt, arguments, code = (_part(run.facts, name) for name in names)
    place = str(data.get("place") or "")
    return {
        "run": run.digest,
        "policy": public_name(str(policy.get("name"))),
        "settings": policy.get("settings"),
        "prompt": prompt.get("name"),
        "data": place if _PUBLIC.fullmatch(place) and not Path(place).exists() else Path(place).name,
        "config": data.get("config"),
        "split": data.get("split"),
        "revision": data.get("revision"),
        "problems": data.get("problems"),
        "samples": arguments.get("samples"),
        "seed": arguments.get("seed"),
        "version": code.get("version"),
        "finished": (run.folder / RESULT).exists(),
    }


def _part(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


# The card


def card(report: Mapping[str, Any]) -> str:
    """The text of the card, its figures counted."""
    rows = report["rows"]
    files = "\n".join(f"  - split: {split}\n    path: {DATA.as_posix()}/{split}-*.parquet" for split in rows)
    return fill(
        "dataset_traces",
        size=size_category(sum(rows.values())),
        files=files,
        first_split=next(iter(rows)),
        splits=markdown(("split", "episodes"), list(rows.items())),
        runs=markdown(
            ("run", "policy", "prompt", "data", "config", "split", "episodes", "robust", "visible rows only"),
            [_line(run) for run in report["runs"]],
        ),
    )


def _line(run: Mapping[str, Any]) -> list[Any]:
    """An evaluation in the table of the card."""
    named = [run[name] or "" for name in ("run", "policy", "prompt", "data", "config", "split")]
    episodes = run["episodes"]
    return [*named, episodes, percent(run["robust"], episodes), percent(run["visible"], episodes)]
