"""What people want: finetunes with their attributes, as the manifests say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.diagnostics import SourceRange
from reconciler.model.adapter import Adapter
from reconciler.model.address import Address
from reconciler.model.source import AdapterSource


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the create endpoint records; a missing description equals an empty one.

    public is None where it is unknown (the list does not show it).
    """

    name: str
    model: str
    description: str = ""
    public: bool | None = False

    def matches(self, other: Attributes) -> bool:
        """Tell whether both say the same; what either does not know is not a difference."""
        return (self.name, self.model, self.description) == (
            other.name,
            other.model,
            other.description,
        ) and (self.public is None or other.public is None or self.public == other.public)


@dataclass(frozen=True, slots=True)
class Finetune:
    """One desired finetune.

    adapter_path: the folder as written in the manifest, "" for none.
    source: where the adapter lives instead of in such a folder, None for nowhere else.
    adapter: filled by inspection, or by the pins of the source; None before, or where
    there is no adapter.
    ranges: where in which file each field was written ("" is the logical name itself).
    """

    address: Address
    base_name: str
    model: str
    description: str = ""
    public: bool = False
    adapter_path: str = ""
    source: AdapterSource | None = None
    versioned: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    adapter: Adapter | None = None
    ranges: Mapping[str, SourceRange] = field(default_factory=dict)

    @property
    def attributes(self) -> Attributes:
        """What the account should record, under the name it should have."""
        return Attributes(self.remote_name, self.model, self.description, self.public)

    @property
    def remote_name(self) -> str:
        """The name in the account: NAME, or NAME-xxxxxxxx where the finetune is versioned."""
        return f"{self.base_name}-{self.content_hash}" if self.versioned else self.base_name

    @property
    def content_hash(self) -> str:
        """Eight hex digits of model, description, public and the asset digests."""
        content = {
            "assets": self.adapter.digests if self.adapter else {},
            "description": self.description,
            "model": self.model,
            "public": self.public,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def range_of(self, name: str) -> SourceRange | None:
        """Where a field was written, or the finetune itself where the field was not."""
        return self.ranges.get(name) or self.ranges.get("")


@dataclass(frozen=True, slots=True)
class Desired:
    """The validated intent of all manifests.

    moved: old address by new address. removed: addresses to forget without a warning.
    """

    finetunes: Mapping[Address, Finetune] = field(default_factory=dict)
    moved: Mapping[Address, Address] = field(default_factory=dict)
    removed: frozenset[Address] = frozenset()


SLOWEST = 32 * 1024
"""Bytes a second below which a transfer is given up, where nothing bounds the bandwidth."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Cloudflare's limits as of 2026-04-21 (loras page); a project file can override them.

    They moved three times in two years. max_adapter_bytes counts the weights file;
    requests_per_5_minutes is the API's limit a token.
    """

    max_finetunes: int = 100
    max_rank: int = 32
    max_adapter_bytes: int = 300_000_000
    requests_per_5_minutes: int = 1200
