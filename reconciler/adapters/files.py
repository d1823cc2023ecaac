"""Opening an adapter's files safely, hashing them, and sending exactly what was inspected."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from reconciler.adapters.text import whole_file
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import adapters as codes
from reconciler.model import Asset

CHUNK = 1 << 18
"""Bytes that are read at a time: 256 KiB."""

# O_NONBLOCK: opening a FIFO returns at once; it means nothing to a regular file.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def real_path(path: Path, name: str, root: Path | None) -> Path:
    """Follow every symbolic link; refuse what then lies outside of root (None: anywhere).

    `name` is the path as messages call it. Raises DiagnosticError.
    """
    try:
        real = Path(os.path.realpath(path, strict=True))
        real_root = Path(os.path.realpath(root, strict=True)) if root is not None else None
    except (OSError, ValueError) as error:
        raise DiagnosticError(
            codes.UNREADABLE_FILE.error(
                f"{name} cannot be opened: {_reason(error)}.",
                hint="Check what its symbolic links lead to."
                # A disk that fails here, too, is no reason to say nothing; Path's own raises.
                if os.path.islink(path)  # noqa: PTH114
                else "Check the path and its permissions.",
                range=whole_file(name),
            )
        ) from None
    if real_root is not None and not real.is_relative_to(real_root):
        raise DiagnosticError(
            codes.OUTSIDE_PROJECT.error(
                f"{name} leads to {real}, which is outside of the project's folder {real_root}.",
                hint="Copy the adapter into the project's folder and name it by a relative path.",
                range=whole_file(name),
            )
        )
    return real


def open_regular(path: Path, name: str, root: Path | None) -> io.BufferedReader:
    """Open a regular file for reading, never blocking; anything else is refused.

    `name` is the file as messages call it. Symbolic links are followed first, and refused
    where they leave `root`. Raises DiagnosticError.
    """
    real = real_path(path, name, root)
    descriptor = -1
    try:
        # Looked at before it is opened as well: opening a device can do something.
        _require_regular(real.lstat(), name)
        descriptor = os.open(real, _FLAGS)
        _require_regular(os.fstat(descriptor), name)
        return os.fdopen(descriptor, "rb")
    except BaseException as error:
        if descriptor >= 0:
            os.close(descriptor)
        if not isinstance(error, OSError):
            raise
        raise _unreadable(name, error) from None


def digest_file(file: io.BufferedReader) -> str:
    """Return the sha256 of a whole file as 64 hex digits, in constant memory."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def changed(name: str, detail: str) -> DiagnosticError:
    """Make the error of a file that is not what it was."""
    return DiagnosticError(
        codes.CHANGED_FILE.error(
            detail,
            hint="Wait until nothing writes to it any more, then plan and apply again.",
            range=whole_file(name),
        )
    )


class AssetFile:
    """An asset while it is sent: readable once, from start to end, in constant memory.

    It hashes what it gives, and holds back the last piece until the whole is known to be
    what was inspected: a file that changed is never sent completely.
    """

    def __init__(self, file: io.BufferedReader, asset: Asset, name: str) -> None:
        self._file = file
        self._asset = asset
        self._name = name
        self._size = self._left = _size_of(file, name)
        self._hash = hashlib.sha256()

    @property
    def file_name(self) -> str:
        """The name under which it is uploaded."""
        return self._asset.file_name

    @property
    def size(self) -> int:
        """Bytes that `read` gives in all, however many were read already."""
        return self._size

    def __len__(self) -> int:
        """Return `size`."""
        return self._size

    def read(self, size: int = CHUNK) -> bytes:
        """Return the next `size` bytes, fewer at the end; negative: all that is left.

        Raises DiagnosticError: R304 where it cannot be read; R307, and keeps the last bytes,
        where the file changed.
        """
        wanted = self._left if size < 0 else min(size, self._left)
        try:
            data = self._file.read(wanted)
        except OSError as error:
            # Not the connection's fault, which is what an error while sending is taken for.
            raise _unreadable(self._name, error) from None
        self._hash.update(data)
        self._left -= len(data)
        if len(data) < wanted or (wanted and not self._left and not self._is_unchanged()):
            raise changed(
                self._name, f"{self._name} changed while it was sent; it was not sent completely."
            )
        return data

    def _is_unchanged(self) -> bool:
        same_size = _size_of(self._file, self._name) == self._size
        return same_size and self._hash.hexdigest() == self._asset.sha256

    def close(self) -> None:
        """Close the file; it was only read, so that a close that fails loses nothing."""
        with suppress(OSError):
            self._file.close()

    def __enter__(self) -> AssetFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_asset(folder: Path, asset: Asset, root: Path | None) -> AssetFile:
    """Open an inspected asset of a folder to send it; see `open_asset_file`."""
    return open_asset_file(folder / asset.file_name, asset, root)


def open_asset_file(path: Path, asset: Asset, root: Path | None) -> AssetFile:
    """Open the file of an inspected asset to send it.

    Raises DiagnosticError: R307 where its size is no longer what was inspected; R302, R304
    or R305 where it cannot be read safely.
    """
    name = str(path)
    file = open_regular(path, name, root)
    try:
        opened = AssetFile(file, asset, name)
    except DiagnosticError:
        file.close()
        raise
    if asset.size is not None and opened.size != asset.size:
        opened.close()
        raise changed(
            name, f"{name} has {opened.size:,} bytes; it had {asset.size:,} when it was inspected."
        )
    return opened


def _require_regular(status: os.stat_result, name: str) -> None:
    if stat.S_ISREG(status.st_mode):
        return
    kind = next((kind for matches, kind in _KINDS if matches(status.st_mode)), "no regular file")
    raise DiagnosticError(
        codes.NOT_A_FILE.error(
            f"{name} is {kind}.", hint="Put the file itself there.", range=whole_file(name)
        )
    )


def _size_of(file: io.BufferedReader, name: str) -> int:
    try:
        return os.fstat(file.fileno()).st_size
    except OSError as error:
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: OSError) -> DiagnosticError:
    is_refused = error.errno in (errno.EACCES, errno.EPERM)
    return DiagnosticError(
        codes.UNREADABLE_FILE.error(
            f"{name} cannot be read: {_reason(error)}.",
            hint="Let the user who runs this read it: chmod u+r."
            if is_refused
            else "Check the disk, or copy the file again.",
            range=whole_file(name),
        )
    )


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
