"""One bandwidth for all that is moved at once, in whichever direction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Bandwidth:
    """Lets so many bytes a second through, for all threads together; None for any number."""

    def __init__(
        self,
        bytes_per_second: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()

    def take(self, number: int) -> None:
        """Wait until the bytes that were let through before are paid for, then take these."""
        if self._rate is None:
            return
        with self._lock:
            now = self._clock()
            begin = max(now, self._free_at)
            self._free_at = begin + number / self._rate
        if begin > now:
            self._sleep(begin - now)
