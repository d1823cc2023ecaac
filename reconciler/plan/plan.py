"""The plan: ordered changes, and what they were computed from."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.diagnostics import Diagnostic, has_errors
from reconciler.model import Action, Address, Change, Finetune, Limits
from reconciler.model.codec import encode_attributes
from reconciler.refresh import Drift, Unresolved

_IMPOSSIBLE = frozenset({Action.REPLACE})


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of the manifests was planned.

    targets: addresses, empty for all. selector: labels that must be there.
    refreshed: whether the account was asked.
    """

    targets: tuple[Address, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    refreshed: bool = True

    @property
    def is_partial(self) -> bool:
        """Whether something was left out on purpose."""
        return bool(self.targets or self.selector)

    def includes(self, finetune: Finetune) -> bool:
        """Tell whether a declared finetune is in scope."""
        if self.targets and finetune.address not in self.targets:
            return False
        return all(finetune.labels.get(key) == value for key, value in self.selector.items())


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Quota:
    """How many finetunes the account holds (None: not asked), will hold, and may hold."""

    used: int | None
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply would do, in the order of the addresses.

    lineage, serial: of the state it was computed from ("" and 0 for none).
    problems: errors that forbid to apply it, and warnings that do not.
    superseded: how many earlier generations stay behind in the account.
    limits: what it was checked against, for reviewers.
    """

    account_id: str
    lineage: str
    serial: int
    changes: tuple[Change, ...]
    quota: Quota
    scope: Scope = EVERYTHING
    drift: tuple[Drift, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    superseded: int = 0
    limits: Limits = field(default_factory=Limits)

    @property
    def can_apply(self) -> bool:
        """Whether all of it can be done; the one place that knows."""
        return (
            not self.unresolved
            and not has_errors(self.problems)
            and not any(change.action in _IMPOSSIBLE for change in self.changes)
        )

    @property
    def addresses(self) -> frozenset[Address]:
        """Every address that it says something of, the old ones of moves included."""
        moved = (change.previous_address for change in self.changes)
        return frozenset((*(change.address for change in self.changes), *filter(None, moved)))

    @property
    def effective(self) -> tuple[Change, ...]:
        """The changes that do something."""
        return tuple(change for change in self.changes if change.action is not Action.NO_OP)

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.effective)

    @property
    def counts(self) -> Counter[Action]:
        """How many changes of each action."""
        return Counter(change.action for change in self.changes)

    @property
    def exit_code(self) -> int:
        """0 where it can be applied, 3 where a person must look first, 1 otherwise."""
        if self.unresolved:
            return 3
        return 0 if self.can_apply else 1

    @property
    def digest(self) -> str:
        """`sha256:` and 64 hex digits of the account and every change with its assets.

        Reasons, notes, verifications and the state's serial are left out: they may differ
        between two plans that do the very same.
        """
        content = {
            "format": 1,
            "account_id": self.account_id,
            "changes": [_essence(change) for change in self.effective],
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _essence(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "previous_address": str(change.previous_address or ""),
        "action": change.action.value,
        "id": change.id,
        "supersedes": change.supersedes,
        "before": change.before and encode_attributes(change.before),
        "after": change.after and encode_attributes(change.after),
        "assets": {asset.file_name: asset.sha256 for asset in change.assets},
        "uploads": sorted(change.uploads),
    }
