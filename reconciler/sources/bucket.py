"""Object storage, through obstore. Hosts are the clouds' own, or what the environment names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, S3Store

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import SourceAddress
from reconciler.sources.source import BrokenError, Part, Resolved

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, RetryConfig

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SMALL = 1 << 14
"""Bytes a block has at least: few, so that a slow service is noticed between them."""
_NO_RETRIES: RetryConfig = {"max_retries": 0}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, AWS_REGION)",
    "r2": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an R2 API token's key pair",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}


class BucketSource:
    """An adapter's folder in a bucket (or container)."""

    def __init__(self, address: SourceAddress) -> None:
        self._address = address
        try:
            self._store = _open(address)
        except (BaseError, ValueError):
            # The text of the error may quote settings, and so a credential.
            raise DiagnosticError(self._denied("the settings do not go together")) from None

    @property
    def address(self) -> SourceAddress:
        """Where it is."""
        return self._address

    def resolve(self) -> Resolved:
        """Return the address as it is: no store tells the sha256 of every object."""
        return Resolved(self._address)

    @contextmanager
    def open(
        self, file_name: str, begin: int = 0, end: int | None = None, version: str = ""
    ) -> Iterator[Part]:
        """Read an object, see Source."""
        options: GetOptions = {}
        if begin or end is not None:
            options["range"] = {"offset": begin} if end is None else (begin, end)
        if version:
            options["if_match"] = version
        key = self._address.path(file_name)
        try:
            result = obstore.get(self._store, key, options=options)
        except PreconditionError:
            with self.open(file_name) as part:
                yield part
            return
        except (BaseError, OSError, ValueError) as error:
            raise self._explained(error, file_name) from None
        blocks = self._blocks(result, file_name)
        yield Part(begin, result.meta["size"], result.meta["e_tag"] or "", blocks)

    def _blocks(self, result: obstore.GetResult, file_name: str) -> Iterator[bytes]:
        try:
            for block in result.stream(min_chunk_size=_SMALL):
                yield bytes(block)
        except (BaseError, OSError, ValueError) as error:
            raise self._explained(error, file_name) from None

    def _explained(self, error: Exception, file_name: str) -> Exception:
        """Say what it means; the service's own text may hold key ids and is never shown."""
        text = str(error)
        code = re.search(r"<Code>(\w+)</Code>", text)
        status = re.search(r"status code: (\d{3})", text)
        said = code[1] if code else status[1] if status else ""
        if isinstance(error, FileNotFoundError):
            return DiagnosticError(
                codes.NOT_THERE.error(
                    f"{self._address}: {file_name} is not there ({said or '404'}).",
                    hint="Check the address: it is the folder that holds both files.",
                )
            )
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            return DiagnosticError(self._denied(f"{file_name} may not be read ({said})"))
        if not said and re.search(r"credential|metadata|169\.254", text, re.IGNORECASE):
            return DiagnosticError(self._denied("there are no credentials"))
        if status and status[1] in ("301", "307", "400"):
            return DiagnosticError(
                codes.BAD_ANSWER.error(
                    f"{self._address}: the service refuses the request ({said}).",
                    hint="Check the bucket's name, and AWS_REGION.",
                )
            )
        return BrokenError(f"the service answered {said}" if said else "it could not be reached")

    def _denied(self, what: str) -> Diagnostic:
        return codes.DENIED.error(
            f"{self._address}: {what}.", hint=f"Set {_CREDENTIALS[self._address.scheme]}."
        )


def _open(address: SourceAddress) -> AzureStore | GCSStore | S3Store:
    variable = "AZURE_STORAGE_ENDPOINT" if address.scheme == "az" else "AWS_ENDPOINT_URL"
    endpoint = os.environ.get(variable, "")
    # Longer than this no single answer takes; where one does, the next goes on from there.
    options: ClientConfig = {"connect_timeout": "10s", "timeout": "120s"}
    if urlsplit(endpoint).hostname in _LOOPBACK:
        options["allow_http"] = True
    if address.scheme == "gs":
        return GCSStore(address.place, client_options=options, retry_config=_NO_RETRIES)
    if address.scheme == "az":
        return AzureStore(address.place, client_options=options, retry_config=_NO_RETRIES)
    if address.scheme == "s3":
        return S3Store(address.place, client_options=options, retry_config=_NO_RETRIES)
    account, _, bucket = address.place.partition("/")
    own = f"https://{account}.r2.cloudflarestorage.com"
    return S3Store(
        bucket,
        config={"endpoint": endpoint or own, "region": "auto"},
        client_options=options,
        retry_config=_NO_RETRIES,
    )
