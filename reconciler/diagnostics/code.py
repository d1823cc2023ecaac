"""One entry of the catalogue, and how a diagnostic is made from it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.diagnostics.diagnostic import Diagnostic, Severity, SourceRange


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding: its constant summary, why it matters, and the way out in general."""

    id: str
    summary: str
    why: str
    fix: str

    def error(
        self, detail: str, *, hint: str = "", address: str = "", range: SourceRange | None = None
    ) -> Diagnostic:
        """Make an error of this kind."""
        return Diagnostic(self.id, Severity.ERROR, self.summary, detail, hint, address, range)

    def warning(
        self, detail: str, *, hint: str = "", address: str = "", range: SourceRange | None = None
    ) -> Diagnostic:
        """Make a warning of this kind."""
        return Diagnostic(self.id, Severity.WARNING, self.summary, detail, hint, address, range)
