"""The whole pipeline on a few families of the catalog: what it makes, and that only the seed matters."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'dsl-debug[build]'")
pytest.importorskip("datasets", reason="needs datasets: pip install 'dsl-debug[build]'")
pytest.importorskip("faker", reason="needs faker: pip install 'dsl-debug[build]'")
pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'dsl-debug[build]'")

from dataset_builder import catalog
from dataset_builder.build import Built, Failed, Settings, build
from dataset_builder.cli import run_command
from dataset_builder.cli_build import summary
from dataset_builder.model import Progress
from dataset_builder.pipeline.dialects import in_dialect
from dataset_builder.pipeline.jobs import Work
from dataset_builder.pipeline.settings import command
from dataset_builder.pipeline.shards import Function, Job, LocalRunner, described, run_job
from dataset_builder.pipeline.sources import NoSource, Source, database_jobs, fingerprint, parse_source
from dataset_builder.pipeline.stages import POLICIES
from dataset_builder.pipeline.stored import database_from_json, database_to_json
from dataset_builder.pipeline.teaching import public_name, taught
from dataset_builder.presets import Preset
from dsl_debug.data import sample_problems
from dsl_debug.episode import DSLDebugEnv
from dsl_debug.lang import STANDARD
from dsl_debug.problem import DslProblem
from tests.scripted_endpoint import KEY, Reply, Request, endpoint, says

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = catalog.family_names()[:7]
TINY = Preset(
    "tiny",
    sft_train=2,
    sft_validation=1,
    train=3,
    validation=1,
    test=(2, 1, 1),
    dialect_shift=2,
    variants=1,
    arena_per_function=0,
)


class Here:
    """Carries jobs out in this process; after `stop_after` of them it is interrupted."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.left = stop_after
        self.names: list[str] = []

    def run(
        self, jobs: Sequence[Job], function: Function, folder: Path, on_progress: Progress
    ) -> dict[str, str]:
        failed = {}
        for job in jobs:
            if job.file(folder).exists():
                continue
            if self.left == 0:
                raise KeyboardInterrupt
            self.left = None if self.left is None else self.left - 1
            self.names.append(job.name)
            try:
                run_job(function, job, folder)
            except RuntimeError as error:
                failed[job.name] = described(error)
        on_progress(len(jobs), len(jobs))
        return failed


@pytest.fixture(autouse=True, scope="module")
def _few_families() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "family_names", lambda: FAMILIES)
        yield


def settings(folder: Path, **more: Any) -> Settings:
    fixed = {"preset": TINY, "out": folder / "out", "work": folder / "work", "arena": False, "seed": 3}
    return Settings(**{**fixed, **more})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built]:
    folder = tmp_path_factory.mktemp("built")
    return folder, build(settings(folder), Here())


def files(folder: Path) -> dict[str, bytes]:
    """All that must not depend on the run."""
    found = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    found["BUILD_REPORT.md"] = found["BUILD_REPORT.md"].partition(b"## This run")[0]
    del found["build_run.json"]
    return found


