"""A terminal in a few lines: what is on it after the few escapes that are allowed."""

from __future__ import annotations

import re

_TOKENS = re.compile(r"\x1b\[(\d*)([A-Za-z])|\x1b\[([\d;]*)m|([\r\n])|([^\x1b\r\n]+)")


class Screen:
    """Lines of text; the cursor moves over them as on a terminal that never scrolls."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.widest = 0
        self.lines = [""]
        self._row = 0
        self._column = 0

    def feed(self, text: str) -> Screen:
        """Take output; an escape other than colours, cursor up and erase below is an error."""
        end = 0
        for token in _TOKENS.finditer(text):
            assert token.start() == end, repr(text[end : token.start()])
            end = token.end()
            if token[5]:
                self._write(token[5])
            elif token[4]:
                self._move(token[4])
            elif token[2]:
                self._control(token[1], token[2])
        assert end == len(text), repr(text[end:])
        return self

    @property
    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.lines if line.strip()]

    def _control(self, number: str, letter: str) -> None:
        assert letter in "AJm", f"unexpected escape {number}{letter}"
        if letter == "A":
            self._row -= int(number)
            assert self._row >= 0
        elif letter == "J":
            assert number == ""
            del self.lines[self._row + 1 :]
            self.lines[self._row] = self.lines[self._row][: self._column]

    def _move(self, character: str) -> None:
        self._column = 0
        if character == "\n":
            self._row += 1
            if self._row == len(self.lines):
                self.lines.append("")

    def _write(self, text: str) -> None:
        line = self.lines[self._row].ljust(self._column)
        self.lines[self._row] = line[: self._column] + text + line[self._column + len(text) :]
        self._column += len(text)
        self.widest = max(self.widest, self._column)
