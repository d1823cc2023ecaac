"""Diagnostics as JSON: the shape of Terraform's diagnostics, plus `code` and `hint`."""

from __future__ import annotations

from typing import Any

from reconciler.diagnostics.diagnostic import Diagnostic, Position, Severity, SourceRange


def encode_diagnostic(diagnostic: Diagnostic) -> dict[str, Any]:
    """Write one; optional keys are left out where there is nothing to say."""
    data: dict[str, Any] = {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "summary": diagnostic.summary,
        "detail": diagnostic.detail,
    }
    if diagnostic.hint:
        data["hint"] = diagnostic.hint
    if diagnostic.address:
        data["address"] = diagnostic.address
    if diagnostic.range:
        data["range"] = _encode_range(diagnostic.range)
        data["snippet"] = _encode_snippet(diagnostic.range)
    return data


def decode_diagnostic(data: dict[str, Any]) -> Diagnostic:
    """Read one; raises KeyError, TypeError or ValueError where it is none."""
    return Diagnostic(
        code=data["code"],
        severity=Severity(data["severity"]),
        summary=data["summary"],
        detail=data["detail"],
        hint=data.get("hint", ""),
        address=data.get("address", ""),
        range=_decode_range(data["range"], data["snippet"]) if "range" in data else None,
    )


def _encode_range(where: SourceRange) -> dict[str, Any]:
    def position(at: Position) -> dict[str, int]:
        return {"line": at.line, "column": at.column, "byte": at.byte}

    return {
        "filename": where.filename,
        "start": position(where.start),
        "end": position(where.end),
    }


def _encode_snippet(where: SourceRange) -> dict[str, Any]:
    start = where.start.column - 1
    same_line = where.end.line == where.start.line
    end = where.end.column - 1 if same_line else len(where.text)
    return {
        "context": None,
        "code": where.text,
        "start_line": where.start.line,
        "highlight_start_offset": start,
        "highlight_end_offset": max(end, start),
        "values": [],
    }


def _decode_range(data: dict[str, Any], snippet: dict[str, Any]) -> SourceRange:
    def position(at: dict[str, int]) -> Position:
        return Position(at["line"], at["column"], at["byte"])

    return SourceRange(
        data["filename"], position(data["start"]), position(data["end"]), snippet["code"]
    )
