"""An account that does not keep to what was sent, and plans of a part: nothing is made twice."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.support import ready
from tests.cli.conftest import Project
from tests.cli.test_protocol import apply, server, state_of
from tests.faults import reactions
from tests.faults.server import Exchange, FaultServer

__all__ = ["server"]

FULL = Path("/dev/full")


def records_otherwise(**fields: str) -> Any:
    """Execute a create with other attributes than were sent, and say so."""

    def react(exchange: Exchange) -> bool:
        exchange.read_body()
        made = exchange.account.create({**exchange.request.json, **fields})
        return reactions.result(made)(exchange)

    return react


def test_a_name_that_the_account_records_otherwise_is_not_created_again(
    project: Project, server: FaultServer
) -> None:
    project.declare("support-bot")
    server.script("create", records_otherwise(name="support"))

    first, second = apply(project), apply(project)

    assert (first.code, second.code) == (3, 1)
    assert "R520" in first.err
    assert "R601" in second.err
    assert server.count("create") == 1
    followed = 'say below support-bot:\n    name: "support"\n'
    assert followed in second.err
    project.declare("support-bot: {name: support}")
    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()


def test_the_files_of_what_came_out_otherwise_wait(project: Project, server: FaultServer) -> None:
    project.declare("support-bot: {adapter: mistral}")
    ready(project.folder)
    server.script("create", records_otherwise(name="support"))

    first, second = apply(project), apply(project)

    assert (first.code, second.code) == (3, 1)
    assert "Its files were not sent" in first.err
    assert server.count("upload") == 0
    project.declare("support-bot: {name: support, adapter: mistral}")
    assert apply(project).code == 0
    assert (server.count("create"), server.count("upload")) == (1, 2)
    project.is_converged()


def test_answers_that_were_exchanged_send_no_file_to_another(
    project: Project, server: FaultServer
) -> None:
    """Two creates at once, and each gets the answer of the other."""
    project.declare("a: {adapter: mistral}", "b: {adapter: mistral}")
    ready(project.folder)
    made: dict[str, bytes] = {}
    both = threading.Barrier(2)

    def exchanged(exchange: Exchange) -> bool:
        exchange.read_body()
        name = exchange.request.json["name"]
        made[name] = exchange.execute()
        both.wait(30)
        exchange.sock.sendall(made["b" if name == "a" else "a"])
        return True

    server.script("create", exchanged, exchanged)

    result = apply(project)

    assert result.code == 3
    assert "R520" in result.err
    assert (server.count("create"), server.count("upload")) == (2, 0)
    assert apply(project).code == 1
    assert (server.count("create"), server.count("upload")) == (2, 0)


def test_what_the_account_renamed_is_not_created_again_after_a_plan_of_others(
    project: Project, server: FaultServer
) -> None:
    project.declare("a", "b")
    apply(project)
    (made,) = (each for each in server.account.finetunes if each["name"] == "a")
    made["name"] = "renamed"
    project.declare("a", "b", "c")

    assert apply(project, "--target", "b").code == 0
    assert apply(project, "--target", "c").code == 0
    refused = apply(project)

    assert refused.code == 1
    assert "R601" in refused.err
    assert server.count("create") == 3
    project.declare("a: {name: renamed}", "b", "c")
    assert apply(project).code == 0
    assert server.count("create") == 3
    project.is_converged()


def test_a_create_in_doubt_is_in_the_scope_of_its_address_when_nobody_declares_it(
    project: Project, server: FaultServer
) -> None:
    project.declare("a", "b")
    server.script("create", reactions.reset)
    assert apply(project, "--parallelism", "1").code == 3
    project.declare("b")

    for result in (project.run("plan", "--target", "a"), apply(project, "--target", "a")):
        assert result.code == 3
        assert "R605" in result.err


def test_the_old_address_of_a_move_is_no_target(project: Project, server: FaultServer) -> None:
    project.declare("a")
    apply(project)
    project.declare("b: {name: a}", more="moved: [{from: a, to: b}]")

    refused = apply(project, "--target", "a")

    assert refused.code == 1
    assert "--target finetune.b" in refused.err
    assert apply(project, "--target", "b").code == 0
    assert list(state_of(project)["finetunes"]) == ["finetune.b"]
    project.is_converged()


def test_what_came_out_strange_stays_unclear_when_a_save_fails_after_it(
    project: Project, server: FaultServer
) -> None:
    project.declare("a: {adapter: mistral}")
    ready(project.folder)

    def lose_the_lock(exchange: Exchange) -> bool:
        (project.folder / "reconciler.state.json.lock").unlink()
        return bool(records_otherwise(description="Other.")(exchange))

    server.script("create", lose_the_lock)

    result = apply(project)

    assert "R520" in result.err
    assert "R410" in result.err
    assert result.code == 3


def test_row_33_a_refusal_that_speaks_of_duplicates_is_no_file_that_is_there(
    project: Project, server: FaultServer
) -> None:
    project.declare("a: {adapter: mistral}")
    ready(project.folder)
    words = "adapter_config.json: duplicate entry in target_modules"
    server.script("upload", reactions.api_error(400, 5004, words))

    result = apply(project)

    assert result.code == 1
    assert "R704" in result.err
    assert "lacks adapter_config.json" in result.out
    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()


def test_what_is_forgotten_without_its_files_is_said_to_lack_them(
    project: Project, server: FaultServer
) -> None:
    project.declare("a: {adapter: mistral}")
    ready(project.folder)
    server.script("upload", reactions.api_error(400, 5004, "no"))
    apply(project)
    project.declare()

    planned = project.run("plan")
    on_purpose = "version: 1\nfinetunes: {}\nremoved: [a]\n"
    project.write(on_purpose)

    lacks = "lacks adapter_config.json and adapter_model.safetensors"
    assert lacks in planned.err.replace("\n  ", " ")
    assert lacks in project.run("plan").out.replace("\n      # ", " ")


def test_a_create_that_is_listed_cannot_be_sent_again(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")
    server.account.lag = 1
    server.script("create", reactions.execute_then(reactions.reset))
    assert apply(project).code == 3
    made = server.account.finetunes[0]["id"]

    resolved = project.run("resolve", "--all", "--retry")

    assert resolved.code == 1
    assert "R710" in resolved.err
    assert f"reconciler resolve finetune.a --adopt {made}" in resolved.err.replace("\n  ", " ")
    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_results_that_cannot_be_written_are_told_whatever_the_exit_code(project: Project) -> None:
    project.declare("a")
    with FULL.open("w") as full:
        run = project.spawn("apply", "--auto-approve", stdout=full)
        _, err = run.communicate()
    assert run.returncode == 130
    assert "could not be written to standard output" in err
