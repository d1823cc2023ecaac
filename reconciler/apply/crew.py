"""The threads that talk to the account, and the one queue by which they answer.

Only the thread that drains the queue touches the state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from reconciler.apply.events import Event

Result = TypeVar("Result")
Emit = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Finished(Generic[Result]):
    """A task ended; exactly one an accepted task."""

    result: Result


class Crew(Generic[Result]):
    """Runs tasks, `size` at a time. A task gets a function to emit events with."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="apply")
        self._queue: SimpleQueue[Event | Finished[Result]] = SimpleQueue()
        self._under_way = 0

    def submit(self, task: Callable[[Emit], Result]) -> None:
        """Accept a task; it must not raise."""
        self._under_way += 1
        self._pool.submit(lambda: self._queue.put(Finished(task(self._queue.put))))

    def drain(self) -> Iterator[Event | Finished[Result]]:
        """Yield what the tasks emit until all have finished; more may be submitted meanwhile."""
        while self._under_way:
            item = self._queue.get()
            if isinstance(item, Finished):
                self._under_way -= 1
            yield item

    def dismiss(self) -> None:
        """Let the threads go; nothing may be under way."""
        self._pool.shutdown()
