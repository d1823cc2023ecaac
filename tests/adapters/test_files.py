"""Files that are no files, and folders that lead elsewhere: an error at once, never a wait."""

from __future__ import annotations

import io
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.adapters import inspection as inspection_module
from reconciler.adapters import open_asset
from reconciler.diagnostics import DiagnosticError
from reconciler.model import ASSET_NAMES, CONFIG_FILE, WEIGHTS_FILE, Asset
from tests.adapters.support import codes_of, look, only, ready

BOTH = pytest.mark.parametrize("name", ASSET_NAMES)


@BOTH
def test_a_fifo(tmp_path: Path, name: str) -> None:
    folder = ready(tmp_path)
    (folder / name).unlink()
    os.mkfifo(folder / name)

    inspection = look(folder)

    assert "a FIFO" in only(inspection, "R305").detail
    assert inspection.adapter is None


@BOTH
def test_a_device(tmp_path: Path, name: str) -> None:
    folder = ready(tmp_path)
    (folder / name).unlink()
    (folder / name).symlink_to("/dev/zero")

    assert "a character device" in only(look(folder), "R305").detail


@BOTH
def test_a_folder(tmp_path: Path, name: str) -> None:
    folder = ready(tmp_path)
    (folder / name).unlink()
    (folder / name).mkdir()

    assert "a folder" in only(look(folder), "R305").detail


def test_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).unlink()
    monkeypatch.chdir(folder)  # a socket's path may have 107 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(WEIGHTS_FILE)

        assert "a socket" in only(look(folder), "R305").detail


@BOTH
def test_a_link_that_leads_nowhere(tmp_path: Path, name: str) -> None:
    folder = ready(tmp_path)
    (folder / name).unlink()
    (folder / name).symlink_to("gone")

    assert "symbolic links" in only(look(folder), "R304").hint


def test_a_link_to_itself(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).unlink()
    (folder / WEIGHTS_FILE).symlink_to(WEIGHTS_FILE)

    only(look(folder), "R304")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
@BOTH
def test_a_file_that_fails_while_it_is_read(tmp_path: Path, name: str) -> None:
    folder = ready(tmp_path)
    (folder / name).unlink()
    (folder / name).symlink_to("/proc/self/mem")

    assert "Input/output error" in only(look(folder), "R304").detail


@contextmanager
def nobody() -> Iterator[Path]:
    """Run as a user that file permissions hold for; give a folder that it can reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    is_root = os.geteuid() == 0
    try:
        if is_root:
            os.seteuid(65534)
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        shutil.rmtree(folder)


@BOTH
def test_a_file_without_permission(tmp_path: Path, name: str) -> None:
    source = ready(tmp_path)
    with nobody() as reachable:
        os.seteuid(os.getuid())
        folder = Path(shutil.copytree(source, reachable / "bot"))
        (folder / name).chmod(0)
        if os.getuid() == 0:
            os.seteuid(65534)

        finding = only(look(folder), "R304")

    assert "Permission denied" in finding.detail
    assert "chmod" in finding.hint


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    finding = only(look(tmp_path / "gone"), "R301")

    assert "adapters/bot does not exist" in finding.detail


def test_a_file_instead_of_the_folder(tmp_path: Path) -> None:
    assert "not a folder" in only(look(ready(tmp_path) / WEIGHTS_FILE), "R301").detail


def test_a_fifo_instead_of_the_folder(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    only(look(tmp_path / "fifo"), "R301")


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    assert [d.code for d in look(tmp_path / ("x" * 5000)).diagnostics] == ["R301"]
    assert [d.code for d in look(tmp_path / "a\0b").diagnostics] == ["R301"]


def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    return root


def test_an_adapter_inside_of_the_project(tmp_path: Path) -> None:
    root = project(tmp_path)

    assert look(ready(root), root=root).diagnostics == ()


def test_a_project_that_is_itself_reached_by_a_link(tmp_path: Path) -> None:
    root = project(tmp_path)
    folder = ready(root)
    (tmp_path / "link").symlink_to(root)

    assert look(tmp_path / "link" / folder.name, root=tmp_path / "link").diagnostics == ()


def test_links_within_the_project(tmp_path: Path) -> None:
    root = project(tmp_path)
    folder = ready(root)
    (folder / WEIGHTS_FILE).rename(root / "blob")
    (folder / WEIGHTS_FILE).symlink_to("../blob")

    assert look(folder, root=root).diagnostics == ()


def test_a_path_that_climbs_out(tmp_path: Path) -> None:
    root = project(tmp_path)
    outside = ready(tmp_path)

    inspection = look(root / ".." / outside.name, root=root)

    assert str(outside) in only(inspection, "R302").detail
    assert inspection.adapter is None


def test_an_absolute_path(tmp_path: Path) -> None:
    only(look(ready(tmp_path), root=project(tmp_path)), "R302")


def test_a_neighbour_whose_name_begins_alike(tmp_path: Path) -> None:
    root = project(tmp_path)
    (tmp_path / "project-2").mkdir()

    only(look(ready(tmp_path / "project-2"), root=root), "R302")


def test_a_folder_that_is_a_link_out(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "bot").symlink_to(ready(tmp_path))

    only(look(root / "bot", root=root), "R302")


@BOTH
def test_a_file_that_is_a_link_out(tmp_path: Path, name: str) -> None:
    root = project(tmp_path)
    folder = ready(root)
    (folder / name).rename(tmp_path / "secret")
    (folder / name).symlink_to(tmp_path / "secret")

    inspection = look(folder, root=root)

    assert "secret" in only(inspection, "R302").detail
    assert inspection.adapter is None


def test_a_link_out_is_not_sent_either(tmp_path: Path) -> None:
    root = project(tmp_path)
    folder = ready(root)
    adapter = look(folder, root=root).adapter
    assert adapter is not None
    (folder / WEIGHTS_FILE).rename(tmp_path / "moved")
    (folder / WEIGHTS_FILE).symlink_to(tmp_path / "moved")

    with pytest.raises(DiagnosticError) as caught:
        open_asset(folder, adapter.assets[1], root)

    assert [d.code for d in caught.value.diagnostics] == ["R302"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_no_file_is_not_sent(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / CONFIG_FILE)

    with pytest.raises(DiagnosticError) as caught:
        open_asset(tmp_path, Asset(CONFIG_FILE, "0" * 64, 1), None)

    assert [d.code for d in caught.value.diagnostics] == ["R305"]


def test_a_file_that_changes_while_it_is_inspected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ready(tmp_path)
    digest = inspection_module.digest_file

    def digest_and_touch(file: io.BufferedReader) -> str:
        os.utime(folder / WEIGHTS_FILE, ns=(1, 1))
        return digest(file)

    monkeypatch.setattr(inspection_module, "digest_file", digest_and_touch)
    inspection = look(folder)

    only(inspection, "R307")
    assert inspection.adapter is None


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def test_nothing_stays_open(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    before = open_files()
    for name in (WEIGHTS_FILE, CONFIG_FILE):
        codes_of(look(folder))
        (folder / name).unlink()
        (folder / name).mkdir()
        codes_of(look(folder))

    assert open_files() == before
