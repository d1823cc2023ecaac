"""Files that outlast a crash: written whole and synced, then renamed into place.

A file's bytes last with its fsync; its name with the fsync of the folder, and the folder's
own name with the fsync of the one above. All functions raise OSError.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path


def read_regular(path: Path, limit: int) -> bytes | None:
    """Return a file's bytes, at most limit + 1; None where there is no such file.

    Neither a symbolic link is followed nor a special file waited for: both are ELOOP.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return None
    try:
        if not is_regular(descriptor):
            raise OSError(errno.ELOOP, "Not a regular file")
        return _read(descriptor, limit + 1)
    finally:
        close(descriptor)


def write_new(path: Path, raw: bytes) -> None:
    """Write a file that must not be there yet (FileExistsError), mode 0600, and sync it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        let_owner_use(descriptor)
        _write(descriptor, raw)
        os.fsync(descriptor)
    except BaseException:
        close(descriptor)
        remove(path)
        raise
    try:
        # A failing close is a failing write (NFS, quotas).
        os.close(descriptor)
    except OSError:
        remove(path)
        raise


def touch_new(path: Path) -> None:
    """Make an empty file that must not be there yet (FileExistsError), mode 0600."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        let_owner_use(descriptor)
    finally:
        close(descriptor)


def let_owner_use(descriptor: int) -> None:
    """Give the owner of a file that was just made what a umask such as 0277 took."""
    # Only then: some file systems let nobody change a mode.
    if os.fstat(descriptor).st_mode & 0o600 != 0o600:
        os.fchmod(descriptor, 0o600)


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a synced file over another, so that the new name lasts too."""
    temporary.rename(path)
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that their names last."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        make_usable_folder(folder, 0o755)
    sync_folder(folder.parent)


def make_usable_folder(folder: Path, mode: int) -> None:
    """Make a folder that must not be there yet (FileExistsError), which its owner can use."""
    folder.mkdir(mode=mode)
    if folder.stat().st_mode & 0o700 != 0o700:
        folder.chmod(0o700)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        close(descriptor)


def is_regular(descriptor: int) -> bool:
    """Tell whether a descriptor is of a regular file."""
    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def close(descriptor: int) -> None:
    """Close what was only read; that a close fails then loses nothing."""
    with suppress(OSError):
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file where that is possible."""
    with suppress(OSError):
        path.unlink()


def _read(descriptor: int, limit: int) -> bytes:
    chunks = []
    left = limit
    while left:
        chunk = os.read(descriptor, min(left, 1 << 20))
        if not chunk:
            break
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def _write(descriptor: int, raw: bytes) -> None:
    rest = memoryview(raw)
    while rest:
        written = os.write(descriptor, rest)
        if written <= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[written:]
    if os.fstat(descriptor).st_size != len(raw):
        raise OSError(errno.EIO, "fewer bytes arrived than were written")
