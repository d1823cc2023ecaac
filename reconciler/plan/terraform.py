"""Terraform's part of a plan's JSON: what the tools that read Terraform plans look at.

Format: developer.hashicorp.com/terraform/internals/json-format, format_version 1.2.
"""

from __future__ import annotations

from typing import Any

from reconciler.model import Action, Address, Attributes, Change
from reconciler.model.codec import encode_attributes
from reconciler.plan.native import encode_facts
from reconciler.plan.plan import Plan
from reconciler.refresh import Drift

FORMAT_VERSION = "1.2"
TERRAFORM_VERSION = "1.11.4"
"""The release whose representation this follows; no Terraform is involved."""
PROVIDER = "registry.terraform.io/finetune-reconciler/finetune"
TYPE = "finetune"

_ACTIONS = {
    Action.NO_OP: ["no-op"],
    Action.CREATE: ["create"],
    Action.IMPORT: ["no-op"],
    Action.UPLOAD: ["update"],
    Action.MOVE: ["no-op"],
    Action.REPLACE: ["delete", "create"],
}


def terraform_document(plan: Plan) -> dict[str, Any]:
    """Return a plan as Terraform writes one; what is forgotten has no place in it."""
    shown = [change for change in plan.changes if change.action is not Action.FORGET]
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "planned_values": {"root_module": {"resources": [_planned(c) for c in shown]}},
        "resource_drift": [_drifted(drift) for drift in plan.drift],
        "resource_changes": [_resource_change(change) for change in shown],
        "configuration": {
            "provider_config": {TYPE: {"name": TYPE, "full_name": PROVIDER}},
            "root_module": {"resources": [_configuration(change) for change in shown]},
        },
        "applyable": plan.can_apply and plan.has_changes,
        "complete": not plan.scope.is_partial,
        "errored": not plan.can_apply,
    }


def resource(address: Address) -> dict[str, Any]:
    """Return what names a resource in Terraform's documents."""
    return {
        "address": str(address),
        "mode": "managed",
        "type": TYPE,
        "name": address.name,
        "provider_name": PROVIDER,
    }


def _planned(change: Change) -> dict[str, Any]:
    return {
        **resource(change.address),
        "schema_version": 0,
        "values": _after(change),
        "sensitive_values": {},
    }


def _resource_change(change: Change) -> dict[str, Any]:
    named = resource(change.address)
    if change.previous_address:
        named["previous_address"] = str(change.previous_address)
    before, is_new = _before(change), change.action is Action.CREATE
    entry: dict[str, Any] = {
        # Nothing can be deleted where nothing is known to be there.
        "actions": _ACTIONS[Action.CREATE] if before is None else _ACTIONS[change.action],
        "before": before,
        "after": _after(change),
        "after_unknown": {"id": True} if is_new else {},
        "before_sensitive": False if before is None else {},
        "after_sensitive": {},
    }
    if change.action is Action.IMPORT:
        entry["importing"] = {"id": change.id}
    if before is not None and change.action is Action.REPLACE:
        entry["replace_paths"] = [_path(difference.name) for difference in change.differences]
    return {**named, "change": entry}


def _after(change: Change) -> dict[str, Any]:
    values = _values(change.after, change.id)
    if change.assets:
        values["assets"] = {
            asset.file_name: {"sha256": asset.sha256, "size": asset.size} for asset in change.assets
        }
    if change.facts:
        values["adapter"] = encode_facts(change.facts)
    return values


def _before(change: Change) -> dict[str, Any] | None:
    """Return what is there; for all but a replacement that is what will be there.

    Readers take a no-op for equal values, so that what the account does not show of a
    finetune is not told as a difference here.
    """
    if change.action is Action.CREATE or change.before is None:
        return None
    if change.action is not Action.REPLACE:
        values = _after(change)
        assets = values.get("assets", {})
        there = {name: asset for name, asset in assets.items() if name not in change.uploads}
        return {**values, "assets": there} if assets else values
    values = _values(change.before, change.id)
    for difference in change.differences:
        if difference.name.startswith("adapter/"):
            file_name = difference.name.removeprefix("adapter/")
            values.setdefault("assets", {})[file_name] = {"sha256": difference.before}
    return values


def _path(difference: str) -> list[str]:
    kind, _, file_name = difference.partition("/")
    return ["assets", file_name, "sha256"] if kind == "adapter" else [kind]


def _values(attributes: Attributes | None, id_: str) -> dict[str, Any]:
    values: dict[str, Any] = encode_attributes(attributes) if attributes else {}
    return {**values, "id": id_} if id_ else values


def _drifted(drift: Drift) -> dict[str, Any]:
    change = {
        "actions": ["update"],
        "before": _values(drift.recorded, drift.id),
        "after": _values(drift.found, drift.id),
        "after_unknown": {},
        "before_sensitive": {},
        "after_sensitive": {},
    }
    return {**resource(drift.address), "change": change}


def _configuration(change: Change) -> dict[str, Any]:
    values = encode_attributes(change.after) if change.after else {}
    return {
        "address": str(change.address),
        "mode": "managed",
        "type": TYPE,
        "name": change.address.name,
        "provider_config_key": TYPE,
        "expressions": {name: {"constant_value": value} for name, value in values.items()},
        "schema_version": 0,
    }
