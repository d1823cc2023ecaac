"""The threads that talk to the account, and the one queue by which they answer.

Only the thread that drains the queue touches the state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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
        self._tasks: SimpleQueue[Callable[[Emit], Result] | None] = SimpleQueue()
        self._answers: SimpleQueue[Event | Finished[Result]] = SimpleQueue()
        self._under_way = 0
        self._threads = list(_started(size, self._work))

    def submit(self, task: Callable[[Emit], Result]) -> None:
        """Accept a task; it must not raise."""
        self._under_way += 1
        if self._threads:
            self._tasks.put(task)
        else:
            self._perform(task)

    def drain(self) -> Iterator[Event | Finished[Result]]:
        """Yield what the tasks emit until all have finished; more may be submitted meanwhile."""
        while self._under_way:
            item = self._answers.get()
            if isinstance(item, Finished):
                self._under_way -= 1
            yield item

    def dismiss(self) -> None:
        """Let the threads go; nothing may be under way."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            self._perform(task)

    def _perform(self, task: Callable[[Emit], Result]) -> None:
        self._answers.put(Finished(task(self._answers.put)))


def _started(size: int, work: Callable[[], None]) -> Iterator[threading.Thread]:
    """Start as many threads as the system grants; with none, `submit` does the work itself."""
    for number in range(size):
        thread = threading.Thread(target=work, name=f"apply-{number}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return
        yield thread
