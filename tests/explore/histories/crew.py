"""A crew without threads: what is under way at once happens in an order that a seed chooses."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from reconciler.apply.crew import Finished

_chance = random.Random()


def begin(order: int) -> None:
    """Choose the order for the crews of the next run."""
    _chance.seed(order)


class InlineCrew:
    """Takes the place of reconciler.apply.crew.Crew, with the same promises."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: list[Callable[[Any], Any]] = []
        self._answers: deque[Any] = deque()
        self._under_way = 0
        self._broken: BaseException | None = None

    def submit(self, task: Callable[[Any], Any]) -> None:
        self._under_way += 1
        self._waiting.append(task)

    def drain(self) -> Iterator[Any]:
        while self._under_way:
            if self._broken is not None:
                raise self._broken
            if self._waiting and (not self._answers or _chance.random() < 0.6):
                at = _chance.randrange(min(self._size, len(self._waiting)))
                self._perform(self._waiting.pop(at))
                continue
            item = self._answers.popleft()
            if isinstance(item, Finished):
                self._under_way -= 1
            yield item

    def _perform(self, task: Callable[[Any], Any]) -> None:
        try:
            self._answers.append(Finished(task(self._answers.append)))
        except BaseException as error:
            # A task must not raise: the process is dead, and stays so.
            self._broken = error
            raise

    def dismiss(self) -> None:
        """There is nobody to let go."""
