"""What to say where this tool itself is at fault."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import project as codes
from reconciler.diagnostics.text import printable


def internal_error(error: Exception, context: str = "") -> Diagnostic:
    """Make the error of an exception that nobody expected; its traceback is for the debug log."""
    what = printable(f"{type(error).__name__}: {error}", 500).rstrip(".")
    return codes.INTERNAL.error(f"{context}: {what}." if context else f"{what}.")
