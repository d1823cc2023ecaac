"""Two runners apply the same manifests to one state, over and over, on every store.

Two processes run the command: a sample of the thousands that `python -m tests.explore races`
runs. Two threads run what is inside it, so that a lock can also fail unnoticed.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.apply import ApplyOptions, Ledger, Run
from reconciler.cloudflare.outcomes import AssetBody
from reconciler.diagnostics import DiagnosticError
from reconciler.model import Address, Asset, Limits
from reconciler.plan import build_plan
from reconciler.refresh import refresh
from reconciler.state import Snapshot, StateLock, StateStore, new_state
from reconciler.stores import open_store
from tests.apply.world import ACCOUNT, Account
from tests.explore import race_report
from tests.explore.race import Course
from tests.plan.samples import desired, finetune
from tests.stores.abilities import CANNOT, Ability
from tests.stores.conftest import SHARED, Serve
from tests.stores.contender import info

SAMPLE = 40
"""Races of two processes over each store."""
RACES = 6
WANTED = desired(finetune("alpha"), finetune("beta"))
NAMES = ["alpha", "beta"]


ALL = [pytest.param("file"), *SHARED]


def able(ability: Ability) -> list[Any]:
    return [kind for kind in ALL if kind.values[0] not in CANNOT[ability]]


class NoLock:
    """Stands for a lock that failed unnoticed."""

    def check(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Race:
    """One state, one account, and the runners that meet there."""

    address: str
    root: Path
    account: Account
    locked: bool = True

    def open(self) -> StateStore:
        return open_store(self.address, self.root)

    def apply(self) -> str:
        """Apply as the command does; returns how it ended, a code where it was stopped."""
        store = self.open()
        try:
            with self._lock(store) as lock:
                return self._apply(store, lock)
        except DiagnosticError as error:
            return error.diagnostics[0].code

    def _lock(self, store: StateStore) -> AbstractContextManager[StateLock]:
        return store.lock(info(), 60) if self.locked else nullcontext(NoLock())

    def _apply(self, store: StateStore, lock: StateLock) -> str:
        snapshot = store.load() or Snapshot(new_state(ACCOUNT), "")
        listing = self.account.list_finetunes()
        prior = refresh(snapshot.state, listing)
        plan = build_plan(WANTED, prior, Limits())
        if not plan.can_apply:
            return "cannot apply"
        ledger = Ledger(prior, snapshot.version, store, lock, lambda state: "")
        options = ApplyOptions(parallelism=1, settle_seconds=0)
        stop = threading.Event()
        run = Run(plan, listing, ledger, self.account, _no_files, options, stop)
        for _ in run.events():
            pass
        return "done"

    def check(self) -> None:
        """Whatever happened: nothing twice, and one more apply records all of it."""
        assert self.account.names == NAMES
        assert self.apply() == "done"
        assert self.account.names == NAMES
        snapshot = self.open().load()
        assert snapshot is not None
        recorded = {record.current.id for record in snapshot.state.finetunes.values()}
        assert recorded == {remote.id for remote in self.account.finetunes}
        assert not snapshot.state.pending

    def free_the_lock(self) -> None:
        """What a careless person does: free the lock of whoever holds it."""
        store = self.open()
        with suppress(DiagnosticError):
            holder = store.holder()
            if holder is not None:
                store.break_lock(holder.id)


def _no_files(address: Address, asset: Asset) -> AbstractContextManager[AssetBody]:
    raise AssertionError("nothing has files here")


Make = Callable[[], str]


@pytest.fixture
def make_address(request: pytest.FixtureRequest, serve: Serve) -> Make:
    """Returns addresses of states that are not there yet."""
    prefix = "" if request.param == "file" else serve(request.param).prefix
    return lambda: f"{prefix}{uuid.uuid4()}"


def meet(race: Race, pool: ThreadPoolExecutor) -> list[str]:
    start = threading.Barrier(2)

    def run() -> str:
        start.wait(60)
        return race.apply()

    runners = [pool.submit(run) for _ in range(2)]
    return [runner.result(120) for runner in runners]


@pytest.mark.parametrize("make_address", ALL, indirect=True)
def test_two_runners_that_lock_both_finish_and_create_each_once(
    make_address: Make, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(RACES):
            race = Race(make_address(), tmp_path, Account())
            assert meet(race, pool) == ["done", "done"]
            assert sorted(race.account.sent) == NAMES
            race.check()


@pytest.mark.parametrize("make_address", able(Ability.SWAP_WITHOUT_LOCK), indirect=True)
def test_two_runners_whose_lock_failed_never_create_twice(
    make_address: Make, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(RACES):
            race = Race(make_address(), tmp_path, Account(), locked=False)
            endings = meet(race, pool)
            assert set(endings) <= {"done", "cannot apply", "R405"}
            assert len(set(race.account.sent)) == len(race.account.sent)
            if race.account.names == NAMES:
                race.check()


@pytest.mark.parametrize("make_address", able(Ability.FREE_FROM_THE_LIVING), indirect=True)
def test_a_runner_whose_lock_is_freed_never_creates_twice(
    make_address: Make, tmp_path: Path
) -> None:
    chance = random.Random(47)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(RACES):
            race = Race(make_address(), tmp_path, Account())

            def maybe(name: str, race: Race = race) -> None:
                if chance.random() < 0.4:
                    race.free_the_lock()

            race.account.before_create = maybe
            endings = meet(race, pool)
            race.account.before_create = lambda name: None
            assert set(endings) <= {"done", "cannot apply", "R405", "R410", "R413"}
            assert len(set(race.account.sent)) == len(race.account.sent)
            for _ in range(2):
                race.apply()
            race.check()


@pytest.mark.parametrize("kind", ALL)
def test_two_processes_race(kind: str, serve: Serve) -> None:
    served = serve(kind) if kind != "file" else None
    course = Course(kind, served.prefix, served.environment) if served else Course(kind, "", {})
    _, tally = race_report.run(race_report.Task(course, seed=6, races=SAMPLE))
    assert not tally.violations
    assert tally.applies + tally.freed == SAMPLE
    assert sum(tally.won) == tally.applies
    assert bool(tally.locks_freed) is course.frees
    assert tally.saves == 2 * SAMPLE
