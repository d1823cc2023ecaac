"""What is said of creates and uploads that came to something else than was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.adapters.support import ready
from tests.cli.conftest import MODEL, Project, Result
from tests.faults import reactions
from tests.faults.server import ACCOUNT_ID, FaultServer


@pytest.fixture
def server(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    with FaultServer() as started:
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", started.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        project.environment.clear()
        yield started


@pytest.fixture
def doubtful(project: Project, server: FaultServer) -> Project:
    """A project whose one create ended with a 500."""
    project.declare("doubt: {description: Ours.}")
    server.script("create", reactions.api_error(500, 1000))
    assert apply(project).code == 3
    return project


def apply(project: Project) -> Result:
    return project.run("apply", "--auto-approve", "--settle-timeout", "0")


def words(text: str) -> str:
    return " ".join(text.split())


def test_an_unclear_create_is_told_without_saying_what_is_not_so(doubtful: Project) -> None:
    told = doubtful.run("plan").err
    assert "what came of it is not known" in words(told)
    assert 'The account has no new finetune named "doubt".' in words(told)
    assert "once it is listed, the next apply adopts it" in words(told)
    assert "    reconciler resolve finetune.doubt --retry" in told.splitlines()
    assert "    reconciler resolve finetune.doubt --adopt ID" in told.splitlines()


@pytest.mark.parametrize("command", ["output", "verify"])
def test_an_unresolved_create_is_not_called_unknown(doubtful: Project, command: str) -> None:
    result = doubtful.run(command, "doubt", "--state", "reconciler.state.json")
    assert result.code == 1
    assert "finetune.doubt is not recorded yet: its create is unresolved." in result.err
    assert "`reconciler plan --state reconciler.state.json`" in words(result.err)


def test_the_sum_of_a_state_counts_what_is_unresolved(doubtful: Project) -> None:
    assert "0 finetunes recorded, 1 create unresolved, serial" in doubtful.run("show").out


def test_a_retry_promises_nothing_that_the_next_plan_refuses(
    doubtful: Project, server: FaultServer
) -> None:
    theirs = server.account.create({"name": "doubt", "model": MODEL, "description": "Theirs."})
    refused = doubtful.run("resolve", "doubt", "--adopt", theirs["id"])
    assert refused.code == 1
    assert "has another description than the create" in words(refused.err)
    assert refused.err.count(theirs["id"]) == 1, "what was refused is not offered again"
    assert "this one is taken" in words(refused.err)

    retried = doubtful.run("resolve", "doubt", "--retry")
    taken = "its name is taken by now, see `reconciler plan`"
    assert retried.out == f"finetune.doubt: resolved, was not created; {taken}.\n"
    assert "R602" in doubtful.run("plan").err


def test_a_wrong_id_is_answered_with_the_ones_that_are_right(
    doubtful: Project, server: FaultServer
) -> None:
    ours = server.account.create({"name": "doubt", "model": MODEL, "description": "Ours."})
    server.account.create({"name": "doubt", "model": MODEL, "description": "Theirs."})
    told = doubtful.run("resolve", "doubt", "--adopt", "wrong").err
    assert f"    reconciler resolve finetune.doubt --adopt {ours['id']}" in told.splitlines()


def test_a_file_that_was_there_already_is_not_said_to_come_from_elsewhere(
    project: Project, server: FaultServer
) -> None:
    ready(project.folder)
    project.declare("a: {adapter: mistral}")
    server.script("upload", reactions.api_error(400, None, "asset already exists"))
    told = apply(project).err
    assert "The API refused the upload of adapter_config.json" in told
    assert "had a adapter" not in told
    assert "    reconciler verify a" in told.splitlines()

    planned = project.run("plan").err
    assert "not uploaded from here" not in words(planned)
    assert "The account had adapter_config.json of a " in words(planned)
    assert "    reconciler verify a" in planned.splitlines()


def test_the_lines_for_machines_advise_the_same_commands(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")
    server.script("create", reactions.api_error(500, 1000))
    project.write("version: 1\nstate: elsewhere.json\n", "reconciler.yaml")
    flags = ("--json", "--auto-approve", "--settle-timeout", "0", "--state", "x.json")
    lines = [json.loads(line) for line in project.run("apply", *flags).out.splitlines()]
    (hint,) = [line["diagnostic"]["hint"] for line in lines if line["type"] == "diagnostic"]
    assert "reconciler resolve --state x.json finetune.a --retry" in hint
