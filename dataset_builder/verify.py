"""A finished folder, read again from its files: does it keep what its card promises?

Nothing here asks how the rows were made. Every problem is doubted (`recheck.py`), every recorded episode is
played again (`replay.py`), and what rows have in common is counted anew: databases, tables and programs
shared between stages, copies, caps, the figures of the card and of the report.

What is not checked: the tests of the arena are not run again (`python -m dataset_builder arena` does that in
its sandbox before it writes), and sentences (`intent`, descriptions, remarks of experts) are not read.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from dataset_builder.checking.crosscheck import PROBLEM_CONFIGS, Checked, Facts, crosscheck
from dataset_builder.checking.dissect import canonical, signatures
from dataset_builder.checking.recheck import Subject, faults
from dataset_builder.checking.replay import trace_faults, trajectory_faults
from dataset_builder.parquet_files import read_group, row_groups
from dsl_debug.lang import DslError
from dsl_debug.problem import CATEGORIES, DslProblem, PythonProblem, Row
from dsl_debug.processes import process_pool

Progress = Callable[[int, int], None]
Files = dict[str, dict[str, list[Path]]]

_NAMED = re.compile(r"^- config_name: (\w+)$|^  - split: (\w+)$", re.MULTILINE)
_FILE = re.compile(r"(train|validation|test)-(\d{5})-of-(\d{5})\.parquet")


PARTS = 4
"""Into so many jobs a row group is cut: groups are large, so that they compress well."""


class Job(NamedTuple):
    """Every fourth row of one row group of one file."""

    config: str
    split: str
    path: Path
    group: int
    part: int
    problems: tuple[Path, ...] = ()
    """Where the problems of recorded episodes are."""


def verify(
    folder: Path,
    on_progress: Progress = lambda done, total: None,
    workers: int | None = None,
) -> list[str]:
    """What is wrong with a dataset folder, one line each: what, where, what to do. [] for a sound one.

    `workers` processes share the work, by default one for each processor; `on_progress` hears how many of
    how many jobs are done.
    """
    lines, files = layout(folder)
    jobs, broken = _jobs(files)
    found: dict[tuple[str, str], Checked] = {(c, s): Checked() for c, splits in files.items() for s in splits}
    for job, checked in _run(jobs, workers or os.cpu_count() or 1, on_progress):
        whole = found[job.config, job.split]
        whole.rows += checked.rows
        whole.lines += checked.lines
        whole.facts += checked.facts
        whole.others += checked.others
    lines += broken + [line for checked in found.values() for line in checked.lines]
    return [_one_line(line) for line in (*lines, *crosscheck(folder, found))]


def _one_line(text: str, most: int = 400) -> str:
    """A line for the terminal: nothing that stood in a row moves the cursor."""
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text if len(text) <= most else f"{text[:most]}..."


# The files


def layout(folder: Path) -> tuple[list[str], Files]:
    """What is wrong with the files as such, and the data files by config and split."""
    lines, files = [], Files()
    for path in sorted((folder / "data").glob("*/*")):
        match = _FILE.fullmatch(path.name)
        if match and match[2] < match[3]:
            files.setdefault(path.parent.name, {}).setdefault(match[1], []).append(path)
        else:
            lines.append(f"{_inside(path)}: no data file of a split; remove it")
    for config, splits in files.items():
        for split, paths in splits.items():
            if len(paths) != int(paths[0].stem[-5:]):
                lines.append(f"{config}/{split}: some of its files are missing; build it again")
    if "problems" not in files:
        lines.append("data/problems: there are no problems; build the folder with `build`")
    return lines + _card_faults(folder, files), files


def _card_faults(folder: Path, files: Files) -> list[str]:
    """The card names every config and split that there is, and no other."""
    named: dict[str, list[str]] = {}
    for config, split in _NAMED.findall(_front_matter(folder / "README.md")):
        if config:
            named[config] = []
        elif named:
            named[next(reversed(named))].append(split)
    if not named:
        return ["README.md: no card with configs; build it again"]
    there = {config: sorted(splits) for config, splits in files.items()}
    wrong = sorted(c for c in {*named, *there} if sorted(named.get(c, ())) != there.get(c, []))
    return [f"README.md: its splits of {config} are not those in data/; build it again" for config in wrong]


def _front_matter(card: Path) -> str:
    """The YAML between the first two rules of a card; empty where there is none."""
    try:
        parts = card.read_text(encoding="utf-8").split("---\n")
    except (OSError, ValueError):
        return ""
    return parts[1] if len(parts) > 2 and not parts[0] else ""


def _inside(path: Path) -> str:
    return "/".join(path.parts[-3:])


def _jobs(files: Files) -> tuple[list[Job], list[str]]:
    """Jobs for every row group, and a line for every file that cannot be read."""
    jobs, lines = [], []
    homes = {"sft": "sft_problems", "traces": "problems"}
    for config, splits in files.items():
        for split, paths in splits.items():
            problems = tuple(files.get(homes.get(config, ""), {}).get(split, ()))
            for path in paths:
                try:
                    groups = row_groups(path)
                except (OSError, ValueError) as error:
                    lines.append(f"{_inside(path)}: {error}; build it again")
                    continue
                parts = product(range(groups), range(PARTS))
                jobs += [Job(config, split, path, group, part, problems) for group, part in parts]
    return jobs, lines


# Running


def _run(jobs: list[Job], workers: int, on_progress: Progress) -> Iterator[tuple[Job, Checked]]:
    """Every job with what it found, in the order of the jobs."""
    if workers == 1 or len(jobs) < 2:
        for done, job in enumerate(jobs, 1):
            yield job, check(job)
            on_progress(done, len(jobs))
        return
    with process_pool(min(workers, len(jobs))) as pool:
        futures = [pool.submit(check, job) for job in jobs]
        for done, _ in enumerate(as_completed(futures), 1):
            on_progress(done, len(jobs))
        yield from ((job, _result(job, future)) for job, future in zip(jobs, futures, strict=True))


def _result(job: Job, future: "Future[Checked]") -> Checked:
    try:
        return future.result()
    except BrokenProcessPool:
        where = f"{_inside(job.path)}, group {job.group}"
        return Checked(lines=[f"{where}: the process that checked it was killed; try with fewer workers"])


def check(job: Job) -> Checked:
    """What the rows of a job are worth."""
    try:
        rows = read_group(job.path, job.group)[job.part :: PARTS]
    except (OSError, ValueError) as error:
        line = f"{_inside(job.path)}, group {job.group}: {error}; build it again"
        return Checked(lines=[line] if job.part == 0 else [])
    checked = Checked(len(rows))
    kind = CHECKERS.get(job.config)
    if kind is None:
        checked.lines.append(f"{_inside(job.path)}: no such config is known; remove it")
        return checked
    for row in rows:
        try:
            kind(job, row, checked)
        except (KeyError, TypeError, ValueError, DslError) as error:
            line = f"{_where(job, row)}: not a row of this config ({error}); build it again"
            checked.lines.append(line)
    return checked


def _where(job: Job, row: Row) -> str:
    name = row.get("id") or row.get("problem_id") or "without an id"
    return f"{job.config}/{job.split}, {name}"


def _problem(job: Job, row: Row, checked: Checked) -> None:
    try:
        problem = DslProblem.from_row(row)
    except ValueError as error:
        checked.lines.append(f"{_where(job, row)}: {error}; build it again")
        return
    subject = Subject(problem)
    checked.lines += [f"{_where(job, row)}: {what}; {remedy}" for what, remedy in faults(subject)]
    correct = canonical(subject.correct)
    buggy = canonical(subject.buggy) or problem.buggy_code
    fact = Facts(
        config=job.config,
        split=job.split,
        id=problem.id,
        digest=_digest(row),
        category=problem.category,
        difficulty=problem.difficulty,
        database=problem.database,
        single_row=problem.expected_output.length == 1,
        fails=subject.given is None,
        tables=tuple(f"{s.partition('(')[0]} {_digest(s)}" for s in signatures(problem)),
        program=_digest(correct),
        pair=_digest([correct, buggy, problem.database]),
    )
    checked.facts.append(fact)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _copy(job: Job, row: Row, checked: Checked) -> None:
    if row["category"] != job.config:
        checked.lines.append(f"{_where(job, row)}: its category is {row['category']}; build it again")
    checked.others.append((str(row["id"]), _digest(row)))


def _trajectory(job: Job, row: Row, checked: Checked) -> None:
    checked.others.append((str(row["problem_id"]),))
    _replay(job, row, checked, trajectory_faults)


def _trace(job: Job, row: Row, checked: Checked) -> None:
    visible = row["submitted"] is not None and row["visible_match"]
    earned = ("1" if row["reward"] == 1.0 else "0", "1" if visible else "0")
    checked.others.append((str(row["policy"]), str(row["problem_id"]), *earned))
    _replay(job, row, checked, trace_faults)


def _replay(
    job: Job, row: Row, checked: Checked, compare: Callable[[Row, DslProblem], Iterator[str]]
) -> None:
    problem = problem_of(row["problem_id"], job.problems)
    if problem is None:
        line = f"{_where(job, row)}: its problem is not there; build it again"
        checked.lines.append(line)
        return
    checked.lines += [f"{_where(job, row)}: {what}; record it again" for what in compare(row, problem)]


def _function(job: Job, row: Row, checked: Checked) -> None:
    try:
        problem = PythonProblem.from_row(row)
    except ValueError as error:
        checked.lines.append(f"{_where(job, row)}: {error}; build it again")
        return
    checked.others.append((problem.id, problem.family))
    if problem.buggy_code == problem.correct_code or not problem.hidden_tests:
        checked.lines.append(f"{_where(job, row)}: it has no bug or no hidden test; leave it out")


CHECKERS: dict[str, Callable[[Job, Row, Checked], None]] = {
    **dict.fromkeys(PROBLEM_CONFIGS, _problem),
    **dict.fromkeys(CATEGORIES, _copy),
    "sft": _trajectory,
    "traces": _trace,
    "arena": _function,
}


@lru_cache(maxsize=4)
def _index(paths: tuple[Path, ...]) -> dict[str, tuple[Path, int]]:
    """Where the problems of some files are: id -> file and row group."""
    return {
        row["id"]: (path, group)
        for path in paths
        for group in range(row_groups(path))
        for row in read_group(path, group, ["id"])
    }


@lru_cache(maxsize=8)
def _group_by_id(path: Path, group: int) -> dict[str, Row]:
    return {row["id"]: row for row in read_group(path, group)}


@lru_cache(maxsize=32)
def problem_of(problem_id: str, paths: tuple[Path, ...]) -> DslProblem | None:
    """The problem of this id in some files; None if it is not there, or is none."""
    try:
        path, group = _index(paths)[problem_id]
        return DslProblem.from_row(_group_by_id(path, group)[problem_id])
    except (OSError, ValueError, KeyError, TypeError):
        return None
