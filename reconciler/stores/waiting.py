"""Waiting for a lock that no kernel hands over: ask again, less and less often."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from reconciler.state import LockInfo
from reconciler.stores import findings

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 3.0


def wait_for_lock(attempt: Callable[[], LockInfo | None], location: str, timeout: float) -> None:
    """Try until the lock is ours or timeout seconds have passed; R408 names the holder.

    attempt: takes the lock and returns None, or returns who holds it.
    """
    deadline = time.monotonic() + timeout
    pause = FIRST_PAUSE
    while (holder := attempt()) is not None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise findings.locked(location, holder, timeout)
        # Spread, so that many who wait do not ask at the same moments.
        time.sleep(min(left, pause * random.uniform(0.5, 1.5)))  # noqa: S311 - no secret
        pause = min(pause * 2, LONGEST_PAUSE)
