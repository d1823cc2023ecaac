"""How a test tells that the tool itself was at fault."""

from __future__ import annotations

from reconciler.diagnostics.codes.project import INTERNAL

_UNEXPECTED = "The client failed unexpectedly"
"""How an apply tells of an exception that nobody expected, in a create or an upload."""


def failed_internally(text: str) -> bool:
    """Tell whether what a command printed has an internal error (R299), or a traceback."""
    # The catalogue's own code: a number that is written down here could come to mean nothing.
    # Messages are folded, anywhere between two words.
    plain = " ".join(text.split())
    return any(sign in plain for sign in (INTERNAL.id, _UNEXPECTED, "Traceback"))
