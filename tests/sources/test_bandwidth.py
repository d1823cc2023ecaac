"""A bandwidth shared by all that is under way: nobody is too slow for having had to wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.cloudflare import AccountClient
from reconciler.model import SLOWEST, WEIGHTS_FILE, SourceAddress
from reconciler.project.settings import Settings
from reconciler.sources import Bandwidth
from reconciler.sources.source import Part, Resolved
from reconciler.sources.transfer import Transfer
from tests.cli.conftest import Project
from tests.sources.conftest import Web, declare, pins

BLOCK = 1 << 14
OTHERS = 63
LEAST = 65536
"""The lowest bandwidth that the project file takes."""


class Clock(threading.Event):
    """An event that nobody sets, and a time that passes while it is waited for."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return False


class Busy:
    """A source from which a block comes after everybody else has taken one."""

    address = SourceAddress("https", "models.example", "bot")
    size = 64 * BLOCK

    def __init__(self, bandwidth: Bandwidth) -> None:
        self._bandwidth = bandwidth

    def resolve(self) -> Resolved:
        return Resolved(self.address)

    @contextmanager
    def open(self, *_: object, **__: object) -> Iterator[Part]:
        yield Part(0, self.size, "", self._blocks())

    def _blocks(self) -> Iterator[bytes]:
        for _ in range(self.size // BLOCK):
            for _ in range(OTHERS):
                self._bandwidth.take(BLOCK)
            yield bytes(BLOCK)


class Nowhere:
    def reserve(self, size: int) -> None:
        pass

    def write(self, block: bytes) -> None:
        pass

    def rewind(self) -> None:
        pass


def test_the_least_bandwidth_is_enough_for_the_most_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    settings = Settings(Path(), parallelism=OTHERS + 1, max_bytes_per_second=LEAST)
    bandwidth = Bandwidth(LEAST, settings.slowest, clock, clock=clock)
    monkeypatch.setattr("reconciler.sources.transfer.time", SimpleNamespace(monotonic=clock))
    transfer = Transfer(Busy(bandwidth), WEIGHTS_FILE, 10**9, bandwidth, clock, lambda *_: None)

    transfer.run(Nowhere())

    assert transfer.done == Busy.size
    assert clock.now > Busy.size / SLOWEST + 60


def test_uploads_get_their_share_of_time_and_of_turns(
    project: Project, web: Web, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits, sizes = [], []

    def client(*arguments: Any, **options: Any) -> AccountClient:
        limits.append(options["timeouts"].slowest)
        return AccountClient(*arguments, **options)

    take = Bandwidth.take

    def note(self: Bandwidth, number: int) -> None:
        sizes.append(number)
        take(self, number)

    monkeypatch.setattr("reconciler.cli.workspace.AccountClient", client)
    monkeypatch.setattr(Bandwidth, "take", note)
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    more = "max_bytes_per_second: 100000\nparallelism: 64\n"
    text = (project.folder / "reconciler.yaml").read_text()
    project.write(text + more, "reconciler.yaml")

    assert project.apply().code == 0
    assert set(limits) == {100000 / 128}
    # Both files are fetched first, and are taken as they come.
    assert sum(sizes[:2]) == sum(sizes[2:])
    assert max(sizes[2:]) <= 781


def test_who_waits_for_a_turn_is_let_go_once_the_run_is_to_end() -> None:
    stop = threading.Event()
    bandwidth = Bandwidth(LEAST, stop=stop)
    bandwidth.take(LEAST * 3600)
    waiting = threading.Thread(target=bandwidth.take, args=(1,), daemon=True)
    waiting.start()
    stop.set()
    waiting.join(20)
    assert not waiting.is_alive()
