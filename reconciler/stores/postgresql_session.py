"""One connection to PostgreSQL: its tables, its statements, and its failures in words."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import zip_longest
from shlex import quote
from typing import LiteralString

import psycopg
from psycopg import errors
from psycopg.conninfo import make_conninfo
from psycopg.pq import Conninfo

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.text import printable, to_paste
from reconciler.state import LockInfo, State
from reconciler.stores import findings
from reconciler.stores.addresses import LOOPBACK, DatabaseAddress

TABLES_VERSION = 1
STATEMENT_SECONDS = 30
KEPT_RUNS = 100
"""How many runs the history goes back."""

# Not to_regclass: the server remembers its "no" past the wait for another's first use.
_HAS_TABLES: LiteralString = """
SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'reconciler' AND tablename = 'version'
"""
_TABLES: LiteralString = """
CREATE SCHEMA IF NOT EXISTS reconciler;
CREATE TABLE reconciler.version (version integer NOT NULL);
CREATE TABLE reconciler.state (
    name text PRIMARY KEY,
    version text NOT NULL,
    serial bigint NOT NULL,
    lineage text NOT NULL,
    content bytea NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    saved_by text NOT NULL
);
CREATE TABLE reconciler.history (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    run text NOT NULL,
    operation text NOT NULL,
    serial bigint NOT NULL,
    lineage text NOT NULL,
    content bytea NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    saved_by text NOT NULL,
    UNIQUE (name, run)
);
CREATE TABLE reconciler.holder (
    name text PRIMARY KEY,
    pid integer NOT NULL,
    info text NOT NULL
);
"""

_HELD: LiteralString = """
FROM pg_catalog.pg_locks l
LEFT JOIN reconciler.holder h ON h.pid = l.pid AND h.name = %(name)s
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
  AND l.classid::bigint = %(high)s AND l.objid::bigint = %(low)s
"""
_HOLDER: LiteralString = f"SELECT l.pid, h.info, l.pid = pg_backend_pid() {_HELD}"
_END: LiteralString = f"""
SELECT pg_terminate_backend(l.pid, 5000) {_HELD}
  AND l.pid = %(pid)s AND h.info IS NOT DISTINCT FROM %(info)s
