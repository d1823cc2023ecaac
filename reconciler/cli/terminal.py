"""The two streams: results go to standard output, everything else to standard error."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TextIO

from reconciler.diagnostics import Diagnostic
from reconciler.render.diagnostics import render_diagnostics, summarize
from reconciler.render.style import Style


class Terminal:
    """Writes to both streams. A reader that goes away ends the writing, not the work."""

    def __init__(self, *, no_color: bool = False) -> None:
        self._no_color = no_color or bool(os.environ.get("NO_COLOR"))
        self._gone: set[TextIO] = set()
        self.on_broken_pipe: Callable[[], None] = lambda: None

    @property
    def out_style(self) -> Style:
        """How to write results."""
        return self._style(sys.stdout)

    @property
    def err_style(self) -> Style:
        """How to write everything else."""
        return self._style(sys.stderr)

    @property
    def is_broken(self) -> bool:
        """Whether the reader of the results went away."""
        return bool(self._gone)

    def out(self, text: str) -> None:
        """Write a result and a line end."""
        self._write(sys.stdout, text)

    def err(self, text: str) -> None:
        """Write anything else and a line end."""
        self._write(sys.stderr, text)

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        """Write diagnostics and how many they are."""
        listed = list(found)
        if listed:
            style = self.err_style
            self.err(f"{render_diagnostics(listed, style)}\n\n{summarize(listed, style)}")

    def _style(self, stream: TextIO) -> Style:
        if not stream.isatty():
            return Style()
        color = not self._no_color and os.environ.get("TERM") != "dumb"
        return Style(color=color, width=shutil.get_terminal_size().columns)

    def _write(self, stream: TextIO, text: str) -> None:
        if stream in self._gone:
            return
        try:
            stream.write(f"{text}\n")
            stream.flush()
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")
            stream.flush()
        except BrokenPipeError:
            self._gone.add(stream)
            # Python would complain again when it flushes the stream at exit.
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            self.on_broken_pipe()
