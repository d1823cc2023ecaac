"""Commands in advice, with the flags that this one was given and the next one needs as well."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from reconciler.diagnostics import Diagnostic

_COMMAND = re.compile(
    r"\breconciler (?:plan|apply|show|verify|output|resolve|state [a-z]+)\b"
    r"(?![^\n`]* --(?:state|sandbox|help)\b)"
)


def with_flags(text: str, flags: Sequence[str]) -> str:
    """Repeat flags in every command of a text that takes them and does not have them."""
    if not flags:
        return text
    words = shlex.join(flags)
    return _COMMAND.sub(lambda command: f"{command[0]} {words}", text)


def advised(diagnostic: Diagnostic, flags: Sequence[str]) -> Diagnostic:
    """Repeat flags in the commands of a hint."""
    return replace(diagnostic, hint=with_flags(diagnostic.hint, flags))
