"""A plan as JSON: Terraform's plan representation, so that its readers read ours.

What Terraform has no word for lies under the one extra key `reconciler`, from which alone a
plan file is read back. Its last field is the sha256 of the whole text without that field:
an edited or torn plan is not what was reviewed. One line, because some readers read line
by line.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import plan as codes
from reconciler.diagnostics.plain import read_count, read_mapping, to_line
from reconciler.plan.native import VERSION, decode_native, encode_native
from reconciler.plan.plan import Plan
from reconciler.plan.terraform import terraform_document

_MOST_NAMED = 3
_LONGEST_KEY = 80
_SEAL = re.compile(rb',"checksum":"sha256:([0-9a-f]{64})"\}\}\n?\Z')


def encode_plan(plan: Plan) -> str:
    """Write a plan; equal plans give equal text."""
    document = {**terraform_document(plan), "reconciler": encode_native(plan)}
    text = to_line(document)
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return f'{text.removesuffix("}}")},"checksum":"sha256:{checksum}"}}}}'


def decode_plan(raw: bytes, location: str) -> Plan:
    """Read a plan file; DiagnosticError (R611) where it is not, byte for byte, one of ours.

    A line end may stand behind it.
    """
    try:
        native = read_mapping(read_mapping(json.loads(raw))["reconciler"])
        version = read_count(native["version"])
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise DiagnosticError(_unusable(location, "It is not a plan of this tool.")) from error
    if version != VERSION:
        made_by = "a newer release" if version > VERSION else "an older release"
        detail = f"It has version {version}, of {made_by}; this one reads {VERSION}."
        raise DiagnosticError(_unusable(location, detail))
    if not _is_sealed(raw):
        detail = f"It is torn or was edited{_contradictions(raw, native)}."
        raise DiagnosticError(_unusable(location, detail))
    plan = _decode(native, location)
    if encode_plan(plan).encode() != raw.removesuffix(b"\n"):
        detail = f"It does not say what its own content adds up to{_contradictions(raw, native)}."
        raise DiagnosticError(_unusable(location, detail))
    return plan


def _decode(native: dict[str, Any], location: str) -> Plan:
    try:
        return decode_native(native)
    except (KeyError, TypeError, ValueError) as error:
        detail = "It is whole, but does not have the shape of a plan."
        raise DiagnosticError(_unusable(location, detail)) from error


def _contradictions(raw: bytes, native: dict[str, Any]) -> str:
    """Name the first places at which a plan says something else than the rest of it."""
    try:
        expected = json.loads(encode_plan(decode_native(native)))
    except (KeyError, TypeError, ValueError):
        return ""
    found = json.loads(raw)
    expected["reconciler"].pop("checksum")
    found["reconciler"].pop("checksum", None)
    paths = list(islice(_differing(found, expected, ""), _MOST_NAMED + 1))
    if not paths:
        return ""
    more = " and elsewhere" if len(paths) > _MOST_NAMED else ""
    return f"; the rest of it says otherwise at {', '.join(paths[:_MOST_NAMED])}{more}"


def _differing(found: Any, expected: Any, path: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in dict.fromkeys((*expected, *found)):
            inner = f"{path}.{key[:_LONGEST_KEY]}".lstrip(".")
            if key in found and key in expected:
                yield from _differing(found[key], expected[key], inner)
            else:
                yield inner
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for index, (one, other) in enumerate(zip(found, expected, strict=True)):
            yield from _differing(one, other, f"{path}[{index}]")
    elif found != expected or type(found) is not type(expected):
        yield path


def _is_sealed(raw: bytes) -> bool:
    seal = _SEAL.search(raw, max(0, len(raw) - 100))
    if seal is None:
        return False
    body = raw[: seal.start()] + b"}}"
    return hashlib.sha256(body).hexdigest().encode() == seal[1]


def _unusable(location: str, detail: str) -> Diagnostic:
    return codes.PLAN_UNREADABLE.error(
        f"{location}: {detail}", hint="Make it again: reconciler plan --out FILE"
    )
