"""Signals: before anything is sent they end a command, during an apply they stop it in order,
and once its exit code is known they change nothing.

A signal that is ignored (by nohup, or for a job in the background) stays ignored.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Reaction:
    """What a signal does just now. One for the process, as signals are.

    The handler stays the same throughout, so that no signal comes between two of them.
    asked: whether a signal asked for an end already. code: what the process then ends with.
    """

    def __init__(self) -> None:
        self.to: Callable[[int], None] = _interrupt
        self.asked = False
        self.code = 130

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        self.to(number)

    def leave_or_wait(self, _number: int) -> None:
        """Leave at once at the second signal: what is left to do may never end."""
        if self.asked:
            os._exit(self.code)
        self.asked = True


def _interrupt(_number: int) -> None:
    raise KeyboardInterrupt


_reaction = _Reaction()


@contextmanager
def handled_signals() -> Iterator[None]:
    """Let the signals do what this module says, and afterwards what they did before."""
    before = {
        number: signal.signal(number, _reaction)
        for number in _SIGNALS
        if signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def handle_signals_to_the_end() -> None:
    """Let the signals do what this module says until the process has ended."""
    for number in _SIGNALS:
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            signal.signal(number, _reaction)
            # Python takes its handlers back before it ends, but not what is ignored.
            atexit.register(signal.signal, number, signal.SIG_IGN)


@contextmanager
def ending_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt at any of the signals, so that locks are given back."""
    _reaction.to, _reaction.asked, _reaction.code = _interrupt, False, 130
    try:
        yield
    finally:
        _reaction.to = _reaction.leave_or_wait


@contextmanager
def orderly_stop(stop: threading.Event, tell: Callable[[str], None]) -> Iterator[None]:
    """Set `stop` at the first signal; at the second leave at once, as a kill would.

    tell: called from within the handler, so it must not use a stream of Python's.
    """

    def ask(number: int) -> None:
        _reaction.leave_or_wait(number)
        stop.set()
        tell(
            f"\n{signal.Signals(number).name}: finishing the calls under way and saving. "
            "Once more ends it at once; the next run then looks up what is unknown.\n"
        )

    _reaction.to, _reaction.asked, _reaction.code = ask, False, 130
    try:
        yield
    finally:
        _reaction.to = _reaction.leave_or_wait


def exit_code_is(code: int) -> int:
    """Let no signal change the exit code any more; returns it."""
    _reaction.to, _reaction.code = _reaction.leave_or_wait, code
    return code
