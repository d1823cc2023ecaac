"""What concerns more than one value: names, moves, removals, adapter folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.manifests import ManifestFile, read_manifests
from tests.manifests.support import MODEL, finetune, marked, only, read, told


def manifest(finetunes: str, more: str = "") -> str:
    return f"version: 1\nfinetunes: {{{finetunes}}}\n{more}".replace("MODEL", MODEL)


A = "a: {model: MODEL}"


def test_a_logical_name_in_two_files_names_both_places() -> None:
    problem = only(read(finetune(), finetune()))
    assert (problem.code, str(problem.range)) == ("R109", "2.yaml:3:3")
    assert problem.detail == "`bot` is declared here and at 1.yaml:3:3."
    assert problem.address == "finetune.bot"


def test_a_logical_name_in_two_documents_names_both_places() -> None:
    problem = only(read(finetune() + "---\n" + finetune()))
    assert problem.detail == "`bot` is declared here and at 1.yaml:3:3."
    assert str(problem.range) == "1.yaml:8:3"


def test_a_logical_name_in_three_files_is_told_twice() -> None:
    assert told(read(*[finetune()] * 3)) == [("R109", "2.yaml:3:3"), ("R109", "3.yaml:3:3")]


def test_a_remote_name_in_two_files_names_both_places() -> None:
    other = finetune("name: shared").replace("bot:", "cat:")
    problem = only(read(finetune("name: shared"), other))
    assert (problem.code, str(problem.range)) == ("R110", "2.yaml:5:11")
    assert problem.detail == "`shared` is the name in the account here and at 1.yaml:5:11."
    assert problem.address == "finetune.cat"


@pytest.mark.parametrize(
    ("finetunes", "marks"),
    [
        ("a: {model: MODEL}, b: {model: MODEL, name: a}", "a"),
        ("b: {model: MODEL, name: a}, a: {model: MODEL}", "a"),
        ("a: {model: MODEL, name: 'x'}, b: {model: MODEL, name: \"x\"}", '"x"'),
        ("a: &f {model: MODEL, name: x}, b: *f", "b"),
        ("a: {model: MODEL, name: &n x}, b: {model: MODEL, name: *n}", "b"),
        ("a: {model: MODEL, name: x, versioned: true}, b: {model: MODEL, name: x}", "x"),
    ],
)
def test_one_remote_name_twice_is_told_however_it_came_about(finetunes: str, marks: str) -> None:
    problem = only(read(manifest(finetunes)))
    assert (problem.code, marked(problem)) == ("R110", marks)


def test_a_shared_body_without_a_name_is_two_finetunes() -> None:
    assert read(manifest("a: &f {model: MODEL}, b: *f")).diagnostics == ()


def test_remote_names_that_differ_are_two_finetunes() -> None:
    assert (
        read(manifest("a: {model: MODEL, name: b}, b: {model: MODEL, name: a}")).diagnostics == ()
    )


@pytest.mark.parametrize(
    ("finetunes", "marks", "hint"),
    [
        ("cf-public-x: {model: MODEL}", "cf-public-x", "Use another name, for example x."),
        ("a: {model: MODEL, name: cf-public-x}", "cf-public-x", "Use another name, for example x."),
        ("a: {model: MODEL, name: CF-Public-x}", "CF-Public-x", "Use another name, for example x."),
        (
            "a: {model: MODEL, name: cf-public-}",
            "cf-public-",
            "Use another name, for example support-bot.",
        ),
    ],
)
def test_a_reserved_name_is_refused(finetunes: str, marks: str, hint: str) -> None:
    problem = only(read(manifest(finetunes)))
    assert (problem.code, marked(problem), problem.hint) == ("R111", marks, hint)


def test_a_reserved_logical_name_with_another_remote_name_is_taken() -> None:
    assert read(manifest("cf-public-x: {model: MODEL, name: x}")).diagnostics == ()


@pytest.mark.parametrize("name", ["cf-private-x", "cf-publicx", "my-cf-public-x"])
def test_names_that_only_look_reserved_are_taken(name: str) -> None:
    assert read(manifest(f"{name}: {{model: MODEL}}")).diagnostics == ()


@pytest.mark.parametrize(
    ("moved", "place", "detail"),
    [
        ("[{from: x, to: b}]", "3:23", "`b` is not declared under `finetunes` of any manifest."),
        ("[{from: a, to: a}]", "3:16", "`a` is moved away, and still declared at 1.yaml:2:13."),
        ("[{from: x, to: a}, {from: y, to: a}]", "3:41", "`to: a` stands here and at 1.yaml:3:23."),
    ],
)
def test_a_move_that_cannot_be_made_is_told(moved: str, place: str, detail: str) -> None:
    problem = only(read(manifest(A, f"moved: {moved}\n")))
    assert (problem.code, str(problem.range)) == ("R115", f"1.yaml:{place}")
    assert problem.detail == detail


def test_one_name_cannot_be_moved_to_two() -> None:
    text = manifest(A + ", b: {model: MODEL}", "moved: [{from: x, to: a}, {from: x, to: b}]\n")
    problem = only(read(text))
    assert (problem.code, str(problem.range)) == ("R115", "1.yaml:3:34")
    assert problem.detail == "`from: x` stands here and at 1.yaml:3:16."


def test_a_chain_of_moves_is_told_to_name_its_end() -> None:
    text = manifest(A, "moved: [{from: x, to: y}, {from: y, to: a}]\n")
    problem = only(read(text))
    assert problem.detail == "`y` is moved on to `a`."
    assert problem.hint == "Name the last one at once: to: a"


def test_a_move_may_stand_in_another_file() -> None:
    reading = read("version: 1\nmoved: [{from: x, to: bot}]\n", finetune())
    assert reading.diagnostics == ()


def test_moves_of_two_files_to_one_name_are_told() -> None:
    move = "version: 1\nmoved: [{from: %s, to: bot}]\n"
    problem = only(read(finetune(), move % "x", move % "y"))
    assert (problem.code, str(problem.range)) == ("R115", "3.yaml:2:23")
    assert problem.detail == "`to: bot` stands here and at 2.yaml:2:23."


@pytest.mark.parametrize("broken", ["a: [\n", "\x00", "a: !!x y\n"])
def test_what_a_broken_file_may_declare_is_not_called_missing(broken: str) -> None:
    reading = read("version: 1\nmoved: [{from: x, to: bot}]\n", broken)
    assert "R115" not in {d.code for d in reading.diagnostics}


def test_a_removed_name_that_is_declared_is_told() -> None:
    problem = only(read(finetune(), "version: 1\nremoved: [gone, bot]\n"))
    assert (problem.code, str(problem.range)) == ("R116", "2.yaml:2:17")
    assert problem.detail == "`bot` is still declared at 1.yaml:3:3."
    assert problem.address == "finetune.bot"


def test_a_removed_name_that_is_moved_is_told() -> None:
    problem = only(read(manifest(A, "moved: [{from: x, to: a}]\nremoved: [x]\n")))
    assert (problem.code, str(problem.range)) == ("R116", "1.yaml:4:11")


def test_a_name_may_be_removed_twice() -> None:
    assert read("version: 1\nremoved: [x, x]\n").diagnostics == ()


# Row 60 of the faults: where an adapter may lie.


def project(tmp_path: Path, path: str, folder: str = "finetunes") -> tuple[Diagnostic, ...]:
    """Read a manifest of a project's folder that names an adapter."""
    root = tmp_path / "project"
    here = root / folder
    here.mkdir(parents=True, exist_ok=True)
    raw = finetune(f"adapter: {path}").encode()
    return read_manifests([ManifestFile("m.yaml", here, raw, root)]).diagnostics


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("../../x", "`adapter` leads out of the project."),
        ("../..", "`adapter` leads out of the project."),
        ("a/../../../project2", "`adapter` leads out of the project."),
        (
            "/etc",
            "`adapter` is an absolute path, which would mean another folder on every machine.",
        ),
        ("~/adapters", "`adapter` begins with ~, which is not followed."),
        ("https://example.com/a", "`adapter` is an address; as a text it is the path of a folder."),
        ("file:///etc", "`adapter` is an address; as a text it is the path of a folder."),
    ],
)
def test_row_60_an_adapter_out_of_the_project_is_refused(
    tmp_path: Path, path: str, detail: str
) -> None:
    (problem,) = project(tmp_path, path)
    assert (problem.code, str(problem.range)) == ("R108", "m.yaml:5:14")
    assert (problem.detail, marked(problem)) == (detail, path)
    assert problem.address == "finetune.bot"


