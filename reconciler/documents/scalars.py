"""What a plain scalar is, by the YAML 1.2 core schema (yaml.org/spec/1.2.2, 10.3.2)."""

from __future__ import annotations

import re

from reconciler.documents.limits import MAX_DIGITS

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMERIC = frozenset("+-.0123456789")
_INTEGERS = (
    (re.compile(r"[-+]?[0-9]+\Z"), 10),
    (re.compile(r"0o[0-7]+\Z"), 8),
    (re.compile(r"0x[0-9a-fA-F]+\Z"), 16),
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_INFINITY = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z")
_NOT_A_NUMBER = frozenset({".nan", ".NaN", ".NAN"})


def resolve(text: str) -> str | int | float | bool | None:
    """Read a plain scalar: `no`, `on` and `12:30` are text, `0777` is the number 777.

    A number of more than MAX_DIGITS is infinite, which no field takes.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    for pattern, base in _INTEGERS:
        if pattern.match(text):
            # int() with base 8 and 16 takes the 0o and 0x.
            return int(text, base) if len(text) <= MAX_DIGITS else float("inf")
    if _FLOAT.match(text):
        return float(text) if len(text) <= MAX_DIGITS else float("inf")
    if _INFINITY.match(text):
        return float(text.replace(".", ""))
    return float("nan") if text in _NOT_A_NUMBER else text
