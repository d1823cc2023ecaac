"""The variables that obstore reads, checked before it does.

It takes most of them as they are and panics where one makes no address or no header. No value
is ever shown: a variable that should hold an address may hold a key by mistake.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LONGEST = 16_384
"""Longer than any credential; the library cannot send addresses of 64 KiB."""
_FLAGS = {"1", "0", "true", "false", "on", "off", "yes", "no", "y", "n"}
_VISIBLE_ASCII = re.compile(r"[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_TENANT = re.compile(r"[A-Za-z0-9.-]{1,253}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.:_\[\]-]{1,260}")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")


@dataclass(frozen=True, slots=True)
class _Kind:
    """problem: of a value, a clause to follow the variable's name, "" for none."""

    problem: Callable[[str], str]
    hint: str = "Set it to the bare value, without quotes, or unset it."


def _unlike(pattern: re.Pattern[str], problem: str) -> Callable[[str], str]:
    return lambda value: "" if pattern.fullmatch(value) else problem


def _flag_problem(value: str) -> str:
    return "" if value.lower() in _FLAGS else "is neither true nor false"


def _base64_problem(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return "is not in base64, as such a key is"
    return ""


def _signature_problem(value: str) -> str:
    parts = value.removeprefix("?").split("&")
    pairs = all("=" in part for part in parts) and _VISIBLE_ASCII.fullmatch(value)
    return "" if pairs else "is not a signature such as sv=...&sig=..."


def _endpoint_problem(value: str) -> str:
    problem = _address_problem(value)
    if problem:
        return problem
    parts = urlsplit(value)
    if parts.query or parts.fragment:
        return "has a ?query or a #fragment"
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return "is a plain http:// address of another machine, which could read all that is sent"
    return ""


def _address_problem(value: str) -> str:
    scheme = value.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        return "does not begin with https://"
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return "is not an address: its host or its port cannot be read"
    if "@" in parts.netloc:
        return "has a user or a password in it"
    if not parts.hostname:
        return "has no host"
    if not _is_host(parts.hostname) or not _is_clean(parts):
        return "has characters in it that no address has"
    return ""


def _is_host(host: str) -> bool:
    """Whether it can be a host; a last part of digits makes it one of IPv4."""
    try:
        if ":" in host:
            IPv6Address(host)
        elif re.fullmatch(r"\d+|0[xX][0-9A-Fa-f]*", host.rstrip(".").rpartition(".")[2]):
            IPv4Address(host)
    except ValueError:
        return False
    return ":" in host or bool(_HOST.fullmatch(host))


def _is_clean(parts: SplitResult) -> bool:
    return all(_PATH.fullmatch(part) for part in (parts.path, parts.query, parts.fragment))


_TOKEN = _Kind(
    _unlike(
        _VISIBLE_ASCII, "has a space or a character outside ASCII in it, which no such value has"
    )
)
_SECRET = _Kind(lambda _: "")
_LABEL = _Kind(_unlike(_NAME, "is more than a name of letters, digits and hyphens"))
_DOMAIN = _Kind(_unlike(_TENANT, "is neither an id nor a domain"))
_ENDPOINT = _Kind(
    _endpoint_problem,
    "Write https://HOST or https://HOST:PORT; http:// is for a server on this machine alone.",
)
_ADDRESS = _Kind(_address_problem, "Write the whole address, with http:// or https://.")
_SERVER = _Kind(_unlike(_HOST_AND_PORT, "is not a host"), "Write HOST or HOST:PORT.")
_FLAG = _Kind(_flag_problem, "Set it to true or false, or unset it.")
_KEY = _Kind(_base64_problem, "Copy the whole key once more, without quotes.")
_SIGNATURE = _Kind(_signature_problem, "Copy the whole signature once more, without quotes.")

_AWS = {
    "AWS_ENDPOINT_URL": _ENDPOINT,
    "AWS_ENDPOINT_URL_S3": _ENDPOINT,
    "AWS_ENDPOINT": _ENDPOINT,
    "AWS_ACCESS_KEY_ID": _TOKEN,
    "AWS_SECRET_ACCESS_KEY": _SECRET,
    "AWS_SESSION_TOKEN": _TOKEN,
    "AWS_TOKEN": _TOKEN,
    "AWS_REGION": _LABEL,
    "AWS_DEFAULT_REGION": _LABEL,
    "AWS_ENDPOINT_URL_STS": _ENDPOINT,
    "AWS_ROLE_ARN": _TOKEN,
    "AWS_ROLE_SESSION_NAME": _TOKEN,
    "AWS_METADATA_ENDPOINT": _ADDRESS,
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": _ADDRESS,
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": _Kind(
        _unlike(re.compile(r"/[!-~]*"), "is not a path"), "Write a path that begins with /."
    ),
    "AWS_SSE_KMS_KEY_ID": _TOKEN,
    "AWS_SSE_CUSTOMER_KEY_BASE64": _KEY,
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": _FLAG,
    "AWS_S3_EXPRESS": _FLAG,
    "AWS_IMDSV1_FALLBACK": _FLAG,
    "AWS_UNSIGNED_PAYLOAD": _FLAG,
    "AWS_SKIP_SIGNATURE": _FLAG,
    "AWS_DISABLE_TAGGING": _FLAG,
    "AWS_DISABLE_BULK_DELETE": _FLAG,
    "AWS_SSE_BUCKET_KEY_ENABLED": _FLAG,
}
_GOOGLE = {
    "GOOGLE_BASE_URL": _ENDPOINT,
    "GOOGLE_BEARER_TOKEN": _TOKEN,
    "GOOGLE_SKIP_SIGNATURE": _FLAG,
    "GCE_METADATA_HOST": _SERVER,
    "GCE_METADATA_ROOT": _SERVER,
    "GCE_METADATA_IP": _SERVER,
}
_AZURE = {
    "AZURE_STORAGE_ENDPOINT": _ENDPOINT,
    "AZURE_ENDPOINT": _ENDPOINT,
    "AZURE_STORAGE_ACCOUNT_NAME": _LABEL,
    "AZURE_STORAGE_ACCOUNT_KEY": _KEY,
    "AZURE_STORAGE_ACCESS_KEY": _KEY,
    "AZURE_STORAGE_MASTER_KEY": _KEY,
    "AZURE_STORAGE_ENCRYPTION_KEY": _KEY,
    "AZURE_STORAGE_TOKEN": _TOKEN,
    "AZURE_STORAGE_SAS_TOKEN": _SIGNATURE,
    "AZURE_STORAGE_SAS_KEY": _SIGNATURE,
    "AZURE_CLIENT_ID": _TOKEN,
    "AZURE_STORAGE_CLIENT_ID": _TOKEN,
    "AZURE_CLIENT_SECRET": _SECRET,
    "AZURE_STORAGE_CLIENT_SECRET": _SECRET,
    "AZURE_TENANT_ID": _DOMAIN,
    "AZURE_STORAGE_TENANT_ID": _DOMAIN,
    "AZURE_AUTHORITY_ID": _DOMAIN,
    "AZURE_STORAGE_AUTHORITY_ID": _DOMAIN,
    "AZURE_AUTHORITY_HOST": _ENDPOINT,
    "AZURE_STORAGE_AUTHORITY_HOST": _ENDPOINT,
    "AZURE_MSI_ENDPOINT": _ADDRESS,
    "AZURE_IDENTITY_ENDPOINT": _ADDRESS,
    "IDENTITY_ENDPOINT": _ADDRESS,
    "IDENTITY_HEADER": _TOKEN,
    "AZURE_OBJECT_ID": _TOKEN,
    "AZURE_MSI_RESOURCE_ID": _TOKEN,
    "AZURE_FABRIC_TOKEN_SERVICE_URL": _ADDRESS,
    "AZURE_FABRIC_WORKLOAD_HOST": _TOKEN,
    "AZURE_FABRIC_SESSION_TOKEN": _TOKEN,
    "AZURE_FABRIC_CLUSTER_IDENTIFIER": _TOKEN,
    "AZURITE_BLOB_STORAGE_URL": _ENDPOINT,
    "AZURE_STORAGE_USE_EMULATOR": _FLAG,
    "AZURE_USE_FABRIC_ENDPOINT": _FLAG,
    "AZURE_USE_AZURE_CLI": _FLAG,
    "AZURE_SKIP_SIGNATURE": _FLAG,
    "AZURE_DISABLE_TAGGING": _FLAG,
}
_VARIABLES = {"s3": _AWS, "r2": _AWS, "gs": _GOOGLE, "az": _AZURE}
_PREFIXES = {"s3": "AWS_", "r2": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}


