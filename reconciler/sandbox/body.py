"""The body of a request: read once, as a stream, never further than Content-Length."""

from __future__ import annotations

from email.message import Message
from io import BufferedIOBase

from reconciler.sandbox.answers import incomplete, too_large

CHUNK = 256 * 1024


class BodyCutError(Exception):
    """The client went away, or fell silent, before it had sent what it announced."""


class Body:
    """At most `length` bytes of a connection; a length of None is a request that gave none."""

    def __init__(self, source: BufferedIOBase, length: int | None) -> None:
        self._source = source
        self._left = length

    def read(self) -> bytes:
        """Return the next bytes, at most CHUNK of them; empty at the end. Raises BodyCutError."""
        if not self._left:
            return b""
        try:
            data = self._source.read1(min(CHUNK, self._left))
        except OSError as error:
            raise BodyCutError from error
        if not data:
            raise BodyCutError
        self._left -= len(data)
        return data

    def read_all(self, limit: int) -> bytes:
        """Return the whole body; raises ApiError 413 where it is longer than the limit."""
        self.check_length(limit)
        return b"".join(iter(self.read, b""))

    def check_length(self, limit: int) -> None:
        """Raise ApiError where the length is missing, zero or over the limit."""
        if not self._left:
            raise incomplete("Content-Length" if self._left is None else "body")
        if self._left > limit:
            raise too_large()

    def discard(self, limit: int) -> bool:
        """Read what is left, so that the connection can go on; False where that can't be done."""
        if self._left is None or self._left > limit:
            return False
        try:
            while self.read():
                pass
        except BodyCutError:
            return False
        return True


def content_length(method: str, headers: Message) -> int | None:
    """Return how long the body is, in bytes; None where the request does not say it plainly."""
    lengths = headers.get_all("Content-Length", [])
    if "Transfer-Encoding" in headers or len(lengths) > 1:
        return None
    if not lengths:
        return None if method in {"POST", "PUT", "PATCH"} else 0
    digits = lengths[0].strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
