"""Findings as workflow commands, which GitHub shows at the lines of a pull request.

docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of its runner.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic
from reconciler.render.findings import Finding, findings
from reconciler.render.text import count, safe

MOST = 10
"""GitHub shows ten errors and ten warnings of a step, and drops the others silently."""


def render_annotations(diagnostics: Iterable[Diagnostic], folder: str = "") -> str:
    """Write a command for each of the first findings, then one line that sums them up."""
    found = findings(diagnostics, folder)
    errors = [finding for finding in found if finding.diagnostic.is_error]
    warnings = [finding for finding in found if not finding.diagnostic.is_error]
    shown = errors[:MOST] + warnings[:MOST]
    lines = [_command(finding) for finding in shown]
    lines.append(_summary(len(errors), len(warnings), len(found) - len(shown)))
    return "\n".join(lines)


def _summary(errors: int, warnings: int, hidden: int) -> str:
    total = f"{count(errors, 'error')}, {count(warnings, 'warning')}."
    if not hidden:
        return total
    return f"{total} {hidden:,} more than GitHub shows: `reconciler validate` shows all."


def _command(finding: Finding) -> str:
    diagnostic = finding.diagnostic
    properties = {"file": finding.path, "line": finding.line, "endLine": finding.end_line}
    if finding.is_in_one_line:
        # GitHub refuses columns of a range that goes on into another line.
        properties |= {"col": finding.column, "endColumn": finding.end_column}
    properties["title"] = safe(f"{diagnostic.code} {diagnostic.summary}")
    written = ",".join(f"{name}={_property(str(text))}" for name, text in properties.items())
    return f"::{diagnostic.severity.value} {written}::{_data(finding.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
