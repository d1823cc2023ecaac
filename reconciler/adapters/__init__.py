"""LoRA adapters: inspected before anything is created, sent exactly as inspected.

inspection = inspect(folder, location="adapters/bot", model="@cf/...", limits=limits, root=root)
with open_asset(folder, inspection.adapter.assets[1], root) as body: ...
"""

from reconciler.adapters.config import MAX_CONFIG
from reconciler.adapters.files import (
    AssetFile,
    digest_file,
    open_asset,
    open_asset_file,
    open_regular,
)
from reconciler.adapters.inspection import AdapterFile, Inspection, inspect, inspect_files

__all__ = [
    "MAX_CONFIG",
    "AdapterFile",
    "AssetFile",
    "Inspection",
    "digest_file",
    "inspect",
    "inspect_files",
    "open_asset",
    "open_asset_file",
    "open_regular",
]
