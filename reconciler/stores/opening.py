"""From a path or an address to the store behind it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.state import StateStore
from reconciler.stores.addresses import scheme_of
from reconciler.stores.confirming import check_confirmed
from reconciler.stores.local import LocalStore

_MEANT = {
    "file": "Give the path alone.",
    "postgres": "Write postgresql://.",
    "psql": "Write postgresql://.",
    "azure": "Write az://CONTAINER/KEY.",
    "gcs": "Write gs://BUCKET/KEY.",
}


def open_store(address: str, root: Path, *, from_project_file: bool = False) -> StateStore:
    """Return the store of a state; address is a URL, or a path relative to root.

    from_project_file: a pull request may have written the address. A server that would be
    sent a password must then be named by the environment too (R419). Clouds are free of
    this: their hosts are fixed, and requests are signed or go to the account's own host.
    Raises DiagnosticError (R406, R411, R417 to R420); nothing is sent yet.
    """
    scheme = scheme_of(address)
    if not scheme:
        return _open_file(address, root)
    opener = _OPENERS.get(scheme)
    if opener is None:
        raise DiagnosticError(
            codes.UNSUPPORTED_STORE.error(
                f"{printable(scheme, 20)}:// is not a place to keep a state in.",
                hint=_meant(scheme.lower()),
            )
        )
    if from_project_file:
        check_confirmed(scheme, address)
    return opener(address)


def _meant(scheme: str) -> str:
    if scheme in _OPENERS:
        return f"Write {scheme}:// in small letters."
    places = "the path of a file, or s3://, r2://, gs://, az://, postgresql:// or https://"
    return _MEANT.get(scheme, f"Give {places}.")


def _open_objects(address: str) -> StateStore:
    from reconciler.stores.addresses import parse_object_address
    from reconciler.stores.object_storage import ObjectStorage

    return ObjectStorage(parse_object_address(address))


def _open_database(address: str) -> StateStore:
    from reconciler.stores.addresses import parse_database_address
    from reconciler.stores.postgresql import PostgresqlStore

    return PostgresqlStore(parse_database_address(address))


def _open_http(address: str) -> StateStore:
    from reconciler.stores.http_backend import HttpStore

    return HttpStore(address)


_OPENERS: dict[str, Callable[[str], StateStore]] = {
    "s3": _open_objects,
    "r2": _open_objects,
    "gs": _open_objects,
    "az": _open_objects,
    "postgresql": _open_database,
    "https": _open_http,
    "http": _open_http,
}


def _open_file(address: str, root: Path) -> StateStore:
    path = root / address
    if not _is_file_name(path):
        raise DiagnosticError(
            codes.STATE_NOT_REGULAR.error(
                f"{printable(address) or 'An empty text'} is not the path of a file.",
                hint="Give the path of a file, such as reconciler.state.json.",
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
