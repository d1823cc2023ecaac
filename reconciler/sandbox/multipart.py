"""A multipart/form-data reader (RFC 7578) that streams: no part is ever held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from email.utils import collapse_rfc2231_value

MAX_HEAD = 16 * 1024
"""The most bytes of one part's headers."""

MAX_PARTS = 16
"""The most parts of a form: many small ones would cost more time than their bytes are worth."""


class MultipartError(ValueError):
    """The body is not well-formed multipart/form-data."""


@dataclass(frozen=True, slots=True)
class Part:
    """One field of the form. `chunks` is its content; it ends where the next part begins."""

    name: str
    chunks: Iterator[bytes]

    def text(self, limit: int) -> str:
        """Return the whole content as UTF-8 text of at most `limit` bytes."""
        content = bytearray()
        for chunk in self.chunks:
            content += chunk
            if len(content) > limit:
                raise MultipartError(f"the field {self.name} is longer than {limit} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise MultipartError(f"the field {self.name} is not UTF-8") from error


class MultipartReader:
    """Reads the parts of a body one after the other.

    read: returns the next bytes of the body, empty at its end.
    """

    def __init__(self, read: Callable[[], bytes], boundary: str) -> None:
        self._read = read
        self._delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
        # The first delimiter has no line before it: this makes it look like every other.
        self._buffer = b"\r\n"

    def parts(self) -> Iterator[Part]:
        """Yield every part; what the caller leaves of one is skipped. Raises MultipartError."""
        self._skip(self._until(self._delimiter))
        for _ in range(MAX_PARTS):
            if self._at_end():
                return
            name = self._name()
            chunks = self._until(self._delimiter)
            yield Part(name, chunks)
            self._skip(chunks)
        raise MultipartError(f"the form has {MAX_PARTS} parts or more")

    def _at_end(self) -> bool:
        while len(self._buffer) < 2:
            self._fill()
        return self._buffer[:2] == b"--"

    def _name(self) -> str:
        head = bytearray()
        for chunk in self._until(b"\r\n\r\n"):
            head += chunk
            if len(head) > MAX_HEAD:
                raise MultipartError(f"a part has more than {MAX_HEAD} bytes of headers")
        headers = BytesHeaderParser().parsebytes(bytes(head).lstrip())
        name = headers.get_param("name", header="content-disposition")
        if not name:
            raise MultipartError("a part has no name")
        return collapse_rfc2231_value(name)

    def _until(self, mark: bytes) -> Iterator[bytes]:
        """Yield what comes before the mark and remove both."""
        while (found := self._buffer.find(mark)) < 0:
            # The mark may have begun at the end of the buffer: keep that much back.
            safe = len(self._buffer) - len(mark) + 1
            if safe > 0:
                chunk, self._buffer = self._buffer[:safe], self._buffer[safe:]
                yield chunk
            self._fill()
        chunk, self._buffer = self._buffer[:found], self._buffer[found + len(mark) :]
        if chunk:
            yield chunk

    def _fill(self) -> None:
        data = self._read()
        if not data:
            raise MultipartError("the body ends before its closing boundary")
        self._buffer += data

    @staticmethod
    def _skip(chunks: Iterator[bytes]) -> None:
        for _ in chunks:
            pass
