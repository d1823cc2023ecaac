"""The state as a row in PostgreSQL, its lock as an advisory lock of the connection.

The server frees the lock when the connection ends, however it ends. While the lock is held,
everything goes over its connection: a run that lost the lock has lost its way to save, too.
That needs the connection to be one session from end to end, so no pooler that hands out
sessions by the transaction may lie between; each check compares the server's process.

Every save names the version that it replaces, and is one transaction with its history.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from reconciler.diagnostics import DiagnosticError
from reconciler.state import LockInfo, Snapshot, State, StateLock, encode_state, version_of
from reconciler.stores import findings
from reconciler.stores.addresses import DatabaseAddress
from reconciler.stores.waiting import wait_for_lock

if TYPE_CHECKING:
    from reconciler.stores.postgresql_session import Session


class PostgresqlStore:
    """One state in a database; see StateStore."""

    def __init__(self, address: DatabaseAddress) -> None:
        self._address = address
        self._location = address.location
        self._holding: Session | None = None
        self._run = LockInfo("", "save", "somebody without a lock", "")

    @property
    def location(self) -> str:
        """The address."""
        return self._location

    def load(self) -> Snapshot | None:
        """Read the state; see StateStore."""
        with self._session() as session:
            found = session.read(self._address.name)
        if found is None:
            return None
        raw, version = found
        findings.check_size(len(raw), self._location)
        copies = "the table reconciler.history has the states of earlier runs"
        return findings.decode(raw, version, self._location, copies)

    def save(self, state: State, expected: str) -> str:
        """Replace the state and write its history in one transaction; see StateStore."""
        raw = encode_state(state)
        version = version_of(raw)
        with self._session() as session:
            if not session.write(self._address.name, raw, state, version, expected, self._run):
                raise findings.moved_on(self._location)
        return version

    @contextmanager
    def lock(self, info: LockInfo, timeout: float) -> Iterator[StateLock]:
        """Hold the advisory lock; see StateStore."""
        with self._connected() as session:
            name = self._address.name
            wait_for_lock(lambda: session.try_lock(name, info), self._location, timeout)
            outer = self._holding, self._run
            self._holding, self._run = session, info
            try:
                yield _SessionLock(self, session)
            finally:
                self._holding, self._run = outer
                with suppress(DiagnosticError):
                    # The lock goes with the connection; this only takes the name off it.
                    session.sign_off(name, info)

    def holder(self) -> LockInfo | None:
        """Ask the server whose connection has the lock."""
        with self._connected() as session:
            return session.holder(self._address.name)

    def break_lock(self, lock_id: str) -> None:
        """End the connection that holds the lock; see StateStore."""
        with self._connected() as session:
            if not session.end_holder(self._address.name, lock_id):
                holder = session.holder(self._address.name)
                raise findings.no_such_lock(self._location, lock_id, holder)

    def check(self, session: Session) -> None:
        """Raise R410 where the session no longer has the lock."""
        try:
            if session.has_lock(self._address.name):
                return
            what = (
                "the connection is another one than the one that took it; connect directly, or "
                "through a pooler in session mode."
            )
        except DiagnosticError as error:
            what = f"its connection is gone ({error.diagnostics[0].detail})"
        raise DiagnosticError(findings.lock_lost(self._location, what))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        """The connection that holds the lock, else one for this call."""
        if self._holding is not None:
            yield self._holding
            return
        with self._connected() as session:
            yield session

    @contextmanager
    def _connected(self) -> Iterator[Session]:
        try:
            from reconciler.stores.postgresql_session import connect
        except ImportError as error:
            # psycopg raises a plain ImportError where libpq is missing.
            raise findings.missing_library("postgresql", "postgresql") from error
        with connect(self._address) as session:
            session.prepare()
            yield session


class _SessionLock:
    def __init__(self, store: PostgresqlStore, session: Session) -> None:
        self._store = store
        self._session = session

    def check(self) -> None:
        """Ask the server; see StateLock."""
        self._store.check(self._session)
