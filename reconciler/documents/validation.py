"""Schema findings as diagnostics: at the value or key they are about, with a hint."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.nodes import Mapping, Node, Scalar, Sequence

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_TYPE_NAMES = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def check(document: Node, schema: dict[str, Any]) -> list[Diagnostic]:
    """Validate a document; every finding at once, in the order of the text."""
    from jsonschema import Draft7Validator

    findings: list[Diagnostic] = []
    for error in Draft7Validator(schema).iter_errors(document.plain()):
        findings.extend(_translate(document, error))
    return sorted(findings, key=_place)


def _schema(error: ValidationError) -> dict[str, Any]:
    """Return the part of the schema that the value broke; a part that is broken is a mapping."""
    return error.schema if isinstance(error.schema, dict) else {}


def _place(finding: Diagnostic) -> tuple[int, int]:
    return (finding.range.start.line, finding.range.start.column) if finding.range else (0, 0)


def _translate(document: Node, error: ValidationError) -> Iterator[Diagnostic]:
    node, name = _find(document, list(error.absolute_path))
    if error.validator == "additionalProperties":
        yield from _unknown_fields(node, error)
    elif error.validator == "required":
        yield from _missing_fields(node, name, error)
    elif error.validator == "type":
        yield _wrong_type(node, name, error)
    elif error.validator == "const" and name == "version":
        yield codes.UNSUPPORTED_VERSION.error(
            f"version is {_shown(node)}; this release reads version {error.validator_value}.",
            hint=f"Write version: {error.validator_value}",
            range=node.range,
        )
    elif "propertyNames" in error.absolute_schema_path:
        yield from _bad_names(node, error)
    else:
        yield _invalid(node, name, error)


def _find(document: Node, path: list[str | int]) -> tuple[Node, str]:
    node, name = document, "the document"
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str):
            node, name = node.entries[step].value, step
        elif isinstance(node, Sequence) and isinstance(step, int):
            node, name = node.items[step], f"{name}[{step}]"
    return node, name


def _unknown_fields(node: Node, error: ValidationError) -> Iterator[Diagnostic]:
    if not isinstance(node, Mapping):
        return
    properties: dict[str, dict[str, Any]] = _schema(error).get("properties", {})
    forbidden: dict[str, str] = _schema(error).get("x-forbidden", {})
    known = sorted(properties)
    for key, entry in node.entries.items():
        if key in properties:
            continue
        close = difflib.get_close_matches(key, [k for k in known if k not in node.entries], 1)
        reason = next((why for pattern, why in forbidden.items() if re.search(pattern, key)), "")
        yield codes.UNKNOWN_FIELD.error(
            reason or f"`{key}` is not a field here; the fields are {', '.join(known)}.",
            hint="Remove it."
            if reason
            else f"Did you mean `{close[0]}`?"
            if close
            else "Remove it, or move it to where it belongs.",
            range=entry.key.range,
        )


def _missing_fields(node: Node, name: str, error: ValidationError) -> Iterator[Diagnostic]:
    field = re.match(r"'([^']+)'", error.message)
    missing = field[1] if field else "a field"
    properties: dict[str, dict[str, Any]] = _schema(error).get("properties", {})
    examples = properties.get(missing, {}).get("examples", [])
    example = f"Add {missing}: {_literal(examples[0])}" if examples else f"Add `{missing}`."
    yield codes.MISSING_FIELD.error(
        f"{name if name == 'the document' else f'`{name}`'} has no `{missing}`.",
        hint=example,
        range=node.range,
    )


def _wrong_type(node: Node, name: str, error: ValidationError) -> Diagnostic:
    wanted: Any = error.validator_value
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    wanted_text = " or ".join(_TYPE_NAMES.get(n, n) for n in names)
    hint = f"Write {wanted_text} here."
    if "string" in names and isinstance(node, Scalar):
        hint = (
            'Write a value, or "" for an empty text.'
            if node.value is None
            else f'Quote it: "{node.text}"'
            if len(node.text) < 60
            else "Put it in quotes."
        )
    elif names == ["boolean"] and isinstance(node, Scalar):
        yes = node.text.lower() in ("yes", "on", "y", "1")
        no = node.text.lower() in ("no", "off", "n", "0")
        hint = "Write true." if yes else "Write false." if no else hint
    return codes.WRONG_TYPE.error(
        f"`{name}` must be {wanted_text}, but {_shown(node)} is {_kind(node)}.",
        hint=hint,
        range=node.range,
    )


def _bad_names(node: Node, error: ValidationError) -> Iterator[Diagnostic]:
    """Findings about keys: the instance is the key itself."""
    entry = node.entries.get(str(error.instance)) if isinstance(node, Mapping) else None
    yield codes.INVALID_VALUE.error(
        f"`{error.instance}` cannot be used as a name here.",
        hint=str(_schema(error).get("x-hint", "Use letters, digits, - and _.")),
        range=entry.key.range if entry else node.range,
    )


def _invalid(node: Node, name: str, error: ValidationError) -> Diagnostic:
    hint = str(_schema(error).get("x-hint", ""))
    if error.validator == "enum":
        allowed: Any = error.validator_value
        detail = f"`{name}` must be one of {', '.join(map(str, allowed))}."
    elif error.validator in ("minimum", "maximum"):
        least = "least" if error.validator == "minimum" else "most"
        detail = f"`{name}` is {_shown(node)}; it must be at {least} {error.validator_value}."
    elif error.validator in ("minItems", "minProperties", "minLength"):
        detail = f"`{name}` must not be empty."
    elif error.validator in ("maxLength", "maxItems"):
        detail = f"`{name}` is longer than {error.validator_value}."
    else:
        detail = f"`{name}` is {_shown(node)}, which is not of the form it must have."
    return codes.INVALID_VALUE.error(detail, hint=hint, range=node.range)


def _kind(node: Node) -> str:
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    value = node.plain()
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


def _shown(node: Node) -> str:
    if isinstance(node, Scalar):
        text = node.text if len(node.text) <= 60 else f"{node.text[:57]}..."
        return f"`{text}`" if text else "an empty value"
    return "what is written"


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
