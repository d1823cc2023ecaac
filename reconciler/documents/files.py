"""Reading a file that anybody may have put there: bounded, and only where it is a file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from reconciler.documents.limits import MAX_BYTES

MAX_PATH = 4096
"""Linux's PATH_MAX, in bytes; characters are close enough."""


def read_file(path: Path) -> bytes:
    """Return the bytes of a regular file, at most MAX_BYTES + 1; OSError where it is none.

    A FIFO or a device is not waited for.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def leads_out(path: Path, root: Path) -> bool:
    """Tell whether a path ends outside of a folder once every `..` and link is followed.

    A path that no system call would take is not followed, and counts as one that does.
    """
    if len(os.fspath(path)) > MAX_PATH:
        return True
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))
