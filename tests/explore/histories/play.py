"""Plays a history against the real code, and checks after every step what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import reconciler.apply.run
import reconciler.apply.settling
from reconciler.apply import ApplyOptions, Ledger, Run
from reconciler.apply.resolution import adopt, retry
from reconciler.diagnostics import DiagnosticError
from reconciler.model import Action, Address, Attributes, Limits
from reconciler.plan import Scope, build_plan
from reconciler.refresh import refresh
from reconciler.state import LockInfo, Snapshot, State, StateLock, new_state
from tests.explore.histories import crew
from tests.explore.histories.manifest import MODEL, Manifest, open_asset
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
from tests.explore.histories.steps import (
    Apply,
    Declare,
    Drop,
    ExecuteLate,
    History,
    Lag,
    OutsideCreate,
    OutsideDelete,
    Rename,
    Resolve,
    RestoreBackup,
)
from tests.explore.histories.truths import Truths

_INFO = LockInfo("id", "apply", "somebody", "now")
_LONGEST_END = 8


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

    def play(self, step: object) -> None:
        """Play one step, and check what must hold at any time."""
        self._play(step)
        self.truths.check()

    def _play(self, step: object) -> None:
        world = self.world
        match step:
            case Apply():
                self.exit_codes.append(self._apply(step))
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
            case Declare() | Drop() | Rename():
                self.manifest.change(step)
            case RestoreBackup():
                self._restore(self.disks[step.runner])

    def finish(self) -> None:
        """Let all that is late happen, and run until there is nothing more to do."""
        self.world.execute_late()
        self.world.lag = 0
        self._show_all()
        for runner in (0, 1):
            code = self._finish(runner)
            self.truths.check_end(runner, code, self.manifest.desired())
        self.truths.check()

    def _finish(self, runner: int) -> int | None:
        code = None
        for _ in range(_LONGEST_END):
            code = self._apply(Apply(runner))
            if code == 3:
                self._resolve(Resolve(runner))
            elif code == 0:
                return self._apply(Apply(runner))
            else:
                self.manifest.say_moves(self.disks[runner].state)
        return code

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
        self.truths.note_deleted({remote.id for remote in found})

    def _restore(self, disk: Disk) -> None:
        if disk.holder is None or disk.holder.is_dead:
            disk.raw = disk.backup
            self.truths.lost_memory = True

    def _show_all(self) -> None:
        for remote in self.world.remotes:
            remote.shown_from = 0

    # A run

    def _apply(self, step: Apply) -> int | None:
        process = Process(step, self.play)
        disk = self.disks[step.runner]
        store = FakeStore(disk, process, locks=self.history.shared_lock)
        account = FakeAccount(self.world, process, lambda wanted: self._intent_of(process, wanted))
        crew.begin(step.order)
        try:
            with store.lock(_INFO, 0) as lock:
                disk.backup = disk.raw
                code = self._command(step, process, store, account, lock)
        except Crash:
            code = None
        except DiagnosticError as error:
            code = error.exit_code
        process.is_dead = True
        return code

    def _command(
        self,
        step: Apply,
        process: Process,
        store: FakeStore,
        account: FakeAccount,
        lock: StateLock,
    ) -> int:
        """Do what the command does; see reconciler.cli.apply."""
        desired = self.manifest.desired()
        snapshot = store.load() or Snapshot(new_state("account"), "")
        listing = account.list_finetunes()
        prior = refresh(snapshot.state, listing)
        scope = Scope((Address(step.target),) if step.target else ())
        plan = build_plan(desired, prior, Limits(), scope)
        for change in plan.changes:
            if change.action is Action.FORGET:
                record = prior.state.finetunes[change.address]
                self.truths.released.update(generation.id for generation in record.generations)
        if plan.exit_code:
            return plan.exit_code
        if not plan.has_changes:
            if snapshot.version and snapshot.state != prior.state:
                following = prior.state.following(prior.state.finetunes, prior.state.pending)
                store.save(following, snapshot.version)
            self.truths.check_done(step, desired)
            return 0
        ledger = Ledger(prior, snapshot.version, store, lock, self._rescue)
        options = ApplyOptions(step.parallelism, 60.0)
        run = Run(plan, listing, ledger, account, open_asset, options, process.stop)
        try:
            for _ in run.events():
                pass
        except DiagnosticError as error:
            return max(error.exit_code, run.outcome.exit_code if run.outcome.in_doubt else 0)
        code = run.outcome.exit_code
        self.truths.check_exit(step, code, process.sent, desired)
        return code

    def _intent_of(self, process: Process, attributes: Attributes) -> str:
        """Find the intent that a create was sent for, in what is durable at this moment."""
        runner = process.step.runner
        state = self.disks[runner].state
        for intent in state.pending.values() if state else ():
            if intent.attributes == attributes:
                self.truths.runner_of[intent.attempt_id] = runner
                process.sent.add(intent.attempt_id)
                return intent.attempt_id
        raise BrokenPromise(f"a create of {attributes.name} was sent without a durable intent")

    def _rescue(self, state: State) -> str:
        return "a rescue file"

    # A person's word

    def _resolve(self, step: Resolve) -> None:
        disk = self.disks[step.runner]
        state = disk.state
        if state is None or (disk.holder is not None and not disk.holder.is_dead):
            return
        # A person looks when all has come to rest, and waits until the list shows it.
        self.world.execute_late()
        self._show_all()
        process = Process(Apply(), self.play)
        store = FakeStore(disk, process, locks=False)
        for address, intent in state.pending.items():
            snapshot = store.load()
            if snapshot is not None and address in snapshot.state.pending:
                following = self._word(snapshot.state, address, intent.attempt_id)
                store.save(following, snapshot.version)

    def _word(self, state: State, address: Address, attempt: str) -> State:
        for remote in self.world.of_attempt(attempt):
            try:
                return adopt(state, address, remote.id, self.world.listing())
            except DiagnosticError:
                # It was recorded otherwise than sent: nobody's result, and the name is taken.
                self.truths.released.add(remote.id)
        return retry(state, [address])
