"""Tells which file a stopped thread's system call is about, from /proc."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_BY_DESCRIPTOR = frozenset(
    ("close", "fdatasync", "flock", "fsync", "ftruncate", "pwrite64", "read", "write")
)
_BY_PATH = {
    "mkdir": 0,
    "mkdirat": 1,
    "newfstatat": 1,
    "openat": 1,
    "rename": 0,
    "renameat": 1,
    "renameat2": 1,
    "unlink": 0,
    "unlinkat": 1,
}
_LONGEST_PATH = 4096


def file_of(thread: int, name: str, arguments: Sequence[int]) -> str:
    """Return the absolute path that a call is about; "" where there is none to tell."""
    try:
        if name in _BY_DESCRIPTOR:
            return str(Path(f"/proc/{thread}/fd/{arguments[0]}").readlink())
        if name in _BY_PATH:
            path = _text_at(thread, arguments[_BY_PATH[name]])
            return str(Path(f"/proc/{thread}/cwd").readlink() / path) if path else ""
    except OSError:
        # The descriptor is bad or the thread gone: nothing of the project's.
        pass
    return ""


def _text_at(thread: int, place: int) -> str:
    memory = os.open(f"/proc/{thread}/mem", os.O_RDONLY)
    try:
        # No further than the page's end, behind which nothing may be mapped.
        size = min(_LONGEST_PATH, 4096 - place % 4096) or 4096
        raw = os.pread(memory, size, place)
        if b"\0" not in raw:
            raw += os.pread(memory, _LONGEST_PATH, place + size)
    finally:
        os.close(memory)
    return os.fsdecode(raw.partition(b"\0")[0])
