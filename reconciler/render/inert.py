"""Other people's texts, made visible and unable to do anything where they are shown.

Names, descriptions and messages come from whoever opened the pull request. A CI log reads
some lines as commands, and a comment renders links, mentions and HTML; nothing of that may
come from there. Escapes are written as JSON writes them, so that a value stays readable.
"""

from __future__ import annotations

import json
import re

# Commands of CI logs: `##[group]` and `##vso[...]` count anywhere in a line, `::name::` at its
# beginning. See docs.github.com, "Workflow commands", and the runner's ActionCommand.cs.
_HASH_COMMAND = re.compile(r"##(?=\w*\[)")
_COLON_COMMAND = re.compile(r"^(\s*):(?=:)")


def visible(text: str) -> str:
    """Escape what is not printable: control, direction-changing and invisible characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def inert(line: str) -> str:
    """Make a line visible, and no command of a CI log."""
    text = _HASH_COMMAND.sub(r"\\u0023#", visible(line))
    return _COLON_COMMAND.sub(r"\1\\u003a", text)


def value(content: object, longest: int = 2_000) -> str:
    """Write a value as JSON would, on one line; None is what cannot be known."""
    if content is None:
        return "(unknown)"
    if isinstance(content, str) and len(content) > longest:
        shown = json.dumps(content[:longest], ensure_ascii=False)
        return inert(f"{shown}... ({len(content):,} characters)")
    return inert(json.dumps(content, ensure_ascii=False))
