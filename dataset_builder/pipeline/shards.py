"""Work cut into jobs: each gives a file of JSON lines, and a job whose file is there is not run again.

A job is a name and a specification that JSON can hold. Its result depends on the specification alone, so that
neither the number of workers nor an interruption makes a difference. The files of one build lie in a folder
that is named after all that the build depends on.
"""

import gc
import hashlib
import json
import multiprocessing
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dataset_builder.model import Progress
from dsl_debug.problem import Row
from dsl_debug.processes import end_children, follow_parent
from dsl_debug.storage import UNFINISHED, write_atomically

Spec = dict[str, Any]
Function = Callable[[Spec], Iterable[Row]]

SPEC_FILE = "spec.json"
LOCK_FILE = "lock"
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')  # of a traceback; one of a worker comes as text


class WorkersLost(RuntimeError):
    """A worker process ended without a result: killed, or out of memory."""


class InUse(RuntimeError):
    """Another build works in the folder."""


@dataclass(frozen=True)
class Job:
    """One piece of work: a name for people, and what the function is given."""

    name: str
    spec: Spec

    def file(self, folder: Path) -> Path:
        """Where its result lies. Another specification has another file."""
        return folder / f"{self.name}-{digest(self.spec)[:12]}.jsonl"


class Runner(Protocol):
    """Carries out jobs that have no result yet; gives what went wrong, by the job's name."""

    def run(
        self, jobs: Sequence[Job], function: Function, folder: Path, on_progress: Progress
    ) -> dict[str, str]: ...


def digest(value: Any) -> str:
    """SHA-256 of a value that JSON can hold."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# The folder of a build


@contextmanager
def work_folder(base: Path, spec: Mapping[str, Any]) -> Iterator[Path]:
    """The folder below `base` that belongs to `spec`, held until the end: two builds never share one.

    Raises InUse if another process holds it, OSError where it cannot be made.
    """
    folder = base.resolve() / digest(spec)[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / LOCK_FILE):
        for leftover in folder.rglob(f"{UNFINISHED}*"):
            leftover.unlink()
        write_atomically(folder / SPEC_FILE, [json.dumps(spec, indent=2, ensure_ascii=False) + "\n"])
        yield folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """The system frees the lock of a process that ends, however it ends."""
    with open(path, "a", encoding="utf-8") as file:
        try:
            import fcntl
        except ImportError:  # Windows has no such locks
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another build is at work in {path.parent}: wait for it, or give another --work"
            raise InUse(message) from None
        yield


# Results


def run_job(function: Function, job: Job, folder: Path) -> None:
    """Carry out one job in this process and keep its rows."""
    rows = function(job.spec)
    write_atomically(
        job.file(folder), (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    )


def results(jobs: Iterable[Job], folder: Path) -> Iterator[tuple[Job, list[Row]]]:
    """The rows of every job that has a result, in the order of the jobs."""
    for job in jobs:
        path = job.file(folder)
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                yield job, [json.loads(line) for line in lines]


# Running them here


class LocalRunner:
    """A pool of processes on this machine, for as many calls of `run` as there are.

    The processes are started afresh and not copied, so that threads of this one do no harm.
    """

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._others = multiprocessing.active_children()
        self._pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)

    def __enter__(self) -> "LocalRunner":
        return self

    def __exit__(self, *raised: object) -> None:
        if raised[0] is not None:
            end_children(but=self._others)  # their jobs are begun again another time
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self,
        jobs: Sequence[Job],
        function: Function,
        folder: Path,
        on_progress: Progress = lambda done, total: None,
    ) -> dict[str, str]:
        """What went wrong in the function, by the name of the job; empty if all jobs have a result.

        The function has to be one that another process can import. Raises WorkersLost, OSError and
        MemoryError: those are no property of a job, and another run may go well.
        """
        waiting = [job for job in jobs if not job.file(folder).exists()]
        done = len(jobs) - len(waiting)
        on_progress(done, len(jobs))
        failed: dict[str, str] = {}
        futures = {self._pool.submit(run_job, function, job, folder): job for job in waiting}
        for future in as_completed(futures):
            job = futures[future]
            if reason := _reason(future, job):
                failed[job.name] = reason
            done += 1
            on_progress(done, len(jobs))
        return dict(sorted(failed.items()))


def _begin() -> None:
    follow_parent()
    # Trials keep tens of thousands of tables and trees for a moment, none of them in a cycle. Looking for
    # cycles as often as Python does by default took a fifth of the time (see docs/lab-log.md).
    gc.set_threshold(50_000, 20, 50)


def _reason(future: "Future[None]", job: Job) -> str:
    error = future.exception()
    if error is None:
        return ""
    if isinstance(error, BrokenProcessPool):
        message = f"a worker process was lost (out of memory?), maybe in the job {job.name}"
        raise WorkersLost(f"{message}; what is done is kept, so run the command again") from None
    if isinstance(error, OSError | MemoryError):
        raise error
    return described(error)


def described(error: BaseException) -> str:
    """An exception in one line, with the place that raised it, in this process or in a worker."""
    trace = "".join(traceback.format_tb(error.__traceback__)) + str(error.__cause__ or "")
    places = _PLACE.findall(trace)
    place = f" ({Path(places[-1][0]).name}:{places[-1][1]})" if places else ""
    return " ".join(f"{type(error).__name__}: {error}{place}".split())[:300]
