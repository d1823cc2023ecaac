"""The tree that a document is parsed to: values that know where they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.diagnostics import SourceRange
from reconciler.documents.source import Source


@dataclass(slots=True)
class Node:
    """Something with a place: lines and columns in characters from 0, the end exclusive.

    Numbers instead of PyYAML's marks: half the memory, and nothing for the collector to walk.
    """

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def range(self) -> SourceRange:
        """Where it was written; for an alias, where what it names was written."""
        return self.source.between(self.line, self.column, self.end_line, self.end_column)

    def plain(self) -> Any:
        """Return it as plain Python data, as the schema validator takes it."""
        raise TypeError(type(self).__name__)


@dataclass(slots=True)
class Scalar(Node):
    """One value. text: as written, without quotes. plain_style: there were no quotes."""

    value: str | int | float | bool | None
    text: str
    plain_style: bool

    def plain(self) -> str | int | float | bool | None:
        """Return the value."""
        return self.value


@dataclass(slots=True)
class Sequence(Node):
    """A list."""

    items: list[Node]

    def plain(self) -> list[Any]:
        """Return the values."""
        return [item.plain() for item in self.items]


@dataclass(slots=True)
class Entry:
    """A key and its value; a key is always the text that was written."""

    key: Scalar
    value: Node


@dataclass(slots=True)
class Mapping(Node):
    """Keys and values, in the order of the text; a key stands once."""

    entries: dict[str, Entry]

    def plain(self) -> dict[str, Any]:
        """Return the values by key."""
        return {key: entry.value.plain() for key, entry in self.entries.items()}

    def get(self, key: str) -> Node | None:
        """Return the value of a key, or None."""
        entry = self.entries.get(key)
        return entry.value if entry else None

    def mapping(self, key: str) -> Iterator[Entry]:
        """Walk the entries of the mapping under a key; nothing where it is none."""
        value = self.get(key)
        if isinstance(value, Mapping):
            yield from value.entries.values()

    def sequence(self, key: str) -> Iterator[Node]:
        """Walk the items of the list under a key; nothing where it is none."""
        value = self.get(key)
        if isinstance(value, Sequence):
            yield from value.items

    def text(self, key: str) -> str:
        """Return the text under a key; "" where there is none."""
        value = self.get(key)
        return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else ""
