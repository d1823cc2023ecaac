"""The cache shared by runs, where their steps interleave as badly as they can."""

from __future__ import annotations

import fcntl
import os
import stat
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


@pytest.mark.parametrize("umask", [0o000, 0o277, 0o777])
def test_what_it_makes_is_for_its_owner_alone_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        cache = Cache(tmp_path / "cache", 1000)
        with cache.fetching(SHA256, threading.Event()), cache.partial(SHA256) as partial:
            partial.write(b"whole")
            partial.keep().close()
    finally:
        os.umask(before)

    made = [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_file()}
    assert modes == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in made if path.is_dir()} == {0o700}
