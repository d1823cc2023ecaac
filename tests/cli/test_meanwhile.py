"""What others do in the account while a person thinks or a source is read (row 52)."""

from __future__ import annotations

import os
import sys

import pexpect
import pytest

from tests.cli.conftest import MODEL, Project


def answering(project: Project) -> pexpect.spawn[str]:
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable,
        ["-m", "reconciler", "apply"],
        cwd=str(project.folder),
        env={**os.environ, **project.environment},
        encoding="utf-8",
        timeout=60,
    )
    child.expect_exact("Only 'yes' is a yes: ")
    return child


def ended(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    child.sendline("yes")
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, " ".join((child.before or "").split())


@pytest.mark.parametrize("description", [None, "Another."])
def test_row_52_one_created_while_a_person_thinks_is_no_second_one_of_ours(
    project: Project, description: str | None
) -> None:
    project.declare("a", "b")
    child = answering(project)
    project.box.account.create("a", MODEL, description=description)

    code, said = ended(child)

    assert code == 1
    assert "R612" in said
    assert "finetune.a would now be" in said or "finetune.a would now have" in said
    assert "instead of be created" in said
    assert (project.names, project.creates()) == (["a"], 0)


def test_a_quota_that_others_used_up_meanwhile_stops_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("version: 1\nlimits: {max_finetunes: 2}\n", "reconciler.yaml")
    project.declare("a", "b")
    child = answering(project)
    project.box.account.create("other", MODEL)

    code, said = ended(child)

    assert code == 1
    assert "at most 2 finetunes" in said
    assert (project.names, project.creates()) == (["other"], 0)


def test_a_yes_to_what_stayed_as_it_was_is_applied(project: Project) -> None:
    project.declare("a", "b")
    child = answering(project)
    project.box.account.create("other", MODEL)

    code, said = ended(child)

    assert (code, "2 created." in said) == (0, True)
    assert project.names == ["a", "b", "other"]
    project.is_converged()


def test_a_settle_time_that_is_no_number_is_refused(project: Project) -> None:
    project.declare("a")
    result = project.run("apply", "--auto-approve", "--settle-timeout", "nan")
    assert (result.code, "nan is not a time" in result.err) == (1, True)
    assert project.creates() == 0
