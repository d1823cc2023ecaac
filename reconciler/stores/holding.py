"""Holding a lock that stays when its process ends: one signal never leaves it unsaid.

The first signal waits for the end of a request that takes a lock or lets it go. Broken off,
a server could still carry out the one that takes it, after the one that lets it go.

What remains: a signal can come while contextlib itself runs, between the end of the with block
and this code. Then the lock is released when the generator is collected, and where that fails,
as over HTTP once the interpreter is ending, nobody tells it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

    attempt: see wait_for_lock; UnsureError where it failed, and the lock may be ours all the same.
    release: does nothing where it is not ours. A lock that may have stayed is told (R425) besides
    what ended the block.
    """
    lock = _Lock(attempt, release, location)
    try:
        wait_for_lock(lock.take, location, timeout)
        yield
        lock.let_go()
    except BaseException as error:
        lock.let_go_after(error)
        raise


def probed(
    attempt: Callable[[], LockInfo | None], release: Callable[[], None], location: str
) -> LockInfo | None:
    """Tell who holds a lock, None where nobody does, by taking it and letting it go."""
    lock = _Lock(attempt, release, location)
    try:
        holder = lock.take()
        lock.let_go()
    except BaseException as error:
        lock.let_go_after(error)
        raise
    return holder


class _Lock:
    """A lock, and whether there is something to release."""

    def __init__(
        self,
        attempt: Callable[[], LockInfo | None],
        release: Callable[[], None],
        location: str,
    ) -> None:
        self._attempt = attempt
        self._release = release
        self._location = location
        self._may_be_ours = False

    def take(self) -> LockInfo | None:
        """Try once; see wait_for_lock."""
        with unbroken():
            # Until the answer is there it may be; only a second signal ends it before.
            self._may_be_ours = True
            try:
                holder = self._attempt()
            except DiagnosticError as error:
                self._may_be_ours = isinstance(error, findings.UnsureError)
                raise
            self._may_be_ours = holder is None
        return holder

    def let_go(self) -> None:
        """Release it once; R425 where it may have stayed.

        A signal that comes before the release has begun leaves it to let_go_after.
        """
        if not self._may_be_ours:
            return
        is_done = False
        try:
            with unbroken():
                self._may_be_ours = False
                self._release()
                is_done = True
        except DiagnosticError as error:
            cause = error.diagnostics[0]
            why = f"{cause.summary}. {cause.detail}"
            raise findings.lock_left(self._location, why) from error
        except KeyboardInterrupt as error:
            if is_done or self._may_be_ours:
                raise
            raise self._interrupted() from error

    def let_go_after(self, error: BaseException) -> None:
        """Release it after an error, of which nothing may be hidden."""
        try:
            self._let_go_in_any_case()
        except DiagnosticError as left:
            if isinstance(error, KeyboardInterrupt):
                raise DiagnosticError(*left.diagnostics, exit_code=130) from error
            if isinstance(error, DiagnosticError):
                told = (*error.diagnostics, *left.diagnostics)
                raise DiagnosticError(*told, exit_code=error.exit_code) from error

    def _let_go_in_any_case(self) -> None:
        """Another signal changes nothing where it is let go: it is ending already."""
        try:
            self.let_go()
        except KeyboardInterrupt as another:
            if self._may_be_ours:
                raise self._interrupted() from another

    def _interrupted(self) -> DiagnosticError:
        left = findings.lock_left(self._location, "Its release was interrupted.")
        return DiagnosticError(*left.diagnostics, exit_code=130)


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
