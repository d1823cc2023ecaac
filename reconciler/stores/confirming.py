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
from reconciler.stores.addresses import split

_PORTS = {"https": 443, "http": 80, "postgresql": 5432}
_TLS = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"}


def check_confirmed(scheme: str, address: str) -> None:
    """Refuse (R419) an address of the project file that the environment does not confirm."""
    parts = split(address)
    if scheme == "postgresql":
        _check_database(parts)
    elif scheme in ("https", "http"):
        named = os.environ.get("TF_HTTP_ADDRESS", "")
        given = named if "://" in named else f"{scheme}://{named}"
        if _server(parts) != _server(urlsplit(given)):
            raise _refused(parts, "TF_HTTP_ADDRESS", "TF_HTTP_ADDRESS")


def _check_database(parts: SplitResult) -> None:
    host, port = os.environ.get("PGHOST", ""), os.environ.get("PGPORT", "")
    if parts.hostname and (parts.hostname, str(parts.port or 5432)) != (host, port or "5432"):
        raise _refused(parts, "PGHOST", "PGHOST and PGPORT")
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        variable = _TLS.get(option, "")
        said = os.environ.get(variable, "")
        # A service may say it, too. The certificates of a path could be the pull request's own.
        is_unsaid = not said and "PGSERVICE" not in os.environ
        is_free = is_unsaid and (option == "sslmode" or value == "system")
        if variable and value != said and not is_free:
            raise DiagnosticError(
                codes.SERVER_NOT_CONFIRMED.error(
                    f"reconciler.yaml has the state's server checked by {option}="
                    f"{printable(value, 100)}, which {variable} does not say.",
                    hint=f"Take it out of the address and set {variable}, or set RECONCILER_STATE "
                    "to the whole address.",
                )
            )


def _server(parts: SplitResult) -> tuple[str, str, int]:
    try:
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname or "", port


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
