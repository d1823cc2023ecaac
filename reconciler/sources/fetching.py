"""From a source into the cache: what is there already is not fetched, and what is fetched is
what was pinned.
"""

from __future__ import annotations

import threading

from reconciler.adapters import MAX_CONFIG
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import CONFIG_FILE, Limits
from reconciler.sources.bandwidth import Bandwidth
from reconciler.sources.cache import Cache, CachedFile
from reconciler.sources.source import Source
from reconciler.sources.transfer import Progress, Transfer


class Fetcher:
    """Fetches files for one run, which keeps them until it is closed."""

    def __init__(
        self, cache: Cache, limits: Limits, bandwidth: Bandwidth, stop: threading.Event
    ) -> None:
        self._cache = cache
        self._limits = limits
        self._bandwidth = bandwidth
        self._stop = stop
        self._taken: list[CachedFile] = []

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._taken:
            file.close()

    def fetch(self, source: Source, file_name: str, sha256: str, progress: Progress) -> CachedFile:
        """Return a file of the cache, fetched where it is not there yet.

        progress is called for what is fetched only. Raises DiagnosticError, StoppedError.
        """
        file = self._cache.take(sha256)
        if file is None:
            with self._cache.fetching(sha256, self._stop):
                # Another run, or another adapter of this one, may just have fetched it.
                file = self._cache.take(sha256)
                if file is None:
                    file = self._fetch(source, file_name, sha256, progress)
        self._taken.append(file)
        return file

    def _fetch(self, source: Source, file_name: str, sha256: str, progress: Progress) -> CachedFile:
        longest = longest_of(file_name, self._limits)
        transfer = Transfer(source, file_name, longest, self._bandwidth, self._stop, progress)
        with self._cache.partial(sha256) as partial:
            transfer.run(partial)
            if transfer.digest != sha256:
                raise _wrong_digest(source, file_name, sha256, transfer)
            return partial.keep()


def longest_of(file_name: str, limits: Limits) -> int:
    """Return how many bytes a file may have; what is larger would be refused anyway."""
    return MAX_CONFIG if file_name == CONFIG_FILE else limits.max_adapter_bytes


def _wrong_digest(
    source: Source, file_name: str, sha256: str, transfer: Transfer
) -> DiagnosticError:
    looks = ""
    if transfer.head.startswith((b"<", b"\r\n<", b"\n<")):
        looks = " It looks like a web page."
    elif transfer.head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        looks = " It looks like an archive."
    hint = "Find out who changed it. If it is meant: reconciler adapter pin"
    if source.address.can_move:
        hint = f"{source.address.revision} may have moved to another commit. {hint}"
    return DiagnosticError(
        codes.WRONG_DIGEST.error(
            f"{source.address}: {file_name} has the sha256 {transfer.digest}, and {sha256} is "
            f"pinned.{looks}",
            hint=hint,
        )
    )
