"""The cache shared by runs, where their steps interleave as badly as they can."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from reconciler.sources import Cache

SHA256 = "ab" * 32


def test_a_leftover_that_is_taken_over_is_not_removed_by_who_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, other = Cache(tmp_path, 1000), Cache(tmp_path, 1000)
    leftover = tmp_path / "partial" / SHA256
    leftover.write_bytes(bytes(900))
    flock = fcntl.flock
    threads: list[threading.Thread] = []

    def make_room() -> None:
        descriptor = os.open(tmp_path / "new", os.O_CREAT | os.O_RDWR)
        other.make_room(descriptor, 500)
        os.close(descriptor)

    def interleave(descriptor: int, operation: int) -> None:
        is_partial = os.path.samestat(os.fstat(descriptor), leftover.stat())
        if is_partial and not threads:
            threads.append(threading.Thread(target=make_room, daemon=True))
            threads[0].start()
            # Where it may come between, it is done by then.
            threads[0].join(0.3)
        flock(descriptor, operation)

    monkeypatch.setattr("reconciler.sources.cache.fcntl.flock", interleave)
    with cache.partial(SHA256) as partial:
        monkeypatch.undo()
        threads[0].join(20)
        partial.write(b"whole")
        kept = partial.keep()

    assert kept.path.read_bytes() == b"whole"
    kept.close()
