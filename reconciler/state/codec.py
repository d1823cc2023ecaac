"""The state's bytes: deterministic JSON, a line a finetune, sealed with a checksum.

The checksum is the sha256 of every byte before its own line, so that a torn, flipped or
edited file is told from a whole one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.model import Address, Asset, Attributes
from reconciler.state.snapshot import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
)

VERSION = 1
_SEAL = re.compile(rb',\n"checksum":"sha256:([0-9a-f]{64})"\n}\n\Z')
_to_json = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def encode_state(state: State) -> bytes:
    """Write a snapshot; equal snapshots give equal bytes."""
    head = {
        "version": VERSION,
        "serial": state.serial,
        "lineage": state.lineage,
        "account_id": state.account_id,
    }
    parts = [f'"{key}":{_to_json(value)}' for key, value in head.items()]
    parts.append(_section("finetunes", state.finetunes, _encode_record))
    parts.append(_section("pending", state.pending, _encode_intent))
    body = ("{\n" + ",\n".join(parts)).encode()
    return body + f',\n"checksum":"sha256:{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()


def _section(name: str, entries: Mapping[Address, Any], encode: Any) -> str:
    lines = [f'"{address}":{_to_json(encode(entries[address]))}' for address in sorted(entries)]
    return f'"{name}":{{\n' + ",\n".join(lines) + "\n}" if lines else f'"{name}":{{}}'


def _encode_record(record: FinetuneRecord) -> dict[str, Any]:
    return {
        **_encode_generation(record.current),
        "superseded": [_encode_generation(generation) for generation in record.superseded],
    }


def _encode_generation(generation: Generation) -> dict[str, Any]:
    return {
        "id": generation.id,
        "attributes": _encode_attributes(generation.attributes),
        "assets": {
            name: {"sha256": asset.sha256, "size": asset.size, "status": asset.status.value}
            for name, asset in generation.assets.items()
        },
        "seen": generation.seen,
    }


def _encode_attributes(attributes: Attributes) -> dict[str, Any]:
    return {
        "name": attributes.name,
        "model": attributes.model,
        "description": attributes.description,
        "public": attributes.public,
    }


def _encode_intent(intent: Intent) -> dict[str, Any]:
    return {
        "attempt_id": intent.attempt_id,
        "attributes": _encode_attributes(intent.attributes),
        "assets": {
            asset.file_name: {"sha256": asset.sha256, "size": asset.size} for asset in intent.assets
        },
        "created_at": intent.created_at,
        "known_ids": list(intent.known_ids),
    }


def decode_state(raw: bytes, location: str) -> State:
    """Read a snapshot. Raises DiagnosticError: R402 damaged, R403 of a newer version."""
    try:
        document = json.loads(raw)
        version = document["version"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DiagnosticError(_damaged(location, _describe(raw, error))) from error
    if isinstance(version, int) and version > VERSION:
        raise DiagnosticError(
            codes.STATE_NEWER.error(
                f"{location} has version {version}; this release reads version {VERSION}.",
                hint="Install the release that wrote it, or a newer one.",
            )
        )
    _check_seal(raw, location)
    try:
        return _decode(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"It does not have the shape of a state ({type(error).__name__}: {error})."
        raise DiagnosticError(_damaged(location, what)) from error


def _describe(raw: bytes, error: Exception) -> str:
    if not raw.strip(b"\0 \n"):
        return "It is empty." if not raw else f"Its {len(raw):,} bytes are all blank."
    if isinstance(error, json.JSONDecodeError):
        return f"It is not whole JSON: {error.msg} in line {error.lineno}."
    return "It is not the JSON of a state."


def _check_seal(raw: bytes, location: str) -> None:
    seal = _SEAL.search(raw)
    if seal is None:
        raise DiagnosticError(_damaged(location, "Its checksum is missing from the end."))
    if hashlib.sha256(raw[: seal.start()]).hexdigest().encode() != seal[1]:
        raise DiagnosticError(_damaged(location, "Its checksum does not fit its content."))


def _damaged(location: str, what: str) -> Diagnostic:
    return codes.STATE_DAMAGED.error(
        f"{location}: {what}",
        hint=f"Put a good copy back ({location}.backup is the one before the last apply). "
        "With none, move it away and plan: what the account has is adopted by name.",
    )


def _decode(document: dict[str, Any]) -> State:
    return State(
        lineage=_text(document["lineage"]),
        account_id=_text(document["account_id"]),
        serial=_count(document["serial"]),
        finetunes={_address(k): _record(v) for k, v in document["finetunes"].items()},
        pending={_address(k): _intent(v) for k, v in document["pending"].items()},
    )


def _address(text: str) -> Address:
    address = Address.parse(text)
    if address is None or str(address) != text:
        raise ValueError(f"{text!r} is no address")
    return address


def _record(data: dict[str, Any]) -> FinetuneRecord:
    return FinetuneRecord(_generation(data), _all(_generation, data["superseded"]))


def _generation(data: dict[str, Any]) -> Generation:
    assets = {
        name: AssetRecord(_text(a["sha256"]), _count(a["size"]), AssetStatus(a["status"]))
        for name, a in data["assets"].items()
    }
    return Generation(_text(data["id"]), _attributes(data["attributes"]), assets, data["seen"])


def _attributes(data: dict[str, Any]) -> Attributes:
    public = data["public"]
    if public is not None and not isinstance(public, bool):
        raise TypeError("public is neither true, false nor null")
    return Attributes(_text(data["name"]), _text(data["model"]), _text(data["description"]), public)


def _intent(data: dict[str, Any]) -> Intent:
    return Intent(
        attempt_id=_text(data["attempt_id"]),
        attributes=_attributes(data["attributes"]),
        assets=tuple(
            Asset(name, _text(a["sha256"]), _count(a["size"])) for name, a in data["assets"].items()
        ),
        created_at=_text(data["created_at"]),
        known_ids=_all(_text, data["known_ids"]),
    )


def _all(decode: Any, items: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(decode(item) for item in items)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value
