"""The stages of a build: what jobs there are, and what their results come to.

What takes time is a job (`jobs.py`). What is done here is quick, and depends on the results of jobs alone.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataset_builder.canonical import canonical
from dataset_builder.model import REFERENCE, SPLITS, Trajectory
from dataset_builder.pipeline import teaching
from dataset_builder.pipeline.clock import Clock
from dataset_builder.pipeline.jobs import Work
from dataset_builder.pipeline.rounds import MAX_ROUNDS, Shard, Yields, plan
from dataset_builder.pipeline.selection import Head, Selected, select
from dataset_builder.pipeline.settings import Settings
from dataset_builder.pipeline.shards import Job, Runner, results
from dataset_builder.pipeline.sources import database_jobs, usable
from dataset_builder.pipeline.stored import StoredProblems, read_heads, trajectory_from_json
from dataset_builder.presets import STAGES
from dataset_builder.split import Described, leakage
from dataset_builder.synthesize import variety
from dsl_debug.lang import parse
from dsl_debug.problem import DslProblem, PythonProblem, Row

Places = list[tuple[str, int]]
StageProgress = Callable[[str, int, int], None]
"""Hears of which stage how many of how many jobs are done."""

POLICIES = ("unchanged", "reference", "random_edit", "constant_emitter")
_SFT_CHUNK, _TRACE_CHUNK, _DIALECT_CHUNK = 20, 10, 20
_REQUESTS = 8  # of a model at a time

WRITTEN = {"standard": 1, "nonlocal": 1, "intent_mismatch": 2}
"""Problems that a model is to write for each database."""


class Failed(RuntimeError):
    """A build that cannot be finished, with the reason in one line."""


@dataclass
class Run:
    """A build at work: where its jobs run, where their results lie, and what the report will say.

    `kept` counts, by stage, the jobs that an earlier run had done.
    """

    settings: Settings
    folder: Path
    runner: Runner
    on_progress: StageProgress
    clock: Clock
    report: dict[str, Any]
    failed: dict[str, str] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)

    @property
    def results(self) -> Path:
        """Where the files of the jobs lie."""
        return self.folder / "results"

    def do(self, label: str, jobs: Sequence[Job]) -> Sequence[Job]:
        """Carry out jobs; what went wrong in them is kept for the report."""
        stage = label.partition(",")[0]
        self.kept[stage] += sum(job.file(self.results).exists() for job in jobs)
        with self.clock.stage(stage):
            self.failed |= self.runner.run(
                jobs,
                Work(self.folder),
                self.results,
                lambda done, total: self.on_progress(label, done, total),
            )
        return jobs


def databases(run: Run) -> list[Described]:
    """The databases that can be used. Raises Failed if there is none."""
    settings = run.settings
    jobs = run.do("databases", database_jobs(settings.sources, settings.preset.variants, settings.seed))
    found, skipped = usable(results(jobs, run.results))
    run.report["skipped"] = skipped
    if not found:
        raise Failed("none of the databases can be used")
    return found


def problems(
    run: Run, dealt: dict[str, list[Described]]
) -> tuple[Selected, dict[str, list[PythonProblem]] | None]:
    """Rounds until all is there or no database gives anything new. The arena is made beside the first."""
    wanted = run.settings.preset.wanted()
    heads = _written(run, dealt)
    yields, gates, rounds = Yields(), Counter[str](), []
    arena = _arena_jobs(run)
    selected = select(heads, wanted)
    for number in range(1, MAX_ROUNDS + 1):
        shards = plan(selected.lacking(wanted), dealt, yields)
        if not shards:
            break
        jobs = _shard_jobs(run, shards)
        run.do(f"problems, round {number}", [*(arena if number == 1 else ()), *jobs])
        given, tried = _take_in(run, jobs, shards, heads, gates)
        yields.learn(shards, given, tried)
        selected = select(heads, wanted)
        rounds.append({"jobs": len(jobs), "attempts": sum(tried.values()), "accepted": sum(given.values())})
    run.report["candidates"] = {what: gates.pop(what, 0) for what in ("attempts", "bugs")}
    run.report |= {"gates": dict(sorted(gates.items())), "rounds": rounds}
    return selected, _arena(run, arena)


def _database_files(run: Run) -> dict[int, str]:
    """The files of the databases, below the work folder, by number."""
    jobs = database_jobs(run.settings.sources, run.settings.preset.variants, run.settings.seed)
    return {job.spec["number"]: job.file(run.results).relative_to(run.folder).as_posix() for job in jobs}


def _shard_jobs(run: Run, shards: Sequence[Shard]) -> list[Job]:
    databases = _database_files(run)
    return [
        Job(
            f"problems-{shard.database.number:05}-{shard.attempts[0]:06}",
            {
                "do": "problems",
                "database": databases[shard.database.number],
                "stage": shard.stage,
                "wanted": shard.wanted,
                "attempts": list(shard.attempts),
                "seed": run.settings.seed,
            },
        )
        for shard in shards
    ]


def _take_in(
    run: Run, jobs: Sequence[Job], shards: Sequence[Shard], heads: list[Head], gates: Counter[str]
) -> tuple[Counter[tuple[int, str]], Counter[int]]:
    """Add the heads and counts of a round; problems by database and category, and attempts by database."""
    given: Counter[tuple[int, str]] = Counter()
    tried: Counter[int] = Counter()
    for job, shard in zip(jobs, shards, strict=True):
        path = job.file(run.results)
        if not path.exists():  # the job failed
            continue
        summary, found = read_heads(path, run.folder)
        heads += found
        gates.update(summary["counts"])
        given.update((shard.database.number, head.category) for head in found)
        tried[shard.database.number] += summary["counts"].get("attempts", 0)
    return given, tried


def _written(run: Run, dealt: dict[str, list[Described]]) -> list[Head]:
    """Problems from programs that a model writes, if one is asked to: they are taken before all others."""
    if run.settings.writer is None:
        return []
    fixed = {
        "do": "write",
        "writer": run.settings.writer,
        "wanted": WRITTEN,
        "answers": str(run.settings.work.resolve() / "answers"),
        "seed": run.settings.seed,
    }
    files = _database_files(run)
    jobs = [
        Job(f"write-{d.number:05}", {**fixed, "stage": stage, "database": files[d.number]})
        for stage, databases in dealt.items()
        for d in databases
    ]
    run.do("problems of a model", jobs)
    paths = [path for path in (job.file(run.results) for job in jobs) if path.exists()]
    if not paths:
        raise Failed(f"the writer gave nothing: {next(iter(run.failed.values()))}")
    counts: Counter[str] = Counter()
    heads: list[Head] = []
    for path in paths:
        summary, found = read_heads(path, run.folder)
        counts.update(summary["counts"])
        heads += found
    run.report["writer"] = {
        "name": teaching.public_name(run.settings.writer),
        "counts": dict(sorted(counts.items())),
    }
    return heads


def report_selection(run: Run, selected: Selected, dealt: dict[str, list[Described]]) -> None:
    """Put what was chosen into the report. Raises Failed if it is too little and the build is strict."""
    wanted = run.settings.preset.wanted()
    chosen = selected.heads
    run.report["made"] = selected.counts()
    run.report["selection"] = dict(sorted(selected.left_out.items()))
    run.report["leakage"] = leakage(
        {
            "databases": {stage: [head.database for head in heads] for stage, heads in chosen.items()},
            "table signatures": {s: [t for d in parts for t in d.signatures()] for s, parts in dealt.items()},
            "correct programs": {
                stage: [canonical(parse(head.code)) for head in heads] for stage, heads in chosen.items()
            },
            "problem ids": {stage: [head.id for head in heads] for stage, heads in chosen.items()},
        }
    )
    programs = [parse(head.code) for stage in STAGES for head in chosen[stage]]
    run.report["variety"] = variety(programs)
    missing = selected.lacking(wanted)
    run.report["shortfall"] = missing
    if missing and run.settings.strict:
        lacks = ", ".join(f"{n} {c} in {stage}" for stage, sizes in missing.items() for c, n in sizes.items())
        raise Failed(f"the databases give too few problems: the build lacks {lacks}")


def _chunks(places: Places, size: int) -> list[Places]:
    return [places[start : start + size] for start in range(0, len(places), size)]


def trajectories(run: Run, places: dict[str, Places]) -> dict[str, list[Trajectory]]:
    """The trajectories of the teacher for the SFT problems, by split."""
    if run.settings.teacher != REFERENCE:
        return _taught_by_a_model(run, places)
    jobs = {
        split: [
            Job(f"teach-{split}-{n:05}", {"do": "teach", "problems": chunk, "seed": run.settings.seed})
            for n, chunk in enumerate(_chunks(places[f"sft_{split}"], _SFT_CHUNK))
        ]
        for split in ("train", "validation")
    }
    run.do("trajectories", [job for parts in jobs.values() for job in parts])
    return {
        split: [trajectory_from_json(row) for _, rows in results(parts, run.results) for row in rows]
        for split, parts in jobs.items()
    }


def _taught_by_a_model(run: Run, places: dict[str, Places]) -> dict[str, list[Trajectory]]:
    sft, facts = {}, {}
    for split in ("train", "validation"):
        problems = list(StoredProblems(run.folder, places[f"sft_{split}"]))
        label = f"trajectories, {split}"
        with run.clock.stage("trajectories"):
            sft[split], facts[split] = teaching.taught(
                run.settings.teacher,
                problems,
                run.settings.work / "answers",
                _REQUESTS,
                lambda done, total, label=label: run.on_progress(label, done, total),  # type: ignore[misc]
            )
    run.report["teacher"] = {"name": teaching.public_name(run.settings.teacher), **facts}
    return sft


def traces(run: Run, places: Places) -> list[Row]:
    """The episode of every model-free agent on every problem of the test split."""
    fixed = {"do": "trace", "policies": list(POLICIES), "seed": run.settings.seed}
    jobs = [
        Job(f"trace-{n:05}", {**fixed, "problems": chunk})
        for n, chunk in enumerate(_chunks(places, _TRACE_CHUNK))
    ]
    run.do("traces", jobs)
    return [row for _, rows in results(jobs, run.results) for row in rows]


def dialect_shift(run: Run, places: Places) -> list[DslProblem]:
    """The first problems of the test split that have a text in another dialect."""
    size = run.settings.preset.dialect_shift
    fixed = {"do": "translate", "seed": run.settings.seed}
    jobs = [
        Job(f"translate-{n:05}", {**fixed, "problems": chunk})
        for n, chunk in enumerate(_chunks(places, _DIALECT_CHUNK))
    ]
    first = -(-size * 4 // 3 // _DIALECT_CHUNK)  # most of them have one
    found: list[DslProblem] = []
    for part in (jobs[:first], jobs[first:]):
        if part and len(found) < size:
            run.do("dialects", part)
            found += [DslProblem.from_row(row) for _, rows in results(part, run.results) for row in rows]
    return found[:size]


# The arena


def _arena_jobs(run: Run) -> list[Job]:
    if not run.settings.arena:
        return []
    per_function = run.settings.preset.arena_per_function
    spec = {"do": "arena", "seed": run.settings.seed, "per_function": per_function, "threads": 2}
    return [Job("arena", spec)]


def _arena(run: Run, jobs: Sequence[Job]) -> dict[str, list[PythonProblem]] | None:
    found = list(results(jobs, run.results))
    if not found:
        return None
    (_, (report, *rows)) = found[0]
    splits: dict[str, list[PythonProblem]] = {split: [] for split in SPLITS}
    for row in rows:
        splits[row["split"]].append(PythonProblem.from_row(row["row"]))
    run.report["arena"] = report
    return splits