def forget_empty(scheme: str, environment: MutableMapping[str, str]) -> None:
    """Unset the cloud's variables that are empty, as a secret is that CI does not have.

    The library takes an empty address for an address.
    """
    for name in set_variables(scheme, environment):
        if not environment[name]:
            del environment[name]


def set_variables(scheme: str, environment: Mapping[str, str]) -> list[str]:
    """Return the names of a cloud's variables that are set."""
    known, prefix = _VARIABLES[scheme], _PREFIXES[scheme]
    return sorted(name for name in environment if name in known or name.startswith(prefix))


def check_variables(scheme: str, environment: Mapping[str, str]) -> None:
    """Raise DiagnosticError (R213) that names every malformed variable, and no value."""
    found = [
        codes.MALFORMED_VARIABLE.error(f"{name} {problem}.", hint=kind.hint)
        for name, kind in _VARIABLES[scheme].items()
        if environment.get(name) and (problem := problem_of(name, environment[name]))
    ]
    if found:
        raise DiagnosticError(*found)


def problem_of(name: str, value: str) -> str:
    """Say what is wrong with the value of a variable, as a clause; "" for nothing."""
    if not value.strip():
        return "is blank"
    if value != value.rstrip("\r\n"):
        return "ends with a line break"
    if value != value.strip():
        return "begins or ends with a blank"
    if not value.isprintable():
        return "has a line break, a control character or the like in it"
    if len(value) > _LONGEST:
        return f"has more than {_LONGEST:,} characters"
    kinds = {**_AWS, **_GOOGLE, **_AZURE}
    return kinds[name].problem(value)
