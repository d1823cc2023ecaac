"""One address at a time: what has to be done, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import plan as codes
from reconciler.model import (
    Action,
    AdapterFacts,
    Address,
    Asset,
    AttributeChange,
    Change,
    Finetune,
    RemoteFinetune,
)
from reconciler.plan.differences import asset_changes, attribute_changes
from reconciler.refresh import PriorState, attributes_of
from reconciler.state import AssetStatus, FinetuneRecord, Generation


@dataclass(frozen=True, slots=True)
class Decision:
    """A change, and what there is to say about it."""

    change: Change
    problems: tuple[Diagnostic, ...] = ()


def decide(
    finetune: Finetune,
    record: FinetuneRecord | None,
    previous: Address | None,
    prior: PriorState,
) -> Decision:
    """Decide about a desired finetune; previous is its old address where it moved."""
    duplicate = _duplicate(finetune, prior)
    if duplicate:
        return duplicate
    if record is None:
        return _decide_new(finetune, prior)
    origin = previous or finetune.address
    if record.current.attributes.name != finetune.remote_name:
        decision = _decide_generation(finetune, record, previous, prior)
    elif origin in prior.gone:
        decision = _recreate(finetune, record)
    else:
        decision = _decide_existing(finetune, record.current, previous, origin, prior)
    return replace(decision, change=replace(decision.change, previous_address=previous))


def forget(
    address: Address, record: FinetuneRecord, prior: PriorState, on_purpose: bool
) -> Decision:
    """Decide about a recorded finetune that no manifest declares."""
    current = record.current
    if address in prior.gone:
        reason = "not declared any more, and already gone from the account"
    elif on_purpose:
        reason = "listed under `removed`; it stays in the account"
    else:
        reason = "not declared any more; it stays in the account"
    change = Change(address, Action.FORGET, reason, current.id, before=current.attributes)
    if on_purpose or address in prior.gone:
        return Decision(change)
    warning = codes.FORGOTTEN.warning(
        f"No manifest declares {address} any more. {current.attributes.name} "
        f"({current.id}) stays in the account.",
        hint=f"If this is meant, say so: removed: [{address.name}]",
        address=str(address),
    )
    return Decision(change, (warning,))


def _duplicate(finetune: Finetune, prior: PriorState) -> Decision | None:
    found = prior.listing.named(finetune.remote_name) if prior.listing else ()
    if len(found) < 2:
        return None
    ids = ", ".join(sorted(remote.id for remote in found))
    change = Change(
        finetune.address,
        Action.REPLACE,
        f"the account has {len(found)} finetunes of this name",
        after=finetune.attributes,
        assets=_assets(finetune),
        facts=_facts(finetune),
    )
    problem = codes.DUPLICATE_IN_ACCOUNT.error(
        f'The account has {len(found)} finetunes named "{finetune.remote_name}": {ids}.',
        hint="Give yours another `name:`; which of them answers at inference is undefined.",
        address=str(finetune.address),
        range=finetune.range_of("name"),
    )
    return Decision(change, (problem,))


def _decide_new(finetune: Finetune, prior: PriorState) -> Decision:
    if prior.listing is None:
        return _create(finetune, "not in the state; the account was not asked")
    found = prior.listing.named(finetune.remote_name)
    if not found:
        return _create(finetune, "neither in the state nor in the account")
    return _adopt(finetune, found[0])


def _create(finetune: Finetune, reason: str) -> Decision:
    return Decision(
        Change(
            finetune.address,
            Action.CREATE,
            reason,
            after=finetune.attributes,
            assets=_assets(finetune),
            facts=_facts(finetune),
            uploads=tuple(asset.file_name for asset in _assets(finetune)),
        )
    )


def _recreate(finetune: Finetune, record: FinetuneRecord) -> Decision:
    current = record.current
    reason = f"recorded as {current.id}, which is gone from the account"
    created = _create(finetune, reason)
    return replace(created, change=replace(created.change, before=current.attributes))


def _adopt(finetune: Finetune, remote: RemoteFinetune) -> Decision:
    shown = attributes_of(remote)
    if not finetune.attributes.matches(shown):
        return _name_taken(finetune, remote)
    notes: tuple[str, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    if finetune.adapter:
        notes = ("which files it has cannot be seen: unverified, and not uploaded again",)
        problems = (_unverified(finetune, remote.id),)
    change = Change(
        finetune.address,
        Action.IMPORT,
        "in the account with the same attributes, not in the state",
        remote.id,
        before=shown,
        after=finetune.attributes,
        assets=_assets(finetune),
        facts=_facts(finetune),
        notes=notes,
    )
    return Decision(change, problems)


def _name_taken(finetune: Finetune, remote: RemoteFinetune) -> Decision:
    differences = attribute_changes(attributes_of(remote), finetune.attributes)
    change = Change(
        finetune.address,
        Action.REPLACE,
        "the account has another finetune of this name, and it cannot be changed",
        remote.id,
        before=attributes_of(remote),
        after=finetune.attributes,
        differences=differences,
        assets=_assets(finetune),
        facts=_facts(finetune),
    )
    names = ", ".join(difference.name for difference in differences)
    problem = codes.NAME_TAKEN.error(
        f'"{remote.name}" exists as {remote.id} with another {names}.',
        hint="Choose another `name:`, or declare what the account has to adopt it.",
        address=str(finetune.address),
        range=finetune.range_of(differences[0].name if differences else "name"),
    )
    return Decision(change, (problem,))


def _decide_generation(
    finetune: Finetune, record: FinetuneRecord, previous: Address | None, prior: PriorState
) -> Decision:
    """The remote name differs: another generation of this address becomes the current one."""
    name, old = finetune.remote_name, record.current
    gone = (previous or finetune.address) in prior.gone
    stays = f"{old.attributes.name} ({old.id}) {'is gone from' if gone else 'stays in'} the account"
    earlier = next((g for g in record.superseded if g.attributes.name == name), None)
    if earlier is not None:
        decision = _decide_existing(finetune, earlier, None, finetune.address, prior)
        if decision.change.action is Action.NO_OP:
            reason = f"an earlier generation is wanted again; {stays}"
            change = replace(decision.change, action=Action.IMPORT, reason=reason)
            return replace(decision, change=change)
        return decision
    found = prior.listing.named(name) if prior.listing else ()
    if found:
        return _adopt(finetune, found[0])
    created = _create(finetune, f"the remote name changed; {stays}")
    superseded = "" if gone else old.id
    return replace(created, change=replace(created.change, id=superseded, before=old.attributes))


def _decide_existing(
    finetune: Finetune,
    current: Generation,
    previous: Address | None,
    origin: Address,
    prior: PriorState,
) -> Decision:
    differences = (
        ()
        if finetune.attributes.matches(current.attributes)
        else attribute_changes(current.attributes, finetune.attributes)
    )
    differences += _changed_assets(finetune, current)
    if differences:
        return _impossible(finetune, current, differences, origin, prior)
    change = Change(
        finetune.address,
        Action.MOVE if previous else Action.NO_OP,
        f"was {previous}" if previous else "as desired",
        current.id,
        before=current.attributes,
        after=finetune.attributes,
        assets=_assets(finetune),
        facts=_facts(finetune),
    )
    uploads = _missing_uploads(finetune, current)
    recovered = origin in prior.recovered
    if recovered:
        reason = "created by an interrupted run, found in the account"
        change = replace(change, action=Action.IMPORT, reason=reason)
    if uploads:
        missing = " and ".join(uploads)
        reason = f"{change.reason}; {missing} missing" if recovered else f"{missing} not uploaded"
        change = replace(change, action=Action.UPLOAD, reason=reason, uploads=uploads)
    return Decision(change, tuple(_remarks(finetune, current, origin, prior)))


def _remarks(
    finetune: Finetune, current: Generation, origin: Address, prior: PriorState
) -> list[Diagnostic]:
    remarks = []
    unverified = any(a.status is AssetStatus.UNVERIFIED for a in current.assets.values())
    if finetune.adapter and unverified:
        remarks.append(_unverified(finetune, current.id))
    if origin in prior.unseen:
        remarks.append(
            codes.NOT_LISTED_YET.warning(
                f"{current.attributes.name} was created as {current.id}; no listing shows it yet.",
                hint="Wait and plan again; it is not created a second time.",
                address=str(finetune.address),
            )
        )
    return remarks


def _unverified(finetune: Finetune, remote_id: str) -> Diagnostic:
    return codes.ASSETS_UNVERIFIED.warning(
        f"{finetune.remote_name} ({remote_id}) was not uploaded from here, and the API does not "
        "show which files it has.",
        hint="Check that it answers; its files are neither compared nor sent again.",
        address=str(finetune.address),
        range=finetune.range_of("adapter"),
    )


def _impossible(
    finetune: Finetune,
    current: Generation,
    differences: tuple[AttributeChange, ...],
    origin: Address,
    prior: PriorState,
) -> Decision:
    drifted = any(drift.address == origin for drift in prior.drift)
    what = "drifted in the account" if drifted else "changed"
    names = ", ".join(difference.name for difference in differences)
    change = Change(
        finetune.address,
        Action.REPLACE,
        f"{names} {what}, and a finetune can be neither changed nor deleted",
        current.id,
        before=current.attributes,
        after=finetune.attributes,
        differences=differences,
        assets=_assets(finetune),
        facts=_facts(finetune),
    )
    field = differences[0].name.partition("/")[0]
    problem = codes.CANNOT_CHANGE.error(
        f"{finetune.remote_name} ({current.id}) exists with another {names}.",
        hint="Two ways on: give the new content a new name (name: "
        f"{finetune.base_name}-v2), or set versioned: true, so that every change creates a new "
        "generation. The old one stays in the account either way.",
        address=str(finetune.address),
        range=finetune.range_of(field),
    )
    return Decision(change, (problem,))


def _changed_assets(finetune: Finetune, current: Generation) -> tuple[AttributeChange, ...]:
    """Compare bytes that were sent or going to be; those of an adopted finetune are unknown."""
    known = {
        name: asset
        for name, asset in current.assets.items()
        if asset.status is not AssetStatus.UNVERIFIED
    }
    return asset_changes(known, _assets(finetune))


def _missing_uploads(finetune: Finetune, current: Generation) -> tuple[str, ...]:
    return tuple(
        asset.file_name
        for asset in _assets(finetune)
        if asset.file_name not in current.assets
        or current.assets[asset.file_name].status is AssetStatus.PENDING
    )


def _assets(finetune: Finetune) -> tuple[Asset, ...]:
    return finetune.adapter.assets if finetune.adapter else ()


def _facts(finetune: Finetune) -> AdapterFacts | None:
    return finetune.adapter.facts if finetune.adapter else None
