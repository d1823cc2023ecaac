"""A source text: bytes to characters, and places in it."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice

from reconciler.diagnostics import Diagnostic, Position, SourceRange
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.characters import find_hidden, hide_secrets, name_of, replace_hidden
from reconciler.documents.limits import MAX_BYTES, MAX_LINE

MAX_HIDDEN_LINES = 10
"""Lines with hidden characters that are told; a binary file has them everywhere."""
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """A decoded text and its name as the user knows it; its lines end with LF or CRLF.

    Lines and columns are counted from 0 here, and from 1 in the ranges that are made.

    lines: without their ends. starts: the byte that each line begins at.
    hidden: what to show of lines with a secret, by zero-based number.
    """

    filename: str
    text: str = field(repr=False)
    lines: tuple[str, ...] = field(repr=False)
    starts: array[int] = field(repr=False)
    hidden: Mapping[int, str] = field(repr=False)

    @classmethod
    def of(cls, filename: str, text: str, offset: int = 0) -> Source:
        """Make a source of a text that begins at that byte of its file."""
        lines = text.split("\n")
        lengths = map(len, lines) if text.isascii() else (len(line.encode()) for line in lines)
        starts = array("L", accumulate((length + 1 for length in lengths), initial=offset))
        if "\r" in text:
            lines = [line.removesuffix("\r") for line in lines]
        return cls(filename, text, tuple(lines), starts, hide_secrets(lines, text))

    def shown(self, line: int) -> str:
        """Return a line as errors show it; "" where it is too long, or not there."""
        text = self.lines[line] if 0 <= line < len(self.lines) else ""
        return self.hidden.get(line, text) if len(text) <= MAX_LINE else ""

    def within(self, line: int, start: int, end: int) -> SourceRange:
        """Make a range in one line, the end exclusive."""
        return self.between(line, start, line, end)

    def between(self, line: int, column: int, end_line: int, end_column: int) -> SourceRange:
        """Make a range that may end in a later line, the end exclusive."""
        while end_column == 0 and end_line > line:
            # A block text ends where the next line begins; its range ends with its own.
            end_line -= 1
            end_column = len(self.lines[end_line]) if end_line < len(self.lines) else 0
        start, end = self._position(line, column), self._position(end_line, end_column)
        return SourceRange(self.filename, start, end, self.shown(line))

    def _position(self, line: int, column: int) -> Position:
        if line >= len(self.lines):
            line, column = len(self.lines) - 1, len(self.lines[-1])
        text = self.lines[line]
        before = column if text.isascii() else len(text[:column].encode())
        return Position(line + 1, column + 1, self.starts[line] + before)


def decode(raw: bytes, filename: str) -> tuple[Source | None, list[Diagnostic]]:
    """Turn bytes into a source, or say why they are no text that people can review.

    A UTF-8 byte order mark is dropped; every other encoding is refused.
    """
    if len(raw) > MAX_BYTES:
        detail = f"{filename} has more than {MAX_BYTES:,} bytes, the most that is read."
        hint = "Split it, or check that it is a manifest at all."
        return None, [codes.NOT_TEXT.error(detail, hint=hint)]
    offset = len(_UTF8_MARK) if raw.startswith(_UTF8_MARK) else 0
    try:
        text = raw[offset:].decode("utf-8")
    except UnicodeDecodeError as error:
        return None, [_not_utf8(raw, filename, offset + error.start)]
    source = Source.of(filename, text, offset)
    if find_hidden(text) is None:
        return source, []
    return None, list(islice(_hidden_characters(source), MAX_HIDDEN_LINES))


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
        replace_hidden(hide_secrets([shown], shown).get(0, shown.removesuffix("\r"))),
    )
    return codes.NOT_TEXT.error(detail, hint="Save the file as UTF-8.", range=where)


def _hidden_characters(source: Source) -> Iterator[Diagnostic]:
    """Yield the first one of each line."""
    lines = source.text.split("\n")
    for number, line in enumerate(lines):
        found = find_hidden(line if number == len(lines) - 1 else f"{line}\n")
        if found is None:
            continue
        where = source.within(number, found.start(), found.end())
        yield codes.NOT_TEXT.error(
            f"Column {where.start.column} holds {name_of(found[0])}, which is invisible or "
            "changes how the text around it is shown.",
            hint="Save the file as UTF-8; this looks like UTF-16."
            if found[0] == "\0"
            else "Remove that character.",
            range=replace(where, text=replace_hidden(where.text)),
        )
