"""A source text: bytes to characters, and places in it."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate, islice, pairwise

from reconciler.diagnostics import Diagnostic, Position, SourceRange
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.characters import find_hidden, hide_secret, name_of, replace_hidden
from reconciler.documents.limits import MAX_BYTES, MAX_LINE

MAX_HIDDEN_LINES = 10
"""Lines with hidden characters that are told; a binary file has them everywhere."""
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Source:
    """A decoded text and its name as the user knows it; its lines end with LF or CRLF.

    Lines and columns are counted from 0 here, and from 1 in the ranges that are made.
    offset: the byte of the file that the text begins at.
    """

    filename: str
    text: str = field(repr=False)
    offset: int = 0

    @cached_property
    def _starts(self) -> array[int]:
        """Index of each line's first character, and of the one after the text's end."""
        starts = array("I", (0,))
        starts.extend(found.end() for found in re.finditer("\n", self.text))
        starts.append(len(self.text) + 1)
        return starts

    @cached_property
    def _bytes(self) -> array[int]:
        """The same in bytes of the text's UTF-8."""
        if self.text.isascii():
            return self._starts
        lengths = (len(self.text[start:end].encode()) for start, end in pairwise(self._starts))
        return array("I", accumulate(lengths, initial=0))

    def line_of(self, index: int) -> tuple[int, int]:
        """Return line and column of a character."""
        line = bisect_right(self._starts, index) - 1
        return line, index - self._starts[line]

    def line(self, number: int) -> str:
        """Return a line without its end; "" where there is none."""
        if not 0 <= number < len(self._starts) - 1:
            return ""
        start, end = self._starts[number : number + 2]
        return self.text[start : end - 1].removesuffix("\r")

    def text_from(self, line: int, column: int, length: int) -> str:
        """Return so many characters from a place on."""
        start = self._starts[line] + column
        return self.text[start : start + length]

    def text_before(self, line: int, column: int) -> str:
        """Return everything before a place."""
        return self.text[: self._starts[line] + column]

    def shown(self, number: int) -> str:
        """Return a line as errors show it: without secrets, "" where it is too long."""
        text = self.line(number)
        return hide_secret(text) if len(text) <= MAX_LINE else ""

    def has_secret(self, number: int) -> bool:
        """Tell whether a line holds what is not to be shown."""
        if number not in self._secrets:
            text = self.line(number)
            self._secrets[number] = hide_secret(text) != text
        return self._secrets[number]

    @cached_property
    def _secrets(self) -> dict[int, bool]:
        """Lines that were looked at already: a long one may hold a hundred mistakes."""
        return {}

    def within(self, line: int, start: int, end: int) -> SourceRange:
        """Make a range in one line, the end exclusive."""
        return self.between(line, start, line, end)

    def between(self, line: int, column: int, end_line: int, end_column: int) -> SourceRange:
        """Make a range that may end in a later line, the end exclusive."""
        while end_column == 0 and end_line > line:
            # A block text ends where the next line begins; its range ends with its own.
            end_line -= 1
            end_column = len(self.line(end_line))
        start, end = self._position(line, column), self._position(end_line, end_column)
        return SourceRange(self.filename, start, end, self.shown(line))

    def _position(self, line: int, column: int) -> Position:
        last = len(self._starts) - 2
        if line > last:
            line, column = last, len(self.line(last))
        start = self._starts[line]
        text = self.text[start : start + column]
        before = column if text.isascii() else len(text.encode())
        return Position(line + 1, column + 1, self.offset + self._bytes[line] + before)


def decode(raw: bytes, filename: str) -> tuple[Source | None, list[Diagnostic]]:
    """Turn bytes into a source, or say why they are no text that people can review.

    A UTF-8 byte order mark is dropped; every other encoding is refused.
    """
    if len(raw) > MAX_BYTES:
        detail = f"{filename} has more than {MAX_BYTES:,} bytes, the most that is read."
        hint = "Split it, or check that it is a manifest at all."
        begin = Position(1, 1)
        where = SourceRange(filename, begin, begin)
        return None, [codes.NOT_TEXT.error(detail, hint=hint, range=where)]
    offset = len(_UTF8_MARK) if raw.startswith(_UTF8_MARK) else 0
    try:
        text = raw[offset:].decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [_not_utf8(raw, filename, offset + error.start)]
    source = Source(filename, text, offset)
    problems = list(islice(_hidden_characters(source), MAX_HIDDEN_LINES))
    return (None if problems else source), problems


def _not_utf8(raw: bytes, filename: str, index: int) -> Diagnostic:
    detail = f"The byte 0x{raw[index]:02x} is no part of a UTF-8 text."
    if raw.startswith(_UTF16_MARKS):
        detail = f"{filename} is UTF-16, which `>` of Windows PowerShell writes."
    begin = raw.rfind(b"\n", 0, index) + 1
    line, column = raw.count(b"\n", 0, index), len(raw[begin:index].decode("utf-8-sig"))
    shown = raw[begin : begin + MAX_LINE].split(b"\n", 1)[0].decode("utf-8-sig", "replace")
    where = SourceRange(
        filename,
        Position(line + 1, column + 1, index),
        Position(line + 1, column + 2, index + 1),
        replace_hidden(hide_secret(shown.removesuffix("\r"))),
    )
    return codes.NOT_TEXT.error(detail, hint="Save the file as UTF-8.", range=where)


def _hidden_characters(source: Source) -> Iterator[Diagnostic]:
    """Yield the first one of each line."""
    reported = -1
    for found in find_hidden(source.text):
        line, column = source.line_of(found.start())
        if line == reported:
            continue
        reported = line
        where = source.within(line, column, column + 1)
        yield codes.NOT_TEXT.error(
            f"Column {column + 1} holds {name_of(found[0])}, which is invisible or changes how "
            "the text around it is shown.",
            hint="Save the file as UTF-8; this looks like UTF-16."
            if found[0] == "\0"
            else "Remove that character.",
            range=replace(where, text=replace_hidden(where.text)),
        )
