"""Commands in advice, with the flags that this one was given and the next one needs as well."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from reconciler.cli.files import SANDBOX_STATE
from reconciler.diagnostics import Diagnostic

_COMMAND = re.compile(
    r"\breconciler (?:plan|apply|show|verify|output|resolve|state [a-z]+)\b"
    r"(?![^\n`]* --(?:state|sandbox|help)\b)"
)
_IN_A_FOLDER = re.compile(
    r"\breconciler (?=(?:validate|plan|apply|show|verify|output|resolve|state|adapter)\b)"
)


def with_flags(text: str, flags: Sequence[str], folder: str = "") -> str:
    """Repeat flags in every command of a text that takes them and does not have them.

    folder: what -C has to name in each of them, "" for the one that the reader is in.
    """
    if "--sandbox" in flags:
        # Only with the flag is its state that of the emulated account.
        text = text.replace(f" --state {SANDBOX_STATE}", "")
    if flags:
        words = shlex.join(flags)
        text = _COMMAND.sub(lambda command: f"{command[0]} {words}", text)
    if folder:
        text = _IN_A_FOLDER.sub(lambda _: f"reconciler -C {shlex.quote(folder)} ", text)
    return text


def advised(diagnostic: Diagnostic, flags: Sequence[str], folder: str = "") -> Diagnostic:
    """Repeat flags and folder in the commands of a hint."""
    return replace(diagnostic, hint=with_flags(diagnostic.hint, flags, folder))
