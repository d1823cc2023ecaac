"""One bandwidth for all that is moved at once, in whichever direction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from reconciler.model import SLOWEST


class Bandwidth:
    """Lets so many bytes a second through, for all threads together; None for any number.

    slowest: bytes a second below which one transfer as a whole is given up. Once `stop` is
    set nobody waits any more: what is under way ends as soon as it can.
    """

    def __init__(
        self,
        bytes_per_second: int | None = None,
        slowest: float = SLOWEST,
        stop: threading.Event | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slowest = slowest
        self._rate = bytes_per_second
        self._stop = stop or threading.Event()
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = clock()

    def portion(self, number: int) -> int:
        """Return how many of so many bytes to take at once, so that all get their turn soon."""
        return number if self._rate is None else max(1, min(number, int(self.slowest)))

    def take(self, number: int) -> None:
        """Wait until the bytes that were let through before are paid for, then take these."""
        if self._rate is None:
            return
        with self._lock:
            now = self._clock()
            begin = max(now, self._free_at)
            self._free_at = begin + number / self._rate
        if begin > now:
            self._stop.wait(begin - now)
