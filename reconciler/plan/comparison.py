"""What moved between a plan that was reviewed and the plan of now, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator

from reconciler.model import Action, Attributes, Change
from reconciler.model.codec import encode_attributes
from reconciler.plan.plan import Plan

_LONGEST = 60
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
    """Yield a phrase for all that is not the same in both, in the order of the addresses."""
    if reviewed.account_id != current.account_id:
        yield f"it was made for account {reviewed.account_id}"
    old = {change.address: change for change in reviewed.effective}
    new = {change.address: change for change in current.effective}
    for address in sorted({*old, *new}):
        for phrase in _differences(old.get(address), new.get(address)):
            yield f"{address} {phrase}"


def _differences(old: Change | None, new: Change | None) -> Iterator[str]:
    if new is None:
        if old is not None:
            yield f"would no longer {_VERBS[old.action]}"
    elif old is None:
        yield f"would now {_VERBS[new.action]}, which was not reviewed"
    elif old.action is not new.action:
        yield f"would now {_VERBS[new.action]} instead of {_VERBS[old.action]}"
    else:
        yield from _within(old, new)


def _within(old: Change, new: Change) -> Iterator[str]:
    """Yield what differs between two changes of one kind."""
    if _digests(old) != _digests(new):
        yield f"has {_other_files(old, new)}"
    if old.uploads != new.uploads:
        yield "would get other files"
    if old.previous_address != new.previous_address:
        yield "would be moved from another address"
    if (old.id, old.supersedes) != (new.id, new.supersedes):
        yield "is about another finetune of the account"
    if old.after != new.after:
        yield f"would have {_other_attributes(old.after, new.after)}"
    if old.before != new.before:
        yield f"was found with {_other_attributes(old.before, new.before)}"


def _digests(change: Change) -> dict[str, str]:
    """Return what is known of the files in every case; the size is not, of a file elsewhere."""
    return {asset.file_name: asset.sha256 for asset in change.assets}


def _other_files(old: Change, new: Change) -> str:
    before, after = _digests(old), _digests(new)
    told = [
        f"another {name} (sha256 {after[name][:12]} instead of {before[name][:12]})"
        for name in after
        if name in before and before[name] != after[name]
    ]
    return ", ".join(told) or "other adapter files"


def _other_attributes(old: Attributes | None, new: Attributes | None) -> str:
    if old is None or new is None:
        return "other attributes"
    before, after = encode_attributes(old), encode_attributes(new)
    return ", ".join(
        f"another {name} ({_shown(after[name])} instead of {_shown(before[name])})"
        for name in before
        if before[name] != after[name]
    )


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
