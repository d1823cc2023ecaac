"""What a plan consists of: one change an address, with its action and its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from reconciler.model.adapter import AdapterFacts, Asset
from reconciler.model.address import Address
from reconciler.model.finetune import Attributes
from reconciler.model.verification import Verification


class Action(Enum):
    """Everything that can happen to an address; the list is closed."""

    NO_OP = "no-op"
    CREATE = "create"
    IMPORT = "import"
    UPLOAD = "upload"
    MOVE = "move"
    FORGET = "forget"
    REPLACE = "replace"

    @property
    def symbol(self) -> str:
        """The mark in front of a change in a plan."""
        return _SYMBOLS[self]


_SYMBOLS = {
    Action.NO_OP: " ",
    Action.CREATE: "+",
    Action.IMPORT: "<=",
    Action.UPLOAD: "^",
    Action.MOVE: "->",
    Action.FORGET: ".",
    Action.REPLACE: "!",
}


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One attribute that differs; values as JSON has them, None for absent."""

    name: str
    before: str | bool | None
    after: str | bool | None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan.

    id: the server's, "" where there is none yet. before: what is there now, None for
    nothing. after: what will be there, None for no longer managed. reason: why, in words.
    previous_address: set where a `moved` entry changed it. supersedes: the id of the
    finetune that was the current one of this address and stays behind, "" for none.
    assets: the adapter's files as desired. uploads: the file names that this plan sends.
    facts: what the inspection found out about the adapter, for reviewers; None without one.
    verification: what it last answered, None where it was not asked; a fact, not a change.
    """

    address: Address
    action: Action
    reason: str
    id: str = ""
    before: Attributes | None = None
    after: Attributes | None = None
    differences: tuple[AttributeChange, ...] = ()
    previous_address: Address | None = None
    supersedes: str = ""
    assets: tuple[Asset, ...] = ()
    uploads: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)
    facts: AdapterFacts | None = None
    verification: Verification | None = None