def rows(folder: Path, config: str, split: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as parquet

    found = sorted((folder / "data" / config).glob(f"{split}-*.parquet"))
    return [row for path in found for row in parquet.read_table(path).to_pylist()]


def problems(folder: Path, config: str, split: str) -> list[DslProblem]:
    return [DslProblem.from_row(row) for row in rows(folder, config, split)]


# ---- what is built


def test_all_that_was_wanted_is_there(made: tuple[Path, Built]) -> None:
    folder, built = made
    assert built.report["shortfall"] == {}
    assert "failed_jobs" not in built.report
    sizes = {
        split: len(problems(folder / "out", "problems", split)) for split in ("train", "validation", "test")
    }
    assert sizes == {"train": 3, "validation": 1, "test": 4}
    assert [len(rows(folder / "out", "sft", split)) for split in ("train", "validation")] == [2, 1]
    assert len(problems(folder / "out", "dialect_shift", "test")) == 2
    assert len(rows(folder / "out", "traces", "test")) == 4 * len(POLICIES)


def test_stages_share_nothing(made: tuple[Path, Built]) -> None:
    assert [kind["shared"] for kind in made[1].report["leakage"].values()] == [0, 0, 0, 0]
    folder = made[0] / "out"
    parts = [("problems", s) for s in ("train", "validation", "test")] + [("sft_problems", "train")]
    databases = [{problem.database for problem in problems(folder, *part)} for part in parts]
    assert all(databases)
    assert len(set.union(*databases)) == sum(map(len, databases))


def test_agents_earn_what_they_should(made: tuple[Path, Built]) -> None:
    rewards: dict[str, set[float]] = {}
    for row in rows(made[0] / "out", "traces", "test"):
        rewards.setdefault(row["policy"], set()).add(row["reward"])
    assert (rewards["reference"], rewards["unchanged"]) == ({1.0}, {0.0})
    assert rewards["constant_emitter"] == {0.0}


def test_dialect_problems_are_those_of_the_test_split_in_other_words(made: tuple[Path, Built]) -> None:
    folder = made[0] / "out"
    known = {(p.database, p.expected_output.render()) for p in problems(folder, "problems", "test")}
    for problem in problems(folder, "dialect_shift", "test"):
        assert problem.dialect != STANDARD
        assert (problem.database, problem.expected_output.render()) in known


def test_the_report_says_what_the_run_does_not_change(made: tuple[Path, Built]) -> None:
    report = json.loads((made[0] / "out" / "build_report.json").read_text("utf-8"))
    assert report["command"] == "python -m dataset_builder build --preset tiny --seed 3 --no-arena"
    assert report["gates"]["accepted"] >= 11
    assert str(made[0]) not in json.dumps(report)
    run = json.loads((made[0] / "out" / "build_run.json").read_text("utf-8"))
    assert {"databases", "problems", "trajectories", "traces"} <= set(run["seconds"])


# ---- nothing but the seed matters


def test_results_that_are_missing_are_made_again_and_are_the_same(
    made: tuple[Path, Built], tmp_path: Path
) -> None:
    shutil.copytree(made[0] / "work", tmp_path / "work")
    lost = sorted(tmp_path.glob("work/*/results/*.jsonl"))[::4]
    for path in lost:
        path.unlink()
    runner = Here()
    build(settings(tmp_path), runner)
    assert len(runner.names) == len(lost)
    assert files(tmp_path / "out") == files(made[0] / "out")


def test_a_stopped_build_goes_on_and_gives_the_same(made: tuple[Path, Built], tmp_path: Path) -> None:
    first = Here(stop_after=10)
    with pytest.raises(KeyboardInterrupt):
        build(settings(tmp_path), first)
    assert not (tmp_path / "out").exists()
    second = Here()
    build(settings(tmp_path), second)
    assert not set(first.names) & set(second.names)
    assert files(tmp_path / "out") == files(made[0] / "out")
    third = Here()
    build(settings(tmp_path), third)
    assert third.names == []


SCRIPT = """
import sys
import time
from pathlib import Path
from dataset_builder import catalog
from dataset_builder.build import Settings, build
from dataset_builder.presets import Preset
from dataset_builder.pipeline.shards import LocalRunner
if __name__ == "__main__":
    names = catalog.family_names()[:7]
    catalog.family_names = lambda: names
    tiny = Preset("tiny", sft_train=2, sft_validation=1, train=3, validation=1, test=(2, 1, 1),
                  dialect_shift=2, variants=1, arena_per_function=0)
    folder = Path(sys.argv[1])
    with LocalRunner(2) as runner:
        build(Settings(tiny, folder / "out", folder / "work", seed=3, arena=False, workers=2), runner)
"""


def test_processes_and_hash_seed_do_not_change_a_byte(made: tuple[Path, Built], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, str(script), str(tmp_path)], env=environment, check=True, timeout=120)
    assert files(tmp_path / "out") == files(made[0] / "out")


# ---- what may go wrong


def test_too_few_problems_are_fatal_only_if_strict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(folder: Path, spec: dict[str, Any]) -> list[dict[str, Any]]:
        raise RuntimeError("broken")

    from dataset_builder.pipeline import jobs

    monkeypatch.setitem(jobs.STEPS, "problems", nothing)
    with pytest.raises(Failed, match=r"the build lacks .*, 2 standard in test"):
        build(settings(tmp_path, strict=True), Here())
    assert not (tmp_path / "out").exists()


