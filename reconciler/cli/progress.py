"""How far downloads and uploads are: bars on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from reconciler.apply.events import (
    Event,
    FetchProgress,
    FetchStarted,
    UploadProgress,
    UploadStarted,
)
from reconciler.cli.lines import Lines
from reconciler.cli.terminal import Terminal
from reconciler.render.transfers import Clock, File, Throttle, Traffic, progress_line

if TYPE_CHECKING:
    from reconciler.render.transfer_bars import BarRenderer

LOG_SECONDS = 5.0
"""A log gets a line so often at most for each transfer."""

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

FRAME_SECONDS = 0.125
"""The bars are drawn so often at most."""


class Progress(Protocol):
    """Shows how far transfers are; entered while they may run."""

    def __enter__(self) -> Progress: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def take(self, event: Event) -> None:
        """Hear what happened, whatever it is."""
        ...


class LogProgress:
    """A line every few seconds at most for each transfer."""

    def __init__(
        self,
        terminal: Terminal,
        sizes: Mapping[File, int],
        clock: Clock = time.monotonic,
        *,
        downloads: Mapping[File, int] | None = None,
    ) -> None:
        self._terminal = terminal
        self._traffic = Traffic(sizes, downloads or {}, clock)
        self._throttle = Throttle(LOG_SECONDS, clock)

    def __enter__(self) -> LogProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    def take(self, event: Event) -> None:
        """Write a line where it is time for one."""
        self._traffic.take(event)
        if isinstance(event, FetchStarted | UploadStarted):
            self._throttle.begin((event.address, event.file_name))
        elif isinstance(event, FetchProgress | UploadProgress):
            file = (event.address, event.file_name)
            if self._throttle.is_due(file):
                standing = self._traffic.of(event).standing(file)
                self._terminal.err(progress_line(file, standing))


class BarProgress:
    """Bars below everything else that goes to standard error.

    One thread draws, and while it lives it alone writes: events and lines come to it by a
    queue, whose `put` is safe even within a signal handler. `sys.stderr` is replaced by a
    stream that puts lines there. The cursor rests below the bars and is never hidden, so
    that a kill leaves a usable terminal.
    """

    def __init__(
        self,
        sizes: Mapping[File, int],
        downloads: Mapping[File, int],
        renderer: BarRenderer,
        stream: TextIO,
    ) -> None:
        self._traffic = Traffic(sizes, downloads, time.monotonic)
        self._throttle = Throttle(FRAME_SECONDS, time.monotonic)
        self._queue: SimpleQueue[Event | str | None] = SimpleQueue()
        self._screen = _Screen(stream)
        self._stream = stream
        self._renderer = renderer
        self._thread = threading.Thread(target=self._run, name="bars", daemon=True)

    def __enter__(self) -> BarProgress:
        sys.stderr = Lines(self._stream, self._queue.put)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.stderr.close()
        sys.stderr = self._stream
        self._queue.put(None)
        self._thread.join()
        self._screen.show([])
        # Nothing is left there, unless the thread failed.
        while not self._queue.empty():
            if isinstance(item := self._queue.get(), str):
                self._screen.write_above(item)

    def take(self, event: Event) -> None:
        """Hand the event to the thread that draws; of many blocks, those that can be seen."""
        if isinstance(event, FetchProgress | UploadProgress) and not self._throttle.is_due(
            (event.address, event.file_name)
        ):
            return
        self._queue.put(event)

    def _run(self) -> None:
        next_frame = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= next_frame:
                self._draw()
                next_frame = now + FRAME_SECONDS
            try:
                item = self._queue.get(timeout=next_frame - now)
            except Empty:
                continue
            if item is None:
                return
            if isinstance(item, str):
                self._screen.write_above(item)
            else:
                self._traffic.take(item)

    def _draw(self) -> None:
        columns, lines = self._screen.size()
        current = self._traffic.current
        # One column stays free: not every terminal waits for what follows before it wraps.
        width = max(columns - 1, 20)
        self._screen.show(self._renderer.draw(current, width, lines) if current else [])


class _Screen:
    """The last lines of a terminal, drawn again and again. Whatever fails, the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: list[str] = []
        self._gone = False

    def size(self) -> tuple[int, int]:
        """Return columns and lines; some terminals, such as a CI's, say that they have none."""
        try:
            columns, lines = os.get_terminal_size(self._stream.fileno())
        except OSError:
            columns, lines = 0, 0
        return columns or 80, lines or 24

    def show(self, lines: list[str]) -> None:
        """Draw these lines instead of those shown."""
        self._write(self._erase() + "".join(f"{line}\n" for line in lines))
        self._shown = lines

    def write_above(self, text: str) -> None:
        """Write whole lines above those shown."""
        self._write(self._erase() + text + "".join(f"{line}\n" for line in self._shown))

    def _erase(self) -> str:
        if not self._shown:
            return ""
        columns, _ = self.size()
        # A terminal that became narrower has wrapped what was shown.
        rows = sum(-(-max(len(_ESCAPES.sub("", line)), 1) // columns) for line in self._shown)
        return f"\r\x1b[{rows}A\x1b[J"

    def _write(self, text: str) -> None:
        if self._gone or not text:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            # The terminal went away; SIGHUP tells the run, if that is to end it.
            self._gone = True


def open_progress(
    terminal: Terminal, sizes: Mapping[File, int], downloads: Mapping[File, int] | None = None
) -> Progress:
    """Choose how to show it. sizes: every planned upload in bytes; none shows nothing."""
    movable = os.environ.get("TERM", "") not in ("", "dumb", "unknown")
    # Log lines go past the thread that draws, and would be erased with the bars.
    logs = logging.getLogger().isEnabledFor(logging.INFO)
    if not sizes or not sys.stderr.isatty() or not movable or logs:
        return LogProgress(terminal, sizes, downloads=downloads)
    from reconciler.render.transfer_bars import BarRenderer

    renderer = BarRenderer(sys.stderr, terminal.err_style)
    return BarProgress(sizes, downloads or {}, renderer, sys.stderr)
