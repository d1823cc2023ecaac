"""Plays a history against the real code, and checks after every step what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import reconciler.apply.run
import reconciler.apply.settling
from reconciler.apply.resolution import adopt, retry
from reconciler.diagnostics import DiagnosticError
from reconciler.model import Action, Address, Attributes
from reconciler.plan import Plan
from reconciler.state import LockInfo, State, encode_state, new_state
from tests.explore.histories import crew
from tests.explore.histories.command import Command, Ended
from tests.explore.histories.manifest import MODEL, Manifest
from tests.explore.histories.outside import (
    BrokenPromise,
    Crash,
    Disk,
    FakeAccount,
    FakeStore,
    Process,
    World,
    clock,
)
from tests.explore.histories.person import heed, without
from tests.explore.histories.steps import (
    Apply,
    Declare,
    Drop,
    ExecuteLate,
    History,
    Lag,
    OutsideCreate,
    OutsideDelete,
    OutsideRename,
    Rename,
    Resolve,
    RestoreBackup,
    Review,
)
from tests.explore.histories.truths import Truths

_INFO = LockInfo("id", "apply", "somebody", "now")
_LONGEST_END = 12


def play(history: History) -> Player:
    """Play it to its end; raises BrokenPromise."""
    with _without_threads_and_time():
        player = Player(history)
        for step in history.steps:
            player.play(step)
        player.finish()
    return player


@contextmanager
def _without_threads_and_time() -> Iterator[None]:
    # By name, because neither module means to give these away.
    changes: tuple[tuple[ModuleType, str, object], ...] = (
        (reconciler.apply.run, "Crew", crew.InlineCrew),
        (reconciler.apply.settling, "time", clock),
    )
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    for module, name, value in changes:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


class Player:
    """One history under way."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.world = World()
        self.manifest = Manifest()
        first = Disk()
        self.disks = (first, first if history.shared_state else Disk())
        self.truths = Truths(history, self.world, self.disks)
        self.exit_codes: list[int | None] = []
        self._reviewed: dict[int, Plan] = {}
        self._under_way = 0

    def play(self, step: object) -> None:
        """Play one step, and check what must hold at any time."""
        self._play(step)
        self.truths.check()

    def _play(self, step: object) -> None:
        world = self.world
        match step:
            case Apply():
                self._apply(step)
            case Review():
                self._review(step)
            case Resolve():
                self._resolve(step)
            case ExecuteLate():
                world.execute_late()
            case Lag():
                world.lag = step.lists
            case OutsideCreate():
                self._create_outside(step)
            case OutsideDelete():
                self._delete_outside(step)
            case OutsideRename():
                self._rename_outside(step)
            case Declare() | Drop() | Rename():
                self.manifest.change(step)
            case RestoreBackup():
                self._restore(step.runner)

    # The end

    def finish(self) -> None:
        """Let all that is late happen, and run until there is nothing more to do."""
        self.world.execute_late()
        self.world.lag = 0
        self._show_all()
        for runner in (0, 1):
            self._finish(runner)
        self.truths.check()

    def _finish(self, runner: int) -> None:
        """Do what is asked for until all is done; the run after that has nothing to do."""
        ended = Ended()
        for _ in range(_LONGEST_END):
            before = ended
            ended = self._apply(Apply(runner))
            if ended.had_nothing_to_do:
                self.truths.check_end(self.manifest.desired())
                return
            if before.code == 0:
                raise BrokenPromise(f"after exit code 0 there is more to do: {ended}")
            if ended.code == 0:
                continue
            if ended.code == 3:
                self._resolve(Resolve(runner))
            self._heed(runner, ended.plan)
        raise BrokenPromise(f"it comes to no end: exit code {ended.code}, {ended.told}")

    def _heed(self, runner: int, plan: Plan | None) -> None:
        disk = self.disks[runner]
        if plan is None:
            return
        before = disk.state or new_state("account")
        after = heed(plan.problems, self.manifest, before)
        for address in sorted(after.finetunes):
            # They look into the dashboard for what no list shows, and it is gone for good.
            current = after.finetunes[address].current
            is_there = any(remote.id == current.id for remote in self.world.remotes)
            if not current.seen and not is_there:
                after = without(after, address)
        kept = {generation.id for generation in after.generations()}
        self.truths.released |= {g.id for g in before.generations()} - kept
        if after != before:
            disk.raw = encode_state(after)

    # Other hands

    def _create_outside(self, step: OutsideCreate) -> None:
        wanted = {f.base_name: f.attributes for f in self.manifest.desired().finetunes.values()}
        attributes = wanted.get(step.name)
        if attributes is None or not step.alike:
            name = attributes.name if attributes else step.name
            attributes = Attributes(name, MODEL, "Somebody else's.")
        if any(late.attributes.name == attributes.name for late in self.world.late):
            # Theirs is taken for what became of ours, which comes to be later.
            self.truths.mistaken.add(attributes.name)
        self.world.create(attributes, "")

    def _delete_outside(self, step: OutsideDelete) -> None:
        found = [r for r in self.world.alive(step.name) if self.world.is_shown(r)]
        self.world.remotes = [r for r in self.world.remotes if r not in found]

    def _rename_outside(self, step: OutsideRename) -> None:
        for remote in self.world.alive(step.name):
            if self.world.is_shown(remote):
                self.world.rename(remote)

    def _restore(self, runner: int) -> None:
        disk = self.disks[runner]
        if disk.holder is None or disk.holder.is_dead:
            disk.raw = disk.backup
            self.truths.note_restored(runner)

    def _show_all(self) -> None:
        for remote in self.world.remotes:
            remote.shown_from = 0

    # A run

    def _apply(self, step: Apply) -> Ended:
        process = Process(step, self.play)
        self._under_way += 1
        ended = self._run(step, process)
        self._under_way -= 1
        process.is_dead = True
        if not self._under_way:
            self.truths.note_kept(step.runner)
        self.exit_codes.append(ended.code)
        self.truths.check_exit(process, ended, self.manifest.desired())
        return ended

    def _run(self, step: Apply, process: Process) -> Ended:
        disk = self.disks[step.runner]
        store = self._store(disk, process, locks=self.history.shared_lock)
        account = FakeAccount(self.world, process, lambda wanted: self._intent_of(process, wanted))
        crew.begin(step.order)
        reviewed = self._reviewed.get(step.runner) if step.reviewed else None
        process.reviewed = reviewed
        try:
            with store.lock(_INFO, 0) as lock:
                disk.backup = disk.raw
                command = Command(
                    process, store, account, self.truths.released, self.truths.note_taken
                )
                ended = command.apply(self.manifest.desired(), reviewed, lock)
        except Crash:
            return Ended()
        except DiagnosticError as error:
            return Ended(error.exit_code, None, error.diagnostics)
        return ended

    def _store(self, disk: Disk, process: Process, *, locks: bool) -> FakeStore:
        return FakeStore(disk, process, self.truths.note_saved, locks=locks)

    def _review(self, step: Review) -> None:
        process = Process(Apply(step.runner), self.play)
        store = self._store(self.disks[step.runner], process, locks=False)
        account = FakeAccount(self.world, process, lambda wanted: "")
        command = Command(process, store, account, set(), self.truths.note_taken)
        self._reviewed[step.runner] = command.review(self.manifest.desired())

    def _intent_of(self, process: Process, attributes: Attributes) -> str:
        """Find the intent that a create was sent for, in what is durable at this moment."""
        runner, reviewed = process.step.runner, process.reviewed
        if reviewed is not None and all(
            change.after != attributes
            for change in reviewed.changes
            if change.action is Action.CREATE
        ):
            raise BrokenPromise(f"a create of {attributes.name} was sent that nobody reviewed")
        state = self.disks[runner].state or new_state("account")
        for address, intent in state.pending.items():
            if intent.attributes == attributes:
                self.truths.check_not_renamed(address, state)
                self.truths.runner_of[intent.attempt_id] = runner
                process.sent.add(intent.attempt_id)
                return intent.attempt_id
        raise BrokenPromise(f"a create of {attributes.name} was sent without a durable intent")

    # A person's word

    def _resolve(self, step: Resolve) -> None:
        disk = self.disks[step.runner]
        state = disk.state
        if state is None or (disk.holder is not None and not disk.holder.is_dead):
            return
        if not step.hasty:
            # A person looks when all has come to rest, and waits until the list shows it.
            self.world.execute_late()
            self._show_all()
        process = Process(Apply(), self.play)
        store = self._store(disk, process, locks=False)
        for address, intent in state.pending.items():
            snapshot = store.load()
            if snapshot is not None and address in snapshot.state.pending:
                following = self._word(snapshot.state, address, hasty=step.hasty)
                if step.hasty and following.finetunes == snapshot.state.finetunes:
                    self.truths.note_wrong_word(intent)
                store.save(following, snapshot.version)

    def _word(self, state: State, address: Address, *, hasty: bool) -> State:
        listing, intent = self.world.listing(), state.pending[address]
        for remote in () if hasty else self.world.of_attempt(intent.attempt_id):
            try:
                return adopt(state, address, remote.id, listing)
            except DiagnosticError:
                # It was recorded otherwise than sent: nobody's result, and the name is taken.
                self.truths.released.add(remote.id)
        try:
            return retry(state, [address], listing)
        except DiagnosticError as refusal:
            # Then they do what it says.
            return adopt(state, address, refusal.diagnostics[0].hint.split()[-1], listing)
