"""Diagnostics as JSON: the shape of Terraform's diagnostics, plus `code` and `hint`."""

from __future__ import annotations

from typing import Any

from reconciler.diagnostics.diagnostic import Diagnostic, Position, Severity, SourceRange
from reconciler.diagnostics.plain import read_count, read_mapping, read_text


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


def decode_diagnostic(value: Any) -> Diagnostic:
    """Read one; raises KeyError, TypeError or ValueError where it is none."""
    data = read_mapping(value)
    return Diagnostic(
        code=read_text(data["code"]),
        severity=Severity(read_text(data["severity"])),
        summary=read_text(data["summary"]),
        detail=read_text(data["detail"]),
        hint=read_text(data.get("hint", "")),
        address=read_text(data.get("address", "")),
        range=_decode_range(data["range"], data["snippet"]) if "range" in data else None,
    )


def _encode_range(where: SourceRange) -> dict[str, Any]:
    return {
        "filename": where.filename,
        "start": _encode_position(where.start),
        "end": _encode_position(where.end),
    }


def _encode_position(at: Position) -> dict[str, int]:
    return {"line": at.line, "column": at.column, "byte": at.byte}


def _encode_snippet(where: SourceRange) -> dict[str, Any]:
    """Write the line and where in it the range lies, in characters, at least one of them."""
    longest = len(where.text)
    start = min(where.start.column - 1, longest)
    ends_here = where.end.line == where.start.line
    end = min(where.end.column - 1, longest) if ends_here else longest
    return {
        "context": None,
        "code": where.text,
        "start_line": where.start.line,
        "highlight_start_offset": start,
        "highlight_end_offset": max(end, min(start + 1, longest)),
        "values": [],
    }


def _decode_range(value: Any, snippet: Any) -> SourceRange:
    data = read_mapping(value)
    return SourceRange(
        read_text(data["filename"]),
        _decode_position(data["start"]),
        _decode_position(data["end"]),
        read_text(read_mapping(snippet)["code"]),
    )


def _decode_position(value: Any) -> Position:
    at = read_mapping(value)
    return Position(read_count(at["line"]), read_count(at["column"]), read_count(at["byte"]))
