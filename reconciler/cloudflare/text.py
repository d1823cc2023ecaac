"""Makes text that came from a server fit to be shown."""

from __future__ import annotations

_LONGEST = 300


def shown(text: str, longest: int = _LONGEST) -> str:
    """Escape what is not printable (control, bidi and format characters), bound the length."""
    head = text[:longest]
    escaped = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in head
    )
    return escaped if len(text) <= longest else f"{escaped}..."
