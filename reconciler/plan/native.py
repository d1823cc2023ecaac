"""Our own part of a plan's JSON, from which alone a plan is read back.

The readers raise KeyError, TypeError or ValueError where they find something else.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from reconciler.diagnostics.codec import decode_diagnostic, encode_diagnostic
from reconciler.diagnostics.plain import (
    read_count,
    read_flag,
    read_list,
    read_mapping,
    read_number,
    read_text,
)
from reconciler.model import Action, AdapterFacts, AttributeChange, Change, Limits, RemoteFinetune
from reconciler.model.codec import (
    decode_address,
    decode_asset,
    decode_attributes,
    decode_verification,
    encode_asset,
    encode_attributes,
    encode_verification,
)
from reconciler.plan.plan import Plan, Quota, Scope
from reconciler.refresh import Drift, Unresolved
from reconciler.state import Intent

VERSION = 1


def encode_native(plan: Plan) -> dict[str, Any]:
    """Write everything that a plan says."""
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
        "changes": [_encode_change(change) for change in plan.changes],
        "drift": [_encode_drift(drift) for drift in plan.drift],
        "unresolved": [_encode_unresolved(unresolved) for unresolved in plan.unresolved],
        "diagnostics": [encode_diagnostic(problem) for problem in plan.problems],
    }


def _encode_change(change: Change) -> dict[str, Any]:
    encoded = {
        "address": str(change.address),
        "action": change.action.value,
        "reason": change.reason,
        "id": change.id,
        "before": change.before and encode_attributes(change.before),
        "after": change.after and encode_attributes(change.after),
        "differences": [
            {"name": d.name, "before": d.before, "after": d.after} for d in change.differences
        ],
        "previous_address": change.previous_address and str(change.previous_address),
        "supersedes": change.supersedes,
        "assets": [encode_asset(asset) for asset in change.assets],
        "uploads": list(change.uploads),
        "notes": list(change.notes),
        "facts": change.facts and encode_facts(change.facts),
    }
    if change.verification:
        encoded["verification"] = encode_verification(change.verification)
    return encoded


def encode_facts(facts: AdapterFacts) -> dict[str, Any]:
    """Write what the inspection of an adapter found out."""
    return {
        "base_model": facts.base_model,
        "model_type": facts.model_type,
        "task_type": facts.task_type,
        "rank": facts.rank,
        "alpha": facts.alpha,
        "modules": list(facts.modules),
        "tensors": facts.tensors,
        "dtypes": dict(sorted(facts.dtypes.items())),
        "parameters": facts.parameters,
    }


def _encode_drift(drift: Drift) -> dict[str, Any]:
    return {
        "address": str(drift.address),
        "id": drift.id,
        "recorded": encode_attributes(drift.recorded),
        "found": encode_attributes(drift.found),
    }


def _encode_unresolved(unresolved: Unresolved) -> dict[str, Any]:
    intent = unresolved.intent
    return {
        "address": str(unresolved.address),
        "attempt_id": intent.attempt_id,
        "created_at": intent.created_at,
        "attributes": encode_attributes(intent.attributes),
        "assets": [encode_asset(asset) for asset in intent.assets],
        "known_ids": list(intent.known_ids),
        "candidates": [_encode_remote(remote) for remote in unresolved.candidates],
    }


def _encode_remote(remote: RemoteFinetune) -> dict[str, Any]:

    return {
        "id": remote.id,
        "name": remote.name,
        "model": remote.model,
        "description": remote.description,
        "public": remote.public,
        "created_at": remote.created_at,
        "modified_at": remote.modified_at,
    }


# And back


def decode_native(value: Any) -> Plan:
    """Read a plan; the digest and the checksum are for who calls this."""
    data = read_mapping(value)
    return Plan(
        account_id=read_text(data["account_id"]),
        lineage=read_text(data["lineage"]),
        serial=read_count(data["serial"]),
        changes=read_list(_decode_change, data["changes"]),
        quota=_decode_quota(data["quota"]),
        scope=_decode_scope(data["scope"]),
        drift=read_list(_decode_drift, data["drift"]),
        unresolved=read_list(_decode_unresolved, data["unresolved"]),
        problems=read_list(decode_diagnostic, data["diagnostics"]),
        superseded=read_count(data["superseded"]),
        limits=_decode_limits(data["limits"]),
    )


def _decode_quota(value: Any) -> Quota:
    data = read_mapping(value)
    used = None if data["used"] is None else read_count(data["used"])
    return Quota(used, read_count(data["after"]), read_count(data["limit"]))


def _decode_scope(value: Any) -> Scope:
    data = read_mapping(value)
    selector = read_mapping(data["selector"])
    return Scope(
        read_list(decode_address, data["targets"]),
        {key: read_text(label) for key, label in selector.items()},
        read_flag(data["refreshed"]),
    )


def _decode_limits(value: Any) -> Limits:
    return Limits(**{name: read_count(limit) for name, limit in read_mapping(value).items()})


def _decode_change(value: Any) -> Change:
    data = read_mapping(value)
    previous = data["previous_address"]
    return Change(
        address=decode_address(data["address"]),
        action=Action(read_text(data["action"])),
        reason=read_text(data["reason"]),
        id=read_text(data["id"]),
        before=None if data["before"] is None else decode_attributes(data["before"]),
        after=None if data["after"] is None else decode_attributes(data["after"]),
        differences=read_list(_decode_difference, data["differences"]),
        previous_address=None if previous is None else decode_address(previous),
        supersedes=read_text(data["supersedes"]),
        assets=read_list(decode_asset, data["assets"]),
        uploads=read_list(read_text, data["uploads"]),
        notes=read_list(read_text, data["notes"]),
        facts=None if data["facts"] is None else _decode_facts(data["facts"]),
        verification=(
            decode_verification(data["verification"]) if "verification" in data else None
        ),
    )


def _decode_difference(value: Any) -> AttributeChange:
    data = read_mapping(value)
    return AttributeChange(
        read_text(data["name"]), _read_scalar(data["before"]), _read_scalar(data["after"])
    )


def _read_scalar(value: Any) -> str | bool | None:
    return value if value is None or isinstance(value, bool) else read_text(value)


def _decode_facts(value: Any) -> AdapterFacts:
    data = read_mapping(value)
    return AdapterFacts(
        base_model=read_text(data["base_model"]),
        model_type=read_text(data["model_type"]),
        task_type=read_text(data["task_type"]),
        rank=read_count(data["rank"]),
        alpha=read_number(data["alpha"]),
        modules=read_list(read_text, data["modules"]),
        tensors=read_count(data["tensors"]),
        dtypes={name: read_count(number) for name, number in read_mapping(data["dtypes"]).items()},
        parameters=read_count(data["parameters"]),
    )


def _decode_drift(value: Any) -> Drift:
    data = read_mapping(value)
    return Drift(
        decode_address(data["address"]),
        read_text(data["id"]),
        decode_attributes(data["recorded"]),
        decode_attributes(data["found"]),
    )


def _decode_unresolved(value: Any) -> Unresolved:
    data = read_mapping(value)
    intent = Intent(
        attempt_id=read_text(data["attempt_id"]),
        attributes=decode_attributes(data["attributes"]),
        assets=read_list(decode_asset, data["assets"]),
        created_at=read_text(data["created_at"]),
        known_ids=read_list(read_text, data["known_ids"]),
    )
    candidates = read_list(_decode_remote, data["candidates"])
    return Unresolved(decode_address(data["address"]), intent, candidates)


def _decode_remote(value: Any) -> RemoteFinetune:
    data = read_mapping(value)
    return RemoteFinetune(
        id=read_text(data["id"]),
        name=read_text(data["name"]),
        model=read_text(data["model"]),
        description=read_text(data["description"]),
        public=None if data["public"] is None else read_flag(data["public"]),
        created_at=read_text(data["created_at"]),
        modified_at=read_text(data["modified_at"]),
    )
