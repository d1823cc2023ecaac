"""Where credentials may go is for the environment to say, and not for a file of the project.

A pull request can change reconciler.yaml. So a server that would be sent a password has to be
named by the environment too, and no file weakens what the environment says about TLS.
"""

from __future__ import annotations

import os
from urllib.parse import SplitResult, parse_qsl, urlsplit

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.stores.addresses import TLS_MODES, split

_PORTS = {"https": 443, "http": 80}
_MODES = ("disable", "allow", "prefer", *TLS_MODES)
"""All of libpq's, each stronger than the ones before it."""


def check_confirmed(scheme: str, address: str) -> None:
    """Refuse (R419) an address of the project file that the environment does not confirm."""
    parts = split(address)
    if scheme == "postgresql":
        _check_database(parts)
        _check_tls(dict(parse_qsl(parts.query, keep_blank_values=True)))
    elif scheme in ("https", "http"):
        named = os.environ.get("TF_HTTP_ADDRESS", "").strip()
        given = named if "://" in named else f"{scheme}://{named}"
        if server_of(address) != server_of(given):
            raise _refused(parts, "TF_HTTP_ADDRESS", "TF_HTTP_ADDRESS")


def server_of(address: str) -> tuple[str, str, int]:
    """Return scheme, host and port, as they are where another way to write them is meant."""
    try:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", address, -1


def _check_database(parts: SplitResult) -> None:
    host, port = os.environ.get("PGHOST", "").lower(), os.environ.get("PGPORT", "")
    # Without one in the address, libpq takes them from the environment itself.
    usual = "" if "PGSERVICE" in os.environ else "5432"
    other_port = parts.port and str(parts.port) != (port or usual)
    if other_port or (parts.hostname and parts.hostname != host):
        raise _refused(parts, "PGPORT" if parts.hostname == host else "PGHOST", "PGHOST and PGPORT")


def _check_tls(options: dict[str, str]) -> None:
    said = os.environ.get("PGSSLMODE", "")
    mode = options.get("sslmode", said)
    # A service may say anything. What is no mode at all is refused as such, elsewhere.
    least = said or ("verify-full" if "PGSERVICE" in os.environ else "disable")
    if mode in _MODES and least in _MODES and _MODES.index(mode) < _MODES.index(least):
        raise _weaker("sslmode", mode, "PGSSLMODE")
    said = os.environ.get("PGSSLROOTCERT", "")
    roots = options.get("sslrootcert", said)
    # The certificates of a path could be the pull request's own.
    is_free = roots == "system" and not said and "PGSERVICE" not in os.environ
    if roots != said and not is_free:
        raise _weaker("sslrootcert", roots, "PGSSLROOTCERT")


def _weaker(option: str, value: str, variable: str) -> DiagnosticError:
    return DiagnosticError(
        codes.SERVER_NOT_CONFIRMED.error(
            f"reconciler.yaml has the state's server checked by {option}={printable(value, 100)}, "
            f"which {variable} does not say.",
            hint=f"Take it out of the address and set {variable}, or set RECONCILER_STATE to the "
            "whole address.",
        )
    )


def _refused(parts: SplitResult, variable: str, variables: str) -> DiagnosticError:
    port = f":{parts.port}" if parts.port else ""
    return DiagnosticError(
        codes.SERVER_NOT_CONFIRMED.error(
            f"reconciler.yaml keeps the state on {printable(parts.hostname or '', 100)}{port}, "
            f"which {variable} does not name.",
            hint="Where credentials may go is for the environment to say: set RECONCILER_STATE "
            f"to the whole address, or {variables} to this server.",
        )
    )
