"""Signals: before anything is sent they end a command, during an apply they stop it in order.

A signal that is ignored (by nohup, or for a job in the background) stays ignored.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ending_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt at any of the signals, so that locks are given back."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handling(handle):
        yield


@contextmanager
def orderly_stop(stop: threading.Event, tell: Callable[[str], None]) -> Iterator[None]:
    """Set `stop` at the first signal; at the second leave at once, as a kill would.

    tell: called from within the handler, so it must not use a stream of Python's.
    """
    asked = False

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            os._exit(130)
        asked = True
        stop.set()
        tell(
            f"\n{signal.Signals(number).name}: finishing the calls under way and saving. "
            "Once more ends it at once; the next run then looks up what is unknown.\n"
        )

    with _handling(handle):
        yield


@contextmanager
def _handling(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {
        number: signal.signal(number, handle)
        for number in _SIGNALS
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
