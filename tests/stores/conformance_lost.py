"""What every store must pass when its connection is lost, at each step of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import LockInfo, StateStore
from reconciler.stores import object_client
from tests.state.samples import empty
from tests.stores.abilities import Ability, Suite, needs
from tests.stores.contender import info
from tests.stores.http_proxy import tampering
from tests.stores.place import Place, locking
from tests.stores.places import Served
from tests.stores.wire import wire


@dataclass(frozen=True, slots=True)
class Loss:
    """What is lost at a step: its "request" or its "answer"; and all that follows, if not once."""

    step: int
    what: str
    once: bool


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a server on which something is lost. steps: how many were made on it."""

    port: int
    steps: Callable[[], int]


@contextmanager
def lossy(server: Served, loss: Loss) -> Iterator[Way]:
    """Lay one; a step is a request of HTTP, or a message or a few of PostgreSQL's."""
    if server.prefix.startswith("postgresql"):
        assert not loss.once
        with wire(server.port, cut_at=loss.step if loss.what == "request" else 0) as cable:
            if loss.what == "answer":
                cable.unanswered_from = loss.step
            yield Way(cable.port, lambda: cable.blocks)
        return
    with tampering(f"http://127.0.0.1:{server.port}") as proxy:
        proxy.decide = lambda method, number: _fault(loss, number)
        yield Way(urlsplit(proxy.url).port or 0, lambda: len(proxy.requests))


def _fault(loss: Loss, number: int) -> str:
    if number == loss.step:
        return {"request": "cut", "answer": "swallow"}[loss.what]
    return "cut" if number > loss.step and not loss.once else ""


@dataclass(slots=True)
class Run:
    """A run that saves twice, and what became of it. sent, acknowledged: serials."""

    holder: LockInfo
    sent: int
    acknowledged: int
    code: str = ""

    def over(self, store: StateStore) -> None:
        try:
            self._work(store)
        except DiagnosticError as error:
            self.code = error.diagnostics[0].code

    def _work(self, store: StateStore) -> None:
        with store.lock(self.holder, 0) as lock:
            snapshot = store.load()
            assert snapshot is not None
            state, version = snapshot.state, snapshot.version
            for _ in range(2):
                state = state.following({}, {})
                lock.check()
                self.sent = state.serial
                version = store.save(state, version)
                self.acknowledged = state.serial


class LostConnections(Suite):
    fewest_steps: ClassVar[int] = 7
    """LOCK, GET, twice GET and POST, UNLOCK: no store needs fewer requests for a run."""

    @pytest.fixture
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tries again at once."""
        monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.001)

    @needs(Ability.LOSE_CONNECTION)
    @pytest.mark.usefixtures("quick")
    @pytest.mark.parametrize("lost", ["request", "answer"])
    def test_a_network_that_is_gone_from_any_step_on_is_told(self, place: Place, lost: str) -> None:
        for run in self._with_a_loss_at_each_step(place, lost, once=False):
            if run.code:
                assert run.code in ("R410", "R413", "R425")
            else:
                # It had nothing left but to let the lock go, which a lost connection does, too.
                assert self.can(Ability.FREE_BY_DEATH)
            self._is_whole_and_free(place, run)

    @needs(Ability.RECONNECT)
    @pytest.mark.usefixtures("quick")
    @pytest.mark.parametrize("lost", ["request", "answer"])
    def test_one_that_is_lost_at_any_step_is_overcome(self, place: Place, lost: str) -> None:
        for run in self._with_a_loss_at_each_step(place, lost, once=True):
            assert run.code == ""
            assert place.open().holder() is None
            self._is_whole_and_free(place, run)

    def _with_a_loss_at_each_step(self, place: Place, lost: str, once: bool) -> Iterator[Run]:
        """Yield a run for each step, until there is no such step any more."""
        assert place.served is not None
        place.open().save(empty(), "")
        for step in count(1):
            before = self._serial(place)
            run = Run(info(), before, before)
            with lossy(place.served, Loss(step, lost, once)) as way:
                with place.through(way.port) as store:
                    run.over(store)
                steps = way.steps()
            if steps < step:
                assert step > self.fewest_steps
                assert run.code == ""
                return
            yield run

    def _is_whole_and_free(self, place: Place, run: Run) -> None:
        """Nothing that was acknowledged is lost or torn, and the next run can go on."""
        assert run.acknowledged <= self._serial(place) <= run.sent
        holder = None if self.can(Ability.FREE_BY_DEATH) else place.open().holder()
        if holder is not None:
            assert holder == run.holder
            place.open().break_lock(holder.id)
        locking(place.open(), timeout=10)

    def _serial(self, place: Place) -> int:
        snapshot = place.open().load()
        assert snapshot is not None
        return snapshot.state.serial
