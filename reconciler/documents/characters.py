"""Characters that a reviewer could not see, and values that nobody should."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What no text may hold: C0 and C1 controls but tab and line ends, and a return without a
# line feed; line ends that editors do not show as such; characters that change the direction
# of the text around them (Unicode TR 9) or are not shown at all, tags (Unicode TR 51) among
# them; lone surrogates; and U+E000, which the parser uses as a marker.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u2069\ud800-\udfff\ue000\ufeff\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
    "|\r(?!\n)"
)
_CONTROLS = {"\x00": "NUL", "\x08": "BACKSPACE", "\r": "CARRIAGE RETURN", "\x1b": "ESCAPE"}
AT_MARKER = "\ue000"
"""Stands for an unquoted @ while a text is parsed (see parser); no text may hold it."""

_SECRET_WORDS = ("token", "secret", "passw", "credential", "auth", "key")
_SECRET = re.compile(
    r"(?i)(?:token|secret|passw|credential|apikey|(?<![a-z])(?:key|auth(?!ors?\b)))"
    r"[\w.-]*[\"']?[ \t]*[:=][ \t]*(?=\S)"
)


def find_hidden(text: str) -> Iterator[re.Match[str]]:
    """Find the characters that a reviewer could not see."""
    return _HIDDEN.finditer(text)


def is_hidden_in(text: str) -> bool:
    """Tell whether there is such a character."""
    return _HIDDEN.search(text) is not None


def replace_hidden(text: str) -> str:
    """Put U+FFFD, one for one, where characters are hidden."""
    return _HIDDEN.sub("\ufffd", text)


def name_of(character: str) -> str:
    """Name a hidden character: `U+202E RIGHT-TO-LEFT OVERRIDE`."""
    import unicodedata

    name = _CONTROLS.get(character) or unicodedata.name(character, "")
    return f"U+{ord(character):04X} {name}".rstrip()


def hide_secret(line: str) -> str:
    """Put *** for the value of something like a token, and for the rest of its line.

    Such a field is refused wherever it stands, and the error that says so shows the line.
    """
    lowered = line.lower()
    if not any(word in lowered for word in _SECRET_WORDS):
        return line
    found = _SECRET.search(line)
    return f"{line[: found.end()]}***" if found else line
