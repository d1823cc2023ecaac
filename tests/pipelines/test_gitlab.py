"""The jobs of the GitLab template, against an emulated account and a stand-in for GitLab."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.gitlab import ME, SOMEBODY, TOKEN, GitLab, a_gitlab, artifacts, jobs, run_job
from tests.pipelines.support import Completed, Project, a_project, can, needs_curl_and_jq, succeeded

pytestmark = [pytest.mark.needs_system, needs_curl_and_jq]

MAIN = {"CI_COMMIT_BRANCH": "main", "CI_PIPELINE_SOURCE": "push"}
SCHEDULE = {"CI_COMMIT_BRANCH": "main", "CI_PIPELINE_SOURCE": "schedule"}
REQUEST = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "1",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
}
FORK = REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"}


@dataclass(slots=True)
class Pipelines:
    """A project with the template that `init` wrote; what a job installs is there already."""

    project: Project
    gitlab: GitLab
    reports: dict[str, Any] = field(default_factory=dict)

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        made = self.project.environment
        token = made.pop("CLOUDFLARE_API_TOKEN")
        is_fork = variables is FORK
        secrets = {"CLOUDFLARE_READ_TOKEN": token, "CLOUDFLARE_WRITE_TOKEN": token}
        return {
            **made,
            **({} if is_fork else {**secrets, "NOTE_TOKEN": TOKEN}),
            **variables,
            "PATH": f"{self.project.folder.parent / 'stubs'}{os.pathsep}{made['PATH']}",
            "CI_API_V4_URL": self.gitlab.url,
            "CI_DEFAULT_BRANCH": "main",
            "CI_PROJECT_ID": "1",
        }

    def names(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the jobs of a pipeline, and when they run."""
        environment = self.environment(variables)
        return {name: job["when"] for name, job in jobs(self.template, environment)}

    @property
    def template(self) -> Path:
        return self.project.folder / ".gitlab-ci.yml"

    def run(self, name: str, variables: Mapping[str, str], **more: str) -> Completed:
        environment = {**self.environment(variables), **more}
        (job,) = [job for found, job in jobs(self.template, environment) if found == name]
        done = run_job(job, self.project.folder, environment)
        if done.returncode == 0:
            self.reports |= artifacts(job, self.project.folder)
        return done


@pytest.fixture
def pipelines(tmp_path: Path) -> Iterator[Pipelines]:
    (tmp_path / "stubs").mkdir()
    for name in ("apt-get", "pip", "git"):
        (tmp_path / "stubs" / name).write_text("#!/bin/sh\n")
        (tmp_path / "stubs" / name).chmod(0o755)
    with a_project(tmp_path) as project, a_gitlab() as gitlab:
        (project.folder / ".git").mkdir()
        project.declare({"support-bot": ""})
        succeeded(project.run("init", "--ci", "gitlab"))
        yield Pipelines(project, gitlab)


def test_each_pipeline_has_its_jobs(pipelines: Pipelines) -> None:
    always = {"validate": "always", "plan": "always"}
    assert pipelines.names(REQUEST) == {**always, "policy": "always"}
    assert pipelines.names(MAIN) == {**always, "apply": "manual"}
    assert pipelines.names(SCHEDULE) == {"drift": "always"}


def test_a_pipeline_does_not_wait_for_an_apply_that_has_nothing_to_do(pipelines: Pipelines) -> None:
    """A manual job blocks its pipeline where a rule made it one, unless it may fail."""
    environment = pipelines.environment(MAIN)
    (job,) = [job for name, job in jobs(pipelines.template, environment) if name == "apply"]
    assert [rule["allow_failure"] for rule in job["rules"]] == [True]


