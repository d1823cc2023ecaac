"""From a path or an address to the store behind it."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
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
    path = root / address
    if not _is_file_name(path):
        raise DiagnosticError(
            codes.STATE_NOT_REGULAR.error(
                f"{printable(address) or 'An empty text'} is not the path of a file.",
                hint="Give the path of a file: --state reconciler.state.json",
            )
        )
    return LocalStore(path, address)


def _is_file_name(path: Path) -> bool:
    try:
        os.fsencode(path)
        # The lock of a folder would lie outside of it.
        return path.name not in ("", "..") and not path.is_dir() and "\0" not in str(path)
    except ValueError:
        return False
    except OSError:
        # Whoever reads or writes it says what is wrong.
        return True
