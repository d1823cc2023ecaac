"""What moved between a plan that was reviewed and the plan of now, in words."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import Address, Change
from reconciler.plan.plan import Plan


def differences_between(reviewed: Plan, current: Plan) -> Iterator[str]:
    """Yield a phrase for every change that is not the same in both."""
    if reviewed.account_id != current.account_id:
        yield f"it was made for account {reviewed.account_id}"
    old = {change.address: change for change in reviewed.effective}
    new = {change.address: change for change in current.effective}
    for address in sorted({*old, *new}):
        phrase = _difference(address, old.get(address), new.get(address))
        if phrase:
            yield phrase


def _difference(address: Address, old: Change | None, new: Change | None) -> str:
    if old is None and new is not None:
        return f"{address} would now {_verb(new)}, which was not reviewed"
    if new is None and old is not None:
        return f"{address} would no longer {_verb(old)}"
    if old is None or new is None:
        return ""
    if old.action is not new.action:
        return f"{address} would now {_verb(new)} instead of {_verb(old)}"
    if old.assets != new.assets:
        return f"{address} has other adapter files"
    if (old.before, old.after, old.id, old.uploads) != (new.before, new.after, new.id, new.uploads):
        return f"{address} has other attributes"
    return ""


def _verb(change: Change) -> str:
    return (
        f"be {change.action.value}d"
        if change.action.value.endswith("e")
        else (f"be {change.action.value}ed")
    )
