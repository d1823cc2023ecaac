"""The addresses of states: read strictly, shown without what is secret.

s3://BUCKET/KEY             r2://ACCOUNT/BUCKET/KEY
gs://BUCKET/KEY             az://CONTAINER/KEY
postgresql://USER@HOST:PORT/DATABASE/NAME?sslmode=verify-full
https://HOST/PATH
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
_KEY = re.compile(r"[A-Za-z0-9!_.*'()/@=+ -]{1,900}")
_R2_ACCOUNT = re.compile(r"[0-9a-f]{32}(\.(eu|fedramp))?")
_STATE_NAME = re.compile(r"[A-Za-z0-9_./-]{1,200}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NEARLY = re.compile(r"\s*(s3|r2|gs|az|postgres|postgresql|https?)(:|//)", re.IGNORECASE)
_LIBPQ = re.compile(r"(?i)(^|\s)password\s*=|^\s*\w+\s*=\s*\S+\s+\w+\s*=")
_USER_AT_HOST = re.compile(r"[^/:\s]+:\S*@")
TLS_MODES = ("require", "verify-ca", "verify-full")
"""libpq's that never go without TLS, each stronger than the ones before it."""


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """A state in object storage. endpoint: "" for the one that the service has by itself."""

    scheme: str
    bucket: str
    key: str
    endpoint: str = ""
    account: str = ""

    @property
    def location(self) -> str:
        """The address as its user wrote it."""
        account = f"{self.account}/" if self.account else ""
        return f"{self.scheme}://{account}{self.bucket}/{self.key}"

    @property
    def lock_key(self) -> str:
        """The object that is the lock; Terraform's S3 backend calls its own so, too."""
        return f"{self.key}.tflock"


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A state in PostgreSQL. host, user: "" for libpq's defaults. name: of the state."""

    host: str
    port: int
    user: str
    database: str
    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def location(self) -> str:
        """The address, with the options: without them, TLS would be another."""
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        path = f"{quote(self.database, safe='')}/{self.name}"
        options = f"?{urlencode(self.options, safe='/', quote_via=quote)}" if self.options else ""
        return f"postgresql://{user}{host}{port}/{path}{options}"


def scheme_of(address: str) -> str:
    """Return the scheme, "" for the path of a file; R417 for what is nearly an address."""
    if found := _SCHEME.match(address):
        return found[1]
    nearly = _NEARLY.match(address)
    if nearly or "://" in address:
        raise malformed(nearly[1].lower() if nearly else "", "It does not begin as one does.")
    if _LIBPQ.search(address) or _USER_AT_HOST.match(address):
        # As the path of a file it would be shown, and a password with it.
        raise malformed(
            "postgresql", "It is not written as a URL. If it is the path of a file, put ./ first."
        )
    return ""


def split(address: str) -> SplitResult:
    """Split an address; R417 where it is none, R418 where a credential is in it."""
    scheme = scheme_of(address)
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        raise malformed(scheme, "It cannot be read as a URL.") from error
    if _holds_secret(parts):
        raise DiagnosticError(
            codes.SECRET_IN_ADDRESS.error(
                f"{_the_address(scheme)} of the state holds a user's password or a token "
                "(which is not shown here).",
                hint=_INSTEAD.get(scheme, "Take it out; credentials come from the environment."),
            )
        )
    if parts.fragment:
        raise malformed(scheme, "It has a #fragment.")
    if "%" in (parts.hostname or ""):
        raise malformed(scheme, "Its host has a %.")
    return parts


def _holds_secret(parts: SplitResult) -> bool:
    if parts.password is not None or ":" in unquote(parts.username or ""):
        return True
    if parts.username and parts.scheme != "postgresql":
        return True
    # A password with a slash or a question mark in it ends the host before its @.
    if parts.scheme in _INSTEAD and "@" in f"{parts.path}{parts.query}":
        return True
    parameters = f"{parts.query}&{parts.path.partition(';')[2]}"
    return bool(re.search(r"(?i)(pass|token|secret|sig|key)[^=&]*=", parameters))


