"""The story of `examples/gitops`: its own workflow, from a branch to a drift that is mended."""

from __future__ import annotations

import itertools
import logging
import os
import re
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from reconciler.sandbox import Sandbox, SandboxSettings
from tests.pipelines.github_api import GitHub, PullRequest, a_github
from tests.pipelines.runner import Event, Finished, Runner, jobs
from tests.pipelines.support import COMMANDS, REPOSITORY, needs_curl_and_jq, run, succeeded

pytestmark = [pytest.mark.needs_system, needs_curl_and_jq]

EXAMPLE = REPOSITORY / "examples" / "gitops"
WORKFLOW = ".github/workflows/finetunes.yaml"
PROJECTS = ("production", "staging")
BEGINNING = "version: 1\nfinetunes: {}\n"
Jobs = dict[tuple[str, str], Finished]


@dataclass(slots=True)
class Team:
    """A repository, two accounts, a bucket, and GitHub."""

    folder: Path
    boxes: dict[str, Sandbox]
    github: GitHub
    endpoint: str
    counter: Iterator[int] = field(default_factory=itertools.count)

    @property
    def origin(self) -> Path:
        return self.folder / "origin"

    def git(self, *arguments: str | Path, folder: Path | None = None) -> str:
        identity = [
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.com",
            "-c",
            "init.defaultBranch=main",
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        done = run(
            ["git", *identity, *arguments], folder=folder or self.origin, environment=environment
        )
        return succeeded(done).strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def open_pull_request(self, number: int, changes: dict[str, str]) -> Event:
        """Push a branch with these files; returns what GitHub tells the workflow."""
        self.git("switch", "--quiet", "--create", f"branch-{number}", "main")
        for name, text in changes.items():
            (self.origin / name).write_text(text)
        sha = self.commit(f"change {number}")
        self.github.pulls[number] = PullRequest(number)
        return Event("pull_request", sha, f"refs/pull/{number}/merge", number)

    def merge(self, number: int) -> Event:
        self.git("switch", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", f"merge {number}", f"branch-{number}")
        pull = self.github.pulls[number]
        pull.merge_commit, pull.merged_at = self.git("rev-parse", "HEAD"), "2026-03-02T10:00:00Z"
        return Event("push", pull.merge_commit)

    def trigger(self, event: Event) -> Jobs:
        """Run what the workflow of that commit runs on an event."""
        workspace = self.folder / f"workspace-{next(self.counter)}"
        self.git("clone", "--quiet", self.origin, workspace)
        self.git("checkout", "--quiet", event.sha, folder=workspace)
        return {
            (job["name"], job["project"]): self._run(job, event, workspace)
            for job in jobs(workspace / WORKFLOW, event)
        }

    def _run(self, job: dict[str, object], event: Event, workspace: Path) -> Finished:
        project = str(job["project"])
        box = self.boxes[project]
        environment = {
            "PATH": os.pathsep.join([str(self.folder / "bin"), str(COMMANDS), os.environ["PATH"]]),
            "HOME": str(self.folder),
            "CLOUDFLARE_API_BASE_URL": box.base_url,
            "AWS_ENDPOINT_URL": self.endpoint,
        }
        temp = self.folder / f"job-{next(self.counter)}"
        runner = Runner(self.github, event, workspace, temp, environment).with_the_tool()
        # The token that can write is a secret of the environment alone.
        token = (
            "CLOUDFLARE_WRITE_TOKEN" if job["environment"] == project else "CLOUDFLARE_READ_TOKEN"
        )
        keys = {"STATE_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "STATE_SECRET_ACCESS_KEY": "secret"}
        contexts = {
            **runner.contexts,
            "matrix": {"project": project},
            "secrets": {token: box.settings.token, **keys},
            "vars": {"STATE_REGION": "us-east-1"},
        }
        runner.contexts = contexts
        steps = job["steps"]
        assert isinstance(steps, list)
        return runner.steps(steps, contexts, {})

    def names(self, project: str) -> list[str]:
        return [finetune.name for finetune in self.boxes[project].account.finetunes()]


@contextmanager
def a_bucket(name: str) -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    request = urllib.request.Request(f"http://{host}:{port}/{name}", method="PUT")
    with urllib.request.urlopen(request):
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with ExitStack() as stack:
        boxes = {}
        for project in PROJECTS:
            settings = yaml.safe_load((EXAMPLE / project / "reconciler.yaml").read_text())
            account = SandboxSettings(account_id=settings["account_id"])
            boxes[project] = stack.enter_context(Sandbox(tmp_path / f"account-{project}", account))
        endpoint = stack.enter_context(a_bucket("acme-finetunes"))
        made = Team(tmp_path, boxes, stack.enter_context(a_github()), endpoint)
        (tmp_path / "bin").mkdir()
        docker = tmp_path / "bin" / "docker"
        stand_in = Path(__file__).parent / "conftest_stand_in.py"
        docker.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{stand_in}" "$@"\n')
        docker.chmod(0o755)
        shutil.copytree(EXAMPLE, made.origin)
        made.git("init", "--quiet")
        for project in PROJECTS:
            (made.origin / project / "finetunes" / "support.yaml").write_text(BEGINNING)
        made.commit("begin")
        yield made


def comments(team: Team, number: int) -> dict[str, str]:
    """Return the comments of a pull request by their project."""
    bodies = [comment.body for comment in team.github.pulls[number].comments]
    return {project: body for body in bodies for project in PROJECTS if f"/{project} -->" in body}


def failed(done: Jobs) -> set[str]:
    return {project for (_, project), job in done.items() if job.failed}


def digest_of(done: Finished) -> str:
    return next(line for line in done.log.splitlines() if line.startswith("sha256:"))


def logs(done: Jobs) -> str:
    return "\n".join(f"{name} {job.steps}\n{job.log}" for name, job in done.items())


def test_from_a_branch_to_a_drift_that_is_mended(team: Team) -> None:
    # A branch: each project gets its plan and its comment; nothing is created.
    manifests = {
        f"{project}/finetunes/support.yaml": (
            EXAMPLE / project / "finetunes/support.yaml"
        ).read_text()
        for project in PROJECTS
    }
    planned = team.trigger(team.open_pull_request(1, manifests))

    assert failed(planned) == set(), logs(planned)
    assert set(planned) == {("plan", project) for project in PROJECTS}
    assert set(comments(team, 1)) == set(PROJECTS)
    assert all("1 to create" in body for body in comments(team, 1).values())
    assert all("Policy" in job.steps for job in planned.values())
    assert team.names("production") == team.names("staging") == []

    # The merge: what was reviewed is created in both accounts, and nothing else.
    applied = team.trigger(team.merge(1))

    assert failed(applied) == set(), logs(applied)
    assert set(applied) == {("apply", project) for project in PROJECTS}
    (name,) = team.names("production")
    assert name.startswith("support-bot-")
    assert team.names("staging") == [name]

    # The schedule: somebody deletes what production answers with. Staging is as merged.
    account = team.boxes["production"].account
    account.remove(account.finetunes()[0].id)
    schedule = Event("schedule", team.git("rev-parse", "main"))
    checked = team.trigger(schedule)

    assert failed(checked) == {"production"}, logs(checked)
    drifted = checked["plan", "production"]
    assert "::error title=Drift::" in drifted.log
    assert "finetune.support-bot" in drifted.summary
    assert "No changes" in checked["plan", "staging"].log

    # A person reviews that plan, and has just it applied.
    inputs = {"digest": digest_of(drifted)}
    mended = team.trigger(Event("workflow_dispatch", schedule.sha, inputs=inputs))

    assert failed(mended) == set(), logs(mended)
    assert team.names("production") == [name]

    # A pull request that the policy forbids: its job fails, and it cannot be merged. Production
    # is as declared, which this plan says as well.
    text = manifests["staging/finetunes/support.yaml"].replace("versioned: true", "public: true")
    forbidden = team.trigger(team.open_pull_request(2, {"staging/finetunes/support.yaml": text}))

    assert failed(forbidden) == {"staging"}, logs(forbidden)
    assert "FAIL - finetune.support-bot would be public" in forbidden["plan", "staging"].log
    assert "No changes" in forbidden["plan", "production"].log


def test_the_commands_of_its_page_work_without_an_account(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (block,) = re.findall(r"^```sh\n(.*?)^```", (EXAMPLE / "README.md").read_text(), re.M | re.S)
    environment = {"PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)}

    done = run(["bash", "-euc", block], folder=tmp_path, environment=environment)

    assert "Apply complete" in succeeded(done)
