"""Signals during an apply: the first asks it to stop in order, the second ends it at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def orderly_stop(stop: threading.Event, tell: Callable[[str], None]) -> Iterator[None]:
    """Set `stop` at the first signal; at the second leave at once, as a kill would."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()
        tell(
            f"\n{signal.Signals(number).name}: finishing the calls under way and saving. "
            "Once more ends it at once; the next run then looks up what is unknown."
        )

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
