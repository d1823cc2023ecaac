"""Lost, late and strange answers through the real command: one create an intent, or exit 3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Project, Result
from tests.faults import reactions
from tests.faults.server import ACCOUNT_ID, FaultServer

TOKEN = "a-token-that-must-never-show"


@pytest.fixture
def server(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    with FaultServer() as started:
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", started.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        project.environment.clear()
        yield started


def apply(project: Project, *arguments: str, settle: str = "0") -> Result:
    result = project.run("apply", "--auto-approve", "--settle-timeout", settle, *arguments)
    assert TOKEN not in result.out + result.err
    return result


def state_of(project: Project) -> dict[str, Any]:
    raw = (project.folder / "reconciler.state.json").read_text()
    assert TOKEN not in raw
    document: dict[str, Any] = json.loads(raw)
    return document


LOST_AFTER_EXECUTING = [
    reactions.execute_then(reactions.reset),
    reactions.execute_then(reactions.close),
    reactions.execute_then(reactions.html(502)),
    reactions.execute_then(reactions.html(524)),
    reactions.execute_then(reactions.api_error(500, 1000)),
    reactions.truncated,
    reactions.execute_then(reactions.redirect(302, "http://127.0.0.1:1/elsewhere")),
]


@pytest.mark.parametrize("reaction", LOST_AFTER_EXECUTING)
def test_rows_13_to_19_a_create_whose_answer_is_lost_is_adopted(
    project: Project, server: FaultServer, reaction: Any
) -> None:
    project.declare("a")
    server.script("create", reaction)

    result = apply(project)

    assert result.code == 0, result.err
    assert server.count("create") == 1
    assert state_of(project)["pending"] == {}
    project.is_converged()


LOST_UNEXECUTED = [
    reactions.reset,
    reactions.close,
    reactions.html(502),
    reactions.api_error(500, 1000),
    reactions.answer_with(200, {"success": False, "errors": [], "result": None}),
    reactions.result({"name": "a"}),
    reactions.result({"id": 7, "name": "a"}),
]


@pytest.mark.parametrize("reaction", LOST_UNEXECUTED)
def test_rows_13_to_20_a_create_that_left_no_trace_stays_in_doubt(
    project: Project, server: FaultServer, reaction: Any
) -> None:
    project.declare("a", "b", "c", "d", "e", "f", "g", "h", "i")
    server.script("create", reaction)

    result = apply(project, "--parallelism", "1")

    assert result.code == 3
    assert server.count("create") == 1
    assert list(state_of(project)["pending"]) == ["finetune.a"]
    assert "8 changes not attempted" in result.out
    told = result.err.replace("\n  ", " ")
    (intent,) = state_of(project)["pending"].values()
    assert intent["created_at"] in told
    assert intent["attempt_id"] in told
    assert 'The account has no new finetune named "a".' in told
    assert "reconciler resolve finetune.a --retry" in told
    assert "Nothing was changed" not in result.out

    again = apply(project)
    assert again.code == 3
    assert "nothing was changed" in again.err
    assert server.count("create") == 1
    planned = project.run("plan")
    assert planned.code == 3
    assert "reconciler resolve finetune.a --retry" in planned.err.replace("\n  ", " ")

    assert project.run("resolve", "a", "--retry").code == 0
    assert apply(project).code == 0
    assert server.count("create") == 10
    project.is_converged()


def test_row_15_executed_late_is_adopted_by_the_next_run(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")
    server.script("create", reactions.execute_at_poll(4, reactions.reset))

    assert apply(project).code == 3
    while (result := apply(project)).code == 3:
        assert server.count("list") < 10
    assert result.code == 0
    assert server.count("create") == 1
    project.is_converged()


def test_row_31_a_list_that_lags_is_waited_for(project: Project, server: FaultServer) -> None:
    project.declare("a")
    server.account.lag = 3
    server.script("create", reactions.execute_then(reactions.reset))

    result = apply(project, settle="30")

    assert result.code == 0, result.err
    assert server.count("create") == 1
    project.is_converged()


def test_row_31_a_created_finetune_that_no_list_shows_is_not_created_again(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")
    server.account.lag = 1000

    assert apply(project).code == 0
    planned = project.run("plan", "--detailed-exitcode")
    assert planned.code == 0
    assert "R610" in planned.err
    assert apply(project).code == 0
    assert server.count("create") == 1


def test_to_forget_what_no_list_shows_is_warned_of(project: Project, server: FaultServer) -> None:
    project.declare("a")
    server.account.lag = 1000
    assert apply(project).code == 0
    assert "reconciler state rm a" in project.run("plan").err.replace("\n  ", " ")

    removed = project.run("state", "rm", "a")

    assert removed.code == 0
    assert server.account.finetunes[0]["id"] in removed.err
    assert "a second one" in removed.err.replace("\n  ", " ")


def test_row_22_a_definite_no_closes_the_intent(project: Project, server: FaultServer) -> None:
    project.declare("a")
    server.script("create", reactions.api_error(400, 5004, "bad"))

    result = apply(project)

    assert result.code == 1
    assert "5004" in result.err
    assert state_of(project)["pending"] == {}
    assert apply(project).code == 0
    assert server.count("create") == 2


def test_row_23_exists_is_looked_up_and_not_adopted_unreviewed(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")
    server.script("create", reactions.api_error(409, None, "already exists"))

    result = apply(project)

    assert result.code == 1
    assert server.count("create") == 1


def test_row_22_a_fatal_no_holds_the_others_back(project: Project, server: FaultServer) -> None:
    project.declare("a", "b", "c")
    server.script("create", reactions.api_error(403, 10000, "no"))

    result = apply(project, "--parallelism", "1")

    assert result.code == 1
    assert server.count("create") == 1
    assert "2 changes not attempted" in result.out
    assert state_of(project)["pending"] == {}


def test_resolve_adopts_only_what_can_be_the_result(project: Project, server: FaultServer) -> None:
    project.declare("a")
    server.script("create", reactions.reset)
    apply(project)
    (intent,) = state_of(project)["pending"].values()
    made = server.account.create(
        {"name": "a", "model": intent["attributes"]["model"], "description": "Other."}
    )

    assert project.run("resolve", "a", "--adopt", "unknown").code == 1
    refused = project.run("resolve", "a", "--adopt", made["id"])
    assert refused.code == 1
    assert "R708" in refused.err
    assert project.run("resolve", "b", "--retry").code == 1
    assert project.run("resolve", "a").code == 1


def test_a_person_adopts_one_of_two(project: Project, server: FaultServer) -> None:
    project.declare("a")
    server.script("create", reactions.reset)
    apply(project)
    (intent,) = state_of(project)["pending"].values()
    body = {"name": "a", "model": intent["attributes"]["model"]}
    first, _second = server.account.create(body), server.account.create(body)

    assert apply(project).code == 3
    assert project.run("resolve", "a", "--adopt", first["id"]).code == 0
    assert first["id"] in json.dumps(state_of(project)["finetunes"])
    assert server.count("create") == 1


def test_row_51_a_duplicate_is_reported(project: Project, server: FaultServer) -> None:
    project.declare("a")

    def created_beside(exchange: Any) -> bool:
        exchange.read_body()
        server.account.create(exchange.request.json)
        exchange.sock.sendall(exchange.execute())
        return True

    server.script("create", created_beside)

    result = apply(project)

    assert result.code == 3
    assert "R703" in result.err
    assert "R603" in project.run("plan").err


def test_the_intent_is_durable_before_each_create(project: Project, server: FaultServer) -> None:
    project.declare(*(f"f{number}" for number in range(30)))
    seen: list[bool] = []

    def look(exchange: Any) -> bool:
        exchange.read_body()
        pending = state_of(project)["pending"]
        seen.append(f"finetune.{exchange.request.json['name']}" in pending)
        exchange.sock.sendall(exchange.execute())
        return True

    server.script("create", *([look] * 30))

    assert apply(project).code == 0
    assert seen == [True] * 30


def test_rows_36_to_38_results_that_cannot_be_saved(project: Project, server: FaultServer) -> None:
    project.declare("a", "b")

    def lose_the_lock(exchange: Any) -> bool:
        exchange.read_body()
        Path("reconciler.state.json.lock").unlink(missing_ok=True)
        exchange.sock.sendall(exchange.execute())
        return True

    server.script("create", lose_the_lock)

    result = apply(project, "--parallelism", "1")

    assert result.code == 3
    assert "R702" in result.err
    (made,) = server.account.finetunes
    assert made["id"] in result.err
    (rescue,) = project.folder.glob("reconciler.state.rescue.*")
    assert rescue.stat().st_mode & 0o777 == 0o600
    assert made["id"] in rescue.read_text()

    assert apply(project).code == 0
    assert server.count("create") == 2
    project.is_converged()
