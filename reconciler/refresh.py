"""Refresh: the recorded state against what the account shows. Pure; nothing is sent.

The result is the prior state: what is recorded, brought up to what the account shows,
with the creates of an interrupted run that can be told beyond doubt taken over.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    recovered: taken over from an interrupted run's intent.
    """

    state: State
    listing: Listing | None = None
    gone: frozenset[Address] = frozenset()
    unseen: frozenset[Address] = frozenset()
    recovered: frozenset[Address] = frozenset()
    drift: tuple[Drift, ...] = ()
    unresolved: Mapping[Address, Unresolved] = field(default_factory=dict)


def refresh(state: State, listing: Listing | None) -> PriorState:
    """Compare a state with a listing; without one, what is recorded is taken as it is."""
    if listing is None:
        unresolved = {a: Unresolved(a, intent) for a, intent in state.pending.items()}
        return PriorState(state, unresolved=unresolved)
    by_id = {remote.id: remote for remote in listing.finetunes}
    finetunes: dict[Address, FinetuneRecord] = {}
    drift: list[Drift] = []
    for address, record in state.finetunes.items():
        finetunes[address] = _refreshed(record, by_id)
        remote = by_id.get(record.current.id)
        if remote and not record.current.attributes.matches(attributes_of(remote)):
            drift.append(Drift(address, record.current.attributes, attributes_of(remote)))
    missing = {a for a, record in state.finetunes.items() if record.current.id not in by_id}
    recovered, unresolved = _settle_intents(state, listing, finetunes)
    return PriorState(
        state=replace(
            state,
            finetunes=finetunes,
            pending={a: i for a, i in state.pending.items() if a not in recovered},
        ),
        listing=listing,
        gone=frozenset(a for a in missing - recovered if state.finetunes[a].current.seen),
        unseen=frozenset(a for a in missing - recovered if not state.finetunes[a].current.seen),
        recovered=frozenset(recovered),
        drift=tuple(sorted(drift, key=lambda item: item.address)),
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
    attributes = attributes_of(remote)
    if attributes.public is None:
        attributes = replace(attributes, public=intent.attributes.public)
    assets = {
        asset.file_name: AssetRecord(asset.sha256, asset.size, AssetStatus.PENDING)
        for asset in intent.assets
    }
    current = Generation(remote.id, attributes, assets, seen=True)
    return FinetuneRecord(current, before.generations if before else ())


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
    attributes = attributes_of(remote)
    if attributes.public is None:
        attributes = replace(attributes, public=generation.attributes.public)
    return replace(generation, attributes=attributes, seen=True)


def _settle_intents(
    state: State, listing: Listing, finetunes: dict[Address, FinetuneRecord]
) -> tuple[set[Address], dict[Address, Unresolved]]:
    recorded = frozenset(generation.id for generation in state.generations())
    recovered: set[Address] = set()
    unresolved: dict[Address, Unresolved] = {}
    for address, intent in sorted(state.pending.items()):
        candidates = candidates_for(intent, listing, recorded)
        if is_evidence(intent, candidates):
            finetunes[address] = taken_over(intent, candidates[0], finetunes.get(address))
            recovered.add(address)
        else:
            unresolved[address] = Unresolved(address, intent, candidates)
    return recovered, unresolved
