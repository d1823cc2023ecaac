"""One run of apply over one plan.

    intents saved -> creates sent -> results saved -> files uploaded -> next window

An intent is durable before its request is sent, and a request is sent once. docs/protocol
has the argument why that is enough.
"""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from reconciler.apply import tasks
from reconciler.apply.account import Account, AdapterFiles
from reconciler.apply.crew import Crew, Finished
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
from reconciler.cloudflare.outcomes import AlreadyThere, Created, Refused, Uploaded
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import apply as codes
from reconciler.model import Action, Address, Asset, Change, Listing
from reconciler.plan import Plan
from reconciler.state import AssetStatus, Intent


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """parallelism: calls under way at once. settle_seconds: how long to look for a lost create."""

    parallelism: int = 4
    settle_seconds: float = 60.0


class Run:
    """Applies a plan. `events` must be read to its end; `outcome` sums it up."""

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
        self._unsaved_uploads = 0
        size = len(plan.changes)
        self._window = max(options.parallelism, math.ceil(size / 100))
        uploads = sum(len(change.uploads) for change in plan.changes)
        self._upload_window = max(1, uploads // 100)

    def events(self) -> Iterator[Event]:
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
        if not self._plan.can_apply:
            raise ValueError("a plan that cannot be applied")
        yield from self._bookkeeping()
        yield from self._resume_uploads()
        creates = self._changes(Action.CREATE)
        for window in _windows(creates, self._window):
            if self._stopping:
                break
            yield from self._create_window(window)
        self._save_if_dirty()
        yield from self._confirm(creates)
        self._save_if_dirty()

    def _finish(self) -> None:
        """Wait for what is under way and record it, however the run ended."""
        self.outcome.interrupted = self._stop.is_set()
        self._stop.set()
        for item in self._crew.drain():
            if isinstance(item, Finished):
                for event in self._take(item.result):
                    self.outcome.count(event)
        self._crew.dismiss()
        self._ledger.save_quietly()

    @property
    def _stopping(self) -> bool:
        return self._halted or self._stop.is_set()

    def _changes(self, action: Action) -> list[Change]:
        return [change for change in self._plan.changes if change.action is action]

    def _save_if_dirty(self) -> None:
        if self._ledger.is_dirty:
            self._ledger.save()

    # State only

    def _bookkeeping(self) -> Iterator[Event]:
        moved = [change for change in self._plan.changes if change.previous_address]
        for change in moved:
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
        for change in window:
            self._ledger.intend(change, self._intent(change))
        try:
            self._ledger.save()
        except DiagnosticError:
            # Nothing was sent for them, so no later save may claim that something was.
            for change in window:
                self._ledger.withdraw(change.address)
            raise
        for change in window:
            self._crew.submit(partial(self._create_task, change))
        yield from self._drain()
        yield from self._settle()
        created = [c for c in window if c.uploads and c.address in self.outcome.done]
        if created:
            yield from self._upload(created)

    def _create_task(self, change: Change, emit: Callable[[Event], None]) -> CreateResult:
        return tasks.create(self._account, change, self._stop, emit)

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

    def _drain(self) -> Iterator[Event]:
        for item in self._crew.drain():
            if isinstance(item, Finished):
                yield from self._take(item.result)
            else:
                yield item

    def _take(self, result: TaskResult) -> Iterator[Event]:
        if isinstance(result, CreateResult):
            yield from self._take_create(result)
        else:
            yield from self._take_upload(result)

    def _take_create(self, result: CreateResult) -> Iterator[Event]:
        address = result.change.address
        if result.outcome is None:
            self._ledger.withdraw(address)
        elif isinstance(result.outcome, Created):
            self._ledger.created(address, result.outcome.remote, seen=False)
            yield CreateDone(address, result.outcome.remote.id, result.seconds)
            for warning in result.outcome.warnings:
                yield Remark(warning.about(str(address)))
        elif isinstance(result.outcome, Refused) or result.outcome.exists:
            self._ledger.withdraw(address)
            self._halted |= isinstance(result.outcome, Refused) and result.outcome.fatal
            diagnostic = result.outcome.diagnostic.about(str(address))
            yield Failed(address, Action.CREATE, diagnostic, result.seconds)
        else:
            diagnostic = result.outcome.diagnostic.about(str(address))
            self._ambiguous[address] = diagnostic
            yield Settling(address, diagnostic)

    def _settle(self) -> Iterator[Event]:
        if not self._ambiguous:
            return
        intents = {address: self._ledger.pending[address] for address in self._ambiguous}
        recorded = self._ledger.recorded_ids()
        seconds = self._options.settle_seconds
        for address, remote in settle(self._account, intents, recorded, seconds, self._stop):
            self._ledger.created(address, remote, seen=True)
            del self._ambiguous[address]
            yield CreateDone(address, remote.id, 0.0, adopted=True)
        for address, diagnostic in self._ambiguous.items():
            self._halted = True
            yield InDoubt(address, diagnostic)
        self._ambiguous.clear()

    # Uploads

    def _resume_uploads(self) -> Iterator[Event]:
        for window in _windows(self._changes(Action.UPLOAD), self._window):
            if self._stopping:
                return
            for change in window:
                self._ledger.expect(change)
            yield from self._upload(window)

    def _upload(self, changes: Sequence[Change]) -> Iterator[Event]:
        """Send the files of finetunes that exist; the ids are saved before the first byte."""
        self._ledger.save()
        for change in changes:
            self._submit_next(change)
        yield from self._drain()

    def _submit_next(self, change: Change, after: str = "") -> None:
        names = list(change.uploads)
        rest = names[names.index(after) + 1 :] if after else names
        if rest and not self._stopping:
            asset = next(asset for asset in change.assets if asset.file_name == rest[0])
            finetune_id = self._ledger.finetunes[change.address].current.id
            self._crew.submit(partial(self._upload_task, change, asset, finetune_id))

    def _upload_task(
        self, change: Change, asset: Asset, finetune_id: str, emit: Callable[[Event], None]
    ) -> UploadResult:
        return tasks.upload(
            self._account, self._files, change, asset, finetune_id, self._stop, emit
        )

    def _take_upload(self, result: UploadResult) -> Iterator[Event]:
        address, name = result.change.address, result.asset.file_name
        if result.outcome is None:
            return
        if isinstance(result.outcome, Uploaded | AlreadyThere):
            verified = isinstance(result.outcome, Uploaded)
            status = AssetStatus.UPLOADED if verified else AssetStatus.UNVERIFIED
            self._ledger.acknowledge(address, name, status)
            self._save_uploads()
            yield UploadDone(address, name, result.seconds, verified)
            if isinstance(result.outcome, AlreadyThere):
                yield Remark(_unverified(result, result.outcome))
            self._submit_next(result.change, after=name)
            return
        self._halted |= isinstance(result.outcome, Refused) and result.outcome.fatal
        diagnostic = _incomplete(result, result.outcome.diagnostic)
        yield Failed(address, Action.UPLOAD, diagnostic, result.seconds)

    def _save_uploads(self) -> None:
        """One by one for as many as an account holds; in windows beyond that."""
        self._unsaved_uploads += 1
        if self._unsaved_uploads >= self._upload_window:
            self._ledger.save()
            self._unsaved_uploads = 0

    # Afterwards

    def _confirm(self, creates: Sequence[Change]) -> Iterator[Event]:
        """List once more: what was created is there, once."""
        created = [change.address for change in creates if change.address in self.outcome.done]
        if not created or self._stop.is_set():
            return
        try:
            listing = self._account.list_finetunes()
        except DiagnosticError as error:
            reason = error.diagnostics[0]
            yield Remark(
                codes.NOT_CONFIRMED.warning(
                    f"{reason.summary}: {reason.detail}", hint="Run plan: it asks again."
                )
            )
            return
        listed: dict[str, list[str]] = {}
        for remote in listing.finetunes:
            listed.setdefault(remote.name, []).append(remote.id)
        for address in created:
            current = self._ledger.finetunes[address].current
            ids = listed.get(current.attributes.name, [])
            if current.id in ids:
                self._ledger.confirm(address)
            if len({*ids, current.id}) > 1:
                yield Remark(_duplicate(address, current.attributes.name, current.id, ids))


def _windows(changes: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    for start in range(0, len(changes), size):
        yield changes[start : start + size]


def _incomplete(result: UploadResult, cause: Diagnostic) -> Diagnostic:
    return codes.ADAPTER_INCOMPLETE.error(
        f"{result.finetune_id} exists, but {result.asset.file_name} was not acknowledged: "
        f"{cause.summary} [{cause.code}]. {cause.detail}",
        hint=cause.hint or "Run apply again: it sends just what is missing.",
        address=str(result.change.address),
        range=cause.range,
    )


def _unverified(result: UploadResult, outcome: AlreadyThere) -> Diagnostic:
    return codes.UPLOAD_UNVERIFIED.warning(
        f"{result.finetune_id} had a {result.asset.file_name} already: {outcome.diagnostic.detail}",
        hint="Check that it answers; an earlier upload whose answer was lost is the usual cause.",
        address=str(result.change.address),
    )


def _duplicate(address: Address, name: str, own: str, ids: list[str]) -> Diagnostic:
    others = ", ".join(sorted(id_ for id_ in ids if id_ != own))
    return codes.DUPLICATE_CREATED.error(
        f'"{name}" is {own}, created and recorded here, and also {others}.',
        hint="Find out who creates finetunes without this state and its lock.",
        address=str(address),
    )
