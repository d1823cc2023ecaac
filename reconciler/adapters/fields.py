"""The fields of a configuration with their places, and the findings about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.adapters.strict_json import JsonObject, source_range
from reconciler.diagnostics import Diagnostic, SourceRange


class Fields:
    """A JSON object that knows where its keys are written, and collects what is wrong."""

    def __init__(self, filename: str, text: str, parsed: JsonObject) -> None:
        self._filename = filename
        self._text = text
        self._parsed = parsed
        self._findings: list[tuple[int, Diagnostic]] = []

    @property
    def values(self) -> Mapping[str, Any]:
        """The values by key."""
        return self._parsed.values

    def get(self, key: str) -> Any:
        """Return the value of a key; None where there is none."""
        return self._parsed.values.get(key)

    def range_of(self, key: str) -> SourceRange:
        """Where a key is written, or the opening brace where it is not."""
        brace = (self._parsed.start, self._parsed.start + 1)
        start, end = self._parsed.places.get(key, brace)
        return source_range(self._filename, self._text, start, end)

    def report(self, finding: Diagnostic, key: str) -> None:
        """Keep a finding about a key."""
        where = self.range_of(key)
        self._findings.append((where.start.byte, finding.at(where)))

    def sorted_findings(self) -> list[Diagnostic]:
        """Return what was found, in the order of the file."""
        return [finding for _, finding in sorted(self._findings, key=lambda pair: pair[0])]
