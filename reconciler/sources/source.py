"""What a source is: a place that gives an adapter's files, whole or from some byte on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import SourceAddress

BLOCK = 1 << 18
"""Bytes that are read at a time: 256 KiB."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file that is being read.

    begin: the first byte that the blocks give; 0 where the source cannot go on, or has
    another file by now. size: bytes of the whole file. version: the source's own name for
    this content, "" for none. Reading the blocks raises BrokenError.
    """

    begin: int
    size: int
    version: str
    blocks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A source as it is now. address: with the commit instead of a branch.
    sha256: what the source itself knows of its files, by name.
    """

    address: SourceAddress
    sha256: Mapping[str, str] = field(default_factory=dict)


class BrokenError(Exception):
    """Reading broke off, or did not begin, and may work in a moment. str: why, for people."""


class StoppedError(Exception):
    """The run is to end: what was read so far is left."""


class Source(Protocol):
    """One adapter's place. Its methods raise DiagnosticError for what will not pass."""

    @property
    def address(self) -> SourceAddress:
        """Where it is."""
        ...

    def resolve(self) -> Resolved:
        """Ask what it is now, without reading files."""
        ...

    def open(
        self, file_name: str, begin: int = 0, end: int | None = None, version: str = ""
    ) -> AbstractContextManager[Part]:
        """Read a file from byte `begin` to before `end` (None: all the rest).

        version: only of this content is `begin` what is meant; of another the file is read
        from its start. Raises BrokenError, too.
        """
        ...


def resolved(source: Source) -> Resolved:
    """Ask a source what it is now; DiagnosticError for whatever goes wrong."""
    try:
        return source.resolve()
    except BrokenError as error:
        raise DiagnosticError(
            codes.UNREACHABLE.error(f"{source.address}: {error}.", hint="Run it again.")
        ) from None
