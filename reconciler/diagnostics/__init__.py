"""What the tool says when something is wrong: one shape, and a closed catalogue of codes.

A diagnostic's summary is constant (it belongs to the code), the detail says what is
wrong here, and the hint what to do about it. Rooms that read many things return all
their diagnostics at once; an edge that cannot go on raises `DiagnosticError`.

    from reconciler.diagnostics.codes import manifests as codes
    codes.DUPLICATE_KEY.error("...", hint="...", range=where)
"""

from reconciler.diagnostics.code import Code
from reconciler.diagnostics.diagnostic import (
    Diagnostic,
    DiagnosticError,
    Position,
    Severity,
    SourceRange,
    has_errors,
)

__all__ = [
    "Code",
    "Diagnostic",
    "DiagnosticError",
    "Position",
    "Severity",
    "SourceRange",
    "has_errors",
]
