"""The build: databases, rounds of problems, selection, dialects, trajectories, traces, and the folder.

Everything that takes time is a job (`jobs.py`) with a file of its own, so that a build that was stopped goes
on where it was.
"""

import os
import platform
import sys
from dataclasses import dataclass
from typing import Any

from dataset_builder.export import Content, DatabaseFacts, check_target, export_folder
from dataset_builder.model import SPLITS
from dataset_builder.pipeline import stages
from dataset_builder.pipeline.clock import Clock, peak_memory
from dataset_builder.pipeline.settings import Settings, asked_for, identity
from dataset_builder.pipeline.shards import Runner, work_folder
from dataset_builder.pipeline.stages import Failed, Run, StageProgress
from dataset_builder.pipeline.stored import StoredProblems
from dataset_builder.presets import STAGES
from dataset_builder.split import deal

__all__ = ["Built", "Failed", "Settings", "build"]


@dataclass(frozen=True)
class Built:
    """The report of a finished build, and what the run took."""

    report: dict[str, Any]
    run: dict[str, Any]


def build(
    settings: Settings, runner: Runner, on_progress: StageProgress = lambda label, done, total: None
) -> Built:
    """Build the dataset and put it in place.

    Raises Failed, `split.TooFew`, `shards.InUse`, `shards.WorkersLost`, ValueError for a folder that holds
    something else, and OSError; what is done is kept in the work folder in all cases.
    """
    check_target(settings.out)
    with work_folder(settings.work, identity(settings)) as folder:
        run = Run(settings, folder, runner, on_progress, Clock(), asked_for(settings))
        content = _content(run)
        with run.clock.stage("export"):
            on_progress("export", 0, 1)
            export_folder(settings.out, content, run.report, _run_facts(run))
            on_progress("export", 1, 1)
        return Built(run.report, _run_facts(run))


def _content(run: Run) -> Content:
    databases = stages.databases(run)
    wanted = run.settings.preset.wanted()
    dealt = deal(
        databases, {stage: sum(sizes.values()) for stage, sizes in wanted.items()}, run.settings.seed
    )
    selected, arena = stages.problems(run, dealt)
    stages.report_selection(run, selected, dealt)
    places = {stage: [(head.file, head.offset) for head in selected.heads[stage]] for stage in STAGES}
    sft = stages.trajectories(run, places)
    traces = stages.traces(run, places["test"])
    dialect_shift = stages.dialect_shift(run, places["test"])
    if run.failed:
        run.report["failed_jobs"] = run.failed
    return Content(
        problems={s: StoredProblems(run.folder, places[s]) for s in SPLITS},
        dialect_shift=dialect_shift,
        sft_problems={s: StoredProblems(run.folder, places[f"sft_{s}"]) for s in ("train", "validation")},
        sft=sft,
        arena=arena,
        traces=traces,
        databases=[
            DatabaseFacts(d.id, d.source, d.title, stage, len(d.tables))
            for stage, parts in dealt.items()
            for d in parts
        ],
    )


def _run_facts(run: Run) -> dict[str, Any]:
    """The rates are left out where an earlier run did a part of the work."""
    seconds = run.clock.seconds.get("problems", 0.0)
    whole = seconds > 0 and not run.kept["problems"]
    attempts, accepted = run.report["candidates"]["attempts"], run.report["gates"].get("accepted", 0)
    return {
        "seconds": {stage: round(taken, 1) for stage, taken in run.clock.seconds.items()},
        "seconds_in_all": round(run.clock.total(), 1),
        "problems_per_second": round(accepted / seconds, 2) if whole else None,
        "attempts_per_second": round(attempts / seconds, 2) if whole else None,
        "jobs_done_by_an_earlier_run": run.kept.total(),
        "workers": run.settings.workers,
        "peak_memory_mb": peak_memory(),
        "processors": os.cpu_count(),
        "platform": platform.platform(),
        "python": sys.version.split()[0],
    }
