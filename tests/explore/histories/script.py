"""A history as a script that replays it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from tests.explore.histories.steps import History

_SCRIPT = """\
# {problem}
from tests.explore.histories.play import play
from tests.explore.histories.steps import *

play({history})
"""


def as_script(history: History, problem: str) -> str:
    """Write a script that plays a history, and fails as it does. problem: how that is."""
    return _SCRIPT.format(history=as_python(history), problem=" ".join(problem.split()))


def as_python(value: Any) -> str:
    """Write a step, or what is in one, without the fields that are as they are by default."""
    if is_dataclass(value):
        given = (
            f"{field.name}={as_python(getattr(value, field.name))}"
            for field in fields(value)
            if getattr(value, field.name) != field.default
        )
        return f"{type(value).__name__}({', '.join(given)})"
    if isinstance(value, tuple):
        inner = "".join(f"{as_python(item)}, " for item in value)
        return f"({inner.rstrip() if len(value) == 1 else inner.removesuffix(', ')})"
    return repr(value)
