"""The state in a local file: replaced atomically, written durably, locked by the kernel."""

from __future__ import annotations

import errno
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.state import (
    MAX_BYTES,
    DamagedStateError,
    LockInfo,
    Snapshot,
    State,
    StateLock,
    encode_state,
    version_of,
)
from reconciler.stores import findings
from reconciler.stores.durable import (
    make_folder,
    put_in_place,
    read_regular,
    remove,
    touch_new,
    write_new,
)
from reconciler.stores.file_lock import FileLock


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
        location, copies, copy = self._location, "from your CI or another machine", "copy.json"
        backup = self._path.with_name(f"{self._path.name}.backup")
        # Whether there is one matters to nothing but the advice.
        with suppress(OSError):
            if backup.exists():
                copies, copy = "the .backup is the one before the last run", f"{location}.backup"
        try:
            return findings.decode(raw, version_of(raw), location, copies, copy)
        except DamagedStateError:
            # The backup beside it may be the only good one.
            self._backed_up = True
            raise

    def save(self, state: State, expected: str) -> str:
        """Replace the state; see StateStore.

        A crash or a power cut leaves the old state or the new one, never a part of either.
        """
        raw = encode_state(state)
        temporary = self._beside(f"{secrets.token_hex(8)}.tmp")
        try:
            make_folder(self._path.parent)
            write_new(temporary, raw)
        except OSError as error:
            raise DiagnosticError(self._not_saved(error)) from error
        try:
            with self._claimed(expected):
                self._replace(temporary, expected)
        except BaseException:
            remove(temporary)
            raise
        return version_of(raw)

    @contextmanager
    def lock(self, info: LockInfo, timeout: float) -> Iterator[StateLock]:
        """Hold the lock of the file; see StateStore."""
        with self._file_lock().held(info, timeout) as lock:
            self._remove_leftovers()
            yield lock

    def holder(self) -> LockInfo | None:
        """Ask the kernel whether the lock is held; the file says by whom."""
        return self._file_lock().holder()

    def break_lock(self, lock_id: str) -> None:
        """Refuse: a kernel lock ends with its process, and not before."""
        holder = self.holder()
        if holder is None or holder.id != lock_id:
            raise findings.no_such_lock(self._location, lock_id, holder)
        raise DiagnosticError(
            codes.STATE_LOCKED.error(
                f"{self._location} is held by a process that is running: {printable(str(holder))}.",
                hint="End that process; the lock of a file goes with it.",
            )
        )

    def _file_lock(self) -> FileLock:
        path = self._path.with_name(f"{self._path.name}.lock")
        return FileLock(path, f"{self._location}.lock")

    @contextmanager
    def _claimed(self, expected: str) -> Iterator[None]:
        """Be the only one who may replace a version: compare-and-swap that needs no lock.

        Only one can create the claim, and once a version is replaced nobody finds it again.
        """
        claim = self._beside(f"{version_of(expected.encode())[:16]}.claim")
        try:
            touch_new(claim)
        except FileExistsError as error:
            raise DiagnosticError(self._being_saved()) from error
        except OSError as error:
            raise DiagnosticError(self._not_saved(error)) from error
        try:
            yield
        finally:
            remove(claim)

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(f".{self._path.name}.{suffix}")

    def _replace(self, temporary: Path, expected: str) -> None:
        old = self._read()
        if (version_of(old) if old is not None else "") != expected:
            raise findings.moved_on(self._location)
        self._back_up(old)
        try:
            put_in_place(temporary, self._path)
        except OSError as error:
            raise DiagnosticError(self._not_saved(error)) from error

    def _back_up(self, old: bytes | None) -> None:
        """Keep what the first save of a run replaces; who may save is alone here."""
        if old is not None and not self._backed_up:
            temporary = self._beside("backup.tmp")
            remove(temporary)
            try:
                write_new(temporary, old)
                kept = self._path.with_name(f"{self._path.name}.backup")
                put_in_place(temporary, kept)
            except OSError as error:
                remove(temporary)
                raise DiagnosticError(self._not_saved(error, ".backup")) from error
        self._backed_up = True

    def _read(self) -> bytes | None:
        try:
            return read_regular(self._path, MAX_BYTES)
        except OSError as error:
            raise DiagnosticError(self._unreadable(error)) from error

    def _remove_leftovers(self) -> None:
        """Remove what a killed save left; only the holder of the lock may write here."""
        name = re.escape(self._path.name)
        leftover = re.compile(rf"\.{name}\.(?:[0-9a-f]{{16}}\.(?:tmp|claim)|backup\.tmp)")
        with suppress(OSError):
            for path in self._path.parent.iterdir():
                if leftover.fullmatch(path.name):
                    remove(path)

    def _unreadable(self, error: OSError) -> Diagnostic:
        if error.errno == errno.ELOOP:
            return codes.STATE_NOT_REGULAR.error(
                f"{self._location} is a symbolic link, a folder or a special file.",
                hint="Give the path of the file itself with --state.",
            )
        return codes.STATE_UNREADABLE.error(
            f"{self._location}: {error.strerror}.", hint="Check the path and its permissions."
        )

    def _being_saved(self) -> Diagnostic:
        return codes.STATE_MOVED_ON.error(
            f"{self._location} is being replaced by another run.",
            hint="Run the command again; it starts from the newer state.",
        )

    def _not_saved(self, error: OSError, suffix: str = "") -> Diagnostic:
        return codes.STATE_NOT_SAVED.error(
            f"{self._location}{suffix}: {error.strerror or error}.",
            hint="Mend the cause, then run apply again.",
        )