def test_a_merge_request_is_planned_and_what_it_showed_is_applied(pipelines: Pipelines) -> None:
    succeeded(pipelines.run("validate", REQUEST))
    succeeded(pipelines.run("plan", REQUEST))

    assert pipelines.reports == {
        "codequality": [],
        "terraform": {"create": 1, "update": 0, "delete": 0},
    }
    (note,) = pipelines.gitlab.notes
    assert "1 to create" in note["body"]

    succeeded(pipelines.run("plan", MAIN))
    succeeded(pipelines.run("apply", MAIN))

    assert pipelines.project.names == ["support-bot"]
    succeeded(pipelines.run("drift", SCHEDULE))


def test_the_note_is_updated_and_not_repeated(pipelines: Pipelines) -> None:
    succeeded(pipelines.run("plan", REQUEST))
    body = pipelines.gitlab.notes[0]["body"]
    pipelines.gitlab.notes[:0] = [
        {"id": 1000 + number, "author": {"id": SOMEBODY}, "body": body} for number in range(110)
    ]
    pipelines.project.declare({"support-bot": "", "summarizer": ""})

    succeeded(pipelines.run("plan", REQUEST))

    (note,) = [note for note in pipelines.gitlab.notes if note["author"]["id"] == ME]
    assert "2 to create" in note["body"]


def test_row_67_a_fork_gets_a_plan_without_the_account(pipelines: Pipelines) -> None:
    succeeded(pipelines.run("plan", FORK))

    assert pipelines.reports["terraform"]["create"] == 1
    assert pipelines.project.box.account.requests() == ()
    assert pipelines.gitlab.calls == []


def test_mistakes_fail_the_job_and_are_reported(pipelines: Pipelines) -> None:
    pipelines.project.write("version: 1\nfinetunes:\n  support-bot: {mdoel: x}\n")

    done = pipelines.run("validate", REQUEST)

    assert done.returncode == 1
    assert done.stderr.count("error[R") == 1
    assert "mdoel" in done.stderr
    reported = json.loads((pipelines.project.folder / "codequality.json").read_text())
    assert reported[0]["location"] == {"path": "finetunes.yaml", "lines": {"begin": 3, "end": 3}}
    assert pipelines.run("plan", REQUEST).returncode == 1
    assert pipelines.gitlab.notes == []


def test_what_moved_since_the_plan_is_not_applied(pipelines: Pipelines) -> None:
    succeeded(pipelines.run("plan", MAIN))
    pipelines.project.create_outside("support-bot")

    done = pipelines.run("apply", MAIN)

    assert done.returncode == 1
    assert "R612" in done.stderr
    assert pipelines.project.writes == 0


def test_an_apply_without_a_plan_is_refused(pipelines: Pipelines) -> None:
    assert pipelines.run("apply", MAIN).returncode == 1
    assert pipelines.project.writes == 0


def test_drift_fails_and_says_so(pipelines: Pipelines) -> None:
    succeeded(pipelines.project.run("apply", "--auto-approve"))
    account = pipelines.project.box.account
    account.remove(account.finetunes()[0].id)

    done = pipelines.run("drift", SCHEDULE)

    assert done.returncode == 2
    assert "Drift" in done.stderr
    assert "support-bot" in done.stdout


def test_an_error_is_never_no_changes(pipelines: Pipelines) -> None:
    stubs = pipelines.project.folder.parent / "stubs"
    can(pipelines.project, stubs / "reconciler")
    for broken in ("reconciler", "jq", "curl", "head", "pip", "apt-get"):
        kept = stubs / f"{broken}.kept"
        if (stubs / broken).exists():
            (stubs / broken).rename(kept)
        (stubs / broken).write_text("#!/bin/sh\nexit 3\n")
        (stubs / broken).chmod(0o755)
        assert pipelines.run("plan", REQUEST).returncode != 0, broken
        (stubs / broken).unlink()
        if kept.exists():
            kept.rename(stubs / broken)
    succeeded(pipelines.run("plan", REQUEST))


def test_a_gitlab_that_refuses_is_an_error(pipelines: Pipelines) -> None:
    assert pipelines.run("plan", REQUEST, NOTE_TOKEN="expired").returncode != 0
