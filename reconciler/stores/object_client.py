"""Objects read and written under conditions, through obstore; every failure in words.

obstore's own retries are off. After a conditional write whose answer was lost, its retry
would meet the version that the first attempt wrote and report a conflict with itself;
here the object is read back instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from reconciler.buckets import (
    Bucket,
    Client,
    Kind,
    code_of,
    explain,
    is_missing_bucket,
    may_be_done,
    may_pass,
    open_bucket,
    panics_told,
    status_of,
    why_not_open,
)
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.stores import findings
from reconciler.stores.addresses import ObjectAddress

if TYPE_CHECKING:
    from obstore import PutMode, PutResult, UpdateVersion

Result = TypeVar("Result")

ATTEMPTS = 5
FIRST_PAUSE = 0.2
"""In seconds, and doubled: R2 and GCS take one write a second of an object (429 otherwise)."""
_CODES = {
    Kind.MISSING: codes.STORE_NOT_FOUND,
    Kind.DENIED: codes.STORE_DENIED,
    Kind.ANSWERED: codes.STORE_ANSWER,
    Kind.UNREACHABLE: codes.STORE_UNREACHABLE,
}


class ObjectClient:
    """One bucket (or container). Versions are opaque; ETag and generation travel in them."""

    def __init__(self, address: ObjectAddress) -> None:
        self._address = address
        self._store = _open(address)

    def read(self, key: str) -> tuple[bytes, str] | None:
        """Return an object and its version; None where there is none."""
        return self._repeated(lambda: self._get(key))

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

    def delete_if(self, key: str, is_meant: Callable[[bytes], bool]) -> None:
        """Remove an object if these bytes are meant; no condition that every service knows can say.

        It is read before every attempt anew: the one before may have been executed though its
        answer was lost, and then what is there now is another's.
        """
        self._repeated(lambda: self._delete_if(key, is_meant))

    def _get(self, key: str) -> tuple[bytes, str] | None:
        try:
            result = obstore.get(self._store, key)
        except FileNotFoundError as error:
            if is_missing_bucket(error):
                raise
            return None
        findings.check_size(result.meta["size"], self._address.location)
        version = _version(result.meta["e_tag"], result.meta["version"])
        return bytes(result.bytes()), version

    def _delete_if(self, key: str, is_meant: Callable[[bytes], bool]) -> None:
        found = self._get(key)
        if found is None or not is_meant(found[0]):
            return
        try:
            obstore.delete(self._store, key)
        except FileNotFoundError as error:
            # Gone since it was read; S3 calls that a success.
            if is_missing_bucket(error):
                raise

    def _repeated(self, operation: Callable[[], Result]) -> Result:
        """Do what may be done twice."""
        for attempt in range(ATTEMPTS):
            try:
                with panics_told(self._address.scheme):
                    return operation()
            except (BaseError, OSError, ValueError) as error:
                if attempt + 1 == ATTEMPTS or not may_pass(error):
                    self._fail(error)
                time.sleep(FIRST_PAUSE * 2**attempt)
        raise AssertionError("unreachable")

    def _write(self, key: str, raw: bytes, mode: PutMode) -> str | None:
        is_unsure = False
        for attempt in range(ATTEMPTS):
            try:
                with panics_told(self._address.scheme):
                    put = obstore.put(self._store, key, raw, mode=mode, use_multipart=False)
                return _version_of(put)
            except (BaseError, OSError, ValueError) as error:
                is_unsure = is_unsure or may_be_done(error)
                with _told_as_unsure(is_unsure):
                    if _says_that_the_condition_failed(error):
                        # An attempt before may have been executed though its answer was lost.
                        return self._version_if(key, raw) if attempt else None
                    if not may_pass(error):
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


@contextmanager
def _told_as_unsure(is_unsure: bool) -> Iterator[None]:
    try:
        yield
    except DiagnosticError as error:
        if is_unsure:
            raise findings.UnsureError(*error.diagnostics) from None
        raise


def _bucket(address: ObjectAddress) -> Bucket:
    return Bucket(address.scheme, address.bucket, address.endpoint)


def _open(address: ObjectAddress) -> Client:
    bucket = _bucket(address)
    try:
        return open_bucket(bucket, connect=5, total=30)
    except (BaseError, ValueError) as error:
        what, hint = why_not_open(error, bucket)
        raise DiagnosticError(
            codes.STORE_DENIED.error(f"{address.location}: {what}.", hint=hint)
        ) from None


def _version_of(put: PutResult) -> str:
    return _version(put["e_tag"], put["version"])


def _version(e_tag: str | None, generation: str | None) -> str:
    return f"{e_tag or ''}\n{generation or ''}"


def _says_that_the_condition_failed(error: Exception) -> bool:
    """obstore takes every 409 for that; a container being deleted, or a lease, is none."""
    if not isinstance(error, AlreadyExistsError | PreconditionError):
        return False
    return status_of(error) != 409 or code_of(error) in ("", "BlobAlreadyExists")


def _explain(error: Exception, address: ObjectAddress) -> Diagnostic:
    trouble = explain(
        error,
        _bucket(address),
        f"They need to read, write and delete {address.key} and {address.lock_key}, "
        "and to list the bucket (else a missing state looks forbidden).",
    )
    return _CODES[trouble.kind].error(f"{address.location}: {trouble.detail}.", hint=trouble.hint)
