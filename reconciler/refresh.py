"""Refresh: the recorded state against what the account shows. Pure; nothing is sent.

The result is the prior state: what is recorded, brought up to what the account shows,
with the creates of an interrupted run that can be told beyond doubt taken over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from reconciler.model import Address, Attributes, Listing, RemoteFinetune
from reconciler.state import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
)


@dataclass(frozen=True, slots=True)
class Drift:
    """A recorded finetune that the account shows otherwise."""

    address: Address
    id: str
    recorded: Attributes
    found: Attributes


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An intent whose outcome cannot be told; candidates are what might be its result."""

    address: Address
    intent: Intent
    candidates: tuple[RemoteFinetune, ...] = ()


@dataclass(frozen=True, slots=True)
class PriorState:
    """The state after refresh.

    listing: None where the account was not asked. gone: recorded and seen before, but no
    longer in the account. unseen: recorded, and not listed yet since it was created.
    recovered: taken over from an interrupted run's intent. drift, unresolved: in the order
    of the addresses.
    """

    state: State
    listing: Listing | None = None
    gone: frozenset[Address] = frozenset()
    unseen: frozenset[Address] = frozenset()
    recovered: frozenset[Address] = frozenset()
    drift: Mapping[Address, Drift] = field(default_factory=dict)
    unresolved: Mapping[Address, Unresolved] = field(default_factory=dict)

    def limited_to(self, addresses: Container[Address]) -> PriorState:
        """Let nothing of other addresses take the name that the account has given it.

        By the recorded name a plan tells "the account renamed it", which is impossible to mend,
        from "the manifest did", which creates. A plan that does not show the one must not make
        the other of it.
        """
        finetunes = dict(self.state.finetunes)
        for address, drift in self.drift.items():
            record = finetunes.get(address)
            if record and record.current.id == drift.id and address not in addresses:
                named = replace(record.current.attributes, name=drift.recorded.name)
                current = replace(record.current, attributes=named)
                finetunes[address] = replace(record, current=current)
        return replace(self, state=replace(self.state, finetunes=finetunes))


def refresh(state: State, listing: Listing | None) -> PriorState:
    """Compare a state with a listing; without one, what is recorded is taken as it is."""
    if listing is None:
        unresolved = {a: Unresolved(a, intent) for a, intent in sorted(state.pending.items())}
        return PriorState(state, unresolved=unresolved)
    by_id = {remote.id: remote for remote in listing.finetunes}
    finetunes = {a: _refreshed(record, by_id) for a, record in state.finetunes.items()}
    missing = {a for a, record in finetunes.items() if record.current.id not in by_id}
    recovered, unresolved = _settle_intents(state, listing)
    for address, remote in recovered.items():
        before = _without_gone(finetunes.get(address), by_id)
        finetunes[address] = taken_over(state.pending[address], remote, before)
    pending = {a: intent for a, intent in state.pending.items() if a not in recovered}
    missing -= recovered.keys()
    return PriorState(
        state=replace(state, finetunes=finetunes, pending=pending),
        listing=listing,
        gone=frozenset(a for a in missing if finetunes[a].current.seen),
        unseen=frozenset(a for a in missing if not finetunes[a].current.seen),
        recovered=frozenset(recovered),
        drift=_find_drift(state, by_id),
        unresolved=unresolved,
    )


def attributes_of(remote: RemoteFinetune) -> Attributes:
    """Return what a remote finetune shows of its attributes."""
    return Attributes(remote.name, remote.model, remote.description, remote.public)


def candidates_for(
    intent: Intent, listing: Listing, recorded: frozenset[str]
) -> tuple[RemoteFinetune, ...]:
    """Return what might have come of an intent: new ids of its name that nobody recorded."""
    return tuple(
        remote
        for remote in listing.named(intent.attributes.name)
        if remote.id not in intent.known_ids and remote.id not in recorded
    )


def is_evidence(intent: Intent, candidates: tuple[RemoteFinetune, ...]) -> bool:
    """Tell whether the candidates prove the outcome: exactly one, with the same attributes."""
    return len(candidates) == 1 and intent.attributes.matches(attributes_of(candidates[0]))


def taken_over(
    intent: Intent, remote: RemoteFinetune, before: FinetuneRecord | None
) -> FinetuneRecord:
    """Record the result of an intent; no asset of it has been acknowledged."""
    assets = {
        asset.file_name: AssetRecord(asset.sha256, asset.size or 0, AssetStatus.PENDING)
        for asset in intent.assets
    }
    attributes = _known_of(remote, intent.attributes)
    current = Generation(remote.id, attributes, assets, seen=True)
    return FinetuneRecord(current, before.generations if before else ())


def _known_of(remote: RemoteFinetune, recorded: Attributes) -> Attributes:
    """Return what a remote finetune shows, and what is recorded of what it does not show."""
    shown = attributes_of(remote)
    return replace(shown, public=recorded.public) if shown.public is None else shown


def _find_drift(state: State, by_id: Mapping[str, RemoteFinetune]) -> dict[Address, Drift]:
    drift = {}
    for address, record in sorted(state.finetunes.items()):
        current = record.current
        remote = by_id.get(current.id)
        if remote and not current.attributes.matches(attributes_of(remote)):
            drift[address] = Drift(address, current.id, current.attributes, attributes_of(remote))
    return drift


def _refreshed(record: FinetuneRecord, by_id: Mapping[str, RemoteFinetune]) -> FinetuneRecord:
    current = _seen(record.current, by_id.get(record.current.id))
    superseded = tuple(
        _seen(generation, by_id.get(generation.id))
        for generation in record.superseded
        if generation.id in by_id or not generation.seen
    )
    return FinetuneRecord(current, superseded)


def _seen(generation: Generation, remote: RemoteFinetune | None) -> Generation:
    if remote is None:
        return generation
    return replace(generation, attributes=_known_of(remote, generation.attributes), seen=True)


def _without_gone(
    record: FinetuneRecord | None, by_id: Mapping[str, RemoteFinetune]
) -> FinetuneRecord | None:
    """Drop a current generation that the account has no more; the next one takes its place."""
    if record is None or record.current.id in by_id or not record.current.seen:
        return record
    older = record.superseded
    return FinetuneRecord(older[0], older[1:]) if older else None


def _settle_intents(
    state: State, listing: Listing
) -> tuple[dict[Address, RemoteFinetune], dict[Address, Unresolved]]:
    recorded = frozenset(generation.id for generation in state.generations())
    # Of two creates of one name nobody can tell whose result it is.
    claims = Counter(intent.attributes.name for intent in state.pending.values())
    recovered: dict[Address, RemoteFinetune] = {}
    unresolved: dict[Address, Unresolved] = {}
    for address, intent in sorted(state.pending.items()):
        candidates = candidates_for(intent, listing, recorded)
        if is_evidence(intent, candidates) and claims[intent.attributes.name] == 1:
            recovered[address] = candidates[0]
        else:
            unresolved[address] = Unresolved(address, intent, candidates)
    return recovered, unresolved
