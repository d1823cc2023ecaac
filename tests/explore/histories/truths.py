"""What must hold in a history, whatever happens; told from the account, not from the code."""

from __future__ import annotations

from reconciler.model import Address, Desired
from reconciler.state import AssetStatus, FinetuneRecord, State
from tests.explore.histories.manifest import content_of
from tests.explore.histories.outside import BrokenPromise, Disk, Remote, World
from tests.explore.histories.steps import Apply, History, OutsideCreate, OutsideDelete


class Truths:
    """The promises, and what releases from them.

    runner_of: who sent an attempt. released: ids that were given up on purpose (forgotten, or
    recorded by the account otherwise than they were sent). mistaken: names that
    somebody else gave to a finetune while a create of ours was on its way. lost_memory: an old
    state was put back, so that only the account knows what was done since. waits_for_ever:
    what was deleted had not been listed yet, and is still taken to be on its way.
    """

    def __init__(self, history: History, world: World, disks: tuple[Disk, Disk]) -> None:
        self._history = history
        self._world = world
        self._disks = disks
        self.runner_of: dict[str, int] = {}
        self.released: set[str] = set()
        self.mistaken: set[str] = set()
        self.lost_memory = False
        self.waits_for_ever = False

    # At any time

    def check(self) -> None:
        """Raise BrokenPromise where one is broken."""
        self._check_duplicates()
        for number, disk in enumerate(self._disks):
            state = disk.state
            self._check_memory(number, state)
            if state is not None:
                self._check_acknowledged(state)

    def _own(self, runner: int) -> list[Remote]:
        shared = self._history.shared_state
        return [
            remote
            for remote in self._world.remotes
            if remote.attempt and (shared or self.runner_of[remote.attempt] == runner)
        ]

    def _check_duplicates(self) -> None:
        if self.lost_memory:
            return
        for runner in (0, 1):
            names = [remote.attributes.name for remote in self._own(runner)]
            for name in set(names) - self.mistaken:
                if names.count(name) > 1:
                    raise BrokenPromise(f"{name} was created {names.count(name)} times")

    def _check_memory(self, runner: int, state: State | None) -> None:
        """Everything created is recorded, or an intent."""
        if self.lost_memory:
            return
        recorded = {g.id for g in state.generations()} if state else set()
        pending = {i.attempt_id for i in state.pending.values()} if state else set()
        for remote in self._own(runner):
            if remote.id in recorded | self.released or remote.attempt in pending:
                continue
            # Where somebody else's was taken for it, both are there, and the plan says so.
            if len(self._world.alive(remote.attributes.name)) == 1:
                raise BrokenPromise(f"{remote.attributes.name} ({remote.id}) is forgotten")

    def _check_acknowledged(self, state: State) -> None:
        for generation in state.generations():
            remote = self._remote(generation.id)
            for name, asset in generation.assets.items():
                if remote is None or asset.status is not AssetStatus.UPLOADED:
                    continue
                if remote.assets.get(name) != content_of(asset.sha256):
                    raise BrokenPromise(f"{name} of {remote.id} is recorded, and not there")

    def _remote(self, id_: str) -> Remote | None:
        return next((remote for remote in self._world.remotes if remote.id == id_), None)

    def note_deleted(self, ids: set[str]) -> None:
        states = [disk.state for disk in self._disks]
        generations = [g for state in states if state is not None for g in state.generations()]
        self.waits_for_ever |= any(g.id in ids and not g.seen for g in generations)

    # After a run

    def check_exit(self, step: Apply, code: int, sent: set[str], desired: Desired) -> None:
        """Compare an exit code with what is. sent: the attempts of this run."""
        state = self._disks[step.runner].state
        pending = {intent.attempt_id for intent in state.pending.values()} if state else set()
        if code == 0:
            self.check_done(step, desired)
        if pending & sent and code != 3:
            raise BrokenPromise(f"exit code {code} although this run left an intent")

    def check_done(self, step: Apply, desired: Desired) -> None:
        """Raise BrokenPromise where exit code 0 would be a lie."""
        state = self._disks[step.runner].state
        for address, finetune in desired.finetunes.items():
            if step.target and address != Address(step.target):
                continue
            record = state.finetunes.get(address) if state else None
            if record is None:
                raise BrokenPromise(f"exit code 0 although {address} is not recorded")
            if record.current.attributes.name != finetune.remote_name:
                raise BrokenPromise(f"exit code 0 although {address} is another one")
            statuses = [asset.status for asset in record.current.assets.values()]
            if finetune.adapter and AssetStatus.PENDING in statuses:
                raise BrokenPromise(f"exit code 0 although {address} lacks a file")
            self._check_there(address, record)

    def _check_there(self, address: Address, record: FinetuneRecord) -> None:
        if record.current.seen and self._remote(record.current.id) is None:
            alive = self._world.alive(record.current.attributes.name)
            if not alive and not self._was_deleted():
                raise BrokenPromise(f"exit code 0 although {address} is not in the account")

    def _was_deleted(self) -> bool:
        return any(isinstance(step, OutsideDelete) for step in _all_steps(self._history))

    # At the end

    def check_end(self, runner: int, code: int | None, desired: Desired) -> None:
        """After everything came to rest: done, or a reason why not."""
        names = [finetune.remote_name for finetune in desired.finetunes.values()]
        twice = [name for name in names if len(self._world.alive(name)) > 1]
        if twice and code == 0:
            raise BrokenPromise(f"{twice} exist twice, and nobody says so")
        if code != 0 and not twice and self._should_converge() and not self._has_swapped(desired):
            raise BrokenPromise(f"it does not converge: exit code {code}")

    def _has_swapped(self, desired: Desired) -> bool:
        """Whether a declared name is recorded at another address that is declared as well."""
        state = self._disks[0].state
        return any(
            old != address
            and old in desired.finetunes
            and finetune.remote_name in {g.attributes.name for g in record.generations}
            for old, record in (state.finetunes.items() if state else ())
            for address, finetune in desired.finetunes.items()
        )

    def _should_converge(self) -> bool:
        steps = _all_steps(self._history)
        foreign = any(isinstance(step, OutsideCreate) for step in steps)
        altered = any(isinstance(s, Apply) and "altered" in s.creates for s in steps)
        hopeless = foreign or altered or self.lost_memory or self.waits_for_ever
        return not hopeless and self._history.shared_state


def _all_steps(history: History) -> list[object]:
    found: list[object] = []
    waiting: list[object] = list(history.steps)
    while waiting:
        step = waiting.pop()
        found.append(step)
        if isinstance(step, Apply):
            waiting.extend(inner for _, inner in step.during)
    return found
