"""The state's bytes: deterministic JSON, a line a finetune, sealed with a checksum.

The checksum is the sha256 of every byte before its own line, so that a torn, flipped or
edited file is told from a whole one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.plain import (
    read_count,
    read_flag,
    read_list,
    read_mapping,
    read_text,
)
from reconciler.diagnostics.text import printable
from reconciler.model import Address, Asset
from reconciler.model.codec import (
    decode_address,
    decode_attributes,
    decode_verification,
    encode_attributes,
    encode_verification,
)
from reconciler.state.snapshot import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
)

VERSION = 1
MAX_BYTES = 256_000_000
"""About a million finetunes; nothing that is larger is read."""

Entry = TypeVar("Entry")

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
    # UTF-8 has no lone surrogates. As an escape, which is JSON's own, one still gets in: a
    # finetune that was created must never be lost for its description.
    body = ("{\n" + ",\n".join(parts)).encode(errors="backslashreplace")
    return body + f',\n"checksum":"sha256:{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()


def version_of(raw: bytes) -> str:
    """Name what is stored, for a store that has no versions of its own."""
    return hashlib.sha256(raw).hexdigest()


def _section(
    name: str, entries: Mapping[Address, Entry], encode: Callable[[Entry], dict[str, Any]]
) -> str:
    lines = [f'"{address}":{_to_json(encode(entries[address]))}' for address in sorted(entries)]
    return f'"{name}":{{\n' + ",\n".join(lines) + "\n}" if lines else f'"{name}":{{}}'


def _encode_record(record: FinetuneRecord) -> dict[str, Any]:
    return {
        **_encode_generation(record.current),
        "superseded": [_encode_generation(generation) for generation in record.superseded],
    }


def _encode_generation(generation: Generation) -> dict[str, Any]:
    encoded: dict[str, Any] = {
        "id": generation.id,
        "attributes": encode_attributes(generation.attributes),
        "assets": {
            name: {"sha256": asset.sha256, "size": asset.size, "status": asset.status.value}
            for name, asset in generation.assets.items()
        },
        "seen": generation.seen,
    }
    if generation.verification:
        encoded["verification"] = encode_verification(generation.verification)
    return encoded


def _encode_intent(intent: Intent) -> dict[str, Any]:
    return {
        "attempt_id": intent.attempt_id,
        "attributes": encode_attributes(intent.attributes),
        "assets": {
            asset.file_name: {"sha256": asset.sha256, "size": asset.size or 0}
            for asset in intent.assets
        },
        "created_at": intent.created_at,
        "known_ids": list(intent.known_ids),
    }


def decode_state(raw: bytes, location: str) -> State:
    """Read a snapshot. Raises DiagnosticError: R402 damaged, R403 newer, R427 of another tool."""
    if len(raw) > MAX_BYTES:
        detail = f"It has more than {MAX_BYTES:,} bytes, which no state has."
        raise DiagnosticError(_damaged(location, detail))
    try:
        document = read_mapping(json.loads(raw))
        version = read_count(document["version"])
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DiagnosticError(_damaged(location, _describe(raw, error))) from error
    if "terraform_version" in document:
        raise DiagnosticError(
            codes.STATE_FOREIGN.error(
                f"{location} holds a state of Terraform's, or of a tool that is like it.",
                hint="Give this project a state of its own: another path or address.",
            )
        )
    problem = _check_seal(raw, version)
    if problem:
        raise DiagnosticError(_damaged(location, problem + _in_doubt(document.get("pending"))))
    if version > VERSION:
        raise DiagnosticError(
            codes.STATE_NEWER.error(
                f"{location} has version {version}; this release reads version {VERSION}.",
                hint="Install the release that wrote it, or a newer one.",
            )
        )
    try:
        return _decode(document)
    except (KeyError, TypeError, ValueError) as error:
        missing = isinstance(error, KeyError)
        what = f"{error} is missing" if missing else str(error)[:200]
        detail = f"It is whole, but does not have the shape of a state: {what}."
        raise DiagnosticError(_damaged(location, detail)) from error


def _describe(raw: bytes, error: Exception) -> str:
    if not raw.strip(b"\0 \t\r\n"):
        return "It is empty." if not raw else f"Its {len(raw):,} bytes are all blank."
    if isinstance(error, json.JSONDecodeError):
        return f"It is not whole JSON: {error.msg.removesuffix(' at')} (line {error.lineno})."
    return "It is not the JSON of a state."


def _check_seal(raw: bytes, version: int) -> str:
    """Say what is wrong with the checksum, "" for nothing; a newer version may have another."""
    seal = _SEAL.search(raw, max(0, len(raw) - 100))
    if seal is None:
        return "" if version > VERSION else "Its checksum is missing from the end."
    if hashlib.sha256(memoryview(raw)[: seal.start()]).hexdigest().encode() != seal[1]:
        return "Its checksum does not fit its content."
    return ""


def _in_doubt(pending: Any) -> str:
    """Name the creates without an outcome, which would be forgotten with what is damaged."""
    if not isinstance(pending, dict) or not pending:
        return ""
    names = [printable(str(address), 80) for address in pending]
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    shown = f"{', '.join(names[:5])}{more}"
    return f" It names creates whose outcome was unknown: {shown}. Look for them in the account."


def _damaged(location: str, what: str) -> Diagnostic:
    return codes.STATE_DAMAGED.error(f"{location}: {what}", hint="Take another copy.")


def _decode(document: dict[str, Any]) -> State:
    if document["version"] != VERSION:
        raise ValueError(f"there is no version {document['version']}")
    return State(
        lineage=read_text(document["lineage"]),
        account_id=read_text(document["account_id"]),
        serial=read_count(document["serial"]),
        finetunes=_entries(document["finetunes"], _record),
        pending=_entries(document["pending"], _intent),
    )


def _entries(value: Any, read: Callable[[Any], Entry]) -> dict[Address, Entry]:
    return {decode_address(key): read(entry) for key, entry in read_mapping(value).items()}


def _record(value: Any) -> FinetuneRecord:
    data = read_mapping(value)
    return FinetuneRecord(_generation(data), read_list(_generation, data["superseded"]))


def _generation(value: Any) -> Generation:
    data = read_mapping(value)
    return Generation(
        id=read_text(data["id"]),
        attributes=decode_attributes(data["attributes"]),
        assets={name: _asset(entry) for name, entry in read_mapping(data["assets"]).items()},
        seen=read_flag(data["seen"]),
        # Added later; a state without it is as good.
        verification=(
            decode_verification(data["verification"]) if "verification" in data else None
        ),
    )


def _asset(value: Any) -> AssetRecord:
    data = read_mapping(value)
    status = AssetStatus(read_text(data["status"]))
    return AssetRecord(read_text(data["sha256"]), read_count(data["size"]), status)


def _sent(name: str, value: Any) -> Asset:
    data = read_mapping(value)
    return Asset(name, read_text(data["sha256"]), read_count(data["size"]))


def _intent(value: Any) -> Intent:
    data = read_mapping(value)
    return Intent(
        attempt_id=read_text(data["attempt_id"]),
        attributes=decode_attributes(data["attributes"]),
        assets=tuple(_sent(name, entry) for name, entry in read_mapping(data["assets"]).items()),
        created_at=read_text(data["created_at"]),
        known_ids=read_list(read_text, data["known_ids"]),
    )
