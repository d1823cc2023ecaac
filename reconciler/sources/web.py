"""Files behind https: ranges, entity tags, and what the statuses mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.model import SourceAddress
from reconciler.sources.source import BrokenError, Part, Resolved
from reconciler.sources.web_client import Answer, WebClient

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})\Z")
_LENGTH = re.compile(r"\d{1,18}\Z")
_MAY_PASS = frozenset((408, 425, 429, 500, 502, 503, 504, *range(520, 531)))


class WebSource:
    """An adapter's folder behind https; it gets no credential."""

    def __init__(self, address: SourceAddress, client: WebClient) -> None:
        self._address = address
        self._client = client

    @property
    def address(self) -> SourceAddress:
        """Where it is."""
        return self._address

    def resolve(self) -> Resolved:
        """Return the address as it is: a server knows no digests."""
        return Resolved(self._address)

    def url_of(self, file_name: str) -> str:
        """Return the URL of a file."""
        return f"https://{self._address.place}/{self._address.path(file_name)}"

    @property
    def authorization(self) -> str:
        """What the host of `url_of` may see, "" for nothing."""
        return ""

    @property
    def denied_hint(self) -> str:
        """What to do where the files may not be read."""
        return (
            "https:// sources are read without a credential: keep private files on the hub or "
            "in object storage."
        )

    @contextmanager
    def open(
        self, file_name: str, begin: int = 0, end: int | None = None, version: str = ""
    ) -> Iterator[Part]:
        """Read a file, see Source."""
        headers = {}
        if begin or end is not None:
            headers["Range"] = f"bytes={begin}-{'' if end is None else end - 1}"
            if version and not version.startswith("W/"):
                headers["If-Range"] = version
        url = self.url_of(file_name)
        with self._client.get(url, headers, self.authorization) as answer:
            if answer.status == 416 and answer.headers.get("content-range") == "bytes */0":
                # An empty file has no range at all.
                yield Part(0, 0, answer.headers.get("etag", ""), iter(()))
                return
            self._check_status(answer, file_name)
            first, size = _extent(answer, begin, f"{self._address}: {file_name}")
            yield Part(first, size, answer.headers.get("etag", ""), answer.blocks())

    def _check_status(self, answer: Answer, file_name: str) -> None:
        status = answer.status
        if status in (200, 206):
            return
        what = f"{self._address}: {file_name}"
        if status in (401, 403):
            raise DiagnosticError(
                codes.DENIED.error(f"{what} may not be read ({status}).", hint=self.denied_hint)
            )
        if status in (404, 410):
            raise DiagnosticError(
                codes.NOT_THERE.error(
                    f"{what} is not there ({status}).",
                    hint="Check the address: it is the folder that holds both files. An archive "
                    "has to be unpacked first.",
                )
            )
        if status in _MAY_PASS:
            raise BrokenError(f"the server answered {status}")
        raise DiagnosticError(codes.BAD_ANSWER.error(f"{what}: the server answered {status}."))


def _extent(answer: Answer, begin: int, what: str) -> tuple[int, int]:
    """Return the first byte that the answer gives, and the size of the whole file."""
    length = answer.headers.get("content-length", "")
    if answer.status == 200:
        if not _LENGTH.match(length):
            raise DiagnosticError(codes.BAD_ANSWER.error(f"{what}: its length is not said."))
        return 0, int(length)
    found = _RANGE.match(answer.headers.get("content-range", ""))
    if found is None or int(found[1]) != begin or not begin <= int(found[2]) < int(found[3]):
        raise DiagnosticError(
            codes.BAD_ANSWER.error(f"{what}: another part came than was asked for.")
        )
    return begin, int(found[3])
