"""A place for one state, as the suite that every store must pass sees it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import LockInfo, StateStore, encode_state
from reconciler.stores import open_store
from tests.state.samples import rich
from tests.stores.contender import info
from tests.stores.places import Served


@dataclass(frozen=True, slots=True)
class Place:
    """Where one state is kept. read, write: its bytes, behind the store's back.

    served: the server behind it, None where there is none to get to by another way.
    """

    address: str
    root: Path
    read: Callable[[], bytes]
    write: Callable[[bytes], None]
    served: Served | None = None

    def open(self) -> StateStore:
        """Open it as another run would."""
        return open_store(self.address, self.root)

    @contextmanager
    def through(self, port: int) -> Iterator[StateStore]:
        """Open it by another port than its server's own."""
        assert self.served is not None
        near = self.served.through(port)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in near.environment.items():
                patch.setenv(name, value)
            yield open_store(near.prefix + self.address.removeprefix(self.served.prefix), self.root)


def refused(action: Callable[[], object]) -> str:
    """Return the code that an action is refused with; nothing but a diagnostic may come."""
    with pytest.raises(DiagnosticError) as caught:
        action()
    return caught.value.diagnostics[0].code


def locking(store: StateStore, timeout: float = 0.0, holder: LockInfo | None = None) -> None:
    """Take the lock and let it go."""
    with store.lock(holder or info(), timeout):
        pass


def of_version(version: int) -> bytes:
    """Return the bytes of a whole state of another version."""
    body = encode_state(rich()).rpartition(b",\n")[0]
    body = body.replace(b'"version":1', b'"version":%d' % version)
    return body + f',\n"checksum":"sha256:{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()