_INSTEAD = {
    "postgresql": "Write postgresql://USER@HOST/DATABASE/NAME, and set PGPASSWORD or use "
    "~/.pgpass.",
    "https": "Write https://HOST/PATH, and set TF_HTTP_USERNAME and TF_HTTP_PASSWORD. "
    "An @ that belongs to the path is %40.",
    "http": "Write http://HOST/PATH, and set TF_HTTP_USERNAME and TF_HTTP_PASSWORD.",
}


def malformed(scheme: str, what: str) -> DiagnosticError:
    """R417; the address itself is not shown, since it may hold a secret."""
    return DiagnosticError(
        codes.INVALID_STATE_ADDRESS.error(
            f"{_the_address(scheme)} of the state: {what}",
            hint=_FORMS.get(scheme, "reconciler explain R417 lists the forms."),
        )
    )


def _the_address(scheme: str) -> str:
    return f"The {printable(scheme, 20)}:// address" if scheme else "The address"


_FORMS = {
    "s3": "Write s3://BUCKET/KEY, such as s3://acme-state/prod/reconciler.state.json",
    "gs": "Write gs://BUCKET/KEY, such as gs://acme-state/prod/reconciler.state.json",
    "az": "Write az://CONTAINER/KEY; the account is AZURE_STORAGE_ACCOUNT_NAME.",
    "r2": "Write r2://ACCOUNT/BUCKET/KEY; ACCOUNT is the 32 hex digits of the account id, with "
    ".eu or .fedramp behind it for such a bucket.",
    "postgresql": "Write postgresql://USER@HOST/DATABASE/NAME; NAME is the state's, such as prod.",
    "https": "Write https://HOST/PATH, such as GitLab shows it for a Terraform state.",
    "http": "Plain http:// is for this machine alone; write https://HOST/PATH.",
}


def parse_object_address(address: str) -> ObjectAddress:
    """Read s3://, r2://, gs:// and az://; R417 where something is wrong with it."""
    parts = split(address)
    scheme, account, bucket = parts.scheme, "", parts.netloc
    key = unquote(parts.path.removeprefix("/"))
    endpoint = ""
    if scheme == "r2":
        account = bucket
        bucket, _, key = key.partition("/")
        endpoint = f"https://{account}.r2.cloudflarestorage.com"
        if not _R2_ACCOUNT.fullmatch(account):
            raise malformed(scheme, "It does not begin with an account id.")
    if not _BUCKET.fullmatch(bucket):
        raise malformed(scheme, "It names no bucket, or one that cannot exist.")
    if parts.query:
        raise malformed(scheme, "It has a ?query.")
    if not _is_key(key):
        raise malformed(scheme, "The key after the bucket is missing or has unusual characters.")
    return ObjectAddress(scheme, bucket, key, endpoint, account)


def _is_key(key: str) -> bool:
    segments = key.split("/")
    return bool(_KEY.fullmatch(key)) and not {"", ".", ".."} & set(segments)


def parse_database_address(address: str) -> DatabaseAddress:
    """Read postgresql://; R417 where something is wrong with it."""
    parts = split(address)
    database, _, name = unquote(parts.path.removeprefix("/")).partition("/")
    if not database or "@" in database or not _STATE_NAME.fullmatch(name):
        raise malformed("postgresql", "It does not name a database and a state in it.")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if set(options) - {"sslmode", "sslrootcert"}:
        raise malformed(
            "postgresql",
            "It has another option than sslmode and sslrootcert; the rest comes from the "
            "environment (PGOPTIONS and others).",
        )
    if options.get("sslmode", "require") not in TLS_MODES:
        raise malformed("postgresql", f"sslmode must be one of {', '.join(TLS_MODES)}.")
    return DatabaseAddress(
        parts.hostname or "",
        parts.port or 0,
        unquote(parts.username or ""),
        database,
        name,
        options,
    )
