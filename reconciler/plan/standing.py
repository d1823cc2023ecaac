"""Where a declared finetune stands: what is recorded of it, what the account shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.model import Address, Finetune, RemoteFinetune
from reconciler.refresh import Drift, PriorState
from reconciler.state import FinetuneRecord, Generation


@dataclass(frozen=True, slots=True)
class Standing:
    """A declared finetune and everything that a decision about it needs.

    name: its name in the account, as desired. record: None where the state has none.
    previous: its old address where it moved. found: what the account lists of that name.
    was_asked: whether the account was asked at all. owner: another address that has a
    finetune of that name, as its current one or not listed yet. gone, unseen, recovered,
    drift: of the current generation; see PriorState.
    """

    finetune: Finetune
    name: str
    record: FinetuneRecord | None
    previous: Address | None
    found: tuple[RemoteFinetune, ...]
    was_asked: bool
    owner: Address | None
    gone: bool
    unseen: bool
    recovered: bool
    drift: Drift | None

    @property
    def ids_of_name(self) -> tuple[str, ...]:
        """Every id known to have that name: those listed, and our own not listed yet."""
        generations = self.record.generations if self.record else ()
        own = {g.id for g in generations if g.attributes.name == self.name and not g.seen}
        return tuple(sorted({remote.id for remote in self.found} | own))

    @property
    def earlier(self) -> Generation | None:
        """The superseded generation that is wanted again."""
        older = self.record.superseded if self.record else ()
        return next((g for g in older if g.attributes.name == self.name), None)

    @property
    def has_drifted_from_name(self) -> bool:
        """Whether the account renamed what is recorded under the desired name."""
        return (
            self.drift is not None
            and self.drift.recorded.name == self.name
            and self.drift.found.name != self.name
        )

    @property
    def is_renamed_by_move(self) -> bool:
        """Whether nothing but the default name, which follows the address, made another name."""
        if self.record is None or self.previous is None:
            return False
        kept = replace(self.finetune, base_name=self.previous.name).remote_name
        is_default = self.finetune.base_name == self.finetune.address.name
        return is_default and self.record.current.attributes.name == kept


class Standings:
    """Looks standings up; records: what is recorded, by the addresses of now."""

    def __init__(
        self,
        prior: PriorState,
        records: Mapping[Address, FinetuneRecord],
        moved: Mapping[Address, Address],
    ) -> None:
        self._prior = prior
        self._records = records
        self._moved = moved
        self._owners: dict[str, list[Address]] = {}
        for address, record in sorted(records.items()):
            is_gone = moved.get(address, address) in prior.gone
            there = () if is_gone else (record.current,)
            unlisted = (generation for generation in record.superseded if not generation.seen)
            for generation in (*there, *unlisted):
                self._owners.setdefault(generation.attributes.name, []).append(address)

    def of(self, finetune: Finetune) -> Standing:
        """Return where a finetune stands."""
        prior, address = self._prior, finetune.address
        origin = self._moved.get(address, address)
        name = finetune.remote_name
        others = [owner for owner in self._owners.get(name, ()) if owner != address]
        return Standing(
            finetune=finetune,
            name=name,
            record=self._records.get(address),
            previous=self._moved.get(address),
            found=prior.listing.named(name) if prior.listing else (),
            was_asked=prior.listing is not None,
            owner=others[0] if others else None,
            gone=origin in prior.gone,
            unseen=origin in prior.unseen,
            recovered=origin in prior.recovered,
            drift=prior.drift.get(origin),
        )
