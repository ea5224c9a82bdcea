"""The same jobs through datatrove's executors: on this machine, on a Slurm cluster, or on Ray.

Needs datatrove (extra `scale`); the executor for Ray needs ray as well. A task of datatrove takes every n-th
job; a job's result is the file that it leaves in the work folder, so all machines have to share that folder.
See docs/building-at-scale.md.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dataset_builder.model import Progress
from dataset_builder.pipeline.shards import Function, Job, WorkersLost, described, run_job

try:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.base import PipelineStep
except ImportError:
    raise ImportError("datatrove is not installed: pip install 'dsl-debug[scale]'") from None

MakeExecutor = Callable[[list[Any], int, str], Any]
"""Takes a pipeline, the number of tasks and a folder for logs; gives an executor of datatrove."""


class JobStep(PipelineStep):  # type: ignore[misc]
    """A pipeline of one step: carry out every `world_size`-th job that has no result yet."""

    name = "jobs"
    type = "dsl-debug"

    def __init__(self, jobs: Sequence[Job], function: Function, folder: Path) -> None:
        super().__init__()
        self.jobs, self.function, self.folder = list(jobs), function, folder

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> None:
        """Called by datatrove. What goes wrong in a job is noted, and the others are carried out."""
        for job in self.jobs[rank::world_size]:
            if job.file(self.folder).exists():
                continue
            with ThreadPoolExecutor(1) as alone:  # a future keeps whatever the job raises
                error = alone.submit(run_job, self.function, job, self.folder).exception()
            if error:
                self.stat_update("failed")
                (self.folder / f"{job.name}.failed").write_text(described(error), encoding="utf-8")

    __call__ = run


class DatatroveRunner:
    """Carries out jobs through executors that `make` makes, and waits until all tasks are done.

    Executors that only submit (Slurm) are asked every `poll` seconds; if for `patience` seconds no job gets
    done, WorkersLost is raised. Logs go to `logs` in the folder of the results.
    """

    def __init__(self, make: MakeExecutor, tasks: int, poll: float = 5.0, patience: float = 7200.0) -> None:
        self._make, self._tasks, self._poll, self._patience = make, tasks, poll, patience

    def run(
        self,
        jobs: Sequence[Job],
        function: Function,
        folder: Path,
        on_progress: Progress = lambda done, total: None,
    ) -> dict[str, str]:
        """As `LocalRunner.run`."""
        folder.mkdir(parents=True, exist_ok=True)
        waiting = [job for job in jobs if not job.file(folder).exists()]
        on_progress(len(jobs) - len(waiting), len(jobs))
        if not waiting:
            return {}
        for job in waiting:
            (folder / f"{job.name}.failed").unlink(missing_ok=True)
        tasks = min(self._tasks, len(waiting))
        logs = folder / "logs" / f"{time.strftime('%Y%m%d-%H%M%S')}-{waiting[0].name}"
        executor = self._make([JobStep(waiting, function, folder)], tasks, str(logs))
        executor.run()
        self._wait(executor, jobs, folder, on_progress)
        return {job.name: _failure(job, folder) for job in waiting if not job.file(folder).exists()}

    def _wait(self, executor: Any, jobs: Sequence[Job], folder: Path, on_progress: Progress) -> None:
        """Until every task has ended."""
        last, since = -1, time.monotonic()
        while True:
            done = sum(job.file(folder).exists() for job in jobs)
            on_progress(done, len(jobs))
            if not executor.get_incomplete_ranks(skip_completed=True):
                return
            if done != last:
                last, since = done, time.monotonic()
            if time.monotonic() - since > self._patience:
                message = f"no job was done for {self._patience:.0f} s, {len(jobs) - done} are left"
                raise WorkersLost(f"{message}; what is done is kept, so cancel the tasks and run it again")
            time.sleep(self._poll)


def _failure(job: Job, folder: Path) -> str:
    path = folder / f"{job.name}.failed"
    return path.read_text(encoding="utf-8") if path.exists() else "it left no result: see the logs"


def local_datatrove(workers: int) -> DatatroveRunner:
    """datatrove's executor for this machine."""

    def make(pipeline: list[Any], tasks: int, logs: str) -> Any:
        return LocalPipelineExecutor(
            pipeline=pipeline, tasks=tasks, workers=workers, logging_dir=logs, start_method="spawn"
        )

    return DatatroveRunner(make, tasks=workers)
