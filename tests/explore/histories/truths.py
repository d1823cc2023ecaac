"""What must hold in a history, whatever happens; told from the account, not from the code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reconciler.model import Address, Desired
from reconciler.state import AssetStatus, FinetuneRecord, Intent, State
from tests.explore.histories.command import Ended
from tests.explore.histories.manifest import content_of
from tests.explore.histories.outside import BrokenPromise, Disk, Process, Remote, World
from tests.explore.histories.steps import Apply, History, OutsideDelete


class Truths:
    """The promises, and what releases from them: what docs/protocol.md lists as open.

    runner_of: who sent an attempt. released: ids that were given up on purpose (forgotten, or
    recorded by the account otherwise than they were sent). forgiven: attempts that the state
    knows nothing of any more, because an old one was put back, a person said a wrong word, or
    somebody else's, the very same, was taken for what came of it.
    mistaken: names of which a second one is nobody's fault but the outside's: somebody else
    used it while a create of ours was on its way, or one of the two before happened.
    """

    def __init__(self, history: History, world: World, disks: tuple[Disk, Disk]) -> None:
        self._history = history
        self._world = world
        self._disks = disks
        self._deletes = any(isinstance(step, OutsideDelete) for step in _all_steps(history))
        self.runner_of: dict[str, int] = {}
        self.released: set[str] = set()
        self.forgiven: set[str] = set()
        self.mistaken: set[str] = set()

    # What releases from them

    def note_kept(self, runner: int) -> None:
        """What a run meant to forget and still records is not given up."""
        state = self._disks[runner].state
        if state is not None and self._history.shared_state:
            self.released -= {generation.id for generation in state.generations()}

    def note_restored(self, runner: int) -> None:
        """An old state was put back: what was done since is known to the account alone."""
        own = self._own(runner)
        lates = [late for late in self._world.late if self._is_own(runner, late.attempt)]
        self.forgiven |= {remote.attempt for remote in own} | {late.attempt for late in lates}
        # What the account does not show yet can be neither known nor seen now.
        self.mistaken |= {late.attributes.name for late in lates}
        self.mistaken |= {r.attributes.name for r in own if not self._world.is_shown(r)}

    def note_saved(self, before: State, after: State) -> None:
        """Where somebody else's was taken for what came of an intent, ours is not looked for."""
        kept = {intent.attempt_id for intent in after.pending.values()}
        known = {generation.id for generation in before.generations()}
        new = [g for g in after.generations() if g.id not in known]
        for intent in before.pending.values():
            for generation in new if intent.attempt_id not in kept else ():
                if generation.attributes.name == intent.attributes.name:
                    self.note_taken(intent, generation.id)

    def note_taken(self, intent: Intent, id_: str) -> None:
        """Something was taken for what came of an intent; it may be somebody else's."""
        remote = self._remote(id_)
        if remote is None or remote.attempt != intent.attempt_id:
            self.forgiven.add(intent.attempt_id)
            self.mistaken.add(intent.attributes.name)

    def note_wrong_word(self, intent: Intent) -> None:
        """A person said that a create was not executed, and did not know."""
        self.forgiven.add(intent.attempt_id)
        self.mistaken.add(intent.attributes.name)

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
        return [r for r in self._world.remotes if r.attempt and self._is_own(runner, r.attempt)]

    def _is_own(self, runner: int, attempt: str) -> bool:
        return self._history.shared_state or self.runner_of[attempt] == runner

    def _check_duplicates(self) -> None:
        for runner in (0, 1):
            names = Counter(remote.attributes.name for remote in self._own(runner))
            for name, number in names.items():
                if number > 1 and name not in self.mistaken:
                    raise BrokenPromise(f"{name} was created {number} times")

    def _check_memory(self, runner: int, state: State | None) -> None:
        """Everything created is recorded, or an intent."""
        recorded = {g.id for g in state.generations()} if state else set()
        pending = {i.attempt_id for i in state.pending.values()} if state else set()
        for remote in self._own(runner):
            if remote.id in recorded | self.released or remote.attempt in pending | self.forgiven:
                continue
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

    def check_not_renamed(self, address: Address, state: State) -> None:
        """What is created for an address must not be there already, under the account's name."""
        record = state.finetunes.get(address)
        remote = self._remote(record.current.id) if record else None
        name = state.pending[address].attributes.name
        if remote and remote.sent_as == name != remote.attributes.name:
            raise BrokenPromise(f"{name} is created again, because the account renamed it")

    # After a run

    def check_exit(self, process: Process, ended: Ended, desired: Desired) -> None:
        """Compare what a run said with what is."""
        state = self._disks[process.step.runner].state
        pending = {intent.attempt_id for intent in state.pending.values()} if state else set()
        if ended.code is None:
            return
        if pending & process.sent and ended.code != 3:
            raise BrokenPromise(f"exit code {ended.code} although this run left an intent")
        if ended.code == 0:
            self._check_shown(process)
            self._check_done(process.step, state, desired)

    def _check_shown(self, process: Process) -> None:
        """What the run itself was shown twice, it must not pass over."""
        shown = Counter(remote.name for remote in process.shown.finetunes)
        created = {r.attributes.name for r in self._world.remotes if r.attempt in process.sent}
        for name in created:
            if shown[name] > 1:
                raise BrokenPromise(f"exit code 0 although the account lists {name} twice")

    def _check_done(self, step: Apply, state: State | None, desired: Desired) -> None:
        """Raise BrokenPromise where exit code 0 would be a lie."""
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
        is_there = self._remote(record.current.id) is not None
        if record.current.seen and not is_there and not self._deletes:
            raise BrokenPromise(f"exit code 0 although {address} is not in the account")

    # At the end

    def check_end(self, desired: Desired) -> None:
        """After everything came to rest and exit code 0: what is declared is there, once."""
        for finetune in desired.finetunes.values():
            alive = self._world.alive(finetune.remote_name)
            if len(alive) > 1:
                raise BrokenPromise(f"{finetune.remote_name} is there twice, and nobody says so")


def _all_steps(history: History) -> Iterator[object]:
    waiting: list[object] = list(history.steps)
    while waiting:
        step = waiting.pop()
        yield step
        if isinstance(step, Apply):
            waiting.extend(inner for _, inner in step.during)
