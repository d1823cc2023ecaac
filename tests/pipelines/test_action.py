"""The action's own steps, in order, against an emulated account and a stand-in for GitHub."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.pipelines import PATHS, pipeline
from tests.pipelines.github_api import BOT, NAME, Comment, GitHub, PullRequest, a_github
from tests.pipelines.runner import ACTION, Event, Finished, Runner
from tests.pipelines.support import (
    REPOSITORY,
    Project,
    a_project,
    can,
    needs_curl_and_jq,
    offline_pip,
    run,
    succeeded,
)

pytestmark = [pytest.mark.needs_system, needs_curl_and_jq]

MERGE = "c0ffee" * 6 + "c0ff"
PUSH = Event("push", MERGE)
PULL = Event("pull_request", "beef" * 10, "refs/pull/7/merge", 7)
FORK = Event("pull_request", "beef" * 10, "refs/pull/7/merge", 7, head="stranger/finetunes")
SCHEDULE = Event("schedule", MERGE)
HUMAN = {"login": "mallory", "type": "User"}
WRONG = f"sha256:{'0' * 64}"
_STOP = re.compile(r"::stop-commands::([0-9a-f-]{36})")


@dataclass(slots=True)
class Repository:
    """A repository with one project, pull request 7, and the account of the project."""

    project: Project
    github: GitHub
    temp: Path
    runs: Iterator[int] = field(default_factory=itertools.count)
    canned: Path | None = None

    def use(
        self, event: Event, command: str, *, broken: str = "", code: int = 1, **inputs: str
    ) -> Finished:
        """Use the action in a job of its own; broken: a command that fails with code.

        Where that is `reconciler`, it fails after `validate`.
        """
        runner = self.runner(event).with_the_tool()
        if self.canned:
            (runner.tools / "reconciler").unlink()
            (runner.tools / "reconciler").symlink_to(self.canned)
        if broken:
            (runner.tools / broken).unlink(missing_ok=True)
            (runner.tools / broken).write_text(f'#!/bin/sh\n[ "$1" = validate ] || exit {code}\n')
            (runner.tools / broken).chmod(0o755)
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        return runner.action({"command": command, **given}, {})

    def runner(self, event: Event, **more: str) -> Runner:
        """Start a job."""
        temp = self.temp / f"job-{next(self.runs)}"
        environment = self.project.environment | more
        if event.head != NAME:
            del environment["CLOUDFLARE_API_TOKEN"]
        return Runner(self.github, event, self.project.folder, temp, environment)

    @property
    def comments(self) -> list[Comment]:
        return self.github.pulls[7].comments

    def merge(self) -> None:
        """Merge the pull request; the clock goes on."""
        pull = self.github.pulls[7]
        pull.merge_commit, pull.merged_at = MERGE, "2026-03-02T10:00:00Z"
        self.github.now = "2026-03-03T10:00:00Z"

    def expect_no_changes(self) -> None:
        """Plan again: everything is as declared."""
        done = self.project.run("plan", "--detailed-exitcode")
        assert done.returncode == 0, done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with a_project(tmp_path) as project, a_github() as github:
        (project.folder / ".git").mkdir()
        project.add_adapter("mistral")
        project.declare({"support-bot": "adapter: adapters/mistral"})
        github.pulls[7] = PullRequest(7)
        yield Repository(project, github, tmp_path / "runner")


def commands_in(log: str) -> list[str]:
    """Return what the runner would take for commands to itself, as it reads a log."""
    found: list[str] = []
    token = ""
    for line in map(str.strip, log.splitlines()):
        if token:
            token = "" if line == f"::{token}::" else token
        elif stop := _STOP.fullmatch(line):
            token = stop[1]
        elif line.startswith("::") or "##[" in line:
            found.append(line)
    assert not token, "the commands stay stopped"
    return found


def digest_in(comment: Comment) -> str:
    found = re.search("--plan-digest (sha256:[0-9a-f]{64})", comment.body)
    assert found, comment.body
    return found[1]


@pytest.fixture
def canned(repository: Repository) -> Repository:
    """A repository whose plan is made already: what is around it is tried out."""
    repository.canned = repository.temp / "canned" / "reconciler"
    can(repository.project, repository.canned)
    return repository


# The pull request


def test_the_plan_becomes_a_comment_a_summary_and_outputs(repository: Repository) -> None:
    done = repository.use(PULL, "plan")

    assert not done.failed, done.log
    (comment,) = repository.comments
    assert comment.author == BOT
    assert "1 to create" in comment.body
    assert done.outputs["digest"] == digest_in(comment)
    assert done.outputs["has-changes"] == "true"
    assert done.outputs["exit-code"] == "2"
    assert comment.body.splitlines()[0].startswith("<!-- reconciler:plan ")
    assert comment.body in done.summary
    assert Path(done.outputs["plan-file"]).read_text().startswith('{"format_version"')
    assert repository.project.writes == 0
    assert commands_in(done.log) == []


def test_the_comment_is_updated_and_not_repeated(repository: Repository) -> None:
    for number in range(130):
        repository.github.comment(7, HUMAN, f"remark {number}")
    repository.use(PULL, "plan")
    repository.comments.insert(0, Comment(1000, HUMAN, repository.comments[-1].body))
    repository.project.declare({"support-bot": "", "summarizer": ""})

    done = repository.use(PULL, "plan")

    assert not done.failed, done.log
    (comment,) = [comment for comment in repository.comments if comment.author == BOT]
    assert "2 to create" in comment.body
    assert done.outputs["digest"] == digest_in(comment)
    assert len(repository.comments) == 132


def test_row_67_a_fork_gets_a_plan_without_the_account_and_no_comment(
    repository: Repository,
) -> None:
    done = repository.use(FORK, "plan")

    assert not done.failed, done.log
    assert done.outputs["has-changes"] == "true"
    assert "to create" in done.summary
    assert repository.project.box.account.requests() == ()
    assert repository.github.calls == []


def test_a_fork_under_another_trigger_is_refused(repository: Repository) -> None:
    event = Event("pull_request_target", PULL.sha, PULL.ref, 7)

    done = repository.use(event, "plan")

    assert done.failed
    assert repository.project.box.account.requests() == ()


def test_no_comment_is_written_where_none_is_wanted(canned: Repository) -> None:
    assert not canned.use(PULL, "plan", comment="false").failed
    assert canned.github.calls == []


def test_an_account_as_declared_has_nothing_to_review(repository: Repository) -> None:
    succeeded(repository.project.run("apply", "--auto-approve"))

    for event, command in ((PULL, "plan"), (PUSH, "apply"), (SCHEDULE, "drift")):
        done = repository.use(event, command)
        assert not done.failed, done.log
        assert (done.outputs["has-changes"], done.outputs["exit-code"]) == ("false", "0")

    assert not any("graphql" in call for call in repository.github.calls)
    assert len(repository.comments) == 1


def test_mistakes_are_shown_at_their_lines_and_in_place_of_the_plan(repository: Repository) -> None:
    repository.use(PULL, "plan")
    repository.project.write("version: 1\nfinetunes:\n  support-bot: {mdoel: x}\n")

    done = repository.use(PULL, "plan")

    assert done.failed
    assert (done.outputs["has-changes"], done.outputs["exit-code"]) == ("", "1")
    annotation = commands_in(done.log)[0]
    assert annotation.startswith("::error file=finetunes.yaml,line=3,")
    (comment,) = repository.comments
    assert "There is no plan of the latest commit." in comment.body
    assert "mdoel" in comment.body
    assert "--plan-digest" not in comment.body
    assert "There is no plan" in done.summary

    repository.project.declare({"support-bot": ""})
    again = repository.use(PULL, "plan")

    assert [digest_in(comment)] == [again.outputs["digest"]]
    assert repository.comments == [comment]


def test_a_plan_that_cannot_be_applied_is_shown_and_fails(repository: Repository) -> None:
    succeeded(repository.project.run("apply", "--auto-approve"))
    repository.project.declare({"support-bot": "adapter: adapters/mistral, description: New."})

    done = repository.use(PULL, "plan")

    assert done.failed
    assert done.outputs["exit-code"] == "1"
    (comment,) = repository.comments
    assert "In the way" in comment.body


def test_row_62_texts_of_others_are_no_commands_to_the_runner(repository: Repository) -> None:
    text = r"\n::error::gotcha\n::set-output name=digest::x\n##[error]x\n::stop-commands::x"
    repository.project.declare({"support-bot": f'description: "a{text}${{{{ github.token }}}}"'})

    done = repository.use(PULL, "plan")

    assert not done.failed, done.log
    assert commands_in(done.log) == []
    assert done.outputs["digest"] == digest_in(repository.comments[0])


def test_inputs_are_no_scripts(repository: Repository) -> None:
    script = '$(touch pwned)"; touch pwned; #`touch pwned`'
    for event, command, given in (
        (PULL, script, {}),
        (PULL, "plan", {"extras": script}),
        (PULL, "plan", {"lock_timeout": script}),
        (PUSH, "apply", {"digest": script}),
    ):
        assert repository.use(event, command, **given).failed
    assert not list(repository.project.folder.parent.rglob("pwned*"))
    assert repository.project.writes == 0


# After the merge

DIGEST = f"sha256:{'1' * 64}"
REVIEWED = f"<!-- reconciler:plan 023e -->\n<!-- reconciler:digest {DIGEST} -->\n### Finetune plan"


def review(repository: Repository) -> Finished:
    """Merge, and run the step that finds the digest of the plan REVIEWED."""
    repository.merge()
    path = repository.temp.parent / "comment.md"
    path.write_text(REVIEWED)
    outputs = {"comment-file": str(path), "has-changes": "true"}
    runner = repository.runner(PUSH)
    return runner.one_step("review", {"command": "apply"}, {"plan": {"outputs": outputs}})


def test_what_was_reviewed_is_applied(repository: Repository) -> None:
    planned = repository.use(PULL, "plan")
    repository.merge()

    done = repository.use(PUSH, "apply")

    assert not done.failed, done.log
    assert done.outputs["digest"] == planned.outputs["digest"]
    assert done.outputs["exit-code"] == "0"
    assert "### Applied" in done.summary
    assert commands_in(done.log) == []
    assert repository.project.names == ["support-bot"]
    repository.expect_no_changes()


def by_somebody_else(repository: Repository) -> None:
    repository.comments[0].author = HUMAN


def edited_by_somebody_else(repository: Repository) -> None:
    repository.github.edit(repository.comments[0], HUMAN, repository.comments[0].body)


def edited_by_a_ghost(repository: Repository) -> None:
    comment = repository.comments[0]
    comment.edited_by, comment.edited_at = None, repository.github.now


def edited_after_the_merge(repository: Repository) -> None:
    repository.merge()
    repository.github.edit(repository.comments[0], BOT, repository.comments[0].body)


def of_another_pull_request(repository: Repository) -> None:
    other = PullRequest(8, "main", "d" * 40, "2026-03-01T13:00:00Z", list(repository.comments))
    repository.github.pulls[8] = other
    repository.comments.clear()


def of_a_merge_into_another_branch(repository: Repository) -> None:
    repository.github.pulls[7].base = "release"


def of_another_folder(repository: Repository) -> None:
    body = repository.comments[0].body
    repository.comments[0].body = body.replace(" -->", "/production -->", 1)


def twice(repository: Repository) -> None:
    repository.github.comment(7, BOT, repository.comments[0].body)


def with_the_digest_elsewhere(repository: Repository) -> None:
    body = repository.comments[0].body
    repository.comments[0].body = body.replace("\n", "\n\n", 1)


def missing(repository: Repository) -> None:
    repository.comments.clear()


def twice_with_a_hundred_between(repository: Repository) -> None:
    for number in range(100):
        repository.github.comment(7, HUMAN, f"remark {number}")
    twice(repository)


def with_the_marker_alone(repository: Repository) -> None:
    comment = repository.comments[0]
    comment.body = comment.body.splitlines()[0]


@pytest.mark.parametrize(
    "spoil",
    [
        by_somebody_else,
        edited_by_somebody_else,
        edited_by_a_ghost,
        edited_after_the_merge,
        of_another_pull_request,
        of_a_merge_into_another_branch,
        of_another_folder,
        twice,
        twice_with_a_hundred_between,
        with_the_marker_alone,
        with_the_digest_elsewhere,
        missing,
    ],
)
def test_only_an_untouched_comment_of_this_merge_counts_as_review(
    repository: Repository, spoil: Callable[[Repository], None]
) -> None:
    comment = repository.github.comment(7, BOT, REVIEWED)
    assert review(repository).outputs == {"digest": DIGEST}
    repository.github.pulls[7].merged_at = None
    repository.github.now = "2026-03-01T11:00:00Z"
    repository.github.edit(comment, BOT, REVIEWED)
    assert review(repository).outputs == {"digest": DIGEST}
    repository.github.now = "2026-03-01T12:00:00Z"
    spoil(repository)
    done = review(repository)

    assert done.failed
    assert done.outputs == {}
    assert "::error title=Not reviewed::" in done.log
    assert "jq: error" not in done.log


def test_what_was_reviewed_is_found_among_many_comments(repository: Repository) -> None:
    for number in range(100):
        repository.github.comment(7, HUMAN, f"before {number}")
    repository.github.comment(7, BOT, REVIEWED)
    repository.github.comment(7, BOT, REVIEWED.splitlines()[0])
    for number in range(130):
        repository.github.comment(7, HUMAN, f"after {number}")

    done = review(repository)

    assert done.outputs == {"digest": DIGEST}, done.log
    assert repository.github.calls == ["POST /graphql"] * 4


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            {"data": None, "errors": [{"message": "API rate\nlimit"}, {"message": "::exceeded"}]},
            "reviewed (API rate limit ::exceeded). Nothing is applied.",
        ),
        ({"data": {"repository": None}, "errors": [{"message": "No."}]}, "reviewed (No.). Nothing"),
        ({"message": "Something went wrong"}, "reviewed (Something went wrong). Nothing"),
        ({"data": None}, "reviewed (no usable answer)."),
        ({"data": {"repository": None}}, "no merged pull request of this commit has a plan"),
        ({"data": {"repository": {"object": None}}}, "no merged pull request of this commit"),
        (["?"], "reviewed (no usable answer)."),
    ],
)
def test_a_github_that_does_not_say_is_told_in_its_words(
    repository: Repository, said: Any, words: str
) -> None:
    repository.github.comment(7, BOT, REVIEWED)
    repository.github.graphql_says = said

    done = review(repository)

    assert done.failed
    assert done.outputs == {}
    (error,) = commands_in(done.log)
    assert error.startswith("::error title=")
    assert words in error
    assert "jq: error" not in done.log


def test_without_a_review_nothing_is_applied(repository: Repository) -> None:
    done = repository.use(PUSH, "apply")

    assert done.failed
    assert "Not reviewed" in commands_in(done.log)[0]
    assert repository.project.writes == 0


def test_what_moved_since_the_review_is_not_applied(repository: Repository) -> None:
    repository.use(PULL, "plan")
    repository.merge()
    repository.project.declare({"support-bot": "adapter: adapters/mistral", "other": ""})

    done = repository.use(PUSH, "apply")

    assert done.failed
    assert done.outputs["exit-code"] == "1"
    assert "R612" in done.log
    assert "### Not applied" in done.summary
    assert repository.project.writes == 0


def test_a_digest_by_hand_applies_just_that_plan(repository: Repository) -> None:
    by_hand = Event("workflow_dispatch", MERGE)
    refused = repository.use(by_hand, "apply", digest=WRONG)
    assert refused.failed
    assert "R612" in refused.log

    done = repository.use(by_hand, "apply", digest=refused.outputs["digest"])

    assert not done.failed, done.log
    assert repository.github.calls == []
    assert repository.project.names == ["support-bot"]
    repository.expect_no_changes()


# On a schedule


def test_drift_fails_and_says_what_differs(repository: Repository) -> None:
    succeeded(repository.project.run("apply", "--auto-approve"))
    account = repository.project.box.account
    account.remove(account.finetunes()[0].id)

    done = repository.use(SCHEDULE, "drift")

    assert done.failed
    assert done.outputs["exit-code"] == "2"
    assert commands_in(done.log)[0].startswith("::error title=Drift::")
    assert "support-bot" in done.summary
    assert repository.github.calls == []


# An error is never "no changes"


def test_a_plan_with_a_broken_part_fails(canned: Repository) -> None:
    for broken in ("jq", "curl", "mktemp", "cat", "head", "tail"):
        done = canned.use(PULL, "plan", broken=broken)
        assert done.failed, f"{broken}: {done.log}"
    assert not canned.use(PULL, "plan").failed


def test_an_apply_with_a_broken_part_fails(canned: Repository) -> None:
    canned.use(PULL, "plan")
    canned.merge()
    for broken in ("jq", "curl", "mktemp", "head", "tee", "sed"):
        done = canned.use(PUSH, "apply", broken=broken)
        assert done.failed, f"{broken}: {done.log}"
    assert not canned.use(PUSH, "apply").failed


@pytest.mark.parametrize("code", [1, 3, 127, 130, 137])
def test_every_way_to_fail_fails_the_job(repository: Repository, code: int) -> None:
    for event, command in ((PULL, "plan"), (PUSH, "apply"), (SCHEDULE, "drift")):
        done = repository.use(event, command, broken="reconciler", code=code)

        assert done.failed
        assert done.outputs["has-changes"] == ""
        assert done.outputs["exit-code"] == str(code)


def test_an_account_that_refuses_is_an_error(repository: Repository) -> None:
    repository.use(PULL, "plan")
    repository.project.box.account.close()

    done = repository.use(PULL, "plan")

    assert done.failed
    assert done.outputs["has-changes"] == ""
    assert "There is no plan of the latest commit." in repository.comments[0].body


def test_the_action_installs_itself_from_its_own_checkout(repository: Repository) -> None:
    # An earlier use in the same job had no extras.
    runner = repository.runner(PULL, **offline_pip()).with_the_tool()
    (repository.project.folder / "venv.py").write_text(
        "raise SystemExit('taken from the checkout')"
    )

    done = runner.one_step("install", {"extras": "s3"}, {})

    assert not done.failed, done.log
    tools = runner.tools.parent.with_name("reconciler-s3") / "bin"
    assert runner.first_path == tools
    # What is installed has the pipelines, too.
    command = [tools / "reconciler", "init", "--ci", "github"]
    succeeded(run(command, folder=tools, environment=offline_pip()))
    written = (tools / PATHS["github"]).read_text()
    assert written == pipeline("github", [])


def test_every_input_and_output_of_the_action_is_documented() -> None:
    action = yaml.safe_load(ACTION.read_text())
    page = (REPOSITORY / "docs" / "ci.md").read_text()
    named = {*action["inputs"], *action["outputs"]}
    assert not [name for name in named if f"`{name}`" not in page]


def test_a_github_that_does_not_answer_is_an_error(canned: Repository) -> None:
    canned.github.is_down = True
    assert canned.use(PULL, "plan").failed
    assert canned.use(PUSH, "apply").failed
