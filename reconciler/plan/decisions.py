"""One address at a time: what has to be done, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from reconciler.diagnostics import Diagnostic
from reconciler.model import Action, Address, Asset, AttributeChange, Change, Finetune
from reconciler.plan import findings
from reconciler.plan.differences import asset_changes, attribute_changes
from reconciler.plan.standing import Standing
from reconciler.plan.unverified import Unverified, recorded_unverified
from reconciler.refresh import PriorState, attributes_of
from reconciler.state import AssetStatus, FinetuneRecord, Generation


@dataclass(frozen=True, slots=True)
class Decision:
    """A change, and what there is to say about it.

    unverified: said of all finetunes together.
    """

    change: Change
    problems: tuple[Diagnostic, ...] = ()
    unverified: Unverified | None = None


def decide(standing: Standing) -> Decision:
    """Decide about a declared finetune."""
    decision = _decide(standing)
    return replace(decision, change=replace(decision.change, previous_address=standing.previous))


def forget(
    address: Address,
    record: FinetuneRecord,
    prior: PriorState,
    on_purpose: bool,
    created: Iterable[Finetune] = (),
) -> Decision:
    """Decide about a recorded finetune that no manifest declares.

    created: for the first time by the same plan; one with the same content was probably
    renamed.
    """
    current = record.current
    unlisted = [generation for generation in record.generations if not generation.seen]
    if unlisted:
        # Forgotten now, it would be created a second time by whoever declares it again.
        reason = "not declared any more; kept until the account lists it"
        change = Change(address, Action.NO_OP, reason, current.id, current.attributes)
        change = replace(change, after=current.attributes)
        return Decision(change, (findings.not_listed_yet(address, unlisted[0]),))
    if address in prior.gone:
        reason = "not declared any more, and already gone from the account"
    elif on_purpose:
        reason = "listed under `removed`; it stays in the account"
    else:
        reason = "not declared any more; it stays in the account"
    older = ", ".join(f"{g.attributes.name} ({g.id})" for g in record.superseded)
    notes = (f"with it the state forgets what it superseded: {older}",) if older else ()
    if lacks := findings.lacks_files(current).strip():
        notes = (*notes, f"{lacks[0].lower()}{lacks[1:-1]}")
    change = Change(
        address, Action.FORGET, reason, current.id, before=current.attributes, notes=notes
    )
    is_meant = on_purpose or address in prior.gone
    if is_meant:
        return Decision(change)
    twins = tuple(finetune for finetune in created if _is_same_content(finetune, current))
    return Decision(change, (findings.forgotten(address, record, twins),))


def _decide(standing: Standing) -> Decision:
    if len(standing.ids_of_name) > 1:
        return _conflict(
            standing,
            f"the account has {len(standing.ids_of_name)} finetunes of this name",
            findings.duplicate(standing),
        )
    if standing.owner is not None:
        return _conflict(
            standing,
            f"recorded as {standing.owner}",
            findings.recorded_elsewhere(standing, standing.owner),
        )
    if standing.record is None:
        return _adopt(standing) if standing.found else _create_new(standing)
    if standing.has_drifted_from_name:
        return _keep(standing, standing.record.current)
    if standing.record.current.attributes.name != standing.name:
        return _change_generation(standing, standing.record.current)
    if standing.gone:
        return _adopt(standing) if standing.found else _recreate(standing, standing.record.current)
    return _keep(standing, standing.record.current)


def _conflict(standing: Standing, reason: str, problem: Diagnostic) -> Decision:
    return Decision(_change(standing.finetune, Action.REPLACE, reason), (problem,))


# Not there yet


def _create_new(standing: Standing) -> Decision:
    known = (
        "neither in the state nor in the account"
        if standing.was_asked
        else "not in the state; the account was not asked"
    )
    return Decision(_create(standing.finetune, known))


def _recreate(standing: Standing, current: Generation) -> Decision:
    reason = f"recorded as {current.id}, which is gone from the account"
    return Decision(_create(standing.finetune, reason, before=current.attributes))


def _create(finetune: Finetune, reason: str, **extra: Any) -> Change:
    uploads = tuple(asset.file_name for asset in _assets(finetune))
    notes = () if uploads else ("declared without an adapter: without its files it cannot answer",)
    return _change(finetune, Action.CREATE, reason, uploads=uploads, notes=notes, **extra)


def _adopt(standing: Standing) -> Decision:
    finetune, remote = standing.finetune, standing.found[0]
    shown = attributes_of(remote)
    if not finetune.attributes.matches(shown):
        differences = attribute_changes(shown, finetune.attributes)
        change = _change(
            finetune,
            Action.REPLACE,
            "the account has another finetune of this name, and it cannot be changed",
            id=remote.id,
            before=shown,
            differences=differences,
        )
        return Decision(change, (findings.name_taken(finetune, remote, differences),))
    change = _change(
        finetune,
        Action.IMPORT,
        "in the account with the same attributes, not in the state",
        id=remote.id,
        before=shown,
    )
    if not finetune.adapter:
        return Decision(change)
    note = "which files it has cannot be seen: unverified, and not uploaded again"
    return Decision(
        replace(change, notes=(note,)), unverified=Unverified(finetune, remote.id, is_new=True)
    )


# Another generation


def _change_generation(standing: Standing, old: Generation) -> Decision:
    """The name differs from the recorded one: another finetune becomes the current one."""
    decision = _next_generation(standing, old)
    supersedes = "" if standing.gone or decision.change.action is Action.REPLACE else old.id
    return replace(decision, change=replace(decision.change, supersedes=supersedes))


def _next_generation(standing: Standing, old: Generation) -> Decision:
    stays = "is gone from" if standing.gone else "stays in"
    behind = f"{old.attributes.name} ({old.id}) {stays} the account"
    if standing.earlier is not None:
        # What is known of the current generation says nothing about the earlier one.
        clean = replace(
            standing, previous=None, gone=False, unseen=False, recovered=False, drift=None
        )
        decision = _keep(clean, standing.earlier)
        if decision.change.action is Action.NO_OP:
            reason = f"an earlier generation is wanted again; {behind}"
            change = replace(decision.change, action=Action.IMPORT, reason=reason)
            return replace(decision, change=change)
        return decision
    if standing.found:
        return _adopt(standing)
    differences = _content_changes(standing.finetune, old)
    same = not differences
    cause = "it has another name now" if same else "its content changed"
    reason = f"a new generation, because {cause}; {behind}"
    change = _create(standing.finetune, reason, before=old.attributes, differences=differences)
    if same and not standing.gone:
        copy = f"nothing but the name differs from {old.attributes.name}: the account keeps both"
        change = replace(change, notes=(*change.notes, copy))
    if standing.is_renamed_by_move:
        return Decision(change, (findings.renamed_by_move(standing, old),))
    return Decision(change)


def _is_same_content(finetune: Finetune, old: Generation) -> bool:
    return not _content_changes(finetune, old)


def _content_changes(finetune: Finetune, old: Generation) -> tuple[AttributeChange, ...]:
    """Return what differs but for the name, files included."""
    renamed = replace(old.attributes, name=finetune.remote_name)
    changed = (
        ()
        if finetune.attributes.matches(renamed)
        else attribute_changes(renamed, finetune.attributes)
    )
    return changed + _changed_assets(finetune, old)


# There already


def _keep(standing: Standing, current: Generation) -> Decision:
    finetune = standing.finetune
    differences = (
        ()
        if finetune.attributes.matches(current.attributes)
        else attribute_changes(current.attributes, finetune.attributes)
    )
    differences += _changed_assets(finetune, current)
    if differences:
        return _impossible(standing, current, differences)
    action, reason = _bookkeeping(standing)
    uploads = _missing_uploads(finetune, current)
    if uploads:
        missing = f"{' and '.join(uploads)} not uploaded"
        action, reason = Action.UPLOAD, f"{reason}; {missing}" if standing.recovered else missing
    change = _change(
        finetune,
        action,
        reason,
        id=current.id,
        before=current.attributes,
        uploads=uploads,
        verification=None if uploads else current.verification,
    )
    return Decision(
        change, findings.remarks(standing, current), recorded_unverified(finetune, current)
    )


def _bookkeeping(standing: Standing) -> tuple[Action, str]:
    if standing.recovered:
        return Action.IMPORT, "created by an interrupted run, found in the account"
    if standing.previous:
        return Action.MOVE, f"was {standing.previous}"
    return Action.NO_OP, "as desired"


def _impossible(
    standing: Standing, current: Generation, differences: tuple[AttributeChange, ...]
) -> Decision:
    names = " and ".join(difference.name for difference in differences)
    what = "drifted in the account" if standing.drift else "changed"
    change = _change(
        standing.finetune,
        Action.REPLACE,
        f"{names} {what}, and a finetune can be neither changed nor deleted",
        id=current.id,
        before=current.attributes,
        differences=differences,
    )
    return Decision(change, (findings.cannot_change(standing, current, differences),))


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


def _change(finetune: Finetune, action: Action, reason: str, **extra: Any) -> Change:
    return Change(
        finetune.address,
        action,
        reason,
        after=finetune.attributes,
        assets=_assets(finetune),
        facts=finetune.adapter.facts if finetune.adapter else None,
        **extra,
    )
