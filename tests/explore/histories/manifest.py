"""The declared finetunes of a history, as the manifests' reader would give them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from reconciler.model import ASSET_NAMES, Adapter, Address, Asset, Desired, Finetune
from tests.explore.histories.steps import Declare, Drop, Rename

MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


class Manifest:
    """What both runners have checked out."""

    def __init__(self) -> None:
        self._entries: dict[str, Declare] = {}
        self._moved: dict[str, str] = {}
        self._names = 0

    def change(self, step: Declare | Drop | Rename) -> None:
        """Edit it, unless it would be refused: a name twice, or nothing there."""
        if isinstance(step, Declare):
            others = [e for a, e in self._entries.items() if a != step.address]
            if all(entry.name != step.name for entry in others):
                self._entries[step.address] = step
        elif isinstance(step, Drop):
            self._entries.pop(step.address, None)
        elif step.old in self._entries and step.new not in self._entries:
            self._entries[step.new] = self._entries.pop(step.old)
            if step.moved:
                self._moved[step.new] = step.old
        self._drop_moves_that_are_refused()

    def _drop_moves_that_are_refused(self) -> None:
        entries = self._entries
        kept = {n: o for n, o in self._moved.items() if n in entries and o not in entries}
        self._moved = kept

    def say_moved(self, old: str, new: str) -> None:
        """Write `moved: [{from: old, to: new}]`."""
        self._moved[new] = old

    def unsay_moved(self, new: str) -> None:
        """Remove the `moved` entry of an address."""
        self._moved.pop(new, None)

    def choose_name(self, address: str) -> None:
        """Give a finetune another `name:` than any that there is."""
        self._names += 1
        self._entries[address] = replace(self._entries[address], name=f"another-{self._names}")

    def desired(self) -> Desired:
        return Desired(
            {Address(a): _finetune(a, entry) for a, entry in self._entries.items()},
            {Address(new): Address(old) for new, old in self._moved.items()},
        )


@dataclass(slots=True)
class Body:
    """An asset that is open."""

    size: int
    file: io.BytesIO

    def read(self, size: int, /) -> bytes:
        return self.file.read(size)


@contextmanager
def open_asset(address: Address, asset: Asset) -> Iterator[Body]:
    """Open what was digested; its content is a function of its digest."""
    content = asset.sha256.encode()
    yield Body(len(content), io.BytesIO(content))


def content_of(sha256: str) -> bytes:
    return sha256.encode()


@cache
def _finetune(address: str, entry: Declare) -> Finetune:
    return Finetune(
        Address(address),
        entry.name,
        MODEL,
        f"Revision {entry.revision}.",
        versioned=entry.versioned,
        adapter=_adapter(entry) if entry.adapter else None,
    )


def _adapter(entry: Declare) -> Adapter:
    return Adapter(
        entry.name,
        tuple(
            Asset(file, hashlib.sha256(f"{entry.name}/{file}".encode()).hexdigest(), 64)
            for file in ASSET_NAMES
        ),
    )
