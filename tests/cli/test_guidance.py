"""What is said to somebody who typed, declared or expected something else."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pexpect
import pytest

from tests.adapters.support import edit, ready
from tests.cli.conftest import MODEL, Project


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("destroy", "The API deletes nothing."),
        ("import", "adopted by the next apply"),
        ("refresh", "plan --refresh-only"),
        ("version", "reconciler --version"),
        ("pln", "Did you mean plan?"),
        ("apply -auto-approve", "two dashes: --auto-approve"),
        ("plan -out=x", "two dashes: --out=x"),
        ("plan --no-color", "before the command: reconciler --no-color"),
        ("plan --json", "Write --format json."),
        ("plan --out", "reconciler plan --help"),
        ("completion", "Choose from: bash, zsh, fish"),
    ],
)
def test_what_was_probably_meant_is_said(project: Project, typed: str, advice: str) -> None:
    result = project.run(*typed.split())
    assert (result.code, result.out) == (1, "")
    assert advice in " ".join(result.err.split())


def test_a_selector_that_nobody_has_is_no_success(project: Project) -> None:
    project.declare("a: {labels: {team: x}}")
    assert project.run("plan", "--selector", "team=x").code == 0
    result = project.run("plan", "--selector", "team=y")
    assert result.code == 1
    assert "No declared finetune has team=y." in result.err


def test_a_folder_that_cannot_be_written_is_no_mistake_of_the_tool(project: Project) -> None:
    """Files stand where folders are needed: that refuses root, too."""
    project.declare("a")
    Path(".reconciler").write_text("")
    result = project.run("plan", "--sandbox")
    assert (result.code, "R209" in result.err) == (1, True)
    assert "Cannot write" in result.err
    Path(".reconciler").unlink()
    Path(".reconciler").mkdir()
    Path(".reconciler/sandbox").write_text("")
    result = project.run("plan", "--sandbox")
    assert (result.code, "R210" in result.err) == (1, True)
    assert "can't keep its data" in result.err


def test_a_port_in_use_is_told(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = project.run("sandbox", "--port", str(taken.getsockname()[1]))
    assert (result.code, "R210" in result.err) == (1, True)
    assert "--port 0" in result.err


def test_init_says_what_to_ignore_where_there_is_a_gitignore(project: Project) -> None:
    Path(".gitignore").write_text("*.pyc\n")
    result = project.run("init")
    assert result.code == 0
    assert "Add to it" in result.err
    assert "reconciler.state.json" in result.err
    assert "\nplan.json\n" in result.err
    assert Path(".gitignore").read_text() == "*.pyc\n"


def test_a_state_of_the_sandbox_is_pointed_at(project: Project) -> None:
    project.declare("a")
    project.run("apply", "--sandbox", "--auto-approve")
    result = project.run("state", "list")
    assert (result.code, "which --sandbox uses" in " ".join(result.err.split())) == (1, True)
    result = project.run("state", "list", "--state", "shared.json")
    assert (result.code, "R412" in result.err, "--sandbox" in result.err) == (1, True, False)
    assert "Check the address." in result.err
    assert "`reconciler apply --state shared.json`" in " ".join(result.err.split())


def test_the_last_line_of_a_plan_is_its_digest_even_without_changes(project: Project) -> None:
    project.declare("a")
    for _ in range(2):
        digest = project.run("plan").out.splitlines()[-1]
        assert project.run("apply", "--plan-digest", digest).code == 0
    project.is_converged()


def test_a_plan_that_cannot_be_applied_says_so_and_what_to_do(project: Project) -> None:
    project.declare("a: {description: One.}")
    project.apply()
    project.declare("a: {description: Two.}", "b")
    for arguments in (["plan"], ["apply", "--auto-approve"]):
        result = project.run(*arguments)
        assert result.code == 1
        assert "It cannot be applied as it is" in result.out
        assert "--target" in result.out
    assert "nothing was changed." in result.err
    assert project.run("apply", "--auto-approve", "--target", "b").code == 0


def test_refresh_only_speaks_of_drift_alone(project: Project) -> None:
    project.declare("a: {description: One.}")
    project.apply()
    project.declare("a: {description: One.}", "b")
    result = project.run("plan", "--refresh-only")
    assert result.out.startswith("No drift.")
    (finetune,) = project.box.account.finetunes()
    project.box.account.edit(finetune.id, model=MODEL, description="Other.")
    result = project.run("plan", "--refresh-only", "--detailed-exitcode")
    assert result.code == 2
    assert "Drift: 1 finetune is not as recorded." in result.out


def test_a_new_name_for_the_same_content_is_called_that(project: Project) -> None:
    project.declare("a: {description: One.}")
    project.apply()
    project.declare("a: {description: One., versioned: true}")
    out = project.run("plan").out
    assert "because it has another name now" in out
    assert "nothing but the name differs from a: the account keeps both" in " ".join(
        out.replace("#", "").split()
    )
    project.declare("a: {description: Two., versioned: true}")
    assert "because its content changed" in project.run("plan").out


def test_what_was_probably_renamed_gets_the_move_that_says_so(project: Project) -> None:
    project.declare("old: {description: One.}", "other: {description: Two.}")
    project.apply()
    project.declare("new: {description: One.}", "other: {description: Two.}")
    hint = " ".join(project.run("plan").err.split())
    assert 'moved: [{from: old, to: new}] and below new: name: "old" If' in hint
    project.declare(
        "new: {description: One., name: old}",
        "other: {description: Two.}",
        more="moved: [{from: old, to: new}]",
    )
    project.apply()
    assert (project.names, project.creates()) == (["old", "other"], 2)


def test_what_is_created_without_an_adapter_is_said_to_be_no_use(project: Project) -> None:
    project.declare("a")
    assert "declared without an adapter" in project.run("plan").out


@pytest.mark.parametrize("sandbox", [True, False])
def test_the_question_names_the_account(project: Project, sandbox: bool) -> None:
    project.write(f'version: 1\nfinetunes:\n  a: {{model: "{MODEL}"}}\n')
    flags = ["--sandbox"] if sandbox else []
    where = "the sandbox" if sandbox else f"account {project.box.settings.account_id}"
    child = pexpect.spawn(
        sys.executable,
        ["-m", "reconciler", "apply", *flags],
        cwd=project.folder,
        env={**os.environ, **project.environment},
        encoding="utf-8",
        timeout=60,
    )
    child.expect_exact(f"Apply 1 change to {where}? Only 'yes' is a yes: ")
    child.sendline("no")
    child.expect_exact("Not approved; nothing was changed.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1
    assert project.names == []


def test_mistakes_of_manifests_and_of_adapters_are_told_at_once(project: Project) -> None:
    project.write(
        "version: 1\n"
        "finetunes:\n"
        f'  a: {{model: "{MODEL}", adapter: nowhere}}\n'
        f'  b: {{model: "{MODEL}", pubic: true}}\n'
        f'  c: {{model: "{MODEL}", adapter: finetunes.yaml}}\n'
    )
    result = project.run("validate")
    assert result.code == 1
    places = [line.split()[1] for line in result.err.splitlines() if "-->" in line]
    assert places == ["finetunes.yaml:4:59", "finetunes.yaml:3:68", "finetunes.yaml:5:68"]
    assert "The folder nowhere does not exist." in result.err
    assert "finetunes.yaml is not a folder." in result.err
    assert "3 errors" in result.err


def test_what_was_renamed_though_versioned_gets_a_move_that_creates_nothing(
    project: Project,
) -> None:
    project.declare("old: {description: One., versioned: true}")
    project.apply()
    project.declare("new: {description: One., versioned: true}")
    hint = " ".join(project.run("plan").err.split())
    assert 'moved: [{from: old, to: new}] and below new: name: "old" If' in hint
    project.declare(
        "new: {description: One., versioned: true, name: old}",
        more="moved: [{from: old, to: new}]",
    )
    project.apply()
    assert project.creates() == 1


def test_a_new_generation_shows_what_changed(project: Project) -> None:
    ready(project.folder)
    project.declare("a: {description: One., adapter: mistral, versioned: true}")
    project.apply()
    before = json.loads(project.run("state", "pull").out)["finetunes"]["finetune.a"]["assets"]
    edit(project.folder / "mistral", lora_alpha=99)
    project.declare("a: {description: Two., adapter: mistral, versioned: true}")
    old = before["adapter_config.json"]["sha256"]
    shown = project.run("plan").out
    assert 'description = "One." -> "Two."' in shown
    assert f"{old[:12]} -> " in shown
    comment = project.run("plan", "--format", "markdown").out
    assert "create again: description, adapter_config.json changed" in comment
    assert "# a new generation, because its content changed" in comment
    assert '"One."' in comment
    assert f"was {old[:16]}" in comment
    page = project.run("plan", "--format", "html").out
    assert f"was {old[:16]}" in page
    (change,) = json.loads(project.run("plan", "--format", "json").out)["reconciler"]["changes"]
    assert [d["name"] for d in change["differences"]] == [
        "description",
        "adapter/adapter_config.json",
    ]
    project.apply()


def test_what_is_forgotten_with_a_finetune_is_named(project: Project) -> None:
    for text in ("One.", "Two."):
        project.declare(f"a: {{description: {text}, versioned: true}}")
        project.apply()
    older = json.loads(project.run("state", "pull").out)["finetunes"]["finetune.a"]["superseded"]
    project.declare(more="removed: [a]")
    shown = " ".join(project.run("plan").out.replace("#", "").split())
    assert "with it the state forgets what it superseded: a-" in shown
    assert older[0]["id"] in shown


def test_a_plan_offline_says_that_there_is_no_state(project: Project) -> None:
    project.declare("a")
    result = project.run("plan", "--no-refresh")
    assert result.code == 0
    assert "There is no state at reconciler.state.json: all is planned as new." in result.err


def test_the_commands_that_are_advised_repeat_the_flags_that_they_need(project: Project) -> None:
    project.declare("a")
    project.run("apply", "--sandbox", "--auto-approve")
    told = project.run("output", "nope", "--sandbox").err
    assert "hint: `reconciler state list --sandbox` shows what is." in told
    assert project.run("state", "list", "--sandbox").out == "finetune.a\n"

    Path("kept").mkdir()
    project.run("apply", "--state", "kept/of a.json", "--auto-approve")
    told = project.run("verify", "nope", "--state", "kept/of a.json").err
    assert "hint: `reconciler state list --state 'kept/of a.json'` shows what is." in told
    project.run("apply", "--auto-approve")
    assert "hint: `reconciler state list` shows what is." in project.run("output", "nope").err


def test_the_commands_that_are_advised_are_for_the_folder_that_the_reader_is_in(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.declare("a")
    project.apply()
    monkeypatch.chdir(project.folder.parent)
    folder = project.folder.name
    told = project.run("-C", folder, "output", "nope", "--state", "reconciler.state.json").err
    command = f"reconciler -C {folder} state list --state reconciler.state.json"
    assert f"hint: `{command}` shows what is." in " ".join(told.split())
    monkeypatch.chdir(project.folder.parent)
    assert project.run(*command.split()[1:]).out == "finetune.a\n"


def test_what_is_to_be_pasted_has_a_line_of_its_own(project: Project) -> None:
    old, new = (
        "a-name-of-some-length-that-is-well-below",
        "another-name-that-is-not-so-short-either",
    )
    project.declare(f"{old}: {{description: One.}}")
    project.apply()
    project.declare(f"{new}: {{description: One., name: {old}}}")
    lines = project.run("plan").err.splitlines()
    assert f"    moved: [{{from: {old}, to: {new}}}]" in lines
    assert f"    removed: [{old}]" in lines
    project.declare(f"{new}: {{description: One.}}")
    lines = project.run("plan").err.splitlines()
    assert f"    moved: [{{from: {old}, to: {new}}}]" in lines
    assert f'    name: "{old}"' in lines


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_mistyped_place_of_the_state_does_not_look_like_a_project_that_is_new(
    project: Project, command: str
) -> None:
    project.declare("a")
    yes = ["--auto-approve"] if command == "apply" else []
    assert "no state" not in project.run("plan").err, "nothing is anywhere yet"
    project.apply()
    assert "no state" not in project.run("plan").err
    result = project.run(command, "--state", "typo.json", *yes)
    assert result.code == 0
    assert "There is no state at typo.json yet: the first apply begins one." in result.err
    assert "no state" not in result.out


def test_a_state_that_was_left_behind_is_missed_where_the_account_has_something(
    project: Project,
) -> None:
    project.declare("a")
    project.apply()
    Path("reconciler.state.json").unlink()
    assert "There is no state at reconciler.state.json yet" in project.run("plan").err


def test_what_was_adopted_is_warned_of_once_and_until_it_answered(project: Project) -> None:
    names = ("a", "b", "c")
    folder = ready(project.folder)
    project.declare(*(f"{name}: {{adapter: {folder.name}}}" for name in names))
    project.apply()
    Path("reconciler.state.json").unlink()

    planned = project.run("plan")
    assert planned.err.count("R609") == 1
    assert "\n    reconciler verify a b c\n" in planned.err
    assert planned.out.count("= (unknown)") == 3, "the list does not show what is public"
    assert "Plan: 3 to adopt." in planned.out
    assert "3 adopted." in project.run("apply", "--auto-approve").out
    assert "public      = (unknown)" in project.run("state", "show", "a").out

    assert project.run("verify", "b").code == 0
    told = " ".join(project.run("plan").err.split())
    assert told.count("R609") == 1
    assert "reconciler verify a c" in told
    assert project.run("verify", "a", "c").code == 0
    assert project.run("plan").err == ""


def test_output_shows_which_files_are_missing_in_columns(project: Project) -> None:
    folder = ready(project.folder)
    project.declare("a", f"longer-name: {{adapter: {folder.name}}}")
    project.apply()
    first, second = project.run("output").out.splitlines()
    assert first.startswith("a            ")
    missing = "adapter_config.json and adapter_model.safetensors are missing"
    assert first.endswith(f"  a            incomplete: {missing}")
    assert second.endswith("  longer-name")
    told = json.loads(project.run("output", "--format", "json").out)
    assert told["longer-name"]["missing"] == []
    assert told["a"]["missing"] == ["adapter_config.json", "adapter_model.safetensors"]


def test_waiting_for_the_lock_is_said_once(project: Project) -> None:
    project.declare("a")
    holder = pexpect.spawn(
        sys.executable,
        ["-m", "reconciler", "apply"],
        cwd=project.folder,
        env={**os.environ, **project.environment},
        encoding="utf-8",
        timeout=60,
    )
    holder.expect_exact("Only 'yes' is a yes: ")
    waited = project.run("plan", "--lock-timeout", "0.5")
    assert (waited.code, waited.err.count("Waiting for the lock")) == (1, 1)
    waiting, found, _ = waited.err.partition("error[R408]")
    assert waiting.startswith("Waiting for the lock: reconciler.state.json.lock is held by ")
    assert found
    assert all(len(line) <= 80 for line in waiting.splitlines())
    assert "Waiting" not in project.run("plan").err, "without a timeout nothing is waited for"
    holder.sendline("no")
    holder.expect(pexpect.EOF)
    holder.close()
    assert "Waiting" not in project.run("plan", "--lock-timeout", "0.5").err
