"""Where the API is: the base URL, from a flag or the environment, never from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import cloudflare as codes
from reconciler.diagnostics.text import printable

DEFAULT_BASE_URL = "https://api.cloudflare.com/client/v4"
FLAG = "--base-url"
VARIABLES = ("CLOUDFLARE_API_BASE_URL", "CLOUDFLARE_BASE_URL")
"""wrangler's name, then the name of the SDKs and the Terraform provider."""

_VISIBLE_ASCII = re.compile(r"[!-~]+\Z")


def resolve_base_url(env: Mapping[str, str], flag: str | None) -> str:
    """Return the base URL without a trailing slash: the flag, a variable, or Cloudflare's.

    An empty variable counts as unset. Raises DiagnosticError (R503) for anything but a plain
    https URL; plain http is accepted for a loopback host.
    """
    if flag is not None:
        return _checked(FLAG, flag)
    for name in VARIABLES:
        if env.get(name):
            return _checked(name, env[name])
    return DEFAULT_BASE_URL


def is_loopback(url: str) -> bool:
    """Tell whether the URL's host is this machine: localhost, 127.0.0.0/8 or ::1."""
    from ipaddress import ip_address

    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(source: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        _ = parts.port  # reading it is what checks it
    except ValueError:
        raise _invalid(source, "is not a URL") from None
    if complaint := _complaint(text, parts):
        raise _invalid(source, complaint)
    if parts.scheme == "http" and not is_loopback(text):
        raise _invalid(
            source,
            f"is plain http, which would show the token to everyone on the way to "
            f"{printable(parts.hostname or '')}",
        )
    return text.rstrip("/")


def _complaint(text: str, parts: SplitResult) -> str:
    # Checked on the raw text, because urlsplit drops line breaks and tabs in silence.
    if not _VISIBLE_ASCII.match(text) or "\\" in text:
        return "has a space, a backslash or an unusual character in it"
    if "@" in parts.netloc:
        return "has a user name or a password in it"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "does not start with https:// and a host name"
    if "?" in text or "#" in text:
        return "has a query or a fragment in it"
    if {".", ".."} & set(parts.path.split("/")):
        return "has a path with dots to resolve in it"
    return ""


def _invalid(source: str, complaint: str) -> DiagnosticError:
    # The URL itself is not quoted: what is wrong with it may be a password inside.
    return DiagnosticError(
        codes.INVALID_BASE_URL.error(
            f"The base URL in {source} {complaint}.",
            hint=f"Use a URL like {DEFAULT_BASE_URL}, or unset {source}.",
        )
    )
