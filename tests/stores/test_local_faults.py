"""Rows 36 to 44 and 47 to 50 of the fault matrix, for the local file: real system calls fail.

strace makes a call of the process fail before it is executed. What must hold in every row:
the state parses as the old or the new one, and whoever saved is told the truth.
"""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import State, decode_state, encode_state
from reconciler.stores import open_store
from tests.state.samples import large, rich
from tests.stores.conformance import locking, of_version, refused
from tests.stores.contender import TOKEN, arguments, contenders, info
from tests.uncovered import without_coverage

NAME = "reconciler.state.json"
TEMPORARY = f".{NAME}.{TOKEN}.tmp"
BACKUP = f".{NAME}.backup.tmp"
OLD = rich()
NEW = rich().following({}, {})
SAVED, NOT_SAVED, NOT_REGULAR, NO_LOCK = 0, 107, 106, 109

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed; it makes system calls fail"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a state in it."""
    (tmp_path / NAME).write_bytes(encode_state(OLD))
    return tmp_path


@dataclass(frozen=True, slots=True)
class Save:
    """How a save in a process of its own ended. calls: what strace wrote of the traced calls."""

    code: int
    complaint: str
    calls: str


def save(folder: Path, *faults: str, path: str = "", calls: str = "") -> Save:
    """Lock, load and save under faults; only calls about the path fail, where one is given."""
    log = folder.parent / f"{folder.name}.strace"
    tracer = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={calls or 'fsync,/^rename'}"]
    for fault in faults:
        tracer += ["-e", f"inject={fault}"]
    if path:
        tracer += ["-P", str(folder / path)]
    # Compiled modules and the figures of coverage are written by renames, too.
    environment = {**without_coverage(), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*tracer, *arguments(NAME, folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Save(done.returncode, done.stderr.strip(), log.read_text())


def holds(folder: Path, state: State = OLD) -> bool:
    """Tell whether a folder has just that state, whole, and nothing half-made beside it."""
    beside = {path.name for path in folder.iterdir()} - {NAME, f"{NAME}.lock", f"{NAME}.backup"}
    assert beside == set()
    if (folder / f"{NAME}.backup").exists():
        assert (folder / f"{NAME}.backup").read_bytes() == encode_state(OLD)
    return decode_state((folder / NAME).read_bytes(), NAME) == state


@needs_strace
def test_a_save_without_faults_syncs_the_file_before_its_name(folder: Path) -> None:
    done = save(folder)
    assert done.code == SAVED, done.complaint
    assert holds(folder, NEW)
    calls = [line.split(maxsplit=1)[1].partition("(")[0] for line in done.calls.splitlines()]
    assert calls == ["fsync", "fsync", "rename", "fsync", "rename", "fsync"]


FAULTS = [
    (call, error, target)
    for call in ("write", "fsync", "close")
    for error in ("ENOSPC", "EIO")
    for target in (TEMPORARY, BACKUP)
]


@needs_strace
@pytest.mark.parametrize(("call", "error", "target"), FAULTS)
def test_row_36_a_fault_at_any_write_fsync_or_close_leaves_the_old_state(
    folder: Path, call: str, error: str, target: str
) -> None:
    done = save(folder, f"{call}:error={error}", path=target, calls=call)
    assert (done.code, "INJECTED" in done.calls) == (NOT_SAVED, True)
    assert os.strerror(getattr(errno, error)) in done.complaint
    assert holds(folder)


@needs_strace
def test_row_36_a_fault_at_the_sync_of_the_folder_is_told_though_the_new_state_is_there(
    folder: Path,
) -> None:
    # After those of the new file, of the backup and of the backup's name.
    done = save(folder, "fsync:error=EIO:when=4", calls="fsync")
    assert (done.code, done.calls.count("fsync(")) == (NOT_SAVED, 4)
    assert holds(folder, NEW)


@needs_strace
def test_row_36_a_fault_at_the_sync_of_the_backups_name_leaves_the_old_state(folder: Path) -> None:
    done = save(folder, "fsync:error=EIO:when=3", calls="fsync")
    assert (done.code, done.calls.count("fsync(")) == (NOT_SAVED, 3)
    assert holds(folder)


def test_row_36_a_full_disk_leaves_the_old_state(small_disk: Path) -> None:
    store = open_store(NAME, small_disk)
    version = store.save(OLD, "")
    assert refused(lambda: store.save(large(2000), version)) == "R407"
    assert holds(small_disk)
    store.save(NEW, version)
    assert holds(small_disk, NEW)


def test_row_36_a_disk_that_was_full_before_can_be_locked_and_read(small_disk: Path) -> None:
    version = open_store(NAME, small_disk).save(OLD, "")
    _fill(small_disk / "ballast")
    store = open_store(NAME, small_disk)
    with store.lock(info(), 0):
        assert store.load() is not None
        assert refused(lambda: store.save(NEW, version)) == "R407"
    (small_disk / "ballast").unlink()
    assert holds(small_disk)


@needs_strace
@pytest.mark.parametrize("error", ["EXDEV", "EACCES", "EROFS", "EIO"])
@pytest.mark.parametrize("target", [TEMPORARY, BACKUP])
def test_row_38_a_rename_that_fails_leaves_the_old_state(
    folder: Path, error: str, target: str
) -> None:
    done = save(folder, f"/^rename:error={error}", path=target, calls="/^rename")
    assert (done.code, "INJECTED" in done.calls) == (NOT_SAVED, True)
    assert holds(folder)


@needs_strace
@pytest.mark.parametrize("target", [TEMPORARY, BACKUP])
def test_row_39_a_write_that_wrote_less_than_it_says_leaves_the_old_state(
    folder: Path, target: str
) -> None:
    done = save(folder, "write:retval=1:when=1", path=target, calls="write")
    assert (done.code, "INJECTED" in done.calls) == (NOT_SAVED, True)
    assert "fewer bytes arrived" in done.complaint
    assert holds(folder)


@needs_strace
def test_row_39_a_write_that_writes_nothing_does_not_go_on_for_ever(folder: Path) -> None:
    done = save(folder, "write:retval=0", path=TEMPORARY, calls="write")
    assert done.code == NOT_SAVED
    assert holds(folder)


def test_row_39_a_write_that_the_kernel_cuts_off_leaves_the_old_state(folder: Path) -> None:
    limit = len(encode_state(OLD)) + 1000
    store = open_store(NAME, folder)
    snapshot = store.load()
    assert snapshot is not None
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        assert refused(lambda: store.save(large(20), snapshot.version)) == "R407"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert holds(folder)


def test_row_39_short_writes_are_gone_on_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, bytes(data[:7])))
    store = open_store(NAME, folder)
    snapshot = store.load()
    assert snapshot is not None
    store.save(NEW, snapshot.version)
    assert holds(folder, NEW)


