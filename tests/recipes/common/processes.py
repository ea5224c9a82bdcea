"""Several processes on this machine that find one another through torch.distributed (gloo), each with a job.

    python -m tests.recipes.common.processes JOB FOLDER

is one of them; RANK and WORLD_SIZE say which. What a job returns is written to FOLDER/<rank>.json.
"""

import importlib
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

PATIENCE = 300
"""Seconds until processes that wait for one another are given up, on a machine that is busy."""


def run_together(job: str, folder: Path, processes: int = 2) -> list[Any]:
    """What each process returns; `job` is "module:function", called with `folder`.

    Raises RuntimeError for processes that fail, or that hang.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logs = [folder / f"{rank}.log" for rank in range(processes)]
    started = [_start(job, folder, rank, processes, log) for rank, log in enumerate(logs)]
    try:
        codes = [process.wait(PATIENCE) for process in started]
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{job} hangs: {_tails(logs)}") from None
    finally:
        for process in started:
            process.kill()
            process.wait()
    if any(codes):
        raise RuntimeError(f"{job} failed: {_tails(logs)}")
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]


def _start(job: str, folder: Path, rank: int, processes: int, log: Path) -> subprocess.Popen[bytes]:
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    environment = os.environ | {name: str(number) for name, number in numbers.items()}
    environment |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    # Not looked at where processes meet through a file, but asked for.
    environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    command = [sys.executable, "-m", __name__, job, str(folder)]
    with log.open("wb") as stream:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream)


def _tails(logs: list[Path]) -> str:
    return "\n".join(log.read_text(errors="replace")[-2_000:] for log in logs)


def main(job: str, folder: Path) -> None:
    import torch.distributed as dist

    rank, processes = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    place = f"file://{folder / 'meeting'}"
    dist.init_process_group(
        "gloo", init_method=place, rank=rank, world_size=processes, timeout=timedelta(seconds=PATIENCE)
    )
    module, _, function = job.partition(":")
    made = getattr(importlib.import_module(module), function)(folder)
    (folder / f"{rank}.json").write_text(json.dumps(made))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
