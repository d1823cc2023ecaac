"""Which sources a project may use: those that its reconciler.yaml lists, and what is below them."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import SourceAddress


def why_not_allowed(address: SourceAddress, allowed: Sequence[str]) -> Diagnostic | None:
    """Return the error of a source that no entry covers; None where one does."""
    place = f"{address.scheme}://{address.place}"
    whole = f"{place}/{address.folder}" if address.folder else place
    if any(_covers(entry.rstrip("/"), whole) for entry in allowed):
        return None
    organization, _, _ = address.place.partition("/")
    suggested = f"hf://{organization}" if address.scheme == "hf" else place
    listed = ", ".join([*allowed, suggested])
    return codes.NOT_ALLOWED.error(
        f"{place} is not among the sources that reconciler.yaml allows.",
        hint=f"Write into reconciler.yaml: sources: {{allow: [{listed}]}}",
    )


def _covers(entry: str, whole: str) -> bool:
    return whole == entry or whole.startswith(f"{entry}/")
