"""The pins of a source as it is now: from what it says of itself, else by reading its files."""

from __future__ import annotations

import threading
from collections.abc import Callable

from reconciler.model import ASSET_NAMES, AdapterSource, Limits, SourceAddress
from reconciler.sources.bandwidth import Bandwidth
from reconciler.sources.fetching import longest_of
from reconciler.sources.source import Source, resolved
from reconciler.sources.transfer import Transfer


def find_pins(
    address: SourceAddress,
    open_source: Callable[[SourceAddress], Source],
    limits: Limits,
    bandwidth: Bandwidth,
    stop: threading.Event,
) -> AdapterSource:
    """Return the address, with the commit instead of a branch, and both digests.

    Raises DiagnosticError, and StoppedError once `stop` is set.
    """
    now = resolved(open_source(address))
    fixed = open_source(now.address)
    digests = {
        name: now.sha256.get(name) or _read(fixed, name, limits, bandwidth, stop)
        for name in ASSET_NAMES
    }
    return AdapterSource(now.address, digests)


def _read(
    source: Source, file_name: str, limits: Limits, bandwidth: Bandwidth, stop: threading.Event
) -> str:
    longest = longest_of(file_name, limits)
    transfer = Transfer(source, file_name, longest, bandwidth, stop, lambda _done, _size: None)
    transfer.run(_Nowhere())
    return transfer.digest


class _Nowhere:
    """A sink that keeps nothing: the digest alone is wanted."""

    def reserve(self, size: int) -> None:
        pass

    def write(self, block: bytes) -> None:
        pass

    def rewind(self) -> None:
        pass
