from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import encode_state
from reconciler.stores import open_store
from tests.state.samples import empty, rich
from tests.stores.contender import info
from tests.stores.place import Place, locking, refused


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


# What can be wrong


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