@needs_strace
def test_row_40_an_fsync_that_failed_is_not_tried_again(folder: Path) -> None:
    # The kernel may have dropped what it could not write: a second fsync would report success.
    done = save(folder, "fsync:error=EIO:when=1", path=TEMPORARY, calls="fsync")
    assert done.code == NOT_SAVED
    assert done.calls.count("fsync(") == 1
    assert holds(folder)


def test_row_41_a_bad_state_is_refused_and_kept_for_whoever_mends_it(folder: Path) -> None:
    raw = encode_state(OLD)
    for bad in (b"", raw[:-1], raw.replace(b"Old.", b"old."), b"\0" * len(raw)):
        (folder / NAME).write_bytes(bad)
        store = open_store(NAME, folder)
        assert refused(store.load) == "R402"
        assert refused(partial(store.save, NEW, "")) == "R405"
        assert (folder / NAME).read_bytes() == bad


def test_row_42_a_state_of_a_newer_version_is_refused_and_kept(folder: Path) -> None:
    (folder / NAME).write_bytes(of_version(9))
    assert refused(open_store(NAME, folder).load) == "R403"
    assert (folder / NAME).read_bytes() == of_version(9)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o022, 0o277, 0o777])
def test_row_44_files_are_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        store = open_store(f"new/{NAME}", tmp_path)
        with store.lock(info(), 0):
            version = store.save(OLD, "")
        open_store(f"new/{NAME}", tmp_path).save(NEW, version)
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "new").iterdir()}
    assert modes == dict.fromkeys((NAME, f"{NAME}.lock", f"{NAME}.backup"), 0o600)
    mode = stat.S_IMODE((tmp_path / "new").stat().st_mode)
    assert mode & 0o700 == 0o700
    assert not mode & 0o022


def _symbolic_link(path: Path) -> None:
    (path.parent / "victim").write_bytes(encode_state(OLD))
    path.symlink_to("victim")