def test_another_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="something else than an earlier build"):
        build(settings(tmp_path), Here())
    assert not (tmp_path / "work").exists()


# ---- sources


def test_sources_are_named_by_their_folder(tmp_path: Path) -> None:
    (tmp_path / "My Data").mkdir()
    assert parse_source("catalog") == Source("catalog")
    assert parse_source(str(tmp_path / "My Data")) == Source("my_data", tmp_path / "My Data")
    assert parse_source(f"spider={tmp_path}") == Source("spider", tmp_path)


@pytest.mark.parametrize("text", ["none", "spider=none", ""])
def test_a_folder_that_is_not_there_is_no_source(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text:
        with pytest.raises(NoSource):
            parse_source(text)
    with pytest.raises(NoSource, match="holds no SQLite files"):
        database_jobs([Source("mine", tmp_path)], 1, 0)


def test_spider_has_a_job_for_every_file(spider_dir: Path) -> None:
    jobs = database_jobs([Source("spider", spider_dir)], 1, 0)
    assert len(jobs) >= 100
    assert len({job.name for job in jobs}) == len(jobs)


def test_other_files_are_another_source(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"one")
    before = fingerprint(Source("mine", tmp_path))
    assert fingerprint(Source("mine", tmp_path)) == before
    (tmp_path / "a.sqlite").write_bytes(b"two")
    assert fingerprint(Source("mine", tmp_path)) != before


def test_the_command_of_the_report_names_no_path(tmp_path: Path) -> None:
    sources = (Source("catalog"), Source("spider", tmp_path))
    found = command(replace(settings(tmp_path), sources=sources, teacher="openai:m@http://secret:1/v1"))
    assert found == (
        "python -m dataset_builder build --preset tiny --databases catalog --databases spider=FOLDER --seed 3"
        " --teacher openai:m@URL --no-arena"
    )


def test_databases_come_back_from_their_files() -> None:
    database = catalog.generate(FAMILIES[0], Random(1))
    assert database_from_json(json.loads(json.dumps(database_to_json(database)))) == database


# ---- dialects


def test_a_dialect_changes_words_only() -> None:
    translated = [(p, in_dialect(p, Random(n))) for n, p in enumerate(sample_problems())]
    done = [(one, other) for one, other in translated if other]
    assert len(done) > len(translated) / 2
    for one, other in done:
        assert other.tables == one.tables
        assert other.expected_output == one.expected_output
        assert [bug.line for bug in other.bugs] == [bug.line for bug in one.bugs]
        assert "|>" not in other.buggy_code + other.correct_code
        assert other.prompt
        env = DSLDebugEnv()
        env.reset(other)
        assert env.call("submit", code=other.correct_code).reward == 1.0


def test_text_that_does_not_parse_has_no_dialect() -> None:
    problem = replace(sample_problems()[0], buggy_code='a = load("x"\nemit a\n')
    assert in_dialect(problem, Random(0)) is None


# ---- datatrove


def test_datatrove_carries_out_the_same_jobs(tmp_path: Path) -> None:
    pytest.importorskip("datatrove", reason="needs datatrove: pip install 'dsl-debug[scale]'")
    from dataset_builder.pipeline.scale import local_datatrove

    jobs = database_jobs([Source("catalog")], 1, 0)[:3]
    jobs.append(
        Job("broken", {"do": "catalog", "family": "no such family", "variant": 0, "seed": 0, "number": 9})
    )
    with LocalRunner(1) as runner:
        failed = runner.run(jobs, Work(tmp_path), tmp_path / "here")
    heard: list[tuple[int, int]] = []
    follow: Callable[[int, int], None] = lambda done, total: heard.append((done, total))  # noqa: E731
    assert local_datatrove(2).run(jobs, Work(tmp_path), tmp_path / "there", follow) == failed
    assert list(failed) == ["broken"]
    for job in jobs[:3]:
        assert job.file(tmp_path / "here").read_bytes() == job.file(tmp_path / "there").read_bytes()
    assert heard[-1] == (3, 4)


# ---- models


@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai", reason="needs openai: pip install 'dsl-debug[eval]'")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.usefixtures("_key")
def test_a_model_that_teaches_is_named_without_its_address(tmp_path: Path) -> None:
    known = sample_problems()[:2]

    def submits(request: Request) -> Reply:
        text = request.body["messages"][1]["content"]
        problem = next(p for p in known if p.buggy_code.strip() in text)
        return says("I submit a fix.", [("submit", {"code": problem.correct_code})])

    with endpoint(submits) as script:
        target = f"openai:m@{script.url}"
        trajectories, facts = taught(target, known, tmp_path, 2, lambda done, total: None)
    assert [t.problem_id for t in trajectories] == [p.id for p in known]
    assert facts["solve_rate"] == 1.0
    assert public_name(target) == "openai:m"


@pytest.mark.usefixtures("_key")
def test_a_model_that_writes_nothing_is_counted(made: tuple[Path, Built], tmp_path: Path) -> None:
    (work,) = (made[0] / "work").iterdir()
    (database,) = work.glob("results/database-00000-*.jsonl")
    with endpoint(lambda request: says("I would rather not.")) as script:
        spec = {
            "do": "write",
            "writer": f"m@{script.url}",
            "answers": str(tmp_path),
            "wanted": {"intent_mismatch": 1},
            "database": f"results/{database.name}",
            "stage": "train",
            "seed": 0,
        }
        (summary_row,) = Work(work)(spec)
    assert summary_row["heads"] == []
    assert sum(summary_row["counts"].values()) >= 1


# ---- the command line

REFUSED = {
    "no such folder": (("build", "--databases", "none"), "no folder of databases 'none'"),
    "no databases": (("build", "--databases", "empty"), "{folder}/empty holds no SQLite files"),
    "no database": (
        ("build", "--databases", "odd", "--out", "new"),
        "none of the databases can be used",
    ),
    "something else": (
        ("build", "--out", "mine"),
        "mine is there already, and holds something else than an earlier build",
    ),
    "no such preset": (
        ("build", "--preset", "huge"),
        "invalid value for '--preset': 'huge' is not one of 'sample', 'paper', 'large'"
        " (see python -m dataset_builder --help)",
    ),
    "no model": (
        ("build", "--teacher", "gpt"),
        "'gpt' has no address: a model behind an endpoint is written openai:MODEL@URL, such as"
        " openai:qwen3@http://localhost:8000/v1",
    ),
    "nothing to count": (("stats", "empty"), "empty: no data in it; build it first"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_told_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "odd", "mine"):
        (tmp_path / folder).mkdir()
    (tmp_path / "odd" / "a.sqlite").write_text("hello", encoding="utf-8")
    (tmp_path / "mine" / "letter").write_text("hello", encoding="utf-8")
    arguments, message = REFUSED[name]
    assert run_command(arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"dataset_builder: {message.format(folder=tmp_path)}"
    assert not (tmp_path / "new").exists()


def test_a_folder_is_counted_and_verified(
    made: tuple[Path, Built], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["stats", str(made[0] / "out")]) == 0
    assert "problems" in capsys.readouterr().out
    assert run_command(["verify", str(made[0] / "out"), "--workers", "1"]) == 0
    assert capsys.readouterr().out.endswith("all checks passed\n")


def test_the_summary_tells_what_lacks_and_what_failed(made: tuple[Path, Built]) -> None:
    _, built = made
    report = {
        **built.report,
        "shortfall": {"train": {"nonlocal": 7}},
        "failed_jobs": {"problems-1": "ValueError: x"},
    }
    text = summary(Path("out"), report, built.run)
    assert "missing from train: 7 nonlocal" in text
    assert "jobs that failed: 1, the first: problems-1; ValueError: x" in text
    assert "test                  4 problems: 2 standard, 1 nonlocal, 1 intent_mismatch" in text


def test_an_interrupted_build_says_so_and_keeps_what_is_done(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dataset_builder", "build", "--no-arena", "--workers", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = process.stderr
    assert lines is not None
    assert lines.readline().startswith("databases: ")
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (130, "", "dataset_builder: interrupted\n")
    assert [path.name for path in (tmp_path / "dist").iterdir()] == ["dsl-debug.work"]
    assert len(list(tmp_path.glob("dist/*/*/results/database-*.jsonl"))) >= len(FAMILIES)
