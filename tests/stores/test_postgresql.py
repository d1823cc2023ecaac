from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import StateStore, encode_state
from reconciler.stores import open_store, postgresql_session
from reconciler.stores.addresses import parse_database_address
from reconciler.stores.postgresql import PostgresqlStore
from tests.state.samples import empty, rich
from tests.stores.contender import info
from tests.stores.place import Place, locking, refused
from tests.stores.wire import wire


def keep(database: str, root: Path) -> Place:
    name = f"team/{uuid.uuid4()}"

    def read() -> bytes:
        with psycopg.connect(database) as connection:
            query = "SELECT content FROM reconciler.state WHERE name = %s"
            row = connection.execute(query, [name]).fetchone()
        assert row is not None
        return bytes(row[0])

    def write(raw: bytes) -> None:
        locking(open_store(f"{database}/{name}", root))
        with psycopg.connect(database) as connection:
            connection.execute(
                """INSERT INTO reconciler.state (name, version, serial, lineage, content, saved_by)
                VALUES (%s, 'another', 1, '', %s, 'another')
                ON CONFLICT (name) DO UPDATE SET content = excluded.content""",
                [name, raw],
            )

    return Place(f"{database}/{name}", root, read, write)


@pytest.fixture
def place(postgresql: str, tmp_path: Path) -> Place:
    return keep(postgresql, tmp_path)


def terminate_all(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'reconciler'"
        )


# Lock


def test_a_lock_is_freed_by_its_id_and_its_holder_notices(place: Place) -> None:
    holder, other = info("first@runner"), place.open()
    with place.open().lock(holder, 0) as lock:
        assert other.holder() == holder
        assert refused(lambda: other.break_lock("another")) == "R422"
        other.break_lock(holder.id)
        assert other.holder() is None
        locking(other)
        assert refused(lock.check) == "R410"


def test_a_run_that_lost_its_connection_can_neither_check_nor_save(
    place: Place, postgresql: str
) -> None:
    store = place.open()
    with store.lock(info(), 0) as lock:
        version = store.save(empty(), "")
        terminate_all(postgresql)
        assert refused(lock.check) == "R410"
        assert refused(lambda: store.save(rich(), version)) == "R413"
    assert place.read() == encode_state(empty())


def test_a_lock_that_is_gone_though_its_connection_is_not_is_lost(place: Place) -> None:
    """As through a pooler that hands out another session of the server's."""
    store = place.open()
    assert isinstance(store, PostgresqlStore)
    with store.lock(info(), 0) as lock:
        lock.check()
        assert store._holding is not None
        store._holding._connection.execute("SELECT pg_advisory_unlock_all()")
        with pytest.raises(DiagnosticError, match=r"R410 .*pooler in session mode"):
            lock.check()


def test_a_server_that_falls_silent_is_not_waited_for(
    place: Place, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = urlsplit(postgresql).port or 0
    is_silent, over = threading.Event(), threading.Event()
    with wire(port) as cable:
        cable.before = lambda number: over.wait(20) and None if is_silent.is_set() else None
        with rewired(place, port, cable.port).lock(info(), 0) as lock:
            is_silent.set()
            monkeypatch.setattr(postgresql_session, "STATEMENT_SECONDS", -4.5)
            began = time.monotonic()
            assert refused(lock.check) == "R410"
            assert time.monotonic() - began < 5
        over.set()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="no /proc/net/tcp")
def test_the_server_asks_after_a_silent_holder_within_a_minute(
    place: Place, postgresql: str
) -> None:
    """Else a machine that vanished would hold the lock for two hours."""
    with place.open().lock(info(), 0):
        with psycopg.connect(postgresql) as connection:
            query = "SELECT client_port FROM pg_stat_activity WHERE application_name = 'reconciler'"
            ports = {f":{row[0]:04X}" for row in connection.execute(query)}
        kind = "01"
        # Its last answer waits for its acknowledgement first, which takes a moment.
        for _ in range(100):
            if kind != "01":
                break
            time.sleep(0.05)
            kind, ticks = _timer_of_the_server(ports)
    assert kind == "02", "not the timer that asks whether the other side is alive"
    assert ticks <= 30 * os.sysconf("SC_CLK_TCK")


def _timer_of_the_server(ports: set[str]) -> tuple[str, int]:
    """The timer of the server's end of a connection to a port: its kind, and its ticks left."""
    ends = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    (timer,) = [end[5] for end in ends if end[2][-5:] in ports and end[3] == "01"]
    kind, ticks = timer.split(":")
    return kind, int(ticks, 16)


def rewired(place: Place, port: int, other: int) -> StateStore:
    return open_store(place.address.replace(f":{port}/", f":{other}/"), place.root)


def test_two_states_of_one_database_are_locked_apart(place: Place) -> None:
    with place.open().lock(info(), 0):
        locking(open_store(f"{place.address}2", place.root))


# History


