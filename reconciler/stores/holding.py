"""Holding a lock that stays when its process ends: no signal comes between it and its release.

The first signal waits for the end of a request that takes a lock or lets it go. Broken off,
a server could still carry out the one that takes it, after the one that lets it go.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from reconciler.diagnostics import DiagnosticError
from reconciler.state import LockInfo
from reconciler.stores import findings
from reconciler.stores.waiting import wait_for_lock

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def held(
    attempt: Callable[[], LockInfo | None],
    release: Callable[[], None],
    location: str,
    timeout: float,
) -> Iterator[None]:
    """Wait for a lock, hold it for the length of a with block, and let it go at its end.

    attempt: see wait_for_lock. A lock that stayed is told (R425) besides what ended the block.
    """
    is_ours = False

    def trying() -> LockInfo | None:
        nonlocal is_ours
        with unbroken():
            # Until the answer is there it may be; only a second signal ends it before.
            is_ours = True
            try:
                holder = attempt()
            except DiagnosticError:
                is_ours = False
                raise
            is_ours = holder is None
        return holder

    try:
        wait_for_lock(trying, location, timeout)
        yield
    except BaseException as error:
        if is_ours:
            # Another signal changes nothing: it is ending already.
            with suppress(KeyboardInterrupt):
                _let_go_after(error, release, location)
        raise
    let_go(release, location)


def let_go(release: Callable[[], None], location: str) -> None:
    """Release a lock; R425 where it stays."""
    is_done = False
    try:
        with unbroken():
            release()
            is_done = True
    except DiagnosticError as error:
        cause = error.diagnostics[0]
        raise findings.lock_left(location, f"{cause.summary}. {cause.detail}") from error
    except KeyboardInterrupt as error:
        if is_done:
            raise
        left = findings.lock_left(location, "Its release was interrupted.")
        raise DiagnosticError(*left.diagnostics, exit_code=130) from error


def _let_go_after(error: BaseException, release: Callable[[], None], location: str) -> None:
    """Release a lock after an error, of which nothing may be hidden."""
    try:
        let_go(release, location)
    except DiagnosticError as left:
        if isinstance(error, KeyboardInterrupt):
            raise DiagnosticError(*left.diagnostics, exit_code=130) from error
        if isinstance(error, DiagnosticError):
            told = (*error.diagnostics, *left.diagnostics)
            raise DiagnosticError(*told, exit_code=error.exit_code) from error


@contextmanager
def unbroken() -> Iterator[None]:
    """Hold back a signal until the end of a with block; a second one is let through with it.

    A block that ends by an error ends the command itself, so the signal has nothing left to do.
    """
    if threading.current_thread() is not threading.main_thread():
        # No signal interrupts another thread.
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {number: handler for number, handler in handlers.items() if callable(handler)}
    waiting: list[int] = []

    def hold_back(number: int, frame: FrameType | None) -> None:
        waiting.append(number)
        if len(waiting) > 1:
            deliver(frame)

    def deliver(frame: FrameType | None) -> None:
        while waiting:
            number = signal.Signals(waiting.pop(0))
            before[number](number, frame)

    try:
        for number in before:
            signal.signal(number, hold_back)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    deliver(None)
