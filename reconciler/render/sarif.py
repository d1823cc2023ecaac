"""Findings as SARIF 2.1.0, which code scanning and editors read.

Static Analysis Results Interchange Format, OASIS standard with Errata 01 (28 August 2023).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from reconciler import __version__
from reconciler.diagnostics import Code, Diagnostic
from reconciler.diagnostics.catalogue import find_code
from reconciler.render.findings import Finding, findings
from reconciler.render.text import safe

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def render_sarif(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """Write a log of one run; folder is the working folder in the repository."""
    found = findings(diagnostics, folder)
    codes = sorted({finding.diagnostic.code for finding in found})
    indexes = {code: index for index, code in enumerate(codes)}
    failed = any(finding.diagnostic.is_error for finding in found)
    driver = {
        "name": "reconciler",
        "version": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": True, "exitCode": int(failed)}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, indexes[f.diagnostic.code]) for f in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _rule(name: str) -> dict[str, Any]:
    code = find_code(name) or Code(name, name, why="", fix="")
    rule: dict[str, Any] = {"id": code.id, "shortDescription": {"text": _text(code.summary)}}
    if code.why:
        rule["fullDescription"] = {"text": _text(code.why)}
        rule["help"] = {
            "text": _text(f"{code.why}\n{code.fix}"),
            "markdown": f"{_markdown(code.why)}\n\n**What to do:** {_markdown(code.fix)}",
        }
    return rule


def _result(finding: Finding, index: int) -> dict[str, Any]:
    diagnostic = finding.diagnostic
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": diagnostic.severity.value,
        "message": {"text": _text(finding.message)},
        "locations": [_location(finding)],
        "partialFingerprints": {"finding/v1": finding.fingerprint},
    }
    return result


def _location(finding: Finding) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    physical: dict[str, Any] = {"artifactLocation": _artifact(finding.path), "region": region}
    where = finding.diagnostic.range
    if where and where.text:
        physical["contextRegion"] = {
            "startLine": finding.line,
            "endLine": finding.end_line,
            "snippet": {"text": safe(where.text.replace("\t", " "))},
        }
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.diagnostic.address:
        address = safe(finding.diagnostic.address)
        location["logicalLocations"] = [{"fullyQualifiedName": address, "kind": "resource"}]
    return location


def _artifact(path: str) -> dict[str, str]:
    """Return the place of a file: relative to the root of the repository, where it is in it."""
    if PurePosixPath(path).is_absolute():
        return {"uri": f"file://{quote(path)}"}
    return {"uri": quote(path), "uriBaseId": "%SRCROOT%"}


def _text(text: str) -> str:
    """Escape what a message would read as a placeholder (3.11.5) or as a link (3.11.6)."""
    return text.replace("{", "{{").replace("}", "}}").replace("](", "\\](")


def _markdown(text: str) -> str:
    """Escape for the help, which renders Markdown; code in backticks stays."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([\\\[\]<>*_])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
