"""The checks of an adapter in a folder, for one that lies elsewhere or in the cache."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from typing import Any

from reconciler.adapters import AdapterFile, Inspection, inspect_files
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import CONFIG_FILE, SLOWEST, WEIGHTS_FILE, Limits
from reconciler.sources.cache import CachedFile
from reconciler.sources.source import BrokenError, Source, resolved
from reconciler.sources.transfer import GRACE_SECONDS

_BUFFER = 1 << 16


def inspect_fetched(
    files: Mapping[str, CachedFile], *, location: str, model: str, limits: Limits
) -> Inspection:
    """Inspect an adapter whose files are in the cache; every finding is returned."""
    config, weights = (
        AdapterFile(
            name, f"{location}/{name}", files[name].file, files[name].size, files[name].sha256
        )
        for name in (CONFIG_FILE, WEIGHTS_FILE)
    )
    for file in (config, weights):
        if file.stream:
            file.stream.seek(0)
    return inspect_files(config, weights, location=location, model=model, limits=limits)


def inspect_source(source: Source, *, model: str, limits: Limits) -> Inspection:
    """Inspect an adapter where it lies: of the weights only the header is read, by its range.

    Raises DiagnosticError where it cannot be read. The digests are those that the source
    itself knows, "" for the others.
    """
    location = str(source.address)
    known = resolved(source).sha256
    config, weights = (
        _open(source, name, f"{location}/{name}", known.get(name, ""))
        for name in (CONFIG_FILE, WEIGHTS_FILE)
    )
    with config, weights:
        return inspect_files(config, weights, location=location, model=model, limits=limits)


def _open(source: Source, file_name: str, name: str, sha256: str) -> AdapterFile:
    remote = _RemoteFile(source, file_name)
    return AdapterFile(
        file_name, name, io.BufferedReader(remote, _BUFFER), remote.size_of_file(), sha256
    )


class _RemoteFile(io.RawIOBase):
    """A file at a source, to be read at any place: each read is a request for that range."""

    def __init__(self, source: Source, file_name: str) -> None:
        self._source = source
        self._file_name = file_name
        self._at = 0
        self._size = -1
        self._version = ""

    def size_of_file(self) -> int:
        """Return its bytes; asks for the first one."""
        if self._size < 0:
            self._read(1)
        return self._size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence, self.size_of_file())
        self._at = max(start + offset, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        wanted = len(buffer)
        if not wanted or self._at >= self.size_of_file():
            return 0
        data = self._read(min(wanted, self._size - self._at))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _read(self, length: int) -> bytes:
        begin, end = self._at, self._at + length
        try:
            with self._source.open(self._file_name, begin, end, self._version) as part:
                if self._size >= 0 and (part.size, part.version) != (self._size, self._version):
                    raise BrokenError("it changed while it was read")
                self._size, self._version = part.size, part.version
                data = bytearray()
                # A server that gives no ranges begins at the start of the file.
                skip = begin - part.begin
                expires = time.monotonic() + GRACE_SECONDS + (skip + length) / SLOWEST
                for block in part.blocks:
                    dropped = min(skip, len(block))
                    skip -= dropped
                    data += block[dropped:]
                    if time.monotonic() > expires:
                        raise BrokenError("it is too slow")
                    if len(data) >= length:
                        break
        except BrokenError as error:
            what = f"{self._source.address}: {self._file_name}"
            raise DiagnosticError(
                codes.UNREACHABLE.error(f"{what}: {error}.", hint="Run it again.")
            ) from None
        return bytes(data[:length])
