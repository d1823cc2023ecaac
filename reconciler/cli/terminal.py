"""The two streams: results go to standard output, everything else to standard error."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TextIO

from reconciler.cli.advice import advised, with_flags
from reconciler.cli.lines import Lines
from reconciler.diagnostics import Diagnostic
from reconciler.render.diagnostics import render_diagnostics, summarize
from reconciler.render.style import Style
from reconciler.render.text import fold


class Terminal:
    """Writes to both streams. A stream that breaks ends the writing, not the work.

    on_broken: called when one breaks. lost: what the system said when results could not be
    written, "" where all were or where their reader just went away. flags: those of the command
    that every command needs which is advised, --state and --sandbox; folder: that of its -C.
    """

    def __init__(self, *, no_color: bool = False) -> None:
        self.no_color = no_color or bool(os.environ.get("NO_COLOR"))
        self.on_broken: Callable[[], None] = lambda: None
        self.lost = ""
        self.flags: tuple[str, ...] = ()
        self.folder = ""
        self._broken: set[TextIO] = set()

    @property
    def out_style(self) -> Style:
        """How to write results."""
        return self._style(sys.stdout)

    @property
    def err_style(self) -> Style:
        """How to write everything else."""
        return self._style(sys.stderr)

    def out(self, text: str) -> None:
        """Write a result and a line end."""
        self._write(sys.stdout, f"{text}\n")

    def err(self, text: str) -> None:
        """Write anything else and a line end."""
        self._write(sys.stderr, f"{text}\n")

    def say(self, text: str) -> None:
        """Write prose, folded as diagnostics are, to where they go."""
        self.err(fold(text, self.err_style.columns))

    def ask(self, question: str) -> str | None:
        """Ask on standard error; return the answer, None where nobody can be asked."""
        if not sys.stdin.isatty():
            return None
        self._write(sys.stderr, self.err_style.paint(question, "bold"))
        return sys.stdin.readline().strip()

    def diagnostics(self, found: Iterable[Diagnostic]) -> None:
        """Write diagnostics and how many they are."""
        listed = self.advised(found)
        if listed:
            style = self.err_style
            self.err(f"{render_diagnostics(listed, style)}\n\n{summarize(listed, style)}")

    def advised(self, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """Make the commands in diagnostics such that they can be typed as they are."""
        return tuple(advised(diagnostic, self.flags, self.folder) for diagnostic in found)

    def typed(self, text: str) -> str:
        """Make the commands in a text such, too."""
        return with_flags(text, self.flags, self.folder)

    def _style(self, stream: TextIO) -> Style:
        if not stream.isatty():
            return Style()
        color = not self.no_color and os.environ.get("TERM") != "dumb"
        return Style(color=color, width=shutil.get_terminal_size().columns)

    def _write(self, stream: TextIO, text: str) -> None:
        if stream in self._broken:
            return
        try:
            try:
                stream.write(text)
            except UnicodeEncodeError:
                encoding = stream.encoding or "ascii"
                stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except OSError as error:
            self._give_up(stream, error)

    def _give_up(self, stream: TextIO, error: OSError) -> None:
        self._broken.add(stream)
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            self.lost = error.strerror or str(error)
        # Python would complain again when it flushes the stream at exit.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        self.on_broken()


def tell_at_once(text: str) -> None:
    """Write to standard error from a signal handler, past the streams, which may be in use."""
    if isinstance(sys.stderr, Lines):
        sys.stderr.put(text)
        return
    with suppress(OSError):
        os.write(2, text.encode("ascii", "backslashreplace"))