"""  # noqa: S608 - all of it is written here
_SIGN: LiteralString = """
INSERT INTO reconciler.holder (name, pid, info) VALUES (%s, pg_backend_pid(), %s)
ON CONFLICT (name) DO UPDATE SET pid = excluded.pid, info = excluded.info
"""


class Session:
    """An open connection. Every method raises DiagnosticError, nothing else."""

    def __init__(self, connection: psycopg.Connection, address: DatabaseAddress) -> None:
        self._connection = connection
        self._address = address
        self._pid = connection.info.backend_pid

    def prepare(self) -> None:
        """Make the tables at first use; R421 where they are of another version."""
        with self._guarded(), self._connection.transaction():
            if self._connection.execute(_HAS_TABLES).fetchone() is None:
                self._make_tables()
            rows = self._connection.execute("SELECT version FROM reconciler.version").fetchall()
        if rows != [(TABLES_VERSION,)]:
            found = printable(", ".join(str(row[0]) for row in rows) or "unknown", 40)
            raise DiagnosticError(
                codes.STORE_OTHER_VERSION.error(
                    f"{self._address.location}: the tables are of version {found}; this release "
                    f"uses version {TABLES_VERSION}.",
                    hint="Use the release that made them, or a database of its own.",
                )
            )

    def _make_tables(self) -> None:
        execute = self._connection.execute
        # Two first uses at once: the second waits here and finds the tables.
        execute("SELECT pg_advisory_xact_lock(%s)", [_key("")])
        if execute(_HAS_TABLES).fetchone() is None:
            execute(_TABLES)
            execute("INSERT INTO reconciler.version VALUES (%s)", [TABLES_VERSION])

    def read(self, name: str) -> tuple[bytes, str] | None:
        """Return the state's bytes and its version, which may be another's than the bytes'."""
        with self._guarded():
            statement: LiteralString = (
                "SELECT content, version FROM reconciler.state WHERE name = %s"
            )
            row = self._connection.execute(statement, [name]).fetchone()
        return (bytes(row[0]), row[1]) if row else None

    def write(
        self, name: str, raw: bytes, state: State, version: str, expected: str, run: LockInfo
    ) -> bool:
        """Replace the version that is expected, "" for none; False where it is another."""
        values = {
            "name": name,
            "version": version,
            "serial": state.serial,
            "lineage": state.lineage,
            "content": raw,
            "by": run.who,
            "expected": expected,
            "run": run.id or version,
            "operation": run.operation,
            "kept": KEPT_RUNS,
        }
        with self._guarded(), self._connection.transaction():
            execute = self._connection.execute
            # Durable when it returns, whatever the server's default is.
            execute("SET LOCAL synchronous_commit TO on")
            if execute(_UPDATE if expected else _INSERT, values).rowcount != 1:
                return False
            execute(_REMEMBER, values)
            execute(_PRUNE, values)
        return True

    def try_lock(self, name: str, info: LockInfo) -> LockInfo | None:
        """Take the lock and sign it, or tell who has it."""
        with self._guarded():
            locking: LiteralString = "SELECT pg_try_advisory_lock(%s), pg_backend_pid()"
            row = self._connection.execute(locking, [_key(name)]).fetchone()
            if row is not None and row[0]:
                self._pid = row[1]
                self._connection.execute(_SIGN, [name, info.to_json()])
                return None
        return self.holder(name) or findings.UNKNOWN_HOLDER

    def sign_off(self, name: str, info: LockInfo) -> None:
        """Take the name off the lock and let it go."""
        with self._guarded():
            off: LiteralString = "DELETE FROM reconciler.holder WHERE name = %s AND info = %s"
            self._connection.execute(off, [name, info.to_json()])
            self._connection.execute("SELECT pg_advisory_unlock(%s)", [_key(name)])

    def has_lock(self, name: str) -> bool:
        """Tell whether the server says that this connection holds the lock."""
        row = self._held_by(name)
        return row is not None and row[0] == self._pid and bool(row[2])

    def holder(self, name: str) -> LockInfo | None:
        """Tell who holds the lock, None where nobody does."""
        row = self._held_by(name)
        return _signed(row[1]) if row else None

    def end_holder(self, name: str, lock_id: str) -> bool:
        """End the connection that holds this lock; False where no connection holds it.

        Needs its role, or pg_signal_backend. Whoever takes the lock after it was read is spared.
        """
        row = self._held_by(name)
        if row is None or _signed(row[1]).id != lock_id:
            return False
        with self._guarded():
            try:
                values = {**_place(name), "pid": row[0], "info": row[1]}
                answer = self._connection.execute(_END, values).fetchone()
            except errors.InsufficientPrivilege as error:
                denied = _explain(error, self._address)
                raise DiagnosticError(replace(denied, hint=self._signal_hint)) from None
        if answer is None:
            return False
        if not answer[0] and self._held_by(name) == row:
            raise DiagnosticError(
                codes.STORE_ANSWER.error(
                    f"{self._address.location}: the server did not end the holder's connection "
                    f"(process {row[0]}) within 5 seconds.",
                    hint="Try again; if it stays, look into the log of the server.",
                )
            )
        return True

    @property
    def _signal_hint(self) -> str:
        role = printable(self._connection.info.user, 100)
        return (
            "Free it as the holder's own role, or have an administrator: "
            f"GRANT pg_signal_backend TO {role}; (a superuser's lock takes a superuser)."
        )

    def _held_by(self, name: str) -> tuple[int, str | None, bool] | None:
        with self._guarded():
            return self._connection.execute(_HOLDER, _place(name)).fetchone()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Bound the time, whatever the server does, and put failures into words."""
        descriptor = -1 if self._connection.closed else self._connection.fileno()
        timer = threading.Timer(STATEMENT_SECONDS + 5, _cut, [descriptor])
        timer.daemon = True
        timer.start()
        try:
            yield
        except (psycopg.Error, OSError) as error:
            raise DiagnosticError(_explain(error, self._address)) from None
        finally:
            timer.cancel()


_UPDATE: LiteralString = """
UPDATE reconciler.state
SET version = %(version)s, serial = %(serial)s, lineage = %(lineage)s, content = %(content)s,
    saved_at = now(), saved_by = %(by)s
WHERE name = %(name)s AND version = %(expected)s
"""
_INSERT: LiteralString = """
INSERT INTO reconciler.state (name, version, serial, lineage, content, saved_by)
VALUES (%(name)s, %(version)s, %(serial)s, %(lineage)s, %(content)s, %(by)s)
ON CONFLICT (name) DO NOTHING
"""
_REMEMBER: LiteralString = """
INSERT INTO reconciler.history (name, run, operation, serial, lineage, content, saved_by)
VALUES (%(name)s, %(run)s, %(operation)s, %(serial)s, %(lineage)s, %(content)s, %(by)s)
ON CONFLICT (name, run) DO UPDATE
SET serial = excluded.serial, lineage = excluded.lineage, content = excluded.content,
    saved_at = now()
"""
_PRUNE: LiteralString = """
DELETE FROM reconciler.history WHERE name = %(name)s AND number <= (
    SELECT number FROM reconciler.history WHERE name = %(name)s
    ORDER BY number DESC OFFSET %(kept)s LIMIT 1)
