"""Who runs this: what the holder of a lock is shown as."""

from __future__ import annotations

import getpass
import os
import socket
import uuid
from datetime import UTC, datetime

from reconciler import __version__
from reconciler.state import LockInfo


def lock_info(operation: str, path: str) -> LockInfo:
    """Describe this process as the holder of a lock."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container's user id may have no name.
        user = str(os.getuid())
    return LockInfo(
        id=str(uuid.uuid4()),
        operation=operation,
        who=f"{user}@{socket.gethostname()} (process {os.getpid()})",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        path=path,
        version=__version__,
    )
