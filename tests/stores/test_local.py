from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from reconciler.cli.main import run
from reconciler.diagnostics import DiagnosticError
from reconciler.state import encode_state
from reconciler.stores import file_lock, open_store
from reconciler.stores.local import LocalStore
from tests.state.samples import empty, rich
from tests.stores.contender import contenders, info
from tests.stores.place import Place, locking, refused

NAME = "reconciler.state.json"


def keep(folder: Path) -> Place:
    path = folder / NAME
    return Place(NAME, folder, path.read_bytes, lambda raw: _replace(path, raw))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return keep(tmp_path)


def _replace(path: Path, raw: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(raw)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# What lies beside it


def test_nothing_is_left_beside_the_state_but_lock_and_backup(place: Place) -> None:
    store = place.open()
    with store.lock(info(), 0):
        version = store.save(empty(), "")
        version = store.save(rich(), version)
    assert names(place.root) == {NAME, f"{NAME}.lock"}
    with place.open().lock(info(), 0):
        place.open().save(empty(), version)
    assert names(place.root) == {NAME, f"{NAME}.lock", f"{NAME}.backup"}


def test_the_backup_is_the_state_before_the_run_and_not_before_the_last_save(place: Place) -> None:
    version = place.open().save(rich(), "")
    store = place.open()
    version = store.save(empty(), version)
    store.save(empty().following({}, {}), version)
    assert (place.root / f"{NAME}.backup").read_bytes() == encode_state(rich())


def test_the_backup_is_a_state_that_can_be_loaded(place: Place) -> None:
    version = place.open().save(rich(), "")
    place.open().save(empty(), version)
    snapshot = open_store(f"{NAME}.backup", place.root).load()
    assert snapshot is not None
    assert snapshot.state == rich()


def test_a_refused_save_leaves_the_backup_alone(place: Place) -> None:
    version = place.open().save(rich(), "")
    place.open().save(empty(), version)
    assert refused(lambda: place.open().save(rich(), version)) == "R405"
    assert (place.root / f"{NAME}.backup").read_bytes() == encode_state(rich())


def test_a_backup_that_is_a_symbolic_link_is_replaced_and_not_followed(place: Place) -> None:
    victim = place.root / "victim"
    victim.write_text("precious")
    (place.root / f"{NAME}.backup").symlink_to(victim)
    version = place.open().save(rich(), "")
    place.open().save(empty(), version)
    assert victim.read_text() == "precious"
    assert not (place.root / f"{NAME}.backup").is_symlink()


def test_a_backup_that_cannot_be_written_is_named_and_nothing_is_replaced(place: Place) -> None:
    version = place.open().save(rich(), "")
    (place.root / f"{NAME}.backup").mkdir()
    with pytest.raises(DiagnosticError) as caught:
        place.open().save(empty(), version)
    assert caught.value.diagnostics[0].code == "R407"
    assert caught.value.diagnostics[0].detail == f"{NAME}.backup: Is a directory."
    assert place.read() == encode_state(rich())
    assert names(place.root) == {NAME, f"{NAME}.backup"}


def test_what_a_killed_save_left_is_removed_by_the_next_holder_of_the_lock(place: Place) -> None:
    left = [f".{NAME}.{'0' * 16}.tmp", f".{NAME}.{'a' * 16}.claim", f".{NAME}.backup.tmp"]
    kept = [
        f".{NAME}.{'0' * 16}.tmp.txt",
        f".{NAME}.tmp",
        f".other.{NAME}.{'0' * 16}.tmp",
        f".{NAME}.json.{'0' * 16}.tmp",
    ]
    for name in (*left, *kept):
        (place.root / name).touch()
    locking(place.open())
    assert names(place.root) == {*kept, f"{NAME}.lock"}


def test_a_claim_that_a_killed_save_left_blocks_no_locked_save(place: Place) -> None:
    store = place.open()
    version = store.save(empty(), "")
    with contenders(1, "hold", place.address, place.root) as (holder,):
        holder.go()
        holder.hear()
        claim = place.root / f".{NAME}.{hashlib.sha256(version.encode()).hexdigest()[:16]}.claim"
        claim.touch()
        assert refused(lambda: store.save(rich(), version)) == "R405"
        holder.kill()
    with place.open().lock(info(), 0):
        place.open().save(rich(), version)
    assert not claim.exists()


def test_who_saves_without_the_lock_while_another_does_is_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = place.open().save(empty(), "")
    real = LocalStore._back_up

    def meanwhile(self: LocalStore, old: bytes | None) -> None:
        monkeypatch.setattr(LocalStore, "_back_up", real)
        assert refused(lambda: place.open().save(rich(), version)) == "R405"
        real(self, old)

    monkeypatch.setattr(LocalStore, "_back_up", meanwhile)
    place.open().save(empty().following({}, {}), version)
    assert place.read() == encode_state(empty().following({}, {}))


# Where it lies


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    store = open_store("a/b/c.json", tmp_path)
    with store.lock(info(), 0):
        store.save(rich(), "")
    assert (tmp_path / "a/b/c.json").read_bytes() == encode_state(rich())


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    store = open_store("a/b.json", tmp_path)
    assert refused(store.load) == "R401"
    assert refused(lambda: store.save(rich(), "")) == "R407"
    assert refused(lambda: locking(store)) == "R409"


@pytest.mark.parametrize("address", ["", ".", "..", "folder", "folder/", "folder/..", "/"])
def test_the_path_of_a_folder_is_refused_before_anything_is_made(
    tmp_path: Path, address: str
) -> None:
    (tmp_path / "folder").mkdir()
    assert refused(lambda: open_store(address, tmp_path)) == "R406"
    assert names(tmp_path) == {"folder"}


@pytest.mark.parametrize("address", ["a\0b", "a\ud800b"])
def test_what_cannot_be_a_path_is_refused(tmp_path: Path, address: str) -> None:
    assert refused(lambda: open_store(address, tmp_path)) == "R406"


@pytest.mark.parametrize("address", ["ftp://host/state", "x://"])
def test_a_place_that_this_release_has_no_store_for_is_refused(address: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        open_store(address, Path.cwd())
    assert caught.value.diagnostics[0].code == "R411"
    assert "secret" not in str(caught.value)


def test_a_name_that_is_too_long_is_told(tmp_path: Path) -> None:
    store = open_store("x" * 300, tmp_path)
    assert refused(store.load) == "R401"
    assert refused(lambda: store.save(rich(), "")) == "R407"
    assert refused(lambda: locking(store)) == "R409"


@pytest.mark.parametrize("name", ["a [b]*?.json", "ünï😀.json", "-rf", "a\nb"])
def test_a_strange_name_is_a_name(tmp_path: Path, name: str) -> None:
    store = open_store(name, tmp_path)
    with store.lock(info(), 0):
        version = store.save(rich(), "")
        (tmp_path / f".{name}.{'0' * 16}.tmp").touch()
    with open_store(name, tmp_path).lock(info(), 0):
        open_store(name, tmp_path).save(empty(), version)
    assert names(tmp_path) == {name, f"{name}.lock", f"{name}.backup"}


# The lock


def test_checking_a_lock_that_was_let_go_says_that_it_is_lost(place: Place) -> None:
    with place.open().lock(info(), 0) as lock:
        pass
    assert refused(lock.check) == "R410"


def test_the_lock_file_stays_and_names_nobody_afterwards(place: Place) -> None:
    locking(place.open())
    assert (place.root / f"{NAME}.lock").read_bytes() == b""


@pytest.mark.parametrize(
    "signature", [b"", b"\xff", b"[]", b"[" * 10_000, b"{}", b'{"Who":5}', b"\0" * 100]
)
def test_a_holder_that_signed_illegibly_holds_all_the_same(place: Place, signature: bytes) -> None:
    with place.open().lock(info(), 0):
        (place.root / f"{NAME}.lock").write_bytes(signature)
        assert refused(lambda: locking(place.open())) == "R408"


@pytest.mark.parametrize("name_left", ["", info().to_json()])
def test_who_only_looks_at_the_lock_keeps_nobody_from_it(
    place: Place, name_left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as `state unlock`, and whatever a dead run left in the file."""
    (place.root / f"{NAME}.lock").write_text(name_left)
    (place.root / "copy.json").write_bytes(encode_state(rich()))
    monkeypatch.chdir(place.root)
    with (place.root / f"{NAME}.lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        pauses: list[float] = []

        def look_no_longer(seconds: float) -> None:
            pauses.append(seconds)
            looking.close()

        clock = SimpleNamespace(monotonic=time.monotonic, sleep=look_no_longer)
        monkeypatch.setattr(file_lock, "time", clock)
        assert run(["state", "push", "copy.json", "--state", NAME]) == 0
    assert len(pauses) == 1
    assert place.read() == encode_state(rich())


def test_who_does_not_wait_for_a_lock_is_refused_soon(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: now[0], sleep=lambda seconds: now.append(now.pop() + seconds)
    )
    monkeypatch.setattr(file_lock, "time", clock)
    with place.open().lock(info(), 0):
        assert refused(lambda: locking(place.open())) == "R408"
    assert 0 < now[0] < 0.5


def test_files_are_private_whatever_they_were(place: Place) -> None:
    version = place.open().save(rich(), "")
    (place.root / NAME).chmod(0o666)
    place.open().save(empty(), version)
    for name in (NAME, f"{NAME}.backup"):
        assert stat.S_IMODE((place.root / name).stat().st_mode) == 0o600


def test_a_state_that_is_too_large_is_refused_without_reading_it_all(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.stores.local.MAX_BYTES", 1000)
    monkeypatch.setattr("reconciler.state.codec.MAX_BYTES", 1000)
    with (place.root / NAME).open("wb") as file:
        os.truncate(file.fileno(), 1 << 40)
    assert refused(place.open().load) == "R402"
