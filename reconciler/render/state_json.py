"""The state as JSON, in the shape of Terraform's state representation (format 1.0)."""

from __future__ import annotations

from typing import Any

from reconciler.diagnostics.plain import to_line
from reconciler.model import Address
from reconciler.model.codec import encode_verification
from reconciler.plan.terraform import TERRAFORM_VERSION, resource
from reconciler.state import FinetuneRecord, Generation, Intent, State


def state_document(state: State) -> str:
    """Write every address of a state, one line."""
    resources = [
        {
            **resource(address),
            "schema_version": 0,
            "values": _generation(record.current),
            "sensitive_values": {},
        }
        for address, record in sorted(state.finetunes.items())
    ]
    document = {
        "format_version": "1.0",
        "terraform_version": TERRAFORM_VERSION,
        "values": {"root_module": {"resources": resources}},
    }
    return to_line(document)


def record_document(
    address: Address, record: FinetuneRecord | None, intent: Intent | None
) -> dict[str, Any]:
    """Return what is recorded of one address as plain data."""
    document: dict[str, Any] = {"address": str(address)}
    if record is not None:
        document["current"] = _generation(record.current)
        document["superseded"] = [_generation(old) for old in record.superseded]
    if intent is not None:
        document["unresolved"] = {
            "attempt_id": intent.attempt_id,
            "created_at": intent.created_at,
            "name": intent.attributes.name,
            "model": intent.attributes.model,
            "known_ids": list(intent.known_ids),
        }
    return document


def _generation(generation: Generation) -> dict[str, Any]:
    attributes = generation.attributes
    return {
        "id": generation.id,
        "name": attributes.name,
        "model": attributes.model,
        "description": attributes.description,
        "public": attributes.public,
        "assets": {
            name: {"sha256": asset.sha256, "size": asset.size, "status": asset.status.value}
            for name, asset in sorted(generation.assets.items())
        },
        "verification": generation.verification and encode_verification(generation.verification),
    }
