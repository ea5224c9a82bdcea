"""What a run takes: seconds by stage, and memory. None of it is part of what is built."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from pathlib import Path

try:
    import resource
except ImportError:  # Windows does not count
    resource = None  # type: ignore[assignment]


class Clock:
    """Seconds by stage, in the order in which the stages began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block; a stage may come several times."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def total(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began


def peak_memory() -> dict[str, int]:
    """Megabytes that this process and the largest of its workers have held at most, where the system says."""
    workers = [_high_water(child.pid) for child in active_children() if child.pid]
    if resource is None:
        return {}
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    ended = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    return {"this_process": own, "largest_worker": max([ended, *workers])}


def _high_water(pid: int) -> int:
    """Of a process that still runs; 0 where that cannot be known."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM:")), 0)
