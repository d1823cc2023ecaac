"""From a path or an address to the store behind it."""

from __future__ import annotations

from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.state import StateStore
from reconciler.stores.local import LocalStore


def open_store(address: str, root: Path) -> StateStore:
    """Return the store of a state; address is a path relative to root."""
    scheme, separator, _ = address.partition("://")
    if separator:
        raise DiagnosticError(
            codes.UNSUPPORTED_STORE.error(
                f"{scheme}:// is not a place that this release can keep a state in.",
                hint="Give the path of a file: --state reconciler.state.json",
            )
        )
    return LocalStore(root / address, address)
