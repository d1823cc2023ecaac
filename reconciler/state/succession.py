"""Whether one state may take the place of another.

A serial is no proof: two copies that went apart both count on. What counts is that nothing is
forgotten. Each finetune that the old state records must be in the new one, and each create
that is unresolved there must be so here, too, or have become a finetune.
"""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.state.snapshot import State
from reconciler.state.store import naming

_SHOWN = 5


def check_succession(new: State, old: State, location: str) -> Diagnostic | None:
    """Return R423 where new is no later state of old's project; equal states follow.

    location: where old is kept.
    """
    if new.lineage != old.lineage:
        what = f"has another lineage ({old.lineage}, not {new.lineage}): it is another project's"
    elif new.account_id != old.account_id:
        what = f"is of account {old.account_id}, not {new.account_id}"
    elif new.serial < old.serial:
        what = f"is newer: serial {old.serial}, not {new.serial}"
    elif new.serial == old.serial and new != old:
        what = f"has the same serial, {old.serial}, but another content: both were changed apart"
    elif lost := _lost(new, old):
        more = ", ..." if len(lost) > _SHOWN else ""
        what = (
            f"knows what the new one does not: {', '.join(lost[:_SHOWN])}{more}. They were "
            "changed apart, or it was forgotten on purpose"
        )
    else:
        return None
    return codes.NOT_A_SUCCESSOR.error(
        f"The state in {location} {what}.",
        hint="Nothing was written. If the stored one is really the wrong one, move it away. To "
        f"compare the two:\nreconciler state pull{naming(location)}",
    )


def _lost(new: State, old: State) -> list[str]:
    """Name what only the old state knows: unresolved creates, then finetunes."""
    known = {generation.id for generation in old.generations()}
    ids = {generation.id for generation in new.generations()}
    became = {g.attributes.name: g.id for g in new.generations() if g.id not in known}
    attempts = {intent.attempt_id for intent in new.pending.values()}
    intents = [
        f"the unresolved create of {address}"
        for address, intent in sorted(old.pending.items())
        if intent.attempt_id not in attempts
        and became.get(intent.attributes.name) in (None, *intent.known_ids)
    ]
    finetunes = [
        f"{address} ({printable(generation.id, 40)})"
        for address, record in sorted(old.finetunes.items())
        for generation in record.generations
        if generation.id not in ids
    ]
    return intents + finetunes