def test_the_history_has_a_row_a_run_with_who_and_when(place: Place, postgresql: str) -> None:
    version = ""
    for who in ("ada@ci", "bob@ci"):
        store = place.open()
        with store.lock(info(who), 0):
            version = store.save(empty(), version)
            version = store.save(rich(), version)
    name = place.address.removeprefix(f"{postgresql}/")
    with psycopg.connect(postgresql) as connection:
        rows = connection.execute(
            "SELECT saved_by, operation, content, saved_at <= now() FROM reconciler.history "
            "WHERE name = %s ORDER BY number",
            [name],
        ).fetchall()
    raw = encode_state(rich())
    assert rows == [("ada@ci", "apply", raw, True), ("bob@ci", "apply", raw, True)]


def test_the_history_keeps_the_latest_runs(
    place: Place, postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_session, "KEPT_RUNS", 3)
    version = ""
    for who in "abcde":
        store = place.open()
        with store.lock(info(who), 0):
            version = store.save(empty(), version)
    name = place.address.removeprefix(f"{postgresql}/")
    with psycopg.connect(postgresql) as connection:
        rows = connection.execute(
            "SELECT saved_by FROM reconciler.history WHERE name = %s ORDER BY number", [name]
        ).fetchall()
    assert rows == [("c",), ("d",), ("e",)]


# What can be wrong


def test_off_this_machine_tls_is_required(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another way to write this machine's address, which looks like another's.
    address = place.address.replace("127.0.0.1", "127.1")
    monkeypatch.delenv("PGSSLMODE", raising=False)
    with pytest.raises(DiagnosticError, match="SSL was required"):
        open_store(address, place.root).load()
    monkeypatch.setenv("PGSSLMODE", "disable")
    assert open_store(address, place.root).load() is None


@pytest.mark.parametrize("by", ["PGHOSTADDR", "PGHOST", "PGSERVICE"])
def test_what_says_where_to_connect_says_that_tls_is_required(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """A server that is elsewhere, and would ask for the password without TLS."""
    monkeypatch.delenv("PGSSLMODE", raising=False)
    with without_tls() as (host, port, asked):
        monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
        (tmp_path / "services").write_text(f"[there]\nhost={host}\nport={port}\n")
        monkeypatch.setenv(by, "there" if by == "PGSERVICE" else host)
        server = f"localhost:{port}" if by == "PGHOSTADDR" else ""
        if by == "PGHOST":
            monkeypatch.setenv("PGPORT", str(port))
        with pytest.raises(DiagnosticError, match=r"R413|SSL"):
            open_store(f"postgresql://me@{server}/database/prod", tmp_path).load()
    assert asked == [b"SSLRequest"]


MODES = [
    ({"PGHOST": "localhost,db.example.com"}, "postgresql:///database/prod", "require"),
    ({"PGHOST": "localhost,/run/postgresql"}, "postgresql:///database/prod", ""),
    (
        {"PGHOST": "localhost,db.example.com", "PGHOSTADDR": "127.0.0.1,"},
        "postgresql:///database/prod",
        "require",
    ),
    ({"PGSERVICE": "checked"}, "postgresql:///database/prod", ""),
    ({"PGSERVICE": "unchecked"}, "postgresql:///database/prod", "require"),
    ({}, "postgresql://db.example.com/database/prod?sslrootcert=system", "verify-full"),
    ({"PGPASSWORD": "p\udcffw"}, "postgresql://db.example.com/database/prod", "require"),
]


@pytest.mark.parametrize(("environment", "address", "mode"), MODES)
def test_every_host_counts_for_tls(
    environment: dict[str, str],
    address: str,
    mode: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "services").write_text(
        "[checked]\nhost=db.example.com\nsslmode=verify-full\n[unchecked]\nhost=db.example.com\n"
    )
    for name in ("PGSSLMODE", "PGHOST", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert postgresql_session._tls(parse_database_address(address)) == mode


@contextmanager
def without_tls() -> Iterator[tuple[str, int, list[bytes]]]:
    """A server that refuses TLS, at an address that is not one of this machine's usual ones."""
    listener = socket.create_server(("127.0.0.2", 0))
    asked: list[bytes] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock:
                    code = sock.recv(8)[4:]
                    asked.append(b"SSLRequest" if code == bytes.fromhex("04d2162f") else code)
                    sock.sendall(b"N")
                    if more := sock.recv(500):
                        asked.append(more)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield (*listener.getsockname(), asked)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.fixture
def database(postgresql: str) -> str:
    """A database of its own, with nothing in it."""
    name = f"d{uuid.uuid4().hex}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgresql.rpartition('/')[0]}/{name}"


def test_many_first_uses_at_once_make_the_tables_once(database: str, tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def use_first(number: int) -> None:
        together.wait(60)
        assert open_store(f"{database}/{number}", tmp_path).load() is None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use_first, range(8)))


def test_a_wrong_password_is_not_shown(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "wrong-hunter3")
    with pytest.raises(DiagnosticError) as caught:
        place.open().load()
    assert caught.value.diagnostics[0].code == "R414"
    assert "hunter3" not in f"{caught.value} {caught.value.diagnostics!r}"
