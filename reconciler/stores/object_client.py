"""Objects read and written under conditions, through obstore; every failure in words.

obstore's own retries are off. After a conditional write whose answer was lost, its retry
would meet the version that the first attempt wrote and report a conflict with itself;
here the object is read back instead.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, S3Store

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.stores import findings
from reconciler.stores.addresses import LOOPBACK, ObjectAddress
from reconciler.stores.aws_profile import ProfileError, profile_settings

if TYPE_CHECKING:
    from obstore import PutMode, PutResult, UpdateVersion
    from obstore.store import ClientConfig, RetryConfig, S3Config

Result = TypeVar("Result")

ATTEMPTS = 5
FIRST_PAUSE = 0.2
"""In seconds, and doubled: R2 and GCS take one write a second of an object (429 otherwise)."""
_NO_RETRIES: RetryConfig = {"max_retries": 0}
_ENDPOINTS = {
    "s3": "AWS_ENDPOINT_URL",
    "r2": "AWS_ENDPOINT_URL",
    "gs": "GOOGLE_BASE_URL",
    "az": "AZURE_STORAGE_ENDPOINT",
}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_UNKNOWN_CREDENTIALS = {
    "AuthenticationFailed",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
}
_MACHINES_OWN = ("169.254.", "/computeMetadata/", "/latest/api/token", "/metadata/identity/")
"""Where a machine in a cloud gets credentials from, when none are given."""
_NO_PLACE = {"ContainerNotFound", "NoSuchBucket"}
_OTHER_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_OTHER_REGION |= {"PermanentRedirect", "TemporaryRedirect"}


class ObjectClient:
    """One bucket (or container). Versions are opaque; ETag and generation travel in them."""

    def __init__(self, address: ObjectAddress) -> None:
        self._address = address
        self._store = _open(address)

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return an object and its version; None where there is none."""
        return self._reading(lambda: self._get(key))

    def create(self, key: str, raw: bytes) -> str | None:
        """Write an object that is not there yet; its version, None where it is there."""
        return self._write(key, raw, "create")

    def replace(self, key: str, raw: bytes, version: str) -> str | None:
        """Write over this version of an object; the new one, None where it is another."""
        e_tag, _, generation = version.partition("\n")
        wanted: UpdateVersion = {"e_tag": e_tag}
        if generation:
            wanted["version"] = generation
        elif self._address.scheme == "gs":
            # Not a version of ours; GCS compares nothing else.
            return None
        return self._write(key, raw, wanted)

    def delete(self, key: str) -> None:
        """Remove an object; there is no condition that every service knows for this."""
        self._reading(lambda: self._delete(key))

    def _get(self, key: str) -> tuple[bytes, str] | None:
        try:
            result = obstore.get(self._store, key)
        except FileNotFoundError as error:
            if _code(error) in _NO_PLACE:
                raise
            return None
        findings.check_size(result.meta["size"], self._address.location)
        version = _version(result.meta["e_tag"], result.meta["version"])
        return bytes(result.bytes()), version

    def _delete(self, key: str) -> None:
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError as error:
            # Gone already, as after an attempt whose answer was lost; S3 calls that a success.
            if _code(error) in _NO_PLACE:
                raise

    def _reading(self, operation: Callable[[], Result]) -> Result:
        """Do what may be done twice."""
        for attempt in range(ATTEMPTS):
            try:
                return operation()
            except (BaseError, OSError, ValueError) as error:
                if attempt + 1 == ATTEMPTS or not _may_pass(error):
                    self._fail(error)
                time.sleep(FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    def _write(self, key: str, raw: bytes, mode: PutMode) -> str | None:
        for attempt in range(ATTEMPTS):
            try:
                put = obstore.put(self._store, key, raw, mode=mode, use_multipart=False)
                return _version_of(put)
            except (BaseError, OSError, ValueError) as error:
                if _says_that_the_condition_failed(error):
                    # An attempt before may have been executed though its answer was lost.
                    return self._version_if(key, raw) if attempt else None
                if not _may_pass(error):
                    self._fail(error)
                if (written := self._version_if(key, raw)) is not None:
                    return written
                if attempt + 1 == ATTEMPTS:
                    self._fail(error)
                time.sleep(FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    def _version_if(self, key: str, raw: bytes) -> str | None:
        """Return the version of the object if these are its bytes."""
        found = self.read(key)
        return found[1] if found is not None and found[0] == raw else None

    def _fail(self, error: Exception) -> NoReturn:
        raise DiagnosticError(_explain(error, self._address)) from None


def _open(address: ObjectAddress) -> AzureStore | GCSStore | S3Store:
    endpoint = os.environ.get(_ENDPOINTS[address.scheme], "")
    # Only a server on this machine may do without TLS.
    options: ClientConfig = {"connect_timeout": "5s", "timeout": "30s"}
    if urlsplit(endpoint).hostname in LOOPBACK:
        options["allow_http"] = True
    try:
        if address.scheme == "gs":
            return GCSStore(address.bucket, client_options=options, retry_config=_NO_RETRIES)
        if address.scheme == "az":
            return AzureStore(address.bucket, client_options=options, retry_config=_NO_RETRIES)
        config = cast("S3Config", profile_settings(os.environ))
        if address.scheme == "r2":
            config |= {"endpoint": endpoint or address.endpoint, "region": "auto"}
        return S3Store(
            address.bucket, config=config, client_options=options, retry_config=_NO_RETRIES
        )
    except ProfileError as error:
        raise DiagnosticError(
            codes.STORE_DENIED.error(
                f"{address.location}: {error}.",
                hint='Where it signs on or takes a role: eval "$(aws configure '
                'export-credentials --format env)"',
            )
        ) from error
    except (BaseError, ValueError) as error:
        # The text of the error may quote settings, and so a credential.
        raise DiagnosticError(
            codes.STORE_DENIED.error(
                f"{address.location}: the settings in the environment do not go together.",
                hint=_credentials_hint(address),
            )
        ) from error


def _version_of(put: PutResult) -> str:
    return _version(put["e_tag"], put["version"])


def _version(e_tag: str | None, generation: str | None) -> str:
    return f"{e_tag or ''}\n{generation or ''}"


def _code(error: Exception) -> str:
    """The service's own code; the rest of the text may hold key ids and is never shown."""
    found = re.search(r"<Code>(\w+)</Code>|\(code: (\w+)\)", str(error))
    return (found[1] or found[2]) if found else ""


def _status(error: Exception) -> int:
    found = re.search(r"status code: (\d{3})", str(error))
    return int(found[1]) if found else 0


def _says_that_the_condition_failed(error: Exception) -> bool:
    """obstore takes every 409 for that; a container being deleted, or a lease, is none."""
    if not isinstance(error, AlreadyExistsError | PreconditionError):
        return False
    return _status(error) != 409 or _code(error) in ("", "BlobAlreadyExists")


def _is_passing_conflict(error: Exception) -> bool:
    """S3 answers so when two conditional writes meet; neither has to have won."""
    return _code(error) in ("ConditionalRequestConflict", "OperationAborted")


def _may_pass(error: Exception) -> bool:
    """Whether it may be different in a moment, or may have been executed after all."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError | FileNotFoundError):
        return False
    if _lacks_credentials(error):
        return False
    if _is_passing_conflict(error):
        return True
    status = _status(error)
    return status in (408, 429) or status >= 500 or (status == 0 and "HTTP error" in str(error))


def _lacks_credentials(error: Exception) -> bool:
    """Whether no request was sent at all, for want of credentials to send it with."""
    text, status = str(error), _status(error)
    if any(part in text for part in _MACHINES_OWN):
        return status < 500
    return "token request" in text and 400 <= status < 500 and status != 429


def _explain(error: Exception, address: ObjectAddress) -> Diagnostic:
    code, status = _code(error), _status(error)
    said = f" ({code or status})" if code or status else ""
    if code in _NO_PLACE:
        return codes.STORE_NOT_FOUND.error(
            f"{address.location}: there is no bucket or container {address.bucket}.",
            hint="Correct its name, or create it.",
        )
    if code in _EXPIRED:
        return codes.STORE_DENIED.error(
            f"{address.location}: the credentials have expired{said}.",
            hint="Renew them (for example: aws sso login), then run it again.",
        )
    if code in _UNKNOWN_CREDENTIALS or isinstance(error, UnauthenticatedError):
        return codes.STORE_DENIED.error(
            f"{address.location}: the service does not accept the credentials{said}.",
            hint=_credentials_hint(address),
        )
    if code in _OTHER_REGION or status in (301, 307) or "without LOCATION" in str(error):
        return codes.STORE_NOT_FOUND.error(
            f"{address.location}: bucket {address.bucket} is in another region{said}.",
            hint="Set AWS_REGION to the region of the bucket.",
        )
    if isinstance(error, PermissionDeniedError) or code == "AccessDenied":
        return codes.STORE_DENIED.error(
            f"{address.location}: the credentials may not do this{said}.",
            hint=f"They need to read, write and delete {address.key} and {address.lock_key}, "
            "and to list the bucket (else a missing state looks forbidden).",
        )
    return _explain_rest(error, address, said)


def _explain_rest(error: Exception, address: ObjectAddress, said: str) -> Diagnostic:
    text = str(error).lower()
    if _lacks_credentials(error) or (not said and "credential" in text):
        return codes.STORE_DENIED.error(
            f"{address.location}: there are no credentials for {address.scheme}://.",
            hint=_credentials_hint(address),
        )
    if said:
        return codes.STORE_ANSWER.error(
            f"{address.location}: the service answered with an error{said}.",
            hint="Try again; if it stays, look up the code in the service's documentation.",
        )
    what = "no answer came in time" if "timed out" in text else "it could not be reached"
    return codes.STORE_UNREACHABLE.error(
        f"{address.location}: {what}.",
        hint="Check the network, the proxy and AWS_ENDPOINT_URL."
        if address.scheme in ("s3", "r2")
        else "Check the network and the proxy.",
    )


def _credentials_hint(address: ObjectAddress) -> str:
    if address.scheme == "gs":
        return "Set GOOGLE_APPLICATION_CREDENTIALS, or run: gcloud auth application-default login"
    if address.scheme == "az":
        return (
            "Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY or AZURE_CLIENT_ID, "
            "AZURE_TENANT_ID and AZURE_CLIENT_SECRET."
        )
    if address.scheme == "r2":
        return "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to an R2 API token's key pair."
    return (
        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, AWS_REGION); "
        'from a profile: eval "$(aws configure export-credentials --format env)"'
    )
