"""Small texts: safe, folded, counted."""

from __future__ import annotations

import json
import re
import textwrap

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def safe(text: str) -> str:
    """Write characters that would steer a terminal or hide text as escapes."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def quoted(value: object) -> str:
    """Write a value as JSON would, on one line, with nothing that steers a terminal."""
    if value is None:
        return "(unknown)"
    return safe(json.dumps(value, ensure_ascii=False))


def fold(text: str, columns: int, indent: str = "") -> str:
    """Fold prose; words longer than a line are broken so that nothing is wider."""
    width = max(columns, len(indent) + 10)
    return "\n".join(
        textwrap.fill(
            safe(line),
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
        for line in text.splitlines() or [""]
    )


def fold_value(text: str, columns: int | None, indent: int) -> str:
    """Break a value after so many columns, further lines hanging; None never breaks."""
    if columns is None or len(text) + indent <= columns:
        return text
    room = max(columns - indent, 10)
    pieces = [text[start : start + room] for start in range(0, len(text), room)]
    return ("\n" + " " * indent).join(pieces)


def count(number: int, noun: str, plural: str = "") -> str:
    """Write "1 finetune", "2 finetunes"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(number: int | None) -> str:
    """Write bytes in decimal units, as Cloudflare's limits are; None is "unknown"."""
    if number is None:
        return "unknown"
    if number < 1000:
        return f"{number} B"
    value = float(number)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            break
    return f"{value:.1f} {unit}"
