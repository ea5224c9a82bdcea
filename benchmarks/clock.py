"""Timing that every benchmark shares."""

import gc
from collections.abc import Callable, Iterable
from statistics import median, quantiles
from time import perf_counter

from dsl_debug.lang import executor, parser


def best(
    action: Callable[[], object],
    repeats: int,
    before: Callable[[], object] | None = None,
    clock: Callable[[], float] = perf_counter,
) -> float:
    """The shortest of some runs, in seconds: the one that the machine disturbed least.

    `before` is called ahead of each run and not timed. The garbage collector waits, as it does in timeit. For
    long runs of a single thread, `clock` may be one of processor time, which stands still while others run.
    """
    times = []
    enabled = gc.isenabled()
    gc.disable()
    try:
        for _ in range(repeats):
            if before:
                before()
            start = clock()
            action()
            times.append(clock() - start)
    finally:
        if enabled:
            gc.enable()
    return min(times)


def forget_programs() -> None:
    """Empty the language's caches: the next run of any program parses, checks and compiles it."""
    parser._parse_cached.cache_clear()
    executor._plan_cached.cache_clear()


def summary(seconds: Iterable[float], beside: Iterable[float]) -> dict[str, float]:
    """Median and 90th percentile in microseconds, and the median of the ratios to a peer's times."""
    times = list(seconds)
    ratios = [ours / theirs for ours, theirs in zip(times, beside, strict=True)]
    return {
        "median_us": round(median(times) * 1e6, 1),
        "p90_us": round(quantiles(times, n=10)[-1] * 1e6, 1),
        "ratio": round(median(ratios), 2),
    }
