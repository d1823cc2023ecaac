"""Plain data, as JSON has it: written as one inert line, read strictly.

The readers raise TypeError or ValueError; who calls them knows what to tell its user.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, TypeVar

MAX_COUNT = 2**53 - 1
"""The highest integer that every reader of JSON keeps exact (RFC 8259, section 6)."""

Item = TypeVar("Item")


def to_line(data: object) -> str:
    """Write data as one line of ASCII; equal data in equal order gives equal text.

    CI systems obey `##[...]` anywhere in a line of a log (GitHub's runner,
    ActionCommand.TryParse), so no two # stand side by side.
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("##", "#\\u0023")


def read_text(value: Any) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise TypeError(f"a text is expected, not {_kind(value)}")
    return value


def read_flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise TypeError(f"true or false is expected, not {_kind(value)}")
    return value


def read_count(value: Any) -> int:
    """Return a whole number from 0 to MAX_COUNT."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a whole number is expected, not {_kind(value)}")
    if not 0 <= value <= MAX_COUNT:
        raise ValueError("a whole number from 0 to 2^53 - 1 is expected")
    return value


def read_number(value: Any) -> float:
    """Return a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"a number is expected, not {_kind(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a finite number is expected")
    return value


def read_list(read: Callable[[Any], Item], value: Any) -> tuple[Item, ...]:
    """Return the items of a list, each read."""
    if not isinstance(value, list):
        raise TypeError(f"a list is expected, not {_kind(value)}")
    return tuple(read(item) for item in value)


def read_mapping(value: Any) -> dict[str, Any]:
    """Return a mapping."""
    if not isinstance(value, dict):
        raise TypeError(f"a mapping is expected, not {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "a boolean", str: "a text", list: "a list", dict: "a mapping"}.get(
        type(value), "a number"
    )
