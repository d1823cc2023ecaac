"""Attribute-level differences. deepdiff does the comparing, and is imported only when
something is known to differ: a plan without changes never pays for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model import Asset, AttributeChange, Attributes
from reconciler.state import AssetRecord


def attribute_changes(before: Attributes, after: Attributes) -> tuple[AttributeChange, ...]:
    """Return what differs between attributes; what the account does not show is left out."""
    old, new = _shown(before), _shown(after)
    if before.public is None or after.public is None:
        del old["public"], new["public"]
    return _compare(old, new)


def asset_changes(
    recorded: Mapping[str, AssetRecord], desired: tuple[Asset, ...]
) -> tuple[AttributeChange, ...]:
    """Return the files whose bytes differ, as `adapter/FILE` with their sha256."""
    names = [asset.file_name for asset in desired if asset.file_name in recorded]
    return _compare(
        {f"adapter/{name}": recorded[name].sha256 for name in names},
        {f"adapter/{a.file_name}": a.sha256 for a in desired if a.file_name in names},
    )


def _shown(attributes: Attributes) -> dict[str, Any]:
    return {
        "name": attributes.name,
        "model": attributes.model,
        "description": attributes.description,
        "public": attributes.public,
    }


def _compare(old: dict[str, Any], new: dict[str, Any]) -> tuple[AttributeChange, ...]:
    if old == new:
        return ()
    from deepdiff import DeepDiff

    found = DeepDiff(old, new, view="tree", threshold_to_diff_deeper=0)
    changes = [
        AttributeChange(str(level.path(output_format="list")[0]), level.t1, level.t2)
        for kind in sorted(found)
        for level in found[kind]
    ]
    order = list(old)
    return tuple(sorted(changes, key=lambda change: order.index(change.name)))
