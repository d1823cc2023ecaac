"""One file read to its end: going on where it broke off, within a size, at some speed."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.sources.bandwidth import Bandwidth
from reconciler.sources.source import BrokenError, Part, Source, StoppedError

Progress = Callable[[int, int], None]
"""Told how many bytes are there, and how many the file has."""

ATTEMPTS = 4
"""How often in a row an attempt may get no further than the ones before it."""
FIRST_PAUSE = 0.2
GRACE_SECONDS = 60.0
"""What a transfer may take besides the time that its size gives it."""


class Sink(Protocol):
    """Where the bytes go."""

    def reserve(self, size: int) -> None:
        """Make room for a file of that size; called once, before the first byte."""
        ...

    def write(self, block: bytes) -> None:
        """Take the next bytes."""
        ...

    def rewind(self) -> None:
        """Begin anew."""
        ...


class Transfer:
    """Reads one file of a source into a sink. `digest` is the sha256 of what was read."""

    def __init__(
        self,
        source: Source,
        file_name: str,
        longest: int,
        bandwidth: Bandwidth,
        stop: threading.Event,
        progress: Progress,
    ) -> None:
        self._source = source
        self._file_name = file_name
        self._longest = longest
        self._bandwidth = bandwidth
        self._stop = stop
        self._progress = progress
        self._hash = hashlib.sha256()
        self._version = ""
        self._farthest = 0
        self._deadline = 0.0
        self.done = 0
        self.size: int | None = None
        self.head = b""

    @property
    def digest(self) -> str:
        """The sha256 of the bytes so far."""
        return self._hash.hexdigest()

    def run(self, sink: Sink) -> None:
        """Read it all. Raises DiagnosticError, StoppedError, and what the sink raises."""
        failures = 0
        while self.size is None or self.done < self.size:
            before = self._farthest
            try:
                with self._open() as part:
                    self._begin(part, sink)
                    self._read(part, sink)
                    if self.done < part.size:
                        raise BrokenError("it ended before it was complete")
            except BrokenError as error:
                failures = 1 if self._farthest > before else failures + 1
                if failures >= ATTEMPTS:
                    raise DiagnosticError(self._unreachable(str(error))) from None
                self._check_speed()
                if self._stop.wait(FIRST_PAUSE * 2 ** (failures - 1)):
                    raise StoppedError from None

    def _open(self) -> AbstractContextManager[Part]:
        if self._stop.is_set():
            raise StoppedError
        # Only a strong name says that the first bytes are still those that are here.
        goes_on = self._version and not self._version.startswith("W/")
        begin = self.done if goes_on else 0
        return self._source.open(self._file_name, begin, version=self._version)

    def _begin(self, part: Part, sink: Sink) -> None:
        if self.size is None:
            if part.size > self._longest:
                raise DiagnosticError(
                    codes.TOO_LONG.error(
                        f"{self._what} has {part.size:,} bytes; {self._longest:,} is the most."
                    )
                )
            self.size = part.size
            self._deadline = time.monotonic() + GRACE_SECONDS + part.size / self._bandwidth.slowest
            sink.reserve(part.size)
        elif part.size != self.size:
            raise DiagnosticError(
                codes.BAD_ANSWER.error(
                    f"{self._what} had {self.size:,} bytes, and now has {part.size:,}.",
                    hint="Run it again once nobody changes it any more.",
                )
            )
        is_other = part.begin > 0 and part.version not in ("", self._version)
        if part.begin != self.done or is_other:
            self._hash, self.done = hashlib.sha256(), 0
            sink.rewind()
        if is_other:
            raise BrokenError("it changed while it was read")
        self._version = part.version or self._version

    def _read(self, part: Part, sink: Sink) -> None:
        for block in part.blocks:
            if self._stop.is_set():
                raise StoppedError
            if self.done + len(block) > part.size:
                raise DiagnosticError(
                    codes.BAD_ANSWER.error(f"{self._what} is longer than the source said.")
                )
            self._bandwidth.take(len(block))
            if self.done == 0:
                self.head = block[:16]
            sink.write(block)
            self._hash.update(block)
            self.done += len(block)
            self._farthest = max(self._farthest, self.done)
            self._progress(self.done, part.size)
            self._check_speed()

    def _check_speed(self) -> None:
        if self.size is not None and time.monotonic() > self._deadline:
            raise DiagnosticError(self._unreachable("it is too slow"))

    @property
    def _what(self) -> str:
        return f"{self._source.address}: {self._file_name}"

    def _unreachable(self, reason: str) -> Diagnostic:
        where = f" after {self.done:,} of {self.size:,} bytes" if self.size and self.done else ""
        return codes.UNREACHABLE.error(
            f"{self._what}: {reason}{where}.", hint="Check the network, and run it again."
        )
