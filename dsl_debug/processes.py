"""Worker processes that end with the process that started them, and not before."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess


def follow_parent() -> None:
    """A worker leaves interruptions to the process that started it, and does not outlive that one.

    To be called first in the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def process_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes end with the block, at once if it is left by an exception or given up."""
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=follow_parent)
    try:
        yield pool
    except BaseException:  # an interruption, too, and the end of a generator that nobody reads any more
        end_children(but=others)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def end_children(but: Sequence[BaseProcess]) -> None:
    """End the child processes at once, those left out that were there before."""
    for process in multiprocessing.active_children():
        if process not in but:
            process.terminate()
