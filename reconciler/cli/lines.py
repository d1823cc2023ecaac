"""A stand-in for standard error while somebody else draws on the terminal."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TextIO


class Lines(io.TextIOBase):
    """Hands whole lines to `put`, which must be safe to call from within a signal handler."""

    encoding: str = ""
    """Hides the base's, which is read-only."""

    def __init__(self, stream: TextIO, put: Callable[[str], object]) -> None:
        self.encoding = stream.encoding
        self.put = put
        self._stream = stream
        self._begun = ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Tell what the real stream is."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """Return the real stream's."""
        return self._stream.fileno()

    def write(self, text: str) -> int:
        """Take a text; UnicodeEncodeError at once where the real stream could not take it."""
        text.encode(self.encoding, self._stream.errors or "strict")
        self._begun += text
        end = self._begun.rfind("\n") + 1
        if end:
            whole, self._begun = self._begun[:end], self._begun[end:]
            self.put(whole)
        return len(text)

    def flush(self) -> None:
        """Do nothing: a line that is begun waits for its end, so that nothing is drawn in it."""

    def close(self) -> None:
        """Hand over what was begun."""
        if self._begun:
            self.put(f"{self._begun}\n")
            self._begun = ""
