"""One run of apply over one plan.

    intents saved -> creates sent -> results saved -> files uploaded -> next window

An intent is durable before its request is sent, and a request is sent once. docs/protocol
has the argument why that is enough.
"""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from reconciler.apply import findings, tasks
from reconciler.apply.account import Account, AdapterFiles
from reconciler.apply.confirmation import confirm
from reconciler.apply.crew import Crew, Emit, Finished
from reconciler.apply.events import (
    CreateDone,
    Event,
    Failed,
    InDoubt,
    Recorded,
    Remark,
    Settling,
    UploadDone,
)
from reconciler.apply.ledger import Ledger
from reconciler.apply.outcome import Outcome
from reconciler.apply.settling import settle
from reconciler.apply.tasks import CreateResult, TaskResult, UploadResult
from reconciler.cloudflare.outcomes import AlreadyThere, Ambiguous, Created, Refused, Uploaded
from reconciler.diagnostics import Diagnostic
from reconciler.model import Action, Address, Asset, Change, Listing
from reconciler.plan import Plan
from reconciler.state import AssetStatus, Intent


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """parallelism: calls under way at once. settle_seconds: how long to look for a lost create."""

    parallelism: int = 4
    settle_seconds: float = 60.0


class Run:
    """Applies a plan. `events` must be read to its end or closed; `outcome` sums it up."""

    def __init__(
        self,
        plan: Plan,
        listing: Listing,
        ledger: Ledger,
        account: Account,
        files: AdapterFiles,
        options: ApplyOptions,
        stop: threading.Event,
    ) -> None:
        if not plan.can_apply:
            raise ValueError("a plan that cannot be applied")
        self.outcome = Outcome(plan.effective)
        self._plan = plan
        self._listing = listing
        self._ledger = ledger
        self._account = account
        self._files = files
        self._options = options
        self._stop = stop
        self._halted = False
        self._crew: Crew[TaskResult] = Crew(options.parallelism)
        self._ambiguous: dict[Address, Diagnostic] = {}
        self._strange: set[Address] = set()
        self._old_ids = {r.id for r in listing.finetunes} | ledger.recorded_ids()
        self._unsaved_uploads = 0
        size = len(plan.changes)
        self._window = max(options.parallelism, math.ceil(size / 100))
        # One by one for the two files of as many finetunes as an account holds.
        uploads = sum(len(change.uploads) for change in plan.changes)
        self._upload_window = math.ceil(uploads / 200)

    def events(self) -> Generator[Event, None, None]:
        """Do it, and tell what happens. Raises DiagnosticError where the state is not saved.

        Whatever ends it, the calls under way are waited for and recorded.
        """
        try:
            for event in self._steps():
                self.outcome.count(event)
                yield event
        finally:
            self._finish()

    def _steps(self) -> Iterator[Event]:
        yield from self._bookkeeping()
        yield from self._resume_uploads()
        creates = self._changes(Action.CREATE)
        for window in _windows(creates, self._window):
            if self._stopping:
                break
            yield from self._create_window(window)
        self._save_if_dirty()
        created = [change.address for change in creates if change.address in self.outcome.done]
        if created and not self._stop.is_set():
            yield from confirm(self._account, self._ledger, created)
        self._save_if_dirty()

    def _finish(self) -> None:
        """Wait for what is under way and record it, however the run ended."""
        self.outcome.interrupted = self._stop.is_set()
        # Also where it ended by itself: nothing that waits for its turn may be sent now.
        self._stop.set()
        for item in self._crew.drain():
            if isinstance(item, Finished):
                self._count(self._take(item.result))
        for address, cause in self._ambiguous.items():
            told = findings.in_doubt(address, cause, self._ledger.pending[address], None)
            self.outcome.count(InDoubt(address, told))
        self._crew.dismiss()
        self._ledger.save_last()

    def _count(self, events: Iterable[Event]) -> None:
        for event in events:
            self.outcome.count(event)

    @property
    def _stopping(self) -> bool:
        return self._halted or self._stop.is_set()

    def _changes(self, action: Action) -> list[Change]:
        return [change for change in self._plan.changes if change.action is action]

    def _save_if_dirty(self) -> None:
        if self._ledger.is_dirty:
            self._ledger.save()

    def _drain(self) -> Iterator[Event]:
        for item in self._crew.drain():
            if isinstance(item, Finished):
                yield from self._take(item.result)
                # In this order: a crash in the next file leaves that one alone to be sent.
                self._save_uploads()
                self._go_on(item.result)
            else:
                yield item

    def _take(self, result: TaskResult) -> Iterator[Event]:
        if isinstance(result, CreateResult):
            yield from self._take_create(result)
        else:
            yield from self._take_upload(result)

    def _halt_where_fatal(self, result: TaskResult) -> TaskResult:
        """Hold back what is queued; called by the threads, so that nothing slips through."""
        if isinstance(result.outcome, Refused) and result.outcome.fatal:
            self._halted = True
        return result

    # State only

    def _bookkeeping(self) -> Iterator[Event]:
        for change in self._plan.changes:
            if change.previous_address is not None:
                self._ledger.move(change.previous_address, change.address)
        for change in self._changes(Action.IMPORT):
            self._ledger.adopt(change)
        for change in self._changes(Action.FORGET):
            self._ledger.forget(change.address)
        quiet = (Action.MOVE, Action.IMPORT, Action.FORGET)
        done = [change for change in self._plan.changes if change.action in quiet]
        if done:
            self._ledger.save()
        for change in done:
            yield Recorded(change.address, change.action, change.id)

    # Creates

    def _create_window(self, window: Sequence[Change]) -> Iterator[Event]:
        changes = []
        for change in window:
            problem = tasks.find_missing_file(self._files, change)
            if problem:
                yield Failed(change.address, Action.CREATE, problem)
            else:
                changes.append(change)
        if not changes:
            return
        self._ledger.intend({change.address: self._intent(change) for change in changes})
        for change in changes:
            self._crew.submit(partial(self._create, change))
        yield from self._drain()
        yield from self._settle()
        sound = self.outcome.done.keys() - self._strange
        created = [change for change in changes if change.address in sound]
        if any(change.uploads for change in created):
            yield from self._upload_all(created)

    def _create(self, change: Change, emit: Emit) -> TaskResult:
        if self._stopping:
            return CreateResult(change, None)
        return self._halt_where_fatal(tasks.create(self._account, change, self._stop, emit))

    def _intent(self, change: Change) -> Intent:
        if change.after is None:
            raise ValueError("a create without attributes")
        return Intent(
            attempt_id=str(uuid.uuid4()),
            attributes=change.after,
            assets=change.assets,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            known_ids=tuple(remote.id for remote in self._listing.named(change.after.name)),
        )

    def _take_create(self, result: CreateResult) -> Iterator[Event]:
        address, outcome = result.change.address, result.outcome
        if outcome is None:
            self._ledger.withdraw(address)
        elif isinstance(outcome, Created) and outcome.remote.id in self._old_ids:
            yield self._in_doubt(address, findings.not_new(address, outcome.remote))
        elif isinstance(outcome, Created):
            self._old_ids.add(outcome.remote.id)
            self._ledger.created(address, outcome.remote, seen=False)
            yield CreateDone(address, outcome.remote.id, result.seconds)
            for warning in outcome.warnings:
                # It may be the answer to another create, and no file can be taken back.
                self._strange.add(address)
                yield Remark(findings.needs_a_look(result.change, warning))
        elif isinstance(outcome, Refused) or outcome.exists:
            self._ledger.withdraw(address)
            diagnostic = outcome.diagnostic.about(str(address))
            yield Failed(address, Action.CREATE, diagnostic, result.seconds)
        else:
            yield self._in_doubt(address, outcome.diagnostic.about(str(address)))

    def _in_doubt(self, address: Address, diagnostic: Diagnostic) -> Settling:
        self._ambiguous[address] = diagnostic
        return Settling(address, diagnostic)

    def _settle(self) -> Iterator[Event]:
        if not self._ambiguous:
            return
        intents = {address: self._ledger.pending[address] for address in self._ambiguous}
        recorded = self._ledger.recorded_ids()
        seconds = self._options.settle_seconds
        for sighting in settle(self._account, intents, recorded, seconds, self._stop):
            address, candidates = sighting.address, sighting.candidates
            cause = self._ambiguous.pop(address)
            if sighting.is_result and candidates:
                self._old_ids.add(candidates[0].id)
                self._ledger.created(address, candidates[0], seen=True)
                yield CreateDone(address, candidates[0].id, 0.0, adopted=True)
            else:
                self._halted = True
                told = findings.in_doubt(address, cause, intents[address], candidates)
                yield InDoubt(address, told)

    # Uploads

    def _resume_uploads(self) -> Iterator[Event]:
        for window in _windows(self._changes(Action.UPLOAD), self._window):
            if self._stopping:
                return
            for change in window:
                self._ledger.expect(change)
            yield from self._upload_all(window)

    def _upload_all(self, changes: Sequence[Change]) -> Iterator[Event]:
        """Send the files of finetunes that exist; the ids are saved before the first byte."""
        self._ledger.save()
        self._unsaved_uploads = 0
        for change in changes:
            self._submit_next(change)
        yield from self._drain()

    def _go_on(self, result: TaskResult) -> None:
        """Send the next file of a finetune once the one before was acknowledged."""
        acknowledged = isinstance(result.outcome, Uploaded | AlreadyThere)
        if isinstance(result, UploadResult) and acknowledged:
            self._submit_next(result.change, after=result.asset.file_name)

    def _submit_next(self, change: Change, after: str = "") -> None:
        names = list(change.uploads)
        rest = names[names.index(after) + 1 :] if after else names
        if rest and not self._stopping:
            asset = next(asset for asset in change.assets if asset.file_name == rest[0])
            finetune_id = self._ledger.finetunes[change.address].current.id
            self._crew.submit(partial(self._upload, change, asset, finetune_id))

    def _upload(self, change: Change, asset: Asset, finetune_id: str, emit: Emit) -> TaskResult:
        if self._stopping:
            return UploadResult(change, asset, finetune_id, None)
        return self._halt_where_fatal(
            tasks.upload(self._account, self._files, change, asset, finetune_id, self._stop, emit)
        )

    def _take_upload(self, result: UploadResult) -> Iterator[Event]:
        address, name, outcome = result.change.address, result.asset.file_name, result.outcome
        if outcome is None:
            return
        if isinstance(outcome, Refused | Ambiguous):
            diagnostic = findings.incomplete(result, outcome.diagnostic)
            yield Failed(address, Action.UPLOAD, diagnostic, result.seconds)
            return
        verified = isinstance(outcome, Uploaded)
        status = AssetStatus.UPLOADED if verified else AssetStatus.UNVERIFIED
        self._ledger.acknowledge(address, name, status)
        self._unsaved_uploads += 1
        yield UploadDone(address, name, result.seconds, verified)
        if isinstance(outcome, AlreadyThere):
            yield Remark(findings.unverified(result, outcome))

    def _save_uploads(self) -> None:
        if self._unsaved_uploads and self._unsaved_uploads >= self._upload_window:
            self._ledger.save()
            self._unsaved_uploads = 0


def _windows(changes: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    for start in range(0, len(changes), size):
        yield changes[start : start + size]
