"""A kernel lock on a file of its own, which names its holder.

The kernel frees it when the holder dies, so that a crash never leaves it behind. The
file itself stays: removing it would let two processes lock two files of one name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.state import LockInfo
from reconciler.stores import findings
from reconciler.stores.durable import close, is_regular, let_owner_use, make_folder

POLL_SECONDS = 0.1
MOMENT_SECONDS = 0.2
"""Tried even by who does not wait: one who only looks has the lock for an instant, too."""
MAX_SIGNATURE = 16_384
"""Bytes that are read of a holder's name."""


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
            self._sign(info.to_json())
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

    def holder(self) -> LockInfo | None:
        """Tell who holds the lock; None where nobody does."""
        try:
            if not self._path.exists():
                return None
        except OSError as error:
            raise DiagnosticError(self._unopenable(error)) from error
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_holder(descriptor) or findings.UNKNOWN_HOLDER
        except OSError as error:
            raise DiagnosticError(self._unsupported(error)) from error
        finally:
            close(descriptor)
        return None

    def _acquire(self, timeout: float) -> int:
        deadline = time.monotonic() + max(timeout, MOMENT_SECONDS)
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _read_holder(descriptor)
                close(descriptor)
                left = deadline - time.monotonic()
                if left <= 0:
                    told = findings.locked(self._location, holder, timeout, can_stay=False)
                    raise told from None
                time.sleep(min(POLL_SECONDS, left))
            except OSError as error:
                close(descriptor)
                raise DiagnosticError(self._unsupported(error)) from error
            else:
                # The one before may have been unlinked between opening and locking.
                if _is_same_file(descriptor, self._path):
                    return descriptor
                close(descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            make_folder(self._path.parent)
            descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise DiagnosticError(self._unopenable(error)) from error
        if not is_regular(descriptor):
            close(descriptor)
            raise DiagnosticError(self._unopenable(OSError(errno.ELOOP, "Not a regular file")))
        # It may be somebody else's, and was there before.
        with suppress(OSError):
            let_owner_use(descriptor)
        return descriptor

    def _sign(self, text: str) -> None:
        """Name the holder for those who wait; the lock holds without, on a full disk too."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)

    def _release(self) -> None:
        # The name may stay behind; the lock itself goes with the descriptor.
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        close(self._descriptor)
        self._descriptor = -1

    def _unopenable(self, error: OSError) -> Diagnostic:
        if error.errno == errno.ELOOP:
            return codes.STATE_NOT_REGULAR.error(
                f"{self._location} is a symbolic link or a special file.",
                hint="Remove it, or keep the state elsewhere (--state).",
            )
        return codes.LOCK_UNSUPPORTED.error(
            f"{self._location}: {error.strerror}.",
            hint="Check the folder and its permissions, or keep the state elsewhere (--state). "
            "`reconciler plan --no-refresh` needs no lock.",
        )

    def _unsupported(self, error: OSError) -> Diagnostic:
        return codes.LOCK_UNSUPPORTED.error(
            f"The file system refuses to lock {self._location}: {error.strerror}.",
            hint="Keep the state on a local file system (--state).",
        )


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _read_holder(descriptor: int) -> LockInfo | None:
    try:
        return LockInfo.from_json(os.pread(descriptor, MAX_SIGNATURE, 0).decode())
    except (OSError, UnicodeDecodeError):
        return None
