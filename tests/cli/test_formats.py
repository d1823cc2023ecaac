"""Every format through the command line: the document alone on standard output."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import xml.etree.ElementTree as ET

import pytest

from tests.cli.conftest import Project

OTHER = "model: '@cf/google/gemma-7b-it-lora'"


def test_a_plan_is_shown_in_every_format_and_so_is_its_file(project: Project) -> None:
    project.declare("bot")
    digests = []
    for format_ in ("human", "json", "markdown", "html", "gitlab"):
        planned = project.run("plan", "--out", "plan.json", "--format", format_)
        assert (planned.code, planned.err) == (0, "")
        shown = project.run("show", "plan.json", "--format", format_)
        assert (shown.code, shown.out, shown.err) == (0, planned.out, "")
        digests.append("sha256:" in planned.out)
    assert digests == [True, True, True, True, False]


def test_gitlab_gets_its_counts_and_nothing_else(project: Project) -> None:
    project.declare("bot", "poet")
    result = project.run("plan", "--format", "gitlab")
    assert json.loads(result.out) == {"create": 2, "update": 0, "delete": 0}


@pytest.mark.parametrize("format_", ["markdown", "html"])
def test_what_is_in_the_way_stands_in_the_document_too(project: Project, format_: str) -> None:
    project.declare("bot")
    project.apply()
    project.declare(f"bot: {{{OTHER}}}")

    result = project.run("plan", "--format", format_)

    assert result.code == 1
    assert "R601" in result.out
    assert "R601" in result.err
    assert "--plan-digest" not in result.out


@pytest.mark.parametrize("format_", ["markdown", "html"])
@pytest.mark.parametrize("broken", ["version: 1\nfinetunes: {bot: {}}\n", "nothing: here\n"])
def test_a_plan_that_could_not_be_made_is_a_document_that_says_why(
    project: Project, format_: str, broken: str
) -> None:
    project.declare("bot")
    made = project.run("plan", "--format", format_)
    project.write(broken)

    result = project.run("plan", "--format", format_)

    assert result.code == 1
    assert "no plan could be made" in result.out.lower()
    assert "error[R" in result.err
    if format_ == "markdown":
        assert result.out.splitlines()[0] == made.out.splitlines()[0], "another comment"
        assert "error[R" in result.out


def test_a_plan_that_could_not_be_made_is_no_json(project: Project) -> None:
    project.write("version: 1\nfinetunes: {bot: {}}\n")
    result = project.run("plan", "--format", "json")
    assert (result.code, result.out) == (1, "")


def test_the_folder_in_the_repository_is_named(project: Project) -> None:
    subprocess.run(["git", "init", "-q", str(project.folder.parent)], check=True)
    project.declare("bot")
    text = project.run("plan", "--format", "markdown").out
    assert text.startswith("<!-- reconciler:plan ")
    assert "for `project`" in text
    assert "reconciler -C project apply --plan-digest" in text


def test_what_to_type_works(project: Project) -> None:
    project.write("version: 1\nfinetunes: {bot: {model: '@cf/google/gemma-7b-it-lora'}}", "a b.yml")
    flags = ("-f", "a b.yml", "--state", "other.json", "--target", "bot")
    text = project.run("plan", *flags, "--format", "markdown").out
    (typed,) = re.findall("^reconciler (apply .*)$", text, re.MULTILINE)

    assert project.run(*shlex.split(typed)).code == 0

    assert project.names == ["bot"]
    assert project.run("plan", *flags, "--detailed-exitcode").code == 0


def test_a_state_has_no_format_of_a_plan(project: Project) -> None:
    project.declare("bot")
    project.apply()
    result = project.run("show", "--format", "markdown")
    assert (result.code, result.out) == (1, "")
    assert "human or json" in result.err


def test_drift_alone_is_not_shown_as_a_plan_that_changes_nothing(project: Project) -> None:
    project.declare("bot")
    project.apply()
    result = project.run("plan", "--refresh-only", "--format", "markdown")
    assert (result.code, result.out) == (1, "")
    assert "human or json" in result.err


@pytest.mark.parametrize("format_", ["json", "github", "gitlab", "sarif", "junit"])
def test_findings_go_to_a_machine_and_to_people(project: Project, format_: str) -> None:
    project.write("version: 1\nfinetunes:\n  bot: {model: 7}\n")
    result = project.run("validate", "--format", format_)
    assert result.code == 1
    assert "error[R" in result.err
    assert "finetunes.yaml" in result.out
    if format_ == "github":
        assert result.out.startswith("::error file=finetunes.yaml,line=3,")
    elif format_ == "junit":
        assert ET.fromstring(result.out).get("failures") == "1"
    else:
        assert json.loads(result.out)


def test_what_is_valid_has_a_document_too(project: Project) -> None:
    project.declare("bot", "poet")
    results = {f: project.run("validate", "--format", f) for f in ("gitlab", "sarif", "junit")}
    assert {r.code for r in results.values()} == {0}
    assert json.loads(results["gitlab"].out) == []
    assert json.loads(results["sarif"].out)["runs"][0]["results"] == []
    cases = ET.fromstring(results["junit"].out).iter("testcase")
    assert [case.get("name") for case in cases] == ["finetune.bot", "finetune.poet"]
