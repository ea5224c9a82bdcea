"""Jobs: done once, the same for any number of workers, kept when a run is stopped, and reported by name."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataset_builder.pipeline.shards import (
    InUse,
    Job,
    LocalRunner,
    Spec,
    WorkersLost,
    results,
    work_folder,
)
from dsl_debug.problem import Row
from dsl_debug.storage import write_atomically

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Squares:
    """A job function with a trace of every call in a folder."""

    calls: Path

    def __call__(self, spec: Spec) -> Sequence[Row]:
        (self.calls / f"{spec['n']}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if spec["n"] == spec.get("raises"):
            raise ValueError(f"no square of\n{spec['n']}")
        if spec["n"] == spec.get("dies"):
            os._exit(9)
        if spec["n"] == spec.get("full"):
            raise OSError(28, "No space left on device")
        return [{"n": spec["n"], "square": spec["n"] ** 2}, {"text": "ä"}]


def jobs(count: int, **more: int) -> list[Job]:
    return [Job(f"square-{n}", {"n": n, **more}) for n in range(count)]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    (tmp_path / "calls").mkdir()
    return tmp_path / "calls"


def run_jobs(of: Sequence[Job], function: Squares, workers: int, folder: Path) -> dict[str, str]:
    with LocalRunner(workers) as runner:
        return runner.run(of, function, folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_results_come_in_the_order_of_the_jobs_for_any_number_of_workers(calls: Path, tmp_path: Path) -> None:
    assert run_jobs(jobs(5), Squares(calls), 1, tmp_path / "one") == {}
    assert run_jobs(jobs(5)[::-1], Squares(calls), 2, tmp_path / "two") == {}
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    squares = [rows[0]["square"] for _, rows in results(jobs(5), tmp_path / "two")]
    assert squares == [0, 1, 4, 9, 16]


def test_a_job_with_a_result_is_not_run_again(calls: Path, tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    with LocalRunner(1) as runner:
        runner.run(jobs(2), Squares(calls), tmp_path / "out")
        runner.run(jobs(4), Squares(calls), tmp_path / "out", lambda done, total: heard.append((done, total)))
    assert sorted(path.name.split("-")[0] for path in calls.iterdir()) == ["0", "1", "2", "3"]
    assert heard == [(2, 4), (3, 4), (4, 4)]


def test_another_specification_is_another_job(tmp_path: Path) -> None:
    assert Job("a", {"n": 1}).file(tmp_path) != Job("a", {"n": 2}).file(tmp_path)
    assert Job("a", {"n": 1, "m": 2}).file(tmp_path) == Job("a", {"m": 2, "n": 1}).file(tmp_path)


def test_a_job_that_raises_is_named_and_the_others_are_done(calls: Path, tmp_path: Path) -> None:
    failed = run_jobs(jobs(4, raises=2), Squares(calls), 2, tmp_path / "out")
    assert list(failed) == ["square-2"]
    assert failed["square-2"].startswith("ValueError: no square of 2")
    assert [job.name for job, _ in results(jobs(4, raises=2), tmp_path / "out")] == [
        "square-0",
        "square-1",
        "square-3",
    ]


def test_a_worker_that_dies_stops_the_run_with_one_line(calls: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkersLost, match=r"^a worker process was lost .* run the command again$"):
        run_jobs(jobs(3, dies=1), Squares(calls), 1, tmp_path / "out")
    assert run_jobs(jobs(1, dies=1), Squares(calls), 1, tmp_path / "out") == {}


def test_a_full_disk_is_no_property_of_a_job(calls: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        run_jobs(jobs(3, full=1), Squares(calls), 1, tmp_path / "out")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def texts() -> Iterator[str]:
        yield "first"
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        write_atomically(tmp_path / "file", texts())
    assert list(tmp_path.iterdir()) == []


# ---- the folder


def test_every_specification_has_a_folder_of_its_own(tmp_path: Path) -> None:
    with work_folder(tmp_path, {"seed": 1}) as one, work_folder(tmp_path, {"seed": 2}) as other:
        assert one != other
        assert json.loads((one / "spec.json").read_text("utf-8")) == {"seed": 1}
    with work_folder(tmp_path, {"seed": 1}) as again:
        assert again == one


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    with (
        work_folder(tmp_path, {}),
        pytest.raises(InUse, match="another build is at work in"),
        work_folder(tmp_path, {}),
    ):
        pass


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    with work_folder(tmp_path, {}) as folder:
        (folder / "results").mkdir()
        (folder / "results" / ".unfinished-x").write_text("half a li")
    with work_folder(tmp_path, {}) as folder:
        assert not list((folder / "results").iterdir())


# ---- stopping

SLOW = """
import sys, time
from pathlib import Path
from dataset_builder.pipeline.shards import Job, LocalRunner
def slow(spec):
    time.sleep(spec["seconds"])
    return [spec]
if __name__ == "__main__":
    jobs = [Job(f"j{n}", {"n": n, "seconds": 0.01 if n < 2 else 60}) for n in range(8)]
    print("begun", flush=True)
    with LocalRunner(2) as runner:
        runner.run(jobs, slow, Path(sys.argv[1]), lambda done, total: print(done, flush=True))
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_keeps_what_is_done_and_leaves_no_process(
    number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "slow.py", str(out)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    lines = process.stdout
    assert lines is not None
    while lines.readline() != "2\n":
        assert process.poll() is None
    children = _children(process.pid)
    assert len(children) >= 2
    process.send_signal(number)
    process.wait(timeout=10)
    deadline = time.monotonic() + 10
    while any(_is_alive(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_is_alive(child) for child in children)
    assert sum(path.suffix == ".jsonl" for path in out.iterdir()) == 2


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
