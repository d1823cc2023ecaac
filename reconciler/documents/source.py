"""A source text: bytes to characters, and places in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reconciler.diagnostics import Diagnostic, Position, SourceRange
from reconciler.diagnostics.codes import manifests as codes

MAX_BYTES = 16_000_000
"""More than a hundred thousand finetunes; an account holds a hundred."""

# C0 and C1 controls but tab and line ends, DEL, and the characters that change the
# direction of the text around them (Unicode TR 9), non-characters and lone surrogates.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200e\u200f\u202a-\u202e"
    "\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff\ue000]"
)
AT_MARKER = "\ue000"
"""Stands for an unquoted @ while a text is parsed (see parser); forbidden in any text."""


@dataclass(frozen=True, slots=True)
class Source:
    """A decoded text and its name as the user knows it; lines and columns count from 1."""

    filename: str
    text: str
    lines: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, filename: str, text: str) -> Source:
        """Make a source of a text."""
        return cls(filename, text, tuple(re.split("\r\n|\r|\n", text)))

    def position(self, line: int, column: int, index: int) -> Position:
        """Make a position of zero-based line, column and character index."""
        byte = index if self.text.isascii() else len(self.text[:index].encode())
        return Position(line + 1, column + 1, byte)

    def range_at(self, start: tuple[int, int, int], end: tuple[int, int, int]) -> SourceRange:
        """Make a range of two zero-based (line, column, index) triples."""
        line = self.lines[start[0]] if start[0] < len(self.lines) else ""
        return SourceRange(self.filename, self.position(*start), self.position(*end), line)

    def range_of_index(self, index: int) -> SourceRange:
        """Make a range of the one character at an index."""
        before = re.split("\r\n|\r|\n", self.text[:index])
        line, column = len(before) - 1, len(before[-1])
        return self.range_at((line, column, index), (line, column + 1, index + 1))


def forbidden_character(text: str) -> re.Match[str] | None:
    """Find the first character that a reviewer could not see, or None."""
    return _FORBIDDEN.search(text)


def decode(raw: bytes, filename: str) -> tuple[Source | None, list[Diagnostic]]:
    """Turn bytes into a source, or say why they are no text that people can review.

    A UTF-8 byte order mark is dropped; every other encoding is refused.
    """
    if len(raw) > MAX_BYTES:
        return None, [
            codes.NOT_TEXT.error(
                f"{filename} has {len(raw):,} bytes; {MAX_BYTES:,} is the most that is read.",
                hint="Split it, or check that it is a manifest at all.",
            )
        ]
    try:
        text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [
            codes.NOT_TEXT.error(
                f"{filename} is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}.",
                hint="Save it as UTF-8 (an editor's 'Save with encoding').",
            )
        ]
    source = Source.of(filename, text)
    found = forbidden_character(text)
    if found:
        return None, [_forbidden(source, found)]
    return source, []


def _forbidden(source: Source, found: re.Match[str]) -> Diagnostic:
    return codes.NOT_TEXT.error(
        f"The character U+{ord(found[0]):04X} is invisible or changes how the text around it "
        "is shown.",
        hint="Remove it.",
        range=source.range_of_index(found.start()),
    )
