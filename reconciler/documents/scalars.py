"""What a plain scalar is, by the YAML 1.2 core schema (yaml.org/spec/1.2.2, 10.3.2)."""

from __future__ import annotations

import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"
    r"|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
)
MAX_DIGITS = 100
"""Longer numbers are kept as infinity: no field takes one, and int() refuses 5,000 digits."""


def resolve(text: str) -> str | int | float | bool | None:
    """Read a plain scalar: `no`, `on` and `12:30` are text, `0777` is the number 777."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if text[0] not in "+-.0123456789":
        return text
    number = _integer(text)
    if number is not None:
        return number
    if _FLOAT.match(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _integer(text: str) -> int | float | None:
    for pattern, base in ((_INT, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.match(text):
            return (
                int(text.replace("0o", "", 1) if base == 8 else text, base)
                if (len(text) <= MAX_DIGITS)
                else float("inf")
            )
    return None
