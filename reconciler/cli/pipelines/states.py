"""What the jobs of a pipeline need to reach the place of a state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of place.

    extra: of the package; "" where it needs none.
    secrets, variables: what the command reads from the environment, and the name that the
    pipeline for GitHub takes it from. file: what names a file that is the credential.
    """

    extra: str = ""
    secrets: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    file: str = ""


_KEYS = (
    ("AWS_ACCESS_KEY_ID", "STATE_ACCESS_KEY_ID"),
    ("AWS_SECRET_ACCESS_KEY", "STATE_SECRET_ACCESS_KEY"),
)
_AZURE = "AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"
_HTTP = "TF_HTTP_ADDRESS", "TF_HTTP_USERNAME", "TF_HTTP_PASSWORD"
_PLACES = {
    "s3": Place("s3", _KEYS, (("AWS_REGION", "STATE_REGION"),)),
    "r2": Place("r2", _KEYS),
    "gs": Place("gs", file="GOOGLE_APPLICATION_CREDENTIALS"),
    "az": Place("az", ((_AZURE[1], _AZURE[1]),), ((_AZURE[0], _AZURE[0]),)),
    "postgresql": Place("postgresql", (("PGPASSWORD", "PGPASSWORD"),), (("PGHOST", "PGHOST"),)),
    "https": Place("", ((_HTTP[2], _HTTP[2]),), tuple((name, name) for name in _HTTP[:2])),
}
"""By the scheme of the address; docs/shared-state.md has what else each can take."""


def places(schemes: Iterable[str]) -> list[Place]:
    """Return the kinds that occur, each once, in the order of the schemes."""
    return [_PLACES[scheme] for scheme in sorted(set(schemes)) if scheme in _PLACES]


def extras(schemes: Iterable[str]) -> str:
    """Return the extras of the package with commas between them: `postgresql,s3`."""
    return ",".join(place.extra for place in places(schemes) if place.extra)


def from_github(schemes: Iterable[str]) -> dict[str, str]:
    """Return the environment of a job on GitHub, each value with where it is kept."""
    found = places(schemes)
    secrets = {name: f"secrets.{kept}" for place in found for name, kept in place.secrets}
    return secrets | {name: f"vars.{kept}" for place in found for name, kept in place.variables}


def names(schemes: Iterable[str]) -> list[str]:
    """Return the variables that the command reads."""
    found = places(schemes)
    names = [name for place in found for name, _ in place.secrets + place.variables]
    files = [f"{place.file} (a file)" for place in found if place.file]
    return list(dict.fromkeys(names + files))
