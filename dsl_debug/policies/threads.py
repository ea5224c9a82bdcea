"""`map` over threads that wait for a server: in the order of the items, or as they get ready."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    function: Callable[[T], R], items: Iterable[T], workers: int, ahead: int | None = None
) -> Generator[R, None, None]:
    """`map` over threads, in the order of the items; at most `ahead` of them are begun beyond what was read.

    An exception is raised as soon as there is one, whichever item it is of. When the reader stops, what has
    not begun is not begun any more.
    """
    jobs = _started(function, workers)
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(Future())
            jobs.put((waiting[-1], item))
            if len(waiting) >= (ahead or workers):
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
    finally:
        for future in waiting:
            future.cancel()
        for _ in range(workers):
            jobs.put(None)


def as_ready(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    """`map` over threads, each result as soon as it is there; no item is begun before a thread is free.

    An exception is raised as soon as there is one. When the reader stops, nothing more is begun.
    """
    jobs = _started(function, workers)
    ready: SimpleQueue[Future[R]] = SimpleQueue()
    running = 0
    try:
        for item in items:
            future: Future[R] = Future()
            future.add_done_callback(ready.put)
            jobs.put((future, item))
            running += 1
            if running == workers:
                running -= 1
                yield ready.get().result()
        for _ in range(running):
            yield ready.get().result()
    finally:
        for _ in range(workers):
            jobs.put(None)


def _started(function: Callable[[T], R], workers: int) -> "SimpleQueue[tuple[Future[R], T] | None]":
    """The queue from which so many threads now take their items; each ends with a None."""
    jobs: SimpleQueue[tuple[Future[R], T] | None] = SimpleQueue()
    for _ in range(workers):
        # Daemons, unlike the threads of an executor: nobody waits for a silent endpoint at the very end.
        Thread(target=_work, args=(function, jobs), daemon=True).start()
    return jobs


def _work(function: Callable[[T], R], jobs: "SimpleQueue[tuple[Future[R], T] | None]") -> None:
    while job := jobs.get():
        future, item = job
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function(item))
            except BaseException as error:  # it is the reader's
                future.set_exception(error)


def _first(waiting: deque[Future[R]]) -> R:
    """The result that is first in the row, as soon as it is there."""
    running = set(waiting)
    while not waiting[0].done():
        done, running = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
    return waiting.popleft().result()
