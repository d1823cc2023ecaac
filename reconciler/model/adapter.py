"""A LoRA adapter: two files, what they are and what they weigh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
ASSET_NAMES = (CONFIG_FILE, WEIGHTS_FILE)
"""A finetune takes exactly these two assets (Cloudflare's loras page, 2026-04-21)."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of an adapter: sha256 as 64 hex digits; size in bytes, None where only the
    digest is known, as of a file that is pinned and lies elsewhere.
    """

    file_name: str
    sha256: str
    size: int | None


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """What an inspection found out; all of it is for people, none of it is compared.

    modules: target modules, sorted. dtypes: tensor count by dtype ("BF16": 128).
    parameters: number of weights in all tensors.
    """

    base_model: str = ""
    model_type: str = ""
    task_type: str = ""
    rank: int = 0
    alpha: float = 0.0
    modules: tuple[str, ...] = ()
    tensors: int = 0
    dtypes: Mapping[str, int] = field(default_factory=dict)
    parameters: int = 0


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter: where it lies, its assets in the order of ASSET_NAMES, its facts.

    facts: None where it was not inspected, because it lies elsewhere.
    pointers: the files of which only the Git LFS pointer is there. It gives their sha256 and
    size, which is enough to plan; there is nothing to upload.
    """

    location: str
    assets: tuple[Asset, ...]
    facts: AdapterFacts | None = AdapterFacts()
    pointers: tuple[str, ...] = ()

    @property
    def size(self) -> int | None:
        """Bytes of all its files, None where one is not known."""
        sizes = [asset.size for asset in self.assets if asset.size is not None]
        return sum(sizes) if len(sizes) == len(self.assets) else None

    @property
    def digests(self) -> dict[str, str]:
        """sha256 by file name."""
        return {asset.file_name: asset.sha256 for asset in self.assets}