SPECIAL: list[Callable[[Path], None]] = [_symbolic_link, os.mkfifo, Path.mkdir]
IDS = ["symbolic link", "pipe", "folder"]


@pytest.mark.parametrize("make", SPECIAL, ids=IDS)
def test_row_44_a_state_that_is_no_regular_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    store = open_store(NAME, tmp_path)
    make(tmp_path / NAME)
    before = (tmp_path / NAME).lstat()
    assert refused(store.load) == "R406"
    assert refused(lambda: store.save(NEW, "")) == "R406"
    assert os.path.samestat((tmp_path / NAME).lstat(), before)
    victim = tmp_path / "victim"
    assert not victim.exists() or victim.read_bytes() == encode_state(OLD)


def test_row_44_a_device_is_refused_and_not_read(tmp_path: Path) -> None:
    assert refused(open_store("/dev/zero", tmp_path).load) == "R406"


@pytest.mark.parametrize("make", SPECIAL[:2], ids=IDS[:2])
def test_row_44_a_lock_that_is_no_regular_file_is_refused(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder / f"{NAME}.lock")
    assert refused(lambda: locking(open_store(NAME, folder))) == "R406"
    victim = folder / "victim"
    assert not victim.exists() or victim.read_bytes() == encode_state(OLD)


def test_row_44_a_temporary_name_that_is_a_symbolic_link_is_not_followed(folder: Path) -> None:
    victim = folder / "victim"
    victim.write_text("precious")
    (folder / TEMPORARY).symlink_to(victim)
    (folder / BACKUP).symlink_to(victim)
    done = subprocess.run(arguments(NAME, folder), capture_output=True, text=True, check=False)
    assert done.returncode == SAVED, done.stderr
    assert victim.read_text() == "precious"


def test_row_47_the_second_is_told_who_holds_the_lock(folder: Path) -> None:
    with contenders(1, "hold", NAME, folder) as (holder,):
        holder.go()
        assert holder.hear() == "held"
        with pytest.raises(DiagnosticError) as caught:
            locking(open_store(NAME, folder))
    assert caught.value.diagnostics[0].code == "R408"
    assert f"(process {holder.pid})" in caught.value.diagnostics[0].detail


def test_row_48_the_lock_of_a_killed_holder_is_free(folder: Path) -> None:
    with contenders(1, "hold", NAME, folder) as (holder,):
        holder.go()
        assert holder.hear() == "held"
        holder.kill()
        assert (folder / f"{NAME}.lock").read_bytes() != b""
        locking(open_store(NAME, folder))


def test_row_49_a_holder_whose_lock_file_is_removed_is_told(folder: Path) -> None:
    with open_store(NAME, folder).lock(info(), 0) as lock:
        (folder / f"{NAME}.lock").unlink()
        assert refused(lock.check) == "R410"
        with open_store(NAME, folder).lock(info(), 0) as other:
            other.check()
            assert refused(lock.check) == "R410"


def test_row_49_a_holder_whose_lock_file_is_replaced_is_told(folder: Path) -> None:
    lock_file = folder / f"{NAME}.lock"
    with open_store(NAME, folder).lock(info(), 0) as lock:
        shutil.copy(lock_file, folder / "copy")
        (folder / "copy").rename(lock_file)
        assert refused(lock.check) == "R410"


def test_row_49_a_file_that_was_removed_before_it_was_locked_does_not_count(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock_file = folder / f"{NAME}.lock"
    flock = fcntl.flock
    times = []

    def late(descriptor: int, operation: int) -> None:
        times.append(operation)
        if len(times) == 1:
            lock_file.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with open_store(NAME, folder).lock(info(), 0) as lock:
        lock.check()
    assert len(times) == 2


@needs_strace
@pytest.mark.parametrize("error", ["ENOLCK", "ENOSYS", "EOPNOTSUPP", "EBADF"])
def test_row_50_a_file_system_that_cannot_lock_is_refused(folder: Path, error: str) -> None:
    done = save(folder, f"flock:error={error}", calls="flock")
    assert (done.code, "INJECTED" in done.calls) == (NO_LOCK, True)
    assert holds(folder)


def _fill(path: Path) -> None:
    """Write until nothing more fits, not even a byte."""
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            _write_until_full(file, b"\0" * size)


def _write_until_full(file: IO[bytes], piece: bytes) -> None:
    try:
        while file.write(piece):
            pass
    except OSError:
        return


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)
