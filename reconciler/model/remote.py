"""What the account shows: remote finetunes, and the listing that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RemoteFinetune:
    """One finetune as the API answered it.

    id: the server's, a string. public is None where the answer does not say (the list
    never does). Times are RFC 3339 texts, "" where missing.
    """

    id: str
    name: str
    model: str
    description: str = ""
    public: bool | None = None
    created_at: str = ""
    modified_at: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """Every finetune of an account at one moment, in the order of the answer."""

    finetunes: tuple[RemoteFinetune, ...] = ()
    _by_name: Mapping[str, tuple[RemoteFinetune, ...]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        index: dict[str, list[RemoteFinetune]] = {}
        for remote in self.finetunes:
            index.setdefault(remote.name, []).append(remote)
        by_name = {name: tuple(found) for name, found in index.items()}
        object.__setattr__(self, "_by_name", by_name)

    def named(self, name: str) -> tuple[RemoteFinetune, ...]:
        """Return those of a remote name; the API is not known to keep names unique."""
        return self._by_name.get(name, ())
