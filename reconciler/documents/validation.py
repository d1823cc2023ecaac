"""Schema findings as diagnostics: at the value or key they are about, with a hint."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from reconciler.diagnostics import Diagnostic, SourceRange
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.limits import MAX_FINDINGS
from reconciler.documents.nodes import Mapping, Node, Scalar, Sequence
from reconciler.documents.wording import (
    TYPE_NAMES,
    described,
    kind_of,
    literal,
    put_in_quotes,
    shorten,
    shown,
)

if TYPE_CHECKING:
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import ValidationError

_TIGHT_COLON = re.compile(r"""(["']?[\w.-]+["']?):(?=[^\s/])(.*)""")
_YES = ("yes", "on", "y", "1")
_NO = ("no", "off", "n", "0")


def check(document: Node, schema: dict[str, Any]) -> list[Diagnostic]:
    """Validate a document; every finding at once, in the order of the text.

    Of very many only the first MAX_FINDINGS + 1 are looked for.
    """
    errors = _validator()(schema).iter_errors(document.plain())
    findings = (finding for error in errors for finding in _translate(document, schema, error))
    return sorted(islice(findings, MAX_FINDINGS + 1), key=_place)


@cache
def _validator() -> type[Draft7Validator]:
    """Return draft-07 with two keywords that are stricter and steadier than the library's."""
    from jsonschema import Draft7Validator, validators

    extend: Any = validators.extend
    extended: type[Draft7Validator] = extend(
        Draft7Validator, {"pattern": _pattern, "additionalProperties": _additional_properties}
    )
    return extended


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern so that $ is the end of the text, as ECMA 262 has it.

    With Python's $ a text that ends with a line break would pass.
    """
    return re.compile(re.sub(r"\$\Z", r"\\Z", pattern))


def _pattern(
    _validator: object, pattern: str, instance: object, _schema: object
) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"does not match {pattern}")


def _additional_properties(
    validator: Draft7Validator, allowed: Any, instance: object, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    """Walk in the order of the text, where jsonschema's own walks a set."""
    from jsonschema import ValidationError

    properties = schema.get("properties", {})
    extras = [k for k in instance if k not in properties] if isinstance(instance, dict) else []
    if isinstance(instance, dict) and isinstance(allowed, dict):
        for extra in extras:
            yield from validator.descend(instance[extra], allowed, path=extra)
    elif extras and not allowed:
        yield ValidationError("has unknown fields")


def _schema(error: ValidationError) -> dict[str, Any]:
    """Return the part of the schema that the value broke; a part that is broken is a mapping."""
    return error.schema if isinstance(error.schema, dict) else {}


def _place(finding: Diagnostic) -> tuple[int, int]:
    return (finding.range.start.line, finding.range.start.column) if finding.range else (0, 0)


def _translate(
    document: Node, schema: dict[str, Any], error: ValidationError
) -> Iterator[Diagnostic]:
    node, name, key = _find(document, error.absolute_path)
    where = key.range if key else node.range
    if "propertyNames" in error.absolute_schema_path:
        yield _bad_name(node, error)
    elif error.validator == "additionalProperties":
        yield from _unknown_fields(node, schema, error)
    elif error.validator == "required":
        yield from _missing_field(node, name, error, where)
    elif error.validator == "type":
        yield _wrong_type(node, name, error)
    elif error.validator == "const" and name == "version":
        yield _wrong_version(node, error)
    else:
        yield _invalid(node, name, error)


def _find(document: Node, path: Iterable[str | int]) -> tuple[Node, str, Scalar | None]:
    """Return the node at a path, how to call it, and the key it stands under."""
    node, name, key = document, "The document", None
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str):
            entry = node.entries[step]
            node, name, key = entry.value, step, entry.key
        elif isinstance(node, Sequence) and isinstance(step, int):
            node, name, key = node.items[step], f"{name}[{step}]", None
    return node, name, key


def _unknown_fields(
    node: Node, schema: dict[str, Any], error: ValidationError
) -> Iterator[Diagnostic]:
    part = _schema(error)
    properties: dict[str, Any] = part.get("properties", {})
    forbidden: dict[str, str] = part.get("x-forbidden", {})
    if not isinstance(node, Mapping):
        return
    for key, entry in node.entries.items():
        if key in properties:
            continue
        reason = next((why for pattern, why in forbidden.items() if re.search(pattern, key)), "")
        free = _unused(node, properties)
        known = ", ".join(sorted(properties))
        yield codes.UNKNOWN_FIELD.error(
            reason or f"`{shorten(key)}` is not a field here. The fields are {known}.",
            hint="Remove it." if reason else _hint_for_unknown(entry.key, free, schema),
            range=entry.key.range,
        )


def _hint_for_unknown(key: Scalar, free: list[str], schema: dict[str, Any]) -> str:
    if (hint := _tight_colon(key)) is not None:
        return hint
    text = key.text[:100]
    if close := _closest(text, free):
        return f"Did you mean `{close}`?"
    home = _home_of(text, schema)
    return (
        f"`{text}` is a field of {home}; move it there."
        if home
        else ("Remove it, or indent it below the field it belongs to.")
    )


def _unused(node: Mapping, properties: Iterable[str]) -> list[str]:
    return sorted(name for name in properties if name not in node.entries)


def _closest(text: str, free: list[str]) -> str:
    """Return the field that was probably meant, "" for none."""
    begun = (name for name in free if len(text) > 2 and name.startswith(text.lower()))
    return next(iter(difflib.get_close_matches(text.lower()[:100], free, 1)), next(begun, ""))


def _home_of(key: str, schema: dict[str, Any]) -> str:
    """Name the part of the schema that has this field, "" where none has."""
    for part in (schema, *schema.get("properties", {}).values()):
        for owner in (part, part.get("additionalProperties"), part.get("items")):
            if isinstance(owner, dict) and key in owner.get("properties", {}):
                return f"`{shorten(str(owner.get('title', '')).lower())}`"
    return ""


def _tight_colon(node: Scalar) -> str | None:
    """Return the hint for `key:value`, which is one text; None where it is something else."""
    end = node.end_column if node.line == node.end_line else None
    line = node.source.shown(node.line)[node.column : end]
    found = _TIGHT_COLON.match(line) if node.plain_style else None
    return f"Put a space after the colon: {shorten(f'{found[1]}: {found[2]}')}" if found else None


def _missing_field(
    node: Node, name: str, error: ValidationError, where: SourceRange
) -> Iterator[Diagnostic]:
    field = re.match(r"'([^']+)'", error.message)
    missing = field[1] if field else "a field"
    properties: dict[str, dict[str, Any]] = _schema(error).get("properties", {})
    if isinstance(node, Mapping) and _is_misspelt(missing, node, properties):
        return
    examples = properties.get(missing, {}).get("examples", [])
    owner = name if name == "The document" else f"`{shorten(name)}`"
    yield codes.MISSING_FIELD.error(
        f"{owner} has no `{missing}`.",
        hint=f"Add {missing}: {literal(examples[0])}" if examples else f"Add `{missing}`.",
        range=where,
    )


def _is_misspelt(missing: str, node: Mapping, properties: Iterable[str]) -> bool:
    """Tell whether the complaint about an unknown field names it already."""
    free = _unused(node, properties)
    return any(_closest(key, free) == missing for key in node.entries if key not in properties)


def _wrong_type(node: Node, name: str, error: ValidationError) -> Diagnostic:
    several = error.validator_value
    kinds = several if isinstance(several, list) else [str(several)]
    said = " or ".join(TYPE_NAMES.get(kind, kind) for kind in kinds)
    return codes.WRONG_TYPE.error(
        f"`{shorten(name)}` must be {said}, but {described(node)}.",
        hint=_hint_for_type(node, name, kinds[0], _schema(error)),
        range=node.range,
    )


def _hint_for_type(node: Node, name: str, wanted: str, schema: dict[str, Any]) -> str:
    general = str(schema.get("errorMessage", "")) or f"Write {TYPE_NAMES.get(wanted, wanted)}."
    if not isinstance(node, Scalar):
        return general
    if wanted == "string":
        line = node.source.shown(node.line)[node.column :]
        if node.value is None and line.lstrip().startswith("#"):
            return "A # begins a comment; put the text in quotes."
        if node.value is None:
            return 'Write a text, or "" for an empty one.'
        return put_in_quotes(node)
    if wanted in ("object", "array") and (hint := _tight_colon(node)) is not None:
        return hint
    if wanted == "object":
        if name in schema.get("properties", {}):
            return f"`{name}` belongs to a {_title(schema)}: indent it below the name of its own."
        if node.value is None:
            return f"Indent what belongs to `{shorten(name)}` deeper than `{shorten(name)}` itself."
    if wanted == "boolean" and node.text.lower() in _YES + _NO:
        meant = "true" if node.text.lower() in _YES else "false"
        return f"Write {meant}; in YAML 1.2 `{node.text}` is {kind_of(node)}."
    if wanted == "integer" and isinstance(node.value, str) and node.text.isdecimal():
        return f"Remove the quotes: {shorten(node.text)}"
    return general


def _title(schema: dict[str, Any]) -> str:
    return str(schema.get("title", "")).lower()


def _wrong_version(node: Node, error: ValidationError) -> Diagnostic:
    wanted = str(error.validator_value)
    if isinstance(node, Scalar) and node.text == wanted:
        return codes.WRONG_TYPE.error(
            f"`version` must be a number, but {described(node)}.",
            hint=f"Remove the quotes: version: {wanted}",
            range=node.range,
        )
    return codes.UNSUPPORTED_VERSION.error(
        f"This release reads version {wanted}; here it is {shown(node)}.",
        hint=f"Write version: {wanted}",
        range=node.range,
    )


def _bad_name(node: Node, error: ValidationError) -> Diagnostic:
    """Findings about keys: the instance is the key itself."""
    text = str(error.instance)
    entry = node.entries.get(text) if isinstance(node, Mapping) else None
    tight = _tight_colon(entry.key) if entry else None
    return codes.INVALID_VALUE.error(
        f"`{shorten(text)}` cannot be a name here.",
        hint=tight or str(_schema(error).get("errorMessage", "")),
        range=entry.key.range if entry else node.range,
    )


def _invalid(node: Node, name: str, error: ValidationError) -> Diagnostic:
    limit: Any = error.validator_value
    said = {
        "enum": f"must be one of {literal(limit)}",
        "minimum": f"is {shown(node)}; it must be at least {limit}",
        "maximum": f"is {shown(node)}; it must be at most {limit}",
        "minItems": "must not be empty",
        "minLength": "must not be empty",
        "maxLength": f"is longer than {limit} characters",
    }
    other = f"is {shown(node)}, which is not of the form it must have"
    default = _schema(error).get("default")
    general = "" if default is None else f"Leave it out for the default, {literal(default)}."
    return codes.INVALID_VALUE.error(
        f"`{shorten(name)}` {said.get(str(error.validator), other)}.",
        hint=str(_schema(error).get("errorMessage", general)),
        range=node.range,
    )


def without_echoes(
    findings: Iterable[Diagnostic], problems: Iterable[Diagnostic]
) -> list[Diagnostic]:
    """Leave out findings at the very places where the text itself was complained about."""
    places = {
        (problem.range.filename, problem.range.start) for problem in problems if problem.range
    }
    return [
        finding
        for finding in findings
        if finding.range is None or (finding.range.filename, finding.range.start) not in places
    ]
