"""Which files are read: named ones, folders, standard input, or the working folder's."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.manifests import discover_manifests, find_manifests
from tests.manifests.support import finetune


def write(root: Path, *names: str, text: str = "finetunes: {}\n") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def found(root: Path, *paths: str) -> list[str]:
    files, problems = find_manifests(paths, root)
    assert problems == ()
    return [file.name for file in files]


def refused(root: Path, *paths: str) -> Diagnostic:
    files, problems = find_manifests(paths, root)
    assert files == ()
    (problem,) = problems
    assert problem.hint
    return problem


def test_named_files_are_read_in_the_order_they_are_named(tmp_path: Path) -> None:
    write(tmp_path, "b.yaml", "a.yaml", "c.txt")
    assert found(tmp_path, "b.yaml", "c.txt", "a.yaml") == ["b.yaml", "c.txt", "a.yaml"]


def test_a_folder_is_searched_to_its_depth_in_a_fixed_order(tmp_path: Path) -> None:
    write(tmp_path, "f/b.yml", "f/a.yaml", "f/x/y/z/deep.yaml", "f/note.md", "f/data.json")
    write(tmp_path, "f/.hidden.yaml", "f/.git/config.yaml", "f/reconciler.yaml", "other.yaml")
    assert found(tmp_path, "f") == ["f/a.yaml", "f/b.yml", "f/x/y/z/deep.yaml"]
    assert found(tmp_path, "f/") == ["f/a.yaml", "f/b.yml", "f/x/y/z/deep.yaml"]


def test_an_absolute_path_stays_absolute(tmp_path: Path) -> None:
    write(tmp_path, "f/a.yaml")
    assert found(tmp_path, str(tmp_path / "f")) == [str(tmp_path / "f/a.yaml")]


def test_files_know_their_folder_and_the_project(tmp_path: Path) -> None:
    write(tmp_path, "f/x/a.yaml")
    (file,), _ = find_manifests(["f"], tmp_path)
    assert (file.folder, file.root) == (tmp_path / "f/x", tmp_path)


def test_a_file_that_is_reached_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "f/a.yaml")
    (tmp_path / "f/b.yaml").symlink_to("a.yaml")
    paths = ("f/a.yaml", "./f/a.yaml", "f", str(tmp_path / "f/a.yaml"), "f/b.yaml")
    assert found(tmp_path, *paths) == ["f/a.yaml"]


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = io.TextIOWrapper(io.BytesIO(finetune().encode()))
    monkeypatch.setattr(sys, "stdin", text)
    (file,), problems = find_manifests(["-", "-"], tmp_path)
    assert problems == ()
    assert (file.name, file.folder, file.raw) == ("<stdin>", tmp_path, finetune().encode())


def test_a_closed_standard_input_is_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    (file,), _ = find_manifests(["-"], tmp_path)
    assert file.raw == b""


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("gone.yaml", "gone.yaml: No such file or directory."),
        ("", "An empty path is named, which would mean the whole working folder."),
        ("/dev/zero", "/dev/zero: Not a regular file."),
        (
            "a\x1b[31m.yaml",
            "'a\\x1b[31m.yaml': The name of this file holds characters that cannot be shown.",
        ),
    ],
)
def test_a_path_that_cannot_be_read_is_told(tmp_path: Path, path: str, detail: str) -> None:
    problem = refused(tmp_path, path)
    assert (problem.code, problem.detail) == ("R101", detail)


def test_every_path_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    files, problems = find_manifests(["x", "a.yaml", "y"], tmp_path)
    assert [file.name for file in files] == ["a.yaml"]
    assert [p.detail[0] for p in problems] == ["x", "y"]


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    assert refused(tmp_path, "a.yaml").detail == "a.yaml: Not a regular file."
    assert refused(tmp_path, ".").detail == "a.yaml: Not a regular file."


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a.yaml")
        assert refused(tmp_path, "a.yaml").code == "R101"


def test_a_folder_without_manifests_is_told(tmp_path: Path) -> None:
    write(tmp_path, "f/readme.md")
    problem = refused(tmp_path, "f")
    assert (problem.code, problem.detail) == ("R114", "The folder f holds no *.yaml or *.yml file.")


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may be root, whom no permission stops."""
    write(tmp_path, "f/a.yaml", "f/closed/b.yaml")
    iterdir = Path.iterdir

    def refuse(path: Path) -> Iterator[Path]:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    files, (problem,) = find_manifests(["f"], tmp_path)
    assert [file.name for file in files] == ["f/a.yaml"]
    assert problem.detail.endswith("closed: Permission denied.")


def test_a_folder_that_is_linked_to_is_searched(tmp_path: Path) -> None:
    write(tmp_path, "shared/a.yaml", "f/b.yaml")
    (tmp_path / "f/shared").symlink_to("../shared")
    assert found(tmp_path, "f") == ["f/b.yaml", "f/shared/a.yaml"]


def test_folders_that_link_to_each_other_are_searched_once(tmp_path: Path) -> None:
    write(tmp_path, "f/a.yaml")
    (tmp_path / "f/loop").symlink_to(".")
    (tmp_path / "f/up").symlink_to("..")
    assert found(tmp_path, "f") == ["f/a.yaml"]


