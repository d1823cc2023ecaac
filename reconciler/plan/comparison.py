"""What moved between a plan that was reviewed and the plan of now, in words."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import Action, Change
from reconciler.plan.plan import Plan

_VERBS = {
    Action.NO_OP: "stay as it is",
    Action.CREATE: "be created",
    Action.IMPORT: "be adopted",
    Action.UPLOAD: "get its files",
    Action.MOVE: "be moved",
    Action.FORGET: "be forgotten",
    Action.REPLACE: "have to be replaced",
}


def differences_between(reviewed: Plan, current: Plan) -> Iterator[str]:
    """Yield a phrase for every change that is not the same in both."""
    if reviewed.account_id != current.account_id:
        yield f"it was made for account {reviewed.account_id}"
    old = {change.address: change for change in reviewed.effective}
    new = {change.address: change for change in current.effective}
    for address in sorted({*old, *new}):
        phrase = _difference(old.get(address), new.get(address))
        if phrase:
            yield f"{address} {phrase}"


def _digests(change: Change) -> dict[str, str]:
    return {asset.file_name: asset.sha256 for asset in change.assets}


def _difference(old: Change | None, new: Change | None) -> str:
    if new is None:
        return f"would no longer {_VERBS[old.action]}" if old else ""
    if old is None:
        return f"would now {_VERBS[new.action]}, which was not reviewed"
    if old.action is not new.action:
        return f"would now {_VERBS[new.action]} instead of {_VERBS[old.action]}"
    if _digests(old) != _digests(new):
        return "has other adapter files"
    if old.uploads != new.uploads:
        return "would get other files"
    if old.previous_address != new.previous_address:
        return "would be moved from another address"
    if (old.id, old.supersedes) != (new.id, new.supersedes):
        return "is about another finetune of the account"
    if (old.before, old.after) != (new.before, new.after):
        return "has other attributes"
    return ""
