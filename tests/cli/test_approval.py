"""What was approved and what would be done: where they differ, nothing is done, and why is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Project, Result, Serve, use

SAID = "Old words."


def said(result: Result, code: str) -> str:
    """Return the message of a refusal, unfolded."""
    assert result.code == 1
    assert f"error[{code}]" in result.err
    return " ".join(result.err.split())


@pytest.fixture
def planned(project: Project) -> Project:
    """A project whose reviewed plan lies in plan.json."""
    project.declare("bot", f"poet: {{description: {SAID}}}")
    assert project.run("plan", "--out", "plan.json").code == 0
    return project


def test_all_that_moved_is_listed(planned: Project) -> None:
    planned.box.account.create(
        name="bot", model="@cf/mistral/mistral-7b-instruct-v0.2-lora", description="", public=False
    )
    planned.declare("bot", "poet: {description: New words.}", "triage")

    message = said(planned.run("apply", "plan.json"), "R612")

    assert "- finetune.bot would now be adopted instead of be created" in message
    assert 'poet would have another description ("New words." instead of "Old words.")' in message
    assert "- finetune.triage would now be created, which was not reviewed" in message
    assert planned.creates() == 0


def test_of_very_much_the_beginning_is_listed(planned: Project) -> None:
    planned.declare(*(f"bot-{n}" for n in range(40)))
    message = said(planned.run("apply", "plan.json"), "R612")
    assert message.count("was not reviewed") + message.count("would no longer") == 20
    assert "- and 22 more" in message


def test_what_was_applied_already_is_told_so(planned: Project) -> None:
    digest = planned.run("plan").out.splitlines()[-1]
    assert planned.run("apply", "--plan-digest", digest).code == 0
    for again in (["plan.json"], ["--plan-digest", digest]):
        message = said(planned.run("apply", *again), "R612")
        assert "Now there is nothing to do: it may have been applied already." in message
    assert planned.creates() == 2
    planned.is_converged()


def test_both_digests_are_told(planned: Project) -> None:
    reviewed = planned.run("plan").out.splitlines()[-1]
    planned.declare("bot")
    now = planned.run("plan").out.splitlines()[-1]
    message = said(planned.run("apply", "--plan-digest", reviewed), "R612")
    assert reviewed in message
    assert now in message
    assert planned.creates() == 0


def test_a_digest_that_is_not_the_files_is_refused_with_both(planned: Project) -> None:
    other = f"sha256:{'0' * 64}"
    message = said(planned.run("apply", "plan.json", "--plan-digest", other), "R612")
    assert json.loads((planned.folder / "plan.json").read_text())["reconciler"]["digest"] in message
    assert planned.creates() == 0


def test_both_accounts_are_told(
    planned: Project, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_for = planned.box.settings.account_id
    use(planned, serve(account_id="f" * 32), monkeypatch)
    message = said(planned.run("apply", "plan.json"), "R612")
    assert f"made for account {made_for}, not for {'f' * 32}" in message
    assert planned.creates() == 0


def edit(project: Project, edits: dict[str, Any]) -> None:
    """Change what a plan file says about itself."""
    path = project.folder / "plan.json"
    data = json.loads(path.read_text())
    data["reconciler"].update(edits)
    path.write_text(json.dumps(data, separators=(",", ":")))


@pytest.mark.parametrize("command", ["apply", "show"])
def test_a_plan_of_a_newer_format_is_told_so(planned: Project, command: str) -> None:
    edit(planned, {"version": 2})
    message = said(planned.run(command, "plan.json"), "R611")
    assert "version 2, of a newer release" in message
    assert planned.creates() == 0


@pytest.mark.parametrize("command", ["apply", "show"])
def test_row_64_where_a_plan_was_edited_is_told(planned: Project, command: str) -> None:
    path = planned.folder / "plan.json"
    path.write_text(path.read_text().replace(SAID, "New words.", 1))
    message = said(planned.run(command, "plan.json"), "R611")
    assert "edited; the rest of it says otherwise at planned_values.root_module" in message
    assert planned.creates() == 0


def test_no_format_of_a_plan_holds_the_token(planned: Project) -> None:
    token = planned.environment["CLOUDFLARE_API_TOKEN"]
    texts = [
        planned.run("--log-level", "debug", "plan", "--format", format_)
        for format_ in ("human", "json", "markdown", "html", "gitlab")
    ]
    assert not any(token in text.out + text.err for text in texts)
    assert token not in (planned.folder / "plan.json").read_text()
