"""The state in a local file: replaced atomically, written durably, locked by the kernel."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.state import LockInfo, Snapshot, State, StateLock, decode_state, encode_state
from reconciler.stores.file_lock import FileLock

MAX_BYTES = 256_000_000
"""About a million finetunes."""


class LocalStore:
    """One state file. Beside it lie its lock, and a backup of the state before the last run."""

    def __init__(self, path: Path, location: str) -> None:
        self._path = path
        self._location = location
        self._backed_up = False

    @property
    def location(self) -> str:
        """The path as the user gave it."""
        return self._location

    def load(self) -> Snapshot | None:
        """Read the state; see StateStore."""
        raw = self._read()
        if raw is None:
            return None
        return Snapshot(decode_state(raw, self._location), _version(raw))

    def save(self, state: State, expected: str) -> str:
        """Replace the state; see StateStore.

        Written to a new file, synced, renamed over the old one, and the folder synced: a
        crash or a power cut leaves the old state or the new one, never a part of either.
        """
        raw = encode_state(state)
        old = self._read()
        if (_version(old) if old is not None else "") != expected:
            raise DiagnosticError(self._moved_on())
        try:
            self._back_up(old)
            self._replace(self._path, raw)
        except OSError as error:
            raise DiagnosticError(self._not_saved(error)) from error
        return _version(raw)

    @contextmanager
    def lock(self, info: LockInfo, timeout: float) -> Iterator[StateLock]:
        """Hold the lock of the file; see StateStore."""
        path = self._path.with_name(f"{self._path.name}.lock")
        with FileLock(path, f"{self._location}.lock").held(info, timeout) as lock:
            self._remove_leftovers()
            yield lock

    def _read(self) -> bytes | None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(self._path, flags)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DiagnosticError(self._unreadable(error)) from error
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DiagnosticError(self._not_regular())
            try:
                return file.read(MAX_BYTES)
            except OSError as error:
                raise DiagnosticError(self._unreadable(error)) from error

    def _back_up(self, old: bytes | None) -> None:
        if old is not None and not self._backed_up:
            self._replace(self._path.with_name(f"{self._path.name}.backup"), old)
        self._backed_up = True

    def _replace(self, path: Path, raw: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{self._path.name}.{secrets.token_hex(8)}.tmp")
        try:
            _write_durably(temporary, raw)
            temporary.rename(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)

    def _remove_leftovers(self) -> None:
        """Remove what a killed save left; only the holder of the lock may write here."""
        with suppress(OSError):
            for leftover in self._path.parent.glob(f".{self._path.name}.*.tmp"):
                leftover.unlink()

    def _unreadable(self, error: OSError) -> Diagnostic:
        if error.errno == errno.ELOOP:
            return self._not_regular()
        return codes.STATE_UNREADABLE.error(
            f"{self._location}: {error.strerror}.", hint="Check the path and its permissions."
        )

    def _not_regular(self) -> Diagnostic:
        return codes.STATE_NOT_REGULAR.error(
            f"{self._location} is a symbolic link or a special file.",
            hint="Give the path of the file itself with --state.",
        )

    def _moved_on(self) -> Diagnostic:
        return codes.STATE_MOVED_ON.error(
            f"{self._location} is not the one that was loaded.",
            hint="Run the command again; it starts from the newer state.",
        )

    def _not_saved(self, error: OSError) -> Diagnostic:
        return codes.STATE_NOT_SAVED.error(
            f"{self._location}: {error.strerror or error}.",
            hint="Mend the cause, then run apply again.",
        )


def _version(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _write_durably(path: Path, raw: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        rest = memoryview(raw)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
    # Outside of the try: a failing close is a failing write (NFS, quotas).
    os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make a rename last; without it a power cut can bring the old name back."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
