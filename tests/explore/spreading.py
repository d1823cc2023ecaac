"""Spreads work over processes, until it is done or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def spread(
    work: Callable[[Task], Result], tasks: Iterable[Task], jobs: int, seconds: float
) -> Iterator[Result]:
    """Yield results as they come. What was begun when the time is over is still finished."""
    expires = time.monotonic() + seconds
    waiting = iter(tasks)
    # Not forked: the parent may have threads, of a progress bar for one.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running: set[Future[Result]] = set()
        while True:
            if time.monotonic() < expires:
                # A few more than there are processes, so that none ever waits.
                free = 3 * jobs - len(running)
                running |= {pool.submit(work, task) for task in islice(waiting, free)}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
