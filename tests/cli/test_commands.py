"""Every command: what it prints where, its exit code, and what it does not import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from jsonschema import Draft7Validator

from reconciler.cli.main import root
from reconciler.diagnostics import Code
from reconciler.diagnostics.catalogue import CATALOGUE, FAMILIES
from tests.cli.conftest import Project
from tests.internal import failed_internally


def commands() -> Iterator[tuple[str, ...]]:
    def walk(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield (*path, name)
            if isinstance(found, click.Group):
                yield from walk(found, (*path, name))

    return walk(root, ())


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_help_has_an_example(project: Project, path: tuple[str, ...]) -> None:
    result = project.run(*path, "--help")

    assert result.code == 0
    assert result.err == ""
    assert all(len(line) <= 80 for line in result.out.splitlines())
    if not isinstance(_find(path), click.Group):
        assert "Example" in result.out
        assert f"reconciler {' '.join(path)}" in result.out


def _find(path: tuple[str, ...]) -> click.Command:
    command: click.Command = root
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return command


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["plan", "--nonsense"],
        ["plan", "extra"],
        ["plan", "--format", "nonsense"],
        ["plan", "--target", "not an address"],
        ["plan", "--selector", "nothing"],
        ["apply", "no-such-file.json"],
        ["show", "no-such-file.json"],
        ["apply", "--parallelism", "0"],
        ["state", "nonsense"],
        ["explain", "R999"],
        ["schema", "nonsense"],
        ["-C", "/no/such/folder", "plan"],
        ["resolve"],
        ["output", "nobody"],
        ["state", "show", "nobody"],
        ["state", "list"],
        [],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_usage_exits_1_and_says_how(project: Project, arguments: list[str]) -> None:
    project.declare("a")

    result = project.run(*arguments)

    assert result.code == 1
    assert result.out == ""
    assert result.err
    assert "Traceback" not in result.err


def test_version(project: Project) -> None:
    process = project.spawn("--version")
    out, err = process.communicate()
    assert re.fullmatch(r"reconciler \d+\.\d+\.\d+\n", out)
    assert (process.returncode, err) == (0, "")
    assert project.run("--version").out == out


def test_explain(project: Project) -> None:
    assert project.run("explain", "r104").out.startswith("R104: Duplicate key\n")
    listed = project.run("explain").out.splitlines()
    assert len(listed) == len(CATALOGUE)


def test_codes_are_unique_and_in_their_family() -> None:
    found = [
        (prefix, value.id)
        for prefix, family in FAMILIES.items()
        for value in vars(family).values()
        if isinstance(value, Code)
    ]
    assert len({code for _, code in found}) == len(found)
    assert all(code.startswith(prefix) for prefix, code in found)


@pytest.mark.parametrize("name", ["manifest", "project", "state", "plan"])
def test_schemas_are_printed(project: Project, name: str) -> None:
    Draft7Validator.check_schema(json.loads(project.run("schema", name).out))


def test_plans_and_states_have_the_shape_of_their_schemas(project: Project) -> None:
    def fits(name: str, text: str) -> None:
        Draft7Validator(json.loads(project.run("schema", name).out)).validate(json.loads(text))

    project.declare("a: {description: One.}", "b", "c: {versioned: true}")
    fits("plan", project.run("plan", "--format", "json").out)
    project.apply()
    fits("plan", project.run("plan", "--format", "json").out)
    fits("state", (project.folder / "reconciler.state.json").read_text())
    project.declare("a: {description: Two.}", "d: {name: b}", more="moved: [{from: b, to: d}]")
    fits("plan", project.run("plan", "--format", "json").out)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(project: Project, shell: str) -> None:
    assert "_RECONCILER_COMPLETE" in project.run("completion", shell).out


def test_init_begins_a_project_that_works(project: Project) -> None:
    assert project.run("init").code == 0
    assert project.run("validate").code == 0
    assert project.run("apply", "--sandbox", "--auto-approve").code == 0
    assert project.run("plan", "--sandbox", "--detailed-exitcode").code == 0
    again = project.run("init")
    assert again.code == 1
    assert "R208" in again.err


def test_validate_says_all_at_once_and_as_json(project: Project) -> None:
    project.write(
        "version: 1\nfinetunes:\n  a: {model: @cf/x/y}\n  a: {}\n  b: {modle: x, public: no}\n"
        "  c: {}\n"
    )

    result = project.run("validate")
    as_json = json.loads(project.run("validate", "--format", "json").out)

    assert result.code == 1
    assert result.out == ""
    found = {d["code"] for d in as_json["diagnostics"]}
    assert {"R104", "R105", "R106", "R107", "R112"} <= found
    assert all(f"error[{code}]" in result.err for code in found)
    assert as_json["valid"] is False
    assert as_json["error_count"] == len(as_json["diagnostics"])


def test_no_colours_without_a_terminal(project: Project) -> None:
    project.declare("a")
    assert "\x1b" not in project.run("plan").out


HEAVY = {
    ("--version",): {"click", "yaml", "jsonschema", "requests", "deepdiff", "rich"},
    ("validate",): {"requests", "urllib3", "deepdiff", "rich"},
    ("plan", "--no-refresh"): {"requests", "urllib3", "deepdiff", "rich"},
    ("plan",): {"deepdiff", "rich"},
}


@pytest.mark.parametrize("arguments", list(HEAVY), ids=" ".join)
def test_heavy_packages_are_imported_where_they_are_used(
    project: Project, arguments: tuple[str, ...]
) -> None:
    project.declare("a")
    project.apply()

    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "reconciler", *arguments],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    assert "reconciler" in imported
    assert not imported & HEAVY[arguments]


def test_a_mistake_of_our_own_is_no_traceback(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("reconciler.cli.workspace.Workspace.store", broken)
    project.declare("a")

    result = project.run("plan")

    assert result.code == 1
    assert "R299" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "command",
    [
        ("plan",),
        ("apply", "--auto-approve"),
        ("state", "list"),
        ("validate",),
        ("validate", "--format", "github"),
        ("init", "--ci", "github"),
    ],
    ids=" ".join,
)
def test_a_working_folder_that_was_removed_is_said_to_be_gone(
    project: Project, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    project.declare("a")
    gone = project.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    result = project.run(*command)

    assert result.code == 1
    assert not failed_internally(result.err)
    assert "The working folder is gone" in result.err
    assert "-C/--chdir" in result.err
    assert "gone" not in project.run("-C", str(project.folder), *command).err
