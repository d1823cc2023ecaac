"""The shape of one diagnostic, and the exception that carries them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum


class Severity(Enum):
    """How bad it is: an error stops the command, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text: line and column count characters from 1, byte from 0."""

    line: int
    column: int
    byte: int = 0


@dataclass(frozen=True, slots=True)
class SourceRange:
    """A stretch of a file; `text` is the whole source line that `start` lies on."""

    filename: str
    start: Position
    end: Position
    text: str = ""

    def __str__(self) -> str:
        return f"{self.filename}:{self.start.line}:{self.start.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    code: stable, such as "R104"; `reconciler explain R104` tells more.
    summary: constant per code. detail: what is wrong here. hint: what to do, and on lines of
    their own the commands to copy for it.
    address: the finetune it is about. range: where in which file.
    """

    code: str
    severity: Severity
    summary: str
    detail: str = ""
    hint: str = ""
    address: str = ""
    range: SourceRange | None = None

    @property
    def is_error(self) -> bool:
        """Whether it stops the command."""
        return self.severity is Severity.ERROR

    def at(self, where: SourceRange | None) -> Diagnostic:
        """Return the same finding with a place."""
        return replace(self, range=where)

    def about(self, address: str) -> Diagnostic:
        """Return the same finding with the finetune it is about."""
        return replace(self, address=address)


class DiagnosticError(Exception):
    """Raised by an edge that cannot go on; carries at least one diagnostic.

    exit_code: 1 for a definite failure, 3 when a person must look.
    """

    def __init__(self, *diagnostics: Diagnostic, exit_code: int = 1) -> None:
        if not diagnostics:
            raise ValueError("DiagnosticError needs a diagnostic")
        super().__init__("; ".join(f"{d.code} {d.summary}: {d.detail}" for d in diagnostics))
        self.diagnostics = diagnostics
        self.exit_code = exit_code


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Tell whether any of them is an error."""
    return any(d.is_error for d in diagnostics)