"""


@contextmanager
def connect(address: DatabaseAddress) -> Iterator[Session]:
    """Open a connection for the length of a with block."""
    parameters = {
        "host": address.host,
        "port": str(address.port or ""),
        "user": address.user,
        "sslmode": _tls(address),
        "sslrootcert": address.options.get("sslrootcert", ""),
        "dbname": address.database,
        "application_name": "reconciler",
        "connect_timeout": "10",
        # A network that is gone must not look like a statement that takes long.
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": str(STATEMENT_SECONDS * 1000),
    }
    try:
        settings = make_conninfo("", **{name: value for name, value in parameters.items() if value})
        connection = psycopg.connect(settings, autocommit=True)
    except (psycopg.Error, OSError, UnicodeError) as error:
        raise DiagnosticError(_explain(error, address)) from None
    try:
        session = Session(connection, address)
        _configure(connection, address)
        yield session
    finally:
        with suppress(psycopg.Error, OSError):
            connection.close()


def _configure(connection: psycopg.Connection, address: DatabaseAddress) -> None:
    """Let statements end in time, and the lock outlive long uploads."""
    try:
        # Statements are not prepared, which would not outlive a pooler's change of sessions.
        connection.prepare_threshold = None
        limit: LiteralString = "SELECT set_config('statement_timeout', %s, false)"
        connection.execute(limit, [f"{STATEMENT_SECONDS}s"])
        connection.execute("SET idle_session_timeout TO 0")
    except psycopg.Error as error:
        raise DiagnosticError(_explain(error, address)) from None
    # The server finds out soon, too, that this machine is gone, and so frees the lock. What
    # is not TCP ignores it, and a server that refuses to have it set does without.
    with suppress(psycopg.DatabaseError):
        connection.execute("SET tcp_keepalives_idle TO 30")
        connection.execute("SET tcp_keepalives_interval TO 10")
        connection.execute("SET tcp_keepalives_count TO 3")
        connection.execute("SET tcp_user_timeout TO '60s'")


def _tls(address: DatabaseAddress) -> str:
    """Off this machine never without TLS, unless the environment says so itself.

    A service of libpq's, and PGHOSTADDR, count as the environment: they say where it connects.
    """
    defaults = {o.keyword: os.fsdecode(o.val or b"") for o in Conninfo.get_defaults()}
    # "prefer" is libpq's own default, and goes on without TLS where it is refused.
    is_said = os.environ.get("PGSSLMODE") or defaults[b"sslmode"] not in ("", "prefer")
    if "sslmode" in address.options or is_said:
        return address.options.get("sslmode", "")
    if address.options.get("sslrootcert") == "system":
        # libpq refuses anything less with it.
        return "verify-full"
    names = (address.host or defaults[b"host"]).split(",")
    numbers = defaults[b"hostaddr"].split(",")
    hosts = [number or name for number, name in zip_longest(numbers, names, fillvalue="")]
    is_here = all(not h or h.startswith(("/", "@")) or h in LOOPBACK for h in hosts)
    return "" if is_here else "require"


def _cut(descriptor: int) -> None:
    """Shut a connection down, so that whoever waits on it is told at once."""
    if descriptor >= 0:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as other:
            other.shutdown(socket.SHUT_RDWR)


def _createdb(address: DatabaseAddress) -> str:
    options = {"-h": address.host, "-p": str(address.port or ""), "-U": address.user}
    given = [f"{option} {quote(value)}" for option, value in options.items() if value]
    return " ".join(["createdb", *given, quote(address.database)])


def _key(name: str) -> int:
    """The advisory lock of a state: 64 bits of its name."""
    digest = hashlib.sha256(f"reconciler state {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _place(name: str) -> dict[str, str | int]:
    """A state's lock, as the server's list of locks has it."""
    key = _key(name) & (2**64 - 1)
    return {"name": name, "high": key >> 32, "low": key & (2**32 - 1)}


def _signed(text: str | None) -> LockInfo:
    return LockInfo.from_json(text or "") or findings.UNKNOWN_HOLDER


_DENIED = (
    "authentication failed",
    "certificate authentication",
    "no password supplied",
    "no pg_hba.conf entry",
    "permission denied",
    "role ",
)


def _explain(error: Exception, address: DatabaseAddress) -> Diagnostic:
    """Neither libpq's messages nor the server's hold the password."""
    text = str(error).strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = printable(lines[0] if lines else type(error).__name__)
    detail = f"{address.location}: {said}"
    if isinstance(error, errors.InsufficientPrivilege):
        return codes.STORE_DENIED.error(
            detail,
            hint="Have an administrator grant what docs/shared-state.md lists: to create the "
            "schema for the first use, then to use its tables.",
        )
    if isinstance(error, errors.InvalidCatalogName) or ("database" in text and "not exist" in text):
        return codes.STORE_NOT_FOUND.error(detail, hint=f"Create it:{to_paste(_createdb(address))}")
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn):
        return codes.STORE_OTHER_VERSION.error(
            detail, hint="The schema `reconciler` is not the one that this tool makes."
        )
    if any(word in text for word in _DENIED):
        return codes.STORE_DENIED.error(
            detail, hint="Set PGUSER and PGPASSWORD, or use ~/.pgpass (mode 0600)."
        )
    if isinstance(error, psycopg.OperationalError | OSError):
        return codes.STORE_UNREACHABLE.error(
            detail, hint="Check the host, the port and the network; PGSSLMODE governs TLS."
        )
    return codes.STORE_ANSWER.error(detail, hint="Look into the log of the server.")
