"""Whether one state may take the place of another."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import state as codes
from reconciler.state.snapshot import State


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
    else:
        return None
    return codes.NOT_A_SUCCESSOR.error(
        f"The state in {location} {what}.",
        hint="Nothing was written. Compare the two (reconciler state pull --state ...), and move "
        "the stored one away if it is really the wrong one.",
    )
