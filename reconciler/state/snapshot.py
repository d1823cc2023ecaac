"""The state as one immutable snapshot."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from reconciler.model import Address, Asset, Attributes, Verification


class AssetStatus(Enum):
    """How much is known of an asset in the account.

    PENDING: not acknowledged yet. UPLOADED: acknowledged. UNVERIFIED: somebody else may
    have sent it; the API cannot tell, so it is neither compared nor sent.
    """

    PENDING = "pending"
    UPLOADED = "uploaded"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """An asset as recorded; sha256 "" and size 0 where nothing is known of its bytes."""

    sha256: str
    size: int
    status: AssetStatus


@dataclass(frozen=True, slots=True)
class Generation:
    """One remote finetune of an address.

    seen: a listing has shown it since it was created. Until then its absence from a
    listing means "not listed yet" and not "deleted". verification: what it last answered
    when it was asked for a token, None where it was not asked since it got its files.
    """

    id: str
    attributes: Attributes
    assets: Mapping[str, AssetRecord] = field(default_factory=dict)
    seen: bool = False
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class FinetuneRecord:
    """What an address stands for: the current generation and those it superseded."""

    current: Generation
    superseded: tuple[Generation, ...] = ()

    @property
    def generations(self) -> tuple[Generation, ...]:
        """Every remote finetune of the address, the current one first."""
        return (self.current, *self.superseded)


@dataclass(frozen=True, slots=True)
class Intent:
    """A create that was going to be sent, written before it was.

    attempt_id: a UUID. created_at: RFC 3339 in UTC, for people only; clocks are never
    compared. known_ids: the ids that the account listed under that name before.
    """

    attempt_id: str
    attributes: Attributes
    assets: tuple[Asset, ...] = ()
    created_at: str = ""
    known_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """A snapshot. serial counts the saves; lineage is a UUID fixed at the state's birth."""

    lineage: str
    account_id: str
    serial: int = 0
    finetunes: Mapping[Address, FinetuneRecord] = field(default_factory=dict)
    pending: Mapping[Address, Intent] = field(default_factory=dict)

    def generations(self) -> Iterator[Generation]:
        """Walk every remote finetune that is recorded."""
        for record in self.finetunes.values():
            yield from record.generations

    def following(
        self, finetunes: Mapping[Address, FinetuneRecord], pending: Mapping[Address, Intent]
    ) -> State:
        """Return the next snapshot."""
        return replace(
            self, serial=self.serial + 1, finetunes=dict(finetunes), pending=dict(pending)
        )


def new_state(account_id: str) -> State:
    """Return the empty state of an account, with a lineage of its own."""
    return State(lineage=str(uuid.uuid4()), account_id=account_id)
