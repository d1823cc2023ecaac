"""LoRA adapters: inspected before anything is created, sent exactly as inspected.

inspection = inspect(folder, location="adapters/bot", model="@cf/...", limits=limits, root=root)
with open_asset(folder, inspection.adapter.assets[1], root) as body: ...
"""

from reconciler.adapters.files import AssetFile, digest_file, open_asset
from reconciler.adapters.inspection import Inspection, inspect

__all__ = ["AssetFile", "Inspection", "digest_file", "inspect", "open_asset"]