def test_a_link_to_itself_or_to_nothing_is_told(tmp_path: Path) -> None:
    write(tmp_path, "f/a.yaml")
    (tmp_path / "f/loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "f/gone.yaml").symlink_to("nothing")
    files, problems = find_manifests(["f"], tmp_path)
    assert [file.name for file in files] == ["f/a.yaml"]
    assert [p.detail.partition(":")[0] for p in problems] == ["f/gone.yaml", "f/loop.yaml"]


def test_folders_as_the_config_maps_of_kubernetes_are_read(tmp_path: Path) -> None:
    write(tmp_path, "f/..2026/a.yaml")
    (tmp_path / "f/..data").symlink_to("..2026")
    (tmp_path / "f/a.yaml").symlink_to("..data/a.yaml")
    assert found(tmp_path, "f") == ["f/a.yaml"]


def test_a_very_deep_folder_is_searched(tmp_path: Path) -> None:
    """Deeper than Python recurses."""
    top = os.open(tmp_path, os.O_RDONLY)
    here = top
    for _ in range(1_200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        files, problems = find_manifests(["."], tmp_path)
    finally:
        subprocess.run(["rm", "-r", str(tmp_path / "d")], check=True)
    assert files == ()
    assert [p.code for p in problems] == ["R114"]


# Row 60 of the faults: links out of the project.


def test_row_60_a_file_of_a_folder_that_links_out_of_the_project_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "secret.yaml", "project/f/a.yaml")
    (tmp_path / "project/f/b.yaml").symlink_to(tmp_path / "secret.yaml")
    files, (problem,) = find_manifests(["f"], tmp_path / "project")
    assert [file.name for file in files] == ["f/a.yaml"]
    assert (problem.code, problem.detail) == ("R101", "f/b.yaml: It links out of the project.")
    assert problem.hint == "Where that is meant, name the file itself with -f/--manifest."


def test_row_60_a_folder_that_links_out_of_the_project_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "secret/a.yaml", "project/f/a.yaml")
    (tmp_path / "project/f/x").symlink_to(tmp_path / "secret")
    _, (problem,) = find_manifests(["f"], tmp_path / "project")
    assert problem.detail == "f/x/a.yaml: It links out of the project."


def test_row_60_the_working_folder_shows_no_file_from_outside(tmp_path: Path) -> None:
    write(tmp_path, "secret.yaml", "project/a.yaml")
    (tmp_path / "project/b.yaml").symlink_to(tmp_path / "secret.yaml")
    files, (problem,) = discover_manifests(tmp_path / "project")
    assert [file.name for file in files] == ["a.yaml"]
    assert problem.detail == "b.yaml: It links out of the project."


def test_what_is_named_itself_may_lie_anywhere(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/a.yaml")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/link.yaml").symlink_to("../elsewhere/a.yaml")
    for path in ("../elsewhere/a.yaml", "../elsewhere", "link.yaml"):
        assert len(found(tmp_path / "project", path)) == 1


# The working folder.


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nfinetunes:\n  a: {}\n",
        "finetune:\n",
        "moved: []\n",
        "removed: [a]\n",
        "finetunes :\n",
        "'finetunes': {}\n",
        '{"version": 1, "finetunes": {}}',
        "\ufefffinetunes: {}\n",
        "version: 1\r\nfinetunes: {}\r\n",
        "# $schema=https://example.com/manifest.v1.schema.json\n",
        "finetunes:\n\tbroken: [\n",
    ],
)
def test_what_looks_like_a_manifest_is_one(tmp_path: Path, text: str) -> None:
    write(tmp_path, "a.yaml", text=text)
    assert [file.name for file in discover_manifests(tmp_path)[0]] == ["a.yaml"]


def test_a_manifest_in_utf_16_is_not_overlooked(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes("version: 1\nfinetunes: {}\n".encode("utf-16"))
    assert len(discover_manifests(tmp_path)[0]) == 1


@pytest.mark.parametrize(
    "text",
    ["services:\n  web: {}\n", "version: 1\n", "jobs:\n  finetunes: x\n", "", "# finetunes: x\n"],
)
def test_other_yaml_files_of_the_working_folder_are_left_alone(tmp_path: Path, text: str) -> None:
    write(tmp_path, "compose.yaml", text=text)
    write(tmp_path, "a.yaml")
    files, problems = discover_manifests(tmp_path)
    assert [file.name for file in files] == ["a.yaml"]
    assert problems == ()


def test_only_the_working_folder_itself_is_looked_through(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "below/b.yaml", "reconciler.yaml", ".c.yaml", "d.txt")
    (tmp_path / "folder.yaml").mkdir()
    assert [file.name for file in discover_manifests(tmp_path)[0]] == ["a.yaml"]


def test_a_dangling_link_of_the_working_folder_is_told(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml")
    (tmp_path / "b.yaml").symlink_to("gone")
    _, (problem,) = discover_manifests(tmp_path)
    assert problem.detail == "b.yaml: No such file or directory."


def test_a_working_folder_without_manifests_is_told(tmp_path: Path) -> None:
    write(tmp_path, "compose.yaml", text="services: {}\n")
    files, (problem,) = discover_manifests(tmp_path)
    assert (files, problem.code) == ((), "R114")
    assert problem.hint == "Run `reconciler init`, or name the files with -f/--manifest."
