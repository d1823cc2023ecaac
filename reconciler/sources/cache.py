"""The cache of fetched files: each under its sha256, whole, synced, and never changed again.

files/SHA256        a whole file
partial/SHA256      one that is being fetched; as long as it will be, so that it counts
locks/XX            whoever fetches a file whose digest begins with XX
lock                whoever counts, makes room or takes a file

Runs share it safely. A file that a run needs is locked by the run (flock, shared), and is
not removed. The kernel gives locks back when a process dies.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.sources.source import StoppedError

POLL_SECONDS = 0.1
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_FALLOCATE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


@dataclass(slots=True)
class CachedFile:
    """A file that stays in the cache until it is closed. size in bytes."""

    path: Path
    sha256: str
    size: int
    file: io.BufferedReader

    def close(self) -> None:
        """Let it go; it may be removed from then on."""
        self.file.close()


class Cache:
    """A folder of at most so many bytes; what was not used for longest leaves first."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        with self.failing():
            for name in ("", "files", "partial", "locks"):
                _make_folder(folder / name)

    def take(self, sha256: str) -> CachedFile | None:
        """Return a file that is there; None where it is not.

        Its bytes are read and compared with its name: DiagnosticError (R921) where they differ.
        """
        with self.failing():
            file = self._open(self.folder / "files" / sha256)
            if file is None:
                return None
            try:
                self._check(file, sha256)
            except BaseException:
                file.close()
                raise
        return self._cached(file, sha256)

    @contextmanager
    def fetching(self, sha256: str, stop: threading.Event) -> Iterator[None]:
        """Be the only one, of all runs, that fetches this file; StoppedError while waiting."""
        with self.failing():
            descriptor = _open_to_write(self.folder / "locks" / sha256[:2])
        try:
            while not self._locked(descriptor):
                if stop.wait(POLL_SECONDS):
                    raise StoppedError
            yield
        finally:
            os.close(descriptor)

    def _locked(self, descriptor: int) -> bool:
        with self.failing():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    def partial(self, sha256: str) -> Partial:
        """Begin a file; only while `fetching` it."""
        return Partial(self, sha256)

    def make_room(self, descriptor: int, size: int) -> None:
        """Reserve bytes for a file that is going to be written, at the cost of others."""
        with self.failing(), self.counting():
            used, others = self._usage()
            for path, bytes_ in others:
                if used + size <= self._max_bytes:
                    break
                if _remove_unused(path):
                    used -= bytes_
            if used + size > self._max_bytes:
                raise DiagnosticError(
                    codes.CACHE_FULL.error(
                        f"The cache may have {self._max_bytes:,} bytes; {used:,} are in use, and "
                        f"{size:,} more are needed.",
                        hint=f"Set sources.max_cache_bytes to {used + size} or more.",
                    )
                )
            _allocate(descriptor, size)

    def keep(self, partial: Path, descriptor: int, sha256: str) -> CachedFile:
        """Give a file that is whole its name, durably."""
        path = self.folder / "files" / sha256
        with self.failing():
            os.fsync(descriptor)
            with self.counting():
                partial.rename(path)
                _sync_folder(path.parent)
                # The same open file goes on, so its lock is turned over and never given up.
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                kept = os.fdopen(os.dup(descriptor), "rb")
        return self._cached(kept, sha256)

    def _cached(self, file: io.BufferedReader, sha256: str) -> CachedFile:
        size = os.fstat(file.fileno()).st_size
        return CachedFile(self.folder / "files" / sha256, sha256, size, file)

    def _open(self, path: Path) -> io.BufferedReader | None:
        with self.counting():
            try:
                file = _open_shared(path)
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENXIO):
                    raise
                raise _damaged(path) from None
            # The latest use decides what leaves first.
            with suppress(OSError):
                os.utime(file.fileno())
            return file

    def _check(self, file: io.BufferedReader, sha256: str) -> None:
        path = self.folder / "files" / sha256
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise _damaged(path)
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise _damaged(path)

    def _usage(self) -> tuple[int, list[tuple[Path, int]]]:
        """Return the bytes in use, and what may leave, the first to leave first."""
        found = []
        for name in ("partial", "files"):
            for entry in os.scandir(self.folder / name):
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((name == "files", status.st_mtime, entry.path, status.st_size))
        found.sort()
        return sum(size for *_, size in found), [(Path(path), size) for *_, path, size in found]

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Be the only one, of all runs, that counts, makes room or takes a file."""
        descriptor = _open_to_write(self.folder / "lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Turn what the system refuses into a DiagnosticError (R923)."""
        try:
            yield
        except OSError as error:
            raise DiagnosticError(
                codes.CACHE_FAILED.error(
                    f"{self.folder}: {error.strerror or error}.",
                    hint="Make room there, or set RECONCILER_CACHE to a folder on another disk.",
                )
            ) from None


class Partial:
    """A file on its way into the cache: the sink of a transfer. Gone unless it was kept."""

    def __init__(self, cache: Cache, sha256: str) -> None:
        self._cache = cache
        self._sha256 = sha256
        self._path = cache.folder / "partial" / sha256
        self._descriptor = -1
        self._kept = False

    def __enter__(self) -> Partial:
        # Whoever makes room leaves it alone as long as it is locked, and so must not come
        # between: what a killed run left there is open, and not locked, for a moment.
        with self._cache.failing(), self._cache.counting():
            self._descriptor = _open_to_write(self._path)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            os.ftruncate(self._descriptor, 0)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            os.close(self._descriptor)
        if not self._kept:
            with suppress(OSError):
                self._path.unlink()

    def reserve(self, size: int) -> None:
        """Make room for it."""
        self._cache.make_room(self._descriptor, size)

    def write(self, block: bytes) -> None:
        """Take the next bytes."""
        rest = memoryview(block)
        with self._cache.failing():
            while rest:
                written = os.write(self._descriptor, rest)
                if written <= 0:
                    raise OSError(errno.EIO, os.strerror(errno.EIO))
                rest = rest[written:]

    def rewind(self) -> None:
        """Begin anew."""
        with self._cache.failing():
            os.lseek(self._descriptor, 0, os.SEEK_SET)

    def keep(self) -> CachedFile:
        """Make a file of the cache of it."""
        kept = self._cache.keep(self._path, self._descriptor, self._sha256)
        self._kept = True
        return kept


def _make_folder(folder: Path) -> None:
    """Make a folder that its owner alone can use, under any umask, where there is none."""
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        if folder.stat().st_mode & 0o700 != 0o700:
            folder.chmod(0o700)


def _open_to_write(path: Path) -> int:
    """Open a file, made where there is none, that its owner alone can use, under any umask."""
    descriptor = os.open(path, _WRITE, 0o600)
    if os.fstat(descriptor).st_mode & 0o600 != 0o600:
        # It may be somebody else's, who lets us use it.
        with suppress(OSError):
            os.fchmod(descriptor, 0o600)
    return descriptor


def _open_shared(path: Path) -> io.BufferedReader:
    """Open a file and keep it from being removed."""
    descriptor = os.open(path, _READ)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _remove_unused(path: Path) -> bool:
    """Remove a file unless a run needs it; tell whether it is gone."""
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _allocate(descriptor: int, size: int) -> None:
    """Take the blocks at once: a disk that is too full says so before anything is fetched."""
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _NO_FALLOCATE:
            raise
        os.ftruncate(descriptor, size)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _damaged(path: Path) -> DiagnosticError:
    return DiagnosticError(
        codes.CACHE_DAMAGED.error(
            f"{path} is not what its name says.",
            hint=f"Find out who wrote it, then: rm {path}",
        )
    )
