"""Object storage, through obstore. Hosts are the clouds' own, or what the environment names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import obstore
from obstore.exceptions import BaseError, PreconditionError

from reconciler.buckets import (
    Bucket,
    Kind,
    Trouble,
    explain,
    is_missing_bucket,
    may_pass,
    open_bucket,
    panics_told,
    why_not_open,
)
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import SourceAddress
from reconciler.sources.patience import waiting
from reconciler.sources.source import BrokenError, Part, Resolved

if TYPE_CHECKING:
    from obstore import GetOptions

Result = TypeVar("Result")

_SMALL = 1 << 16
"""Bytes a block has at least: few, so that a slow service is noticed between them."""


class BucketSource:
    """An adapter's folder in a bucket (or container)."""

    def __init__(self, address: SourceAddress, stop: threading.Event) -> None:
        self._address = address
        self._stop = stop
        self._bucket = _bucket(address)
        try:
            # Longer than this no single answer takes; where one does, the next goes on from there.
            self._store = open_bucket(self._bucket, connect=10, total=120)
        except (BaseError, ValueError) as error:
            trouble = Trouble(Kind.DENIED, *why_not_open(error, self._bucket))
            raise DiagnosticError(self._denied(trouble)) from None

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
            result = self._waiting(lambda: obstore.get(self._store, key, options=options))
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
            stream = iter(result.stream(min_chunk_size=_SMALL))
            while (block := self._waiting(lambda: next(stream, None))) is not None:
                yield bytes(block)
        except (BaseError, OSError, ValueError) as error:
            raise self._explained(error, file_name) from None

    def _waiting(self, action: Callable[[], Result]) -> Result:
        with panics_told(self._bucket.scheme):
            return waiting(action, self._stop)

    def _explained(self, error: Exception, file_name: str) -> Exception:
        if isinstance(error, FileNotFoundError) and not is_missing_bucket(error):
            return DiagnosticError(
                codes.NOT_THERE.error(
                    f"{self._address}: {file_name} is not there.",
                    hint="Check the address: it is the folder that holds both files.",
                )
            )
        trouble = explain(error, self._bucket, "They need to read both files.")
        if trouble.kind is Kind.DENIED:
            return DiagnosticError(self._denied(trouble))
        if trouble.kind is Kind.MISSING:
            detail = f"{self._address}: {trouble.detail}."
            return DiagnosticError(codes.NOT_THERE.error(detail, hint=trouble.hint))
        if trouble.kind is Kind.ANSWERED and not may_pass(error):
            detail = f"{self._address}: {trouble.detail}."
            return DiagnosticError(codes.BAD_ANSWER.error(detail, hint=trouble.hint))
        return BrokenError(trouble.detail)

    def _denied(self, trouble: Trouble) -> Diagnostic:
        return codes.DENIED.error(f"{self._address}: {trouble.detail}.", hint=trouble.hint)


def _bucket(address: SourceAddress) -> Bucket:
    account, _, name = address.place.rpartition("/")
    endpoint = f"https://{account}.r2.cloudflarestorage.com" if account else ""
    return Bucket(address.scheme, name, endpoint)
