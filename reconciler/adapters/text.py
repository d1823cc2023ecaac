"""Showing names that somebody else wrote."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from reconciler.diagnostics import Position, SourceRange
from reconciler.diagnostics.text import printable

_LONGEST = 120
_FEW = 3
_START = Position(1, 1)


def shown(text: str) -> str:
    """Quote a text for a terminal: one line, nothing invisible, not endless."""
    return f'"{printable(text, _LONGEST)}"'


def some(names: Iterable[str]) -> str:
    """Quote the first few names and count the rest: `"a", "b", "c" and 9 more`."""
    items = list(names)
    first = ", ".join(shown(name) for name in islice(items, _FEW))
    return first if len(items) <= _FEW else f"{first} and {len(items) - _FEW} more"


def count(number: int, noun: str) -> str:
    """Write `1 tensor` or `2 tensors`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def whole_file(filename: str) -> SourceRange:
    """Make the range of a finding about a file as a whole: its start, with no line to show."""
    return SourceRange(filename, _START, _START)
