"""An asset while it is sent: exactly the inspected bytes, or never the last of them."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from reconciler.adapters import files, open_asset
from reconciler.diagnostics import DiagnosticError
from reconciler.model import WEIGHTS_FILE, Asset

CONTENT = bytes(range(256)) * 40
ASSET = Asset(WEIGHTS_FILE, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / WEIGHTS_FILE
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize("size", [1, 7, 4096, len(CONTENT) - 1, len(CONTENT), 10**6, -1])
def test_it_gives_all_bytes_in_pieces_of_any_size(path: Path, size: int) -> None:
    with open_asset(path.parent, ASSET, None) as body:
        pieces = list(iter(lambda: body.read(size), b""))
        assert len(body) == len(CONTENT)

    assert b"".join(pieces) == CONTENT
    assert size < 0 or max(map(len, pieces)) <= size


def test_it_says_its_name_and_size(path: Path) -> None:
    with open_asset(path.parent, ASSET, path.parent) as body:
        assert (body.file_name, len(body)) == (WEIGHTS_FILE, len(CONTENT))


def overwrite_the_end(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x00")


def overwrite_the_start(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff")


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(len(CONTENT) - 1)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x")


CHANGES = pytest.mark.parametrize(
    "change", [overwrite_the_end, cut, empty, append], ids=lambda change: change.__name__
)
SIZES = pytest.mark.parametrize("size", [1, 1000, len(CONTENT) // 2, 10**6, -1])


@CHANGES
@SIZES
def test_a_file_that_changes_while_it_is_sent_is_never_sent_completely(
    path: Path, change: Callable[[Path], None], size: int
) -> None:
    sent: list[bytes] = []
    with open_asset(path.parent, ASSET, None) as body:
        if size > 0:
            sent.append(body.read(min(size, 1000)))
        change(path)
        with pytest.raises(DiagnosticError) as caught:
            sent.extend(iter(lambda: body.read(size), b""))

    assert [d.code for d in caught.value.diagnostics] == ["R307"]
    assert sum(map(len, sent)) < len(CONTENT)


@pytest.mark.parametrize("change", [cut, empty, append], ids=lambda change: change.__name__)
def test_another_size_is_noticed_before_anything_is_sent(
    path: Path, change: Callable[[Path], None]
) -> None:
    change(path)

    with pytest.raises(DiagnosticError) as caught:
        open_asset(path.parent, ASSET, None)

    (finding,) = caught.value.diagnostics
    assert finding.code == "R307"
    assert f"{len(CONTENT):,}" in finding.detail


def test_other_bytes_of_the_same_size_are_noticed(path: Path) -> None:
    overwrite_the_start(path)
    sent: list[bytes] = []

    with open_asset(path.parent, ASSET, None) as body, pytest.raises(DiagnosticError):
        sent.extend(iter(lambda: body.read(1000), b""))

    assert 0 < sum(map(len, sent)) < len(CONTENT)


def test_a_file_that_is_replaced_as_a_whole_is_still_the_inspected_one(path: Path) -> None:
    with open_asset(path.parent, ASSET, None) as body:
        first = body.read(10)
        other = path.with_name("other")
        other.write_bytes(b"x" * len(CONTENT))
        other.rename(path)

        assert first + body.read(-1) == CONTENT


def test_a_file_that_is_gone(path: Path) -> None:
    path.unlink()

    with pytest.raises(DiagnosticError) as caught:
        open_asset(path.parent, ASSET, None)

    assert [d.code for d in caught.value.diagnostics] == ["R304"]


def fail(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def read_all(path: Path) -> None:
    with open_asset(path.parent, ASSET, None) as body:
        body.read(-1)


class BadDisk(io.FileIO):
    """A file of a disk that fails. reads: whether it can still be read."""

    reads = False

    def readinto(self, buffer: bytearray, /) -> int | None:  # type: ignore[override]
        return super().readinto(buffer) if self.reads else fail()

    def close(self) -> None:
        if not self.closed:
            super().close()
            fail()


class BadAtTheClose(BadDisk):
    reads = True


def use(kind: type[BadDisk], monkeypatch: pytest.MonkeyPatch) -> None:
    def open_regular(path: Path, _name: str, _root: Path | None) -> io.BufferedReader:
        return io.BufferedReader(kind(path))

    monkeypatch.setattr(files, "open_regular", open_regular)


def test_a_read_that_fails_is_told_as_the_files_fault(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(BadDisk, monkeypatch)

    with open_asset(path.parent, ASSET, None) as body, pytest.raises(DiagnosticError) as caught:
        body.read(100)

    (finding,) = caught.value.diagnostics
    assert finding.code == "R304"
    assert f"{path} cannot be read: Input/output error." in finding.detail


def test_a_close_that_fails_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(BadAtTheClose, monkeypatch)

    with open_asset(path.parent, ASSET, None) as body:
        assert body.read(-1) == CONTENT


@pytest.mark.parametrize("works", range(3))
def test_a_status_that_cannot_be_read_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, works: int
) -> None:
    # It is looked at when the file was opened, for the size, and before the last piece.
    statuses = [os.stat(path)] * works  # noqa: PTH116
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstat", lambda _: statuses.pop() if statuses else fail())
        with pytest.raises(DiagnosticError) as caught:
            read_all(path)

    assert [d.code for d in caught.value.diagnostics] == ["R304"]


def test_a_path_that_the_disk_cannot_follow_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", fail)
        patch.setattr(os, "stat", fail)
        with pytest.raises(DiagnosticError) as caught:
            read_all(path)

    (finding,) = caught.value.diagnostics
    assert finding.code == "R304"
    assert "Input/output error" in finding.detail
