"""What every place to keep a state must promise."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from shlex import quote
from typing import Protocol

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.state.snapshot import State

HIDDEN_QUERY = "?..."
"""Ends a location that leaves out the query of its address."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state as loaded; version is the store's own token for compare-and-swap."""

    state: State
    version: str


class DamagedStateError(DiagnosticError):
    """R402. content: what is stored. version: the store's own; a save that names it replaces it."""

    def __init__(self, *diagnostics: Diagnostic, content: bytes, version: str) -> None:
        super().__init__(*diagnostics)
        self.content = content
        self.version = version


@dataclass(frozen=True, slots=True)
class LockInfo:
    """Who holds a lock; its JSON has the keys of Terraform's lock info.

    created: RFC 3339 in UTC. who: user@host (process). version: of the tool.
    """

    id: str
    operation: str
    who: str
    created: str
    path: str = ""
    version: str = ""

    def to_json(self) -> str:
        """Write it, one line. GitLab wants every key of Terraform's, the empty ones too."""
        data = {
            "ID": self.id,
            "Operation": self.operation,
            "Info": "",
            "Who": self.who,
            "Version": self.version,
            "Created": self.created,
            "Path": self.path,
        }
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> LockInfo | None:
        """Read it; None where it is none, or has no id, without which nobody could name it."""
        try:
            data = json.loads(text)
            keys = ("ID", "Operation", "Who", "Created", "Path", "Version")
            info = cls(*(str(data.get(key, "")) for key in keys))
        except (ValueError, AttributeError, RecursionError):
            return None
        return info if info.id and info.id == data["ID"] else None

    def __str__(self) -> str:
        who, operation = self.who or "somebody unknown", self.operation or "an unknown operation"
        return f"{who}, {operation} since {self.created or 'an unknown time'}"


def naming(location: str) -> str:
    """Return what names a state in a command that is to be pasted, a space before it.

    "" where the location hides the query of its address, which the reader has to repeat.
    """
    return "" if location.endswith(HIDDEN_QUERY) else f" --state {quote(location)}"


class StateLock(Protocol):
    """A lock that is held."""

    def check(self) -> None:
        """Raise DiagnosticError (R410) where it is no longer held."""
        ...


class StateStore(Protocol):
    """A place for one state. Every method raises DiagnosticError (R4xx), nothing else."""

    @property
    def location(self) -> str:
        """The place in words that its user knows; never a credential."""
        ...

    def load(self) -> Snapshot | None:
        """Return the state, or None where there is none yet.

        Raises DamagedStateError where what is stored can be replaced, but not read.
        """
        ...

    def save(self, state: State, expected: str) -> str:
        """Replace the state durably and return its new version.

        expected: the version it was loaded at, "" for "there is none"; where the stored
        one is another, nothing is written and R405 is raised.
        """
        ...

    def lock(self, info: LockInfo, timeout: float) -> AbstractContextManager[StateLock]:
        """Hold the lock. timeout: seconds to wait for another holder; R408 names them."""
        ...

    def holder(self) -> LockInfo | None:
        """Tell who holds the lock; None where nobody does."""
        ...

    def break_lock(self, lock_id: str) -> None:
        """Free the lock of a holder that is gone; R422 where that is not who holds it."""
        ...
