"""A kernel lock on a file of its own, which names its holder.

The kernel frees it when the holder dies, so that a crash never leaves it behind. The
file itself stays: removing it would let two processes lock two files of one name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.state import LockInfo

POLL_SECONDS = 0.1


class FileLock:
    """A lock file; `held` takes it for the length of a with block."""

    def __init__(self, path: Path, location: str) -> None:
        self._path = path
        self._location = location
        self._descriptor = -1

    @contextmanager
    def held(self, info: LockInfo, timeout: float) -> Iterator[FileLock]:
        """Take the lock, waiting up to timeout seconds for another holder."""
        self._descriptor = self._acquire(timeout)
        try:
            self._write_holder(info.to_json())
            yield self
        finally:
            self._release()

    def check(self) -> None:
        """Raise DiagnosticError (R410) where the file was removed or replaced."""
        if not _is_same_file(self._descriptor, self._path):
            raise DiagnosticError(
                codes.LOCK_LOST.error(
                    f"{self._location} was removed or replaced while it was held.",
                    hint="See what removed it; never delete a lock file. Then run apply again.",
                )
            )

    def _acquire(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The one before may have been unlinked between opening and locking.
                if _is_same_file(descriptor, self._path):
                    return descriptor
                os.close(descriptor)
                continue
            except BlockingIOError:
                holder = _read_holder(descriptor)
                os.close(descriptor)
            except OSError as error:
                os.close(descriptor)
                raise DiagnosticError(self._unsupported(error)) from error
            if time.monotonic() >= deadline:
                raise DiagnosticError(self._locked(holder, timeout))
            time.sleep(POLL_SECONDS)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise DiagnosticError(self._unopenable(error)) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise DiagnosticError(self._unopenable(OSError(errno.ELOOP, "not a regular file")))
        return descriptor

    def _write_holder(self, text: str) -> None:
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)
        except OSError as error:
            raise DiagnosticError(self._unopenable(error)) from error

    def _release(self) -> None:
        try:
            os.ftruncate(self._descriptor, 0)
        except OSError:
            # The holder's name stays behind; the lock itself goes with the descriptor.
            pass
        finally:
            os.close(self._descriptor)
            self._descriptor = -1

    def _unopenable(self, error: OSError) -> Diagnostic:
        if error.errno == errno.ELOOP:
            return codes.STATE_NOT_REGULAR.error(
                f"{self._location} is a symbolic link or a special file.",
                hint="Remove it, or keep the state elsewhere.",
            )
        return codes.LOCK_UNSUPPORTED.error(
            f"{self._location}: {error.strerror}.",
            hint="Check the permissions of the folder, or keep the state elsewhere.",
        )

    def _unsupported(self, error: OSError) -> Diagnostic:
        return codes.LOCK_UNSUPPORTED.error(
            f"The file system refuses to lock {self._location}: {error.strerror}.",
            hint="Keep the state on a local file system.",
        )

    def _locked(self, holder: LockInfo | None, timeout: float) -> Diagnostic:
        waited = f" (waited {timeout:g} s)" if timeout else ""
        return codes.STATE_LOCKED.error(
            f"{self._location} is held by {holder or 'a process that has not signed yet'}{waited}.",
            hint="Wait for it, or give --lock-timeout SECONDS.",
        )


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        there = path.lstat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)


def _read_holder(descriptor: int) -> LockInfo | None:
    try:
        return LockInfo.from_json(os.pread(descriptor, 4096, 0).decode())
    except (OSError, UnicodeDecodeError):
        return None
