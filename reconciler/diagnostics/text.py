"""Makes texts that somebody else wrote fit to be shown."""

from __future__ import annotations

PASTE = "  "
"""How a line of a hint begins that is not folded."""


def to_paste(*lines: str) -> str:
    """Set lines of a hint apart, below what stands before, to be shown whole and copied."""
    return "".join(f"\n{PASTE}{line}" for line in lines)


def printable(text: str, longest: int = 300) -> str:
    """Escape what is not printable (control, bidi, format characters); bound the length."""
    head = text[:longest]
    escaped = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in head
    )
    return escaped if head == text else f"{escaped}..."
