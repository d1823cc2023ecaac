"""What the account shows: remote finetunes, and the listing that holds them."""

from __future__ import annotations

from dataclasses import dataclass


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

    def named(self, name: str) -> tuple[RemoteFinetune, ...]:
        """Return those of a remote name; the API is not known to keep names unique."""
        return tuple(remote for remote in self.finetunes if remote.name == name)