def test_row_60_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "project/finetunes").mkdir(parents=True)
    (tmp_path / "project/finetunes/link").symlink_to(tmp_path / "secret")
    (problem,) = project(tmp_path, "link/sub")
    assert problem.detail == "`adapter` leads out of the project."


def test_row_60_an_endless_path_is_refused_without_being_followed(tmp_path: Path) -> None:
    (problem,) = project(tmp_path, "a/" * 1_000_000)
    assert problem.code == "R108"


@pytest.mark.parametrize(
    "path", ["adapters/bot", "../adapters/bot", ".", "../finetunes/x", "./a/../b"]
)
def test_an_adapter_anywhere_in_the_project_is_taken(tmp_path: Path, path: str) -> None:
    assert project(tmp_path, path) == ()


def test_a_link_inside_the_project_is_taken(tmp_path: Path) -> None:
    (tmp_path / "project/finetunes").mkdir(parents=True)
    (tmp_path / "project/shared").mkdir()
    (tmp_path / "project/finetunes/link").symlink_to("../shared")
    assert project(tmp_path, "link") == ()


def test_a_manifest_outside_of_the_project_has_its_own_folder(tmp_path: Path) -> None:
    assert project(tmp_path, "adapters/bot", folder="../elsewhere") == ()
    (problem,) = project(tmp_path, "../project/adapters", folder="../elsewhere")
    assert problem.code == "R108"
