"""A plan as JSON: Terraform's plan representation, so that its readers read ours.

Format: developer.hashicorp.com/terraform/internals/json-format, format_version 1.2. What
Terraform has no word for lies under the one extra key `reconciler`, from which alone a
plan file is read back. One line, because some readers read line by line.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from reconciler.diagnostics import Diagnostic, DiagnosticError, has_errors
from reconciler.diagnostics.codec import decode_diagnostic, encode_diagnostic
from reconciler.diagnostics.codes import plan as codes
from reconciler.model import (
    Action,
    AdapterFacts,
    Address,
    Asset,
    AttributeChange,
    Attributes,
    Change,
    Limits,
)
from reconciler.model import RemoteFinetune as Remote
from reconciler.plan.plan import Plan, Quota, Scope
from reconciler.refresh import Drift, Unresolved
from reconciler.state import Intent

FORMAT_VERSION = "1.2"
TERRAFORM_VERSION = "1.11.4"
"""The release whose representation this follows; no Terraform is involved."""
VERSION = 1
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


def encode_plan(plan: Plan) -> str:
    """Write a plan; equal plans give equal text."""
    shown = [change for change in plan.changes if change.action is not Action.FORGET]
    document = {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "planned_values": {"root_module": {"resources": [_planned(c) for c in shown]}},
        "resource_drift": [_drift_change(drift) for drift in plan.drift],
        "resource_changes": [_resource_change(change) for change in shown],
        "configuration": {
            "provider_config": {TYPE: {"name": TYPE, "full_name": PROVIDER}},
            "root_module": {"resources": [_configuration(change) for change in shown]},
        },
        "applyable": plan.can_apply and plan.has_changes,
        "complete": not plan.scope.is_partial,
        "errored": has_errors(plan.problems),
        "reconciler": _native(plan),
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True)


# Terraform's part


def _resource(address: Address) -> dict[str, Any]:
    return {
        "address": str(address),
        "mode": "managed",
        "type": TYPE,
        "name": address.name,
        "provider_name": PROVIDER,
    }


def _values(attributes: Attributes | None, change: Change | None = None) -> dict[str, Any] | None:
    if attributes is None:
        return None
    values = _attributes(attributes)
    if change is not None and change.id and change.action is not Action.CREATE:
        values["id"] = change.id
    if change is not None and change.assets:
        values["assets"] = {
            a.file_name: {"sha256": a.sha256, "size": a.size} for a in change.assets
        }
    return values


def _planned(change: Change) -> dict[str, Any]:
    return {
        **_resource(change.address),
        "schema_version": 0,
        "values": _values(change.after, change) or {},
        "sensitive_values": {},
    }


def _resource_change(change: Change) -> dict[str, Any]:
    resource = _resource(change.address)
    if change.previous_address:
        resource["previous_address"] = str(change.previous_address)
    is_create = change.action is Action.CREATE
    before = None if is_create else _values(change.before)
    if before is not None:
        before["id"] = change.id
    entry: dict[str, Any] = {
        "actions": _ACTIONS[change.action],
        "before": before,
        "after": _values(change.after, change),
        "after_unknown": {"id": True} if is_create else {},
        "before_sensitive": False if is_create else {},
        "after_sensitive": {},
    }
    if change.action is Action.IMPORT:
        entry["importing"] = {"id": change.id}
    if change.action is Action.REPLACE:
        entry["replace_paths"] = [[difference.name] for difference in change.differences]
    return {**resource, "change": entry}


def _drift_change(drift: Drift) -> dict[str, Any]:
    change = {
        "actions": ["update"],
        "before": _attributes(drift.recorded),
        "after": _attributes(drift.found),
        "after_unknown": {},
        "before_sensitive": {},
        "after_sensitive": {},
    }
    return {**_resource(drift.address), "change": change}


def _configuration(change: Change) -> dict[str, Any]:
    values = _attributes(change.after) if change.after else {}
    return {
        "address": str(change.address),
        "mode": "managed",
        "type": TYPE,
        "name": change.address.name,
        "provider_config_key": TYPE,
        "expressions": {name: {"constant_value": value} for name, value in values.items()},
        "schema_version": 0,
    }


# Our own part


def _native(plan: Plan) -> dict[str, Any]:
    return {
        "version": VERSION,
        "digest": plan.digest,
        "account_id": plan.account_id,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "scope": {
            "targets": [str(target) for target in plan.scope.targets],
            "selector": dict(sorted(plan.scope.selector.items())),
            "refreshed": plan.scope.refreshed,
        },
        "quota": {"used": plan.quota.used, "after": plan.quota.after, "limit": plan.quota.limit},
        "limits": asdict(plan.limits),
        "superseded": plan.superseded,
        "changes": [_native_change(change) for change in plan.changes],
        "drift": [
            {
                "address": str(drift.address),
                "recorded": _attributes(drift.recorded),
                "found": _attributes(drift.found),
            }
            for drift in plan.drift
        ],
        "unresolved": [_native_unresolved(unresolved) for unresolved in plan.unresolved],
        "diagnostics": [encode_diagnostic(problem) for problem in plan.problems],
    }


def _attributes(attributes: Attributes) -> dict[str, Any]:
    return {
        "name": attributes.name,
        "model": attributes.model,
        "description": attributes.description,
        "public": attributes.public,
    }


def _assets(assets: tuple[Asset, ...]) -> list[dict[str, Any]]:
    return [{"file_name": a.file_name, "sha256": a.sha256, "size": a.size} for a in assets]


def _native_change(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "action": change.action.value,
        "reason": change.reason,
        "id": change.id,
        "before": change.before and _attributes(change.before),
        "after": change.after and _attributes(change.after),
        "differences": [
            {"name": d.name, "before": d.before, "after": d.after} for d in change.differences
        ],
        "previous_address": str(change.previous_address or ""),
        "assets": _assets(change.assets),
        "uploads": list(change.uploads),
        "notes": list(change.notes),
        "facts": change.facts and _facts(change.facts),
    }


def _facts(facts: AdapterFacts) -> dict[str, Any]:
    return {**asdict(facts), "dtypes": dict(sorted(facts.dtypes.items()))}


def _native_unresolved(unresolved: Unresolved) -> dict[str, Any]:
    intent = unresolved.intent
    return {
        "address": str(unresolved.address),
        "attempt_id": intent.attempt_id,
        "created_at": intent.created_at,
        "attributes": _attributes(intent.attributes),
        "assets": _assets(intent.assets),
        "known_ids": list(intent.known_ids),
        "candidates": [
            {
                "id": remote.id,
                "name": remote.name,
                "model": remote.model,
                "description": remote.description,
                "public": remote.public,
                "created_at": remote.created_at,
                "modified_at": remote.modified_at,
            }
            for remote in unresolved.candidates
        ],
    }


# And back


def decode_plan(raw: bytes, location: str) -> Plan:
    """Read a plan file; DiagnosticError (R611) where it is not, byte for byte, one of ours."""
    try:
        document = json.loads(raw)
        version = document["reconciler"]["version"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DiagnosticError(_unusable(location, "It is not a plan of this tool.")) from error
    if version != VERSION:
        raise DiagnosticError(
            _unusable(location, f"It has version {version}; this release reads {VERSION}.")
        )
    try:
        plan = _decode(document["reconciler"])
        same = encode_plan(plan).encode() == raw.strip()
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DiagnosticError(_unusable(location, "It is torn or was edited.")) from error
    if not same:
        detail = "It was edited: it does not say what its own content adds up to."
        raise DiagnosticError(_unusable(location, detail))
    return plan


def _unusable(location: str, detail: str) -> Diagnostic:
    return codes.PLAN_UNREADABLE.error(
        f"{location}: {detail}", hint="Make it again: reconciler plan --out FILE"
    )


def _decode(data: dict[str, Any]) -> Plan:
    scope, quota = data["scope"], data["quota"]
    return Plan(
        account_id=data["account_id"],
        lineage=data["lineage"],
        serial=data["serial"],
        changes=tuple(_decode_change(change) for change in data["changes"]),
        quota=Quota(quota["used"], quota["after"], quota["limit"]),
        scope=Scope(
            tuple(_address(target) for target in scope["targets"]),
            scope["selector"],
            scope["refreshed"],
        ),
        drift=tuple(
            Drift(
                _address(item["address"]),
                _decode_attributes(item["recorded"]),
                _decode_attributes(item["found"]),
            )
            for item in data["drift"]
        ),
        unresolved=tuple(_decode_unresolved(item) for item in data["unresolved"]),
        problems=tuple(decode_diagnostic(item) for item in data["diagnostics"]),
        superseded=data["superseded"],
        limits=Limits(**data["limits"]),
    )


def _address(text: str) -> Address:
    address = Address.parse(text)
    if address is None:
        raise ValueError(text)
    return address


def _decode_attributes(data: dict[str, Any]) -> Attributes:
    return Attributes(data["name"], data["model"], data["description"], data["public"])


def _decode_assets(data: list[dict[str, Any]]) -> tuple[Asset, ...]:
    return tuple(Asset(item["file_name"], item["sha256"], item["size"]) for item in data)


def _decode_change(data: dict[str, Any]) -> Change:
    return Change(
        address=_address(data["address"]),
        action=Action(data["action"]),
        reason=data["reason"],
        id=data["id"],
        before=_decode_attributes(data["before"]) if data["before"] else None,
        after=_decode_attributes(data["after"]) if data["after"] else None,
        differences=tuple(AttributeChange(**item) for item in data["differences"]),
        previous_address=_address(data["previous_address"]) if data["previous_address"] else None,
        assets=_decode_assets(data["assets"]),
        uploads=tuple(data["uploads"]),
        notes=tuple(data["notes"]),
        facts=_decode_facts(data["facts"]) if data["facts"] else None,
    )


def _decode_facts(data: dict[str, Any]) -> AdapterFacts:
    return AdapterFacts(**{**data, "modules": tuple(data["modules"])})


def _decode_unresolved(data: dict[str, Any]) -> Unresolved:
    intent = Intent(
        attempt_id=data["attempt_id"],
        attributes=_decode_attributes(data["attributes"]),
        assets=_decode_assets(data["assets"]),
        created_at=data["created_at"],
        known_ids=tuple(data["known_ids"]),
    )
    candidates = tuple(Remote(**item) for item in data["candidates"])
    return Unresolved(_address(data["address"]), intent, candidates)
