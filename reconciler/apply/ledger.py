"""The state while an apply changes it: entries in memory, saves in windows.

Between two saves the entries may change freely; what counts is only what was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import apply as codes
from reconciler.model import ASSET_NAMES, Address, Asset, Change, RemoteFinetune
from reconciler.refresh import PriorState, attributes_of
from reconciler.state import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
    StateLock,
    StateStore,
    encode_state,
)

Rescue = Callable[[State], str]
"""Writes a state that could not be saved somewhere else; returns where, "" for nowhere."""


class Ledger:
    """The entries of one state, their store, and what has not been saved yet."""

    def __init__(
        self, prior: PriorState, version: str, store: StateStore, lock: StateLock, rescue: Rescue
    ) -> None:
        self.finetunes = dict(prior.state.finetunes)
        self.pending = dict(prior.state.pending)
        self._gone = set(prior.gone)
        self._state = prior.state
        self._version = version
        self._store = store
        self._lock = lock
        self._rescue = rescue
        self._refused: State | None = None
        self._refusal: DiagnosticError | None = None
        self._unsaved_ids: dict[Address, str] = {}

    def save(self) -> None:
        """Save durably. On DiagnosticError nothing more may be sent."""
        following = self._following()
        try:
            self._lock.check()
            self._version = self._store.save(following, self._version)
        except DiagnosticError as error:
            self._refused = following
            self._refusal = self._refusal or error
            raise
        self._state = following
        self._unsaved_ids.clear()

    def save_last(self) -> None:
        """Save what a run left unsaved, however it ended.

        Raises DiagnosticError (R702, R709, exit code 3) where the results of creates could
        not be recorded. Whatever else fails here was told before.
        """
        try:
            self._catch_up()
            if self.is_dirty:
                self.save()
        except DiagnosticError as error:
            # Either may be what is there, as long as it cannot be read.
            stored = {*self._state.pending, *(self._refused.pending if self._refused else ())}
            with suppress(DiagnosticError):
                self._catch_up()
                stored = {*self._state.pending}
            told = [*self._not_recorded(), *self._not_closed(stored)]
            if told:
                # The first refusal is the cause; what came after it may only follow from it.
                cause = self._refusal or error
                raise DiagnosticError(*cause.diagnostics, *told, exit_code=3) from error

    def recorded_ids(self) -> frozenset[str]:
        """Return every id that is recorded."""
        records = self.finetunes.values()
        return frozenset(g.id for record in records for g in record.generations)

    @property
    def is_dirty(self) -> bool:
        """Whether the entries are not those of the last save."""
        return (
            self.finetunes != self._state.finetunes
            or self.pending != self._state.pending
            or self._state.serial == 0
        )

    def intend(self, intents: Mapping[Address, Intent]) -> None:
        """Write down, durably, the creates that are going to be sent."""
        self.pending.update(intents)
        try:
            self.save()
        except BaseException:
            # Nothing is sent for them, so no later save may claim that something was.
            for address in intents:
                self.withdraw(address)
            raise

    def withdraw(self, address: Address) -> None:
        """Close an intent of which nothing came, for certain."""
        del self.pending[address]

    def created(self, address: Address, remote: RemoteFinetune, *, seen: bool) -> None:
        """Close an intent with its result; none of its assets is acknowledged yet."""
        intent = self.pending.pop(address)
        # Under the name that was sent: if the account's is another one, the next plan must say so
        # and not take it for a change of the manifest, which would create again.
        attributes = replace(attributes_of(remote), name=intent.attributes.name)
        if attributes.public is None:
            attributes = replace(attributes, public=intent.attributes.public)
        self._set_current(address, Generation(remote.id, attributes, _pending(intent.assets), seen))
        self._unsaved_ids[address] = remote.id

    def adopt(self, change: Change) -> None:
        """Record a finetune that the account has; nobody knows which files."""
        record = self.finetunes.get(change.address)
        generations = record.generations if record else ()
        known = next((g for g in generations if g.id == change.id), None)
        if known is None and change.after is not None:
            unverified = AssetRecord("", 0, AssetStatus.UNVERIFIED)
            assets = dict.fromkeys(ASSET_NAMES, unverified)
            public = change.before.public if change.before else None
            attributes = replace(change.after, public=public)
            known = Generation(change.id, attributes, assets, seen=True)
        if known is not None:
            self._set_current(change.address, known)

    def move(self, old: Address, new: Address) -> None:
        """Rename an address."""
        if old in self.finetunes:
            self.finetunes[new] = self.finetunes.pop(old)
        if old in self._gone:
            self._gone.add(new)

    def forget(self, address: Address) -> None:
        """Drop an address; its finetunes stay in the account."""
        del self.finetunes[address]

    def expect(self, change: Change) -> None:
        """Write down which bytes are going to be uploaded to a finetune that exists."""
        self.adopt(change)
        record = self.finetunes[change.address]
        wanted = tuple(asset for asset in change.assets if asset.file_name in change.uploads)
        assets = {**record.current.assets, **_pending(wanted)}
        current = replace(record.current, assets=assets, verification=None)
        self._replace_current(change.address, current)

    def acknowledge(self, address: Address, file_name: str, status: AssetStatus) -> None:
        """Record what became of an upload."""
        current = self.finetunes[address].current
        asset = replace(current.assets[file_name], status=status)
        assets = {**current.assets, file_name: asset}
        self._replace_current(address, replace(current, assets=assets))

    def confirm(self, address: Address) -> None:
        """Record that a listing shows the current generation."""
        current = self.finetunes[address].current
        self._replace_current(address, replace(current, seen=True))

    def _set_current(self, address: Address, generation: Generation) -> None:
        before = self.finetunes.get(address)
        older = before.generations if before else ()
        gone = before.current.id if before and address in self._gone else ""
        superseded = tuple(g for g in older if g.id not in (generation.id, gone))
        self.finetunes[address] = FinetuneRecord(generation, superseded)

    def _replace_current(self, address: Address, generation: Generation) -> None:
        record = self.finetunes[address]
        self.finetunes[address] = replace(record, current=generation)

    def _following(self) -> State:
        return self._state.following(self.finetunes, self.pending)

    def _catch_up(self) -> None:
        """See whether a save that failed is there all the same, such as before its last sync."""
        if self._refused is None:
            return
        stored = self._store.load()
        if stored is not None and encode_state(stored.state) == encode_state(self._refused):
            self._state, self._version = stored.state, stored.version
            saved = {generation.id for generation in stored.state.generations()}
            self._unsaved_ids = {a: id_ for a, id_ in self._unsaved_ids.items() if id_ not in saved}

    def _not_recorded(self) -> Iterator[Diagnostic]:
        if not self._unsaved_ids:
            return
        ids = ", ".join(f"{address} is {id_}" for address, id_ in self._unsaved_ids.items())
        where = self._rescue(self._following())
        kept = f" The state that could not be saved is in {where}." if where else ""
        yield codes.RESULTS_NOT_SAVED.error(
            f"{ids}.{kept}",
            hint="Mend the cause and run apply again: the intents saved before find them.",
        )

    def _not_closed(self, stored: set[Address]) -> Iterator[Diagnostic]:
        """Name the intents that may stay in the stored state though nothing came of them."""
        for address in sorted(stored):
            if address not in self.pending and address not in self._unsaved_ids:
                yield codes.INTENT_NOT_CLOSED.error(
                    f"{address} was certainly not created, and the state may still say that it "
                    "may have been.",
                    hint=f"Mend the cause, then: reconciler resolve {address} --retry",
                    address=str(address),
                )


def _pending(assets: tuple[Asset, ...]) -> dict[str, AssetRecord]:
    return {
        asset.file_name: AssetRecord(asset.sha256, asset.size or 0, AssetStatus.PENDING)
        for asset in assets
    }
