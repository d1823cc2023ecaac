"""An asset while it is sent: exactly the inspected bytes, or never the last of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.adapters import open_asset
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
