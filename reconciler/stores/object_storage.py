"""The state as an object, its lock as another beside it.

Every write is conditional: the state replaces just the version that was loaded (If-Match,
on GCS the generation), the lock is only created where none is (If-None-Match). So a lost
update is impossible even where the lock failed.

No condition for deleting is known to every service (R2 has none), so a lock is read, and
deleted if it is the one that is meant; both again where the answer was lost. Two ways remain
for the lock of another run to be deleted, taken in between: somebody frees ours by force
between the two, or a service executes a delete that it did not answer after the one that
was sent in its place. That run notices before its next save, and whoever came in meanwhile
cannot save over it unnoticed, nor it over them: the state's version decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable
from reconciler.state import LockInfo, Snapshot, State, StateLock, encode_state
from reconciler.stores import findings
from reconciler.stores.addresses import ObjectAddress
from reconciler.stores.holding import held

if TYPE_CHECKING:
    from reconciler.stores.object_client import ObjectClient

_NO_VERSION = '"00000000000000000000000000000000"\n1'
"""A version that no object has: an ETag, and a generation for GCS."""
_MEETINGS = 20
"""How often a lock may be there when it is to be made, and gone when it is read."""


class ObjectStorage:
    """One state in a bucket; see StateStore."""

    def __init__(self, address: ObjectAddress) -> None:
        self._address = address
        self._location = address.location
        self._opened: ObjectClient | None = None

    @property
    def location(self) -> str:
        """The address."""
        return self._location

    def load(self) -> Snapshot | None:
        """Read the state; see StateStore."""
        found = self._client.read(self._address.key)
        if found is None:
            return None
        raw, version = found
        copies = "the bucket has older versions if versioning is on"
        return findings.decode(raw, version, self._location, copies)

    def save(self, state: State, expected: str) -> str:
        """Replace the state; see StateStore."""
        raw, key = encode_state(state), self._address.key
        if expected:
            version = self._client.replace(key, raw, expected)
        else:
            version = self._client.create(key, raw)
        if version is None:
            raise findings.moved_on(self._location)
        return version

    @contextmanager
    def lock(self, info: LockInfo, timeout: float) -> Iterator[StateLock]:
        """Hold the lock object; see StateStore."""
        raw = info.to_json().encode()
        attempt, release = lambda: self._try_lock(raw), lambda: self._release(info.id)
        with held(attempt, release, self._location, timeout):
            self._prove_conditions(raw)
            yield _ObjectLock(self, info.id)

    def holder(self) -> LockInfo | None:
        """Read the lock object."""
        found = self._client.read(self._address.lock_key)
        if found is None:
            return None
        return _described(found[0])

    def break_lock(self, lock_id: str) -> None:
        """Delete the lock object of a holder that is gone; see StateStore."""
        holder = self.holder()
        if holder is None or holder.id != lock_id:
            raise findings.no_such_lock(self._location, lock_id, holder)
        self._release(lock_id)

    def _try_lock(self, raw: bytes) -> LockInfo | None:
        for _ in range(_MEETINGS):
            if self._client.create(self._address.lock_key, raw) is not None:
                return None
            holder = self.holder()
            if holder is not None:
                return holder
            # It was released in between.
        return findings.UNKNOWN_HOLDER

    def _prove_conditions(self, raw: bytes) -> None:
        """Refuse a server that ignores conditions, tried on our own lock, where it harms nobody."""
        key, other = self._address.lock_key, raw + b"\n"
        ignored = []
        if self._client.create(key, other) is not None:
            ignored.append("If-None-Match")
        if self._client.replace(key, other, _NO_VERSION) is not None:
            ignored.append("If-Match")
        if ignored:
            raise DiagnosticError(
                codes.CONDITIONS_IGNORED.error(
                    f"The server of {self._location} ignores {' and '.join(ignored)}.",
                    hint="Use a server or a release of it with conditional writes.",
                )
            )

    def _release(self, lock_id: str) -> None:
        key = self._address.lock_key
        self._client.delete_if(key, lambda raw: _described(raw).id == lock_id)

    @property
    def _client(self) -> ObjectClient:
        """Opened at first use, because obstore takes a while to import."""
        if self._opened is None:
            try:
                from reconciler.stores.object_client import ObjectClient
            except ModuleNotFoundError as error:
                scheme = self._address.scheme
                raise findings.missing_library(scheme, scheme) from error
            self._opened = ObjectClient(self._address)
        return self._opened


def _described(raw: bytes) -> LockInfo:
    """Read who holds a lock object."""
    return LockInfo.from_json(raw.decode(errors="replace")) or findings.UNKNOWN_HOLDER


class _ObjectLock:
    def __init__(self, store: ObjectStorage, lock_id: str) -> None:
        self._store = store
        self._id = lock_id

    def check(self) -> None:
        """Read the lock object again; see StateLock."""
        holder = self._store.holder()
        if holder is None:
            what = "it was freed while this run held it."
        elif holder.id != self._id:
            what = f"it was freed, and now {printable(str(holder))} holds it."
        else:
            return
        raise DiagnosticError(findings.lock_lost(self._store.location, what))
