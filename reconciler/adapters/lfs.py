"""Git LFS pointers: small text files that stand for a file which git does not hold itself.

Format: github.com/git-lfs/git-lfs, docs/spec.md. Keys are sorted after `version`, one a line,
`KEY VALUE`; a pointer is shorter than 1024 bytes.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

_MOST_BYTES = 1024
_VERSIONS = ("https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1")
_KEY = re.compile(r"[a-z0-9.-]+\Z")
_OID = re.compile(r"sha256:([0-9a-f]{64})\Z")
_SIZE = re.compile(r"[0-9]{1,18}\Z")


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer says of the file: sha256 as 64 hex digits, size in bytes."""

    sha256: str
    size: int


def looks_like_pointer(file: io.BufferedReader, size: int) -> bool:
    """Tell whether an open file begins as a pointer does; leaves it at its start."""
    head = file.read(_MOST_BYTES) if size < _MOST_BYTES else b""
    file.seek(0)
    return any(head.startswith(f"version {version}\n".encode()) for version in _VERSIONS)


def read_pointer(file: io.BufferedReader) -> Pointer | None:
    """Read a pointer; None where it is damaged, such as by a merge conflict."""
    text = file.read(_MOST_BYTES).decode("utf-8", "replace")
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if not _KEY.match(key) or not value or key in fields:
            return None
        fields[key] = value
    oid, size = _OID.match(fields.get("oid", "")), _SIZE.match(fields.get("size", ""))
    return Pointer(oid[1], int(size[0])) if oid and size else None
