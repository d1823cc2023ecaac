"""A file as a multipart/form-data body: streamed, of known length, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from reconciler.cloudflare.outcomes import AssetBody
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import cloudflare as codes

BLOCK = 256 * 1024
"""Bytes a read and a send; larger is not faster, smaller is."""


class MultipartBody:
    """The fields `file_name` and `file`, in this order, as the upload endpoint wants them.

    Iterating sends nothing twice: it can be done once, as the file is read once. One block
    is held back until the next read has returned, so that whatever the file's reader finds
    out at the end still cuts the upload off before its last block.
    on_progress is told how many bytes of the file have left, after each block.
    is_sent: whether the last byte has left, which an answer alone does not say.
    """

    def __init__(self, file_name: str, body: AssetBody, on_progress: Callable[[int], None]) -> None:
        boundary = f"reconciler-{os.urandom(16).hex()}"
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._file_name = file_name
        self._body = body
        self._size = body.size
        self._on_progress = on_progress
        name = _quoted(file_name)
        self._head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="file_name"\r\n\r\n'
            f"{file_name}\r\n"
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.length = len(self._head) + self._size + len(self._tail)
        self.is_sent = False

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        held, read, left = b"", 0, 0
        while block := self._read():
            read += len(block)
            if read > self._size:
                raise DiagnosticError(self._changed("is larger than"))
            if held:
                yield held
                left += len(held)
                self._on_progress(left)
            held = block
        if read != self._size:
            raise DiagnosticError(self._changed("is smaller than"))
        yield held
        yield self._tail
        self.is_sent = True
        self._on_progress(read)

    def _read(self) -> bytes:
        try:
            return self._body.read(BLOCK)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise DiagnosticError(
                codes.ASSET_CHANGED.error(
                    f"{self._file_name} could not be read on: {reason}.",
                    hint="Make the file readable, then run apply again.",
                )
            ) from error

    def _changed(self, how: str) -> Diagnostic:
        return codes.ASSET_CHANGED.error(
            f"{self._file_name} {how} the {self._size} bytes it had when it was inspected.",
            hint="Make sure that nothing writes to the adapter's folder, then plan again.",
        )


def _quoted(name: str) -> str:
    """Escape a file name the way browsers do (WHATWG, multipart/form-data encoding)."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
