"""Makes texts that somebody else wrote fit to be shown."""

from __future__ import annotations


def printable(text: str, longest: int = 300) -> str:
    """Escape what is not printable (control, bidi, format characters); bound the length."""
    head = text[:longest]
    escaped = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in head
    )
    return escaped if head == text else f"{escaped}..."
