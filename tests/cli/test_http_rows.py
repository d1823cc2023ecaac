"""Section B of the fault matrix through the command line: a bad list stops, a create is one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.support import ready
from tests.cli.conftest import MODEL, Project
from tests.cli.test_protocol import apply, server, state_of
from tests.faults import reactions
from tests.faults.server import Exchange, FaultServer, envelope, http_answer, unused_port

__all__ = ["server"]

FILES = ("adapter_config.json", "adapter_model.safetensors")
TWO = [
    {"id": "id-1", "name": "a", "model": MODEL},
    {"id": "id-2", "name": "a", "model": MODEL},
]
BAD_LISTS = [
    pytest.param(reactions.result(None), "R514", id="row 27: null"),
    pytest.param(reactions.result("all"), "R514", id="row 27: a text"),
    pytest.param(reactions.answer_with(200, {"success": True}), "R514", id="row 27: missing"),
    pytest.param(reactions.html(200), "R514", id="row 27: HTML"),
    pytest.param(reactions.result([{"name": "a"}]), "R514", id="row 20: no id"),
    pytest.param(reactions.answer_with(200, {"result": [], "success": False}), "R514", id="row 18"),
    pytest.param(reactions.redirect(302, "http://127.0.0.1:1/"), "R514", id="row 24"),
    pytest.param(reactions.gzip_bomb, "R514", id="row 26: a bomb"),
    pytest.param(reactions.endless_body, "R514", id="row 26: without end"),
    pytest.param(reactions.api_error(400, 5004), "R512", id="row 22: 400"),
    pytest.param(reactions.api_error(401, 10000), "R509", id="row 22: 401"),
    pytest.param(reactions.api_error(404, 7003), "R510", id="row 22: 404"),
    pytest.param(reactions.result(TWO), "R603", id="row 28"),
]


@pytest.mark.parametrize(("reaction", "code"), BAD_LISTS)
def test_rows_18_20_22_24_and_26_to_28_a_list_that_cannot_be_used_stops_everything(
    project: Project, server: FaultServer, reaction: Any, code: str
) -> None:
    project.declare("a")
    server.script("list", reaction)

    result = apply(project)

    assert result.code == 1
    assert code in result.err
    assert server.count("create") == 0
    assert server.count("list") == 1
    assert not (project.folder / "reconciler.state.json").exists()


TROUBLE = [
    pytest.param(reactions.reset, id="row 13"),
    pytest.param(reactions.close, id="row 14"),
    pytest.param(reactions.html(502), id="row 16"),
    pytest.param(reactions.api_error(500, 1000), id="row 17"),
    pytest.param(reactions.truncated, id="row 19"),
    pytest.param(reactions.api_error(429, None, retry_after="0"), id="row 21"),
    pytest.param(reactions.result([], result_info={"total_count": 1}), id="row 30"),
]


@pytest.mark.parametrize("reaction", TROUBLE)
def test_rows_13_14_16_17_19_21_and_30_a_list_is_asked_for_again(
    project: Project, server: FaultServer, reaction: Any, quick: None
) -> None:
    project.declare("a")
    server.script("list", reaction)

    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()


def test_row_30_a_list_that_stays_incomplete_stops_everything(
    project: Project, server: FaultServer, quick: None
) -> None:
    project.declare("a")
    server.script("list", *[reactions.result([], result_info={"total_count": 1})] * 20)

    result = apply(project)

    assert result.code == 1
    assert "R515" in result.err
    assert server.count("create") == 0


def test_row_12_an_api_that_cannot_be_reached_is_sent_nothing(
    project: Project, server: FaultServer, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    project.declare("a")
    monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", f"http://127.0.0.1:{unused_port()}")

    result = apply(project)

    assert result.code == 1
    assert "R506" in result.err
    assert "Nothing was sent" in result.err


def test_row_12_a_server_that_goes_away_before_the_create_closes_the_intent(
    project: Project, server: FaultServer, quick: None
) -> None:
    project.declare("a", "b")

    def the_last_answer(exchange: Any) -> bool:
        exchange.sock.sendall(exchange.execute())
        server.refuse()
        return False

    server.script("list", the_last_answer)

    result = apply(project, "--parallelism", "1")

    assert result.code == 1, result.err
    assert "R506" in result.err
    assert server.count("create") == 0
    assert state_of(project)["pending"] == {}


def test_row_21_a_create_that_was_throttled_is_sent_again(
    project: Project, server: FaultServer, quick: None
) -> None:
    project.declare("a")
    waits = ("0", "-5", "abc", "1.5")
    answers = [reactions.api_error(429, None, retry_after=wait) for wait in waits]
    server.script("create", *answers)

    assert apply(project).code == 0
    assert server.count("create") == 5
    assert len(server.account.finetunes) == 1
    project.is_converged()


@pytest.mark.parametrize("reaction", [reactions.gzip_bomb, reactions.endless_body])
def test_row_26_a_create_that_is_answered_without_bounds_is_looked_up(
    project: Project, server: FaultServer, reaction: Any
) -> None:
    project.declare("a")
    server.script("create", reaction)

    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()


@pytest.mark.parametrize("status", [201, 202, 203, 206, 226, 299])
def test_row_29_any_success_with_an_id_is_created(
    project: Project, server: FaultServer, status: int
) -> None:
    project.declare("a")

    def made(exchange: Exchange) -> bool:
        exchange.read_body()
        finetune = exchange.account.create(exchange.request.json)
        exchange.sock.sendall(http_answer(status, envelope(finetune)))
        return True

    server.script("create", made)

    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()


STRANGE_ANSWERS = [
    pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="no content"),
    pytest.param(b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", id="reset content"),
    pytest.param(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", id="another protocol"),
    pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 150 + b"\r\n{}", id="150 headers"),
    pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe{\x00", id="UTF-16"),
    pytest.param(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}{}{}", id="two lengths"
    ),
    pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2"),
]


@pytest.mark.parametrize("answer", STRANGE_ANSWERS)
def test_row_19_an_executed_create_with_a_strange_answer_is_looked_up(
    project: Project, server: FaultServer, answer: bytes
) -> None:
    project.declare("a")

    def made(exchange: Exchange) -> bool:
        exchange.execute()
        exchange.sock.sendall(answer)
        return False

    server.script("create", made)

    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()


def test_row_29_what_nobody_knows_in_an_answer_is_no_hindrance(
    project: Project, server: FaultServer
) -> None:
    project.declare("a")
    listed = {"id": "id-1", "name": "a", "model": MODEL, "description": None, "owner": [{}]}
    server.script("list", reactions.result([listed], messages=[{"x": 1}], more=7))

    assert apply(project).code == 0
    assert server.count("create") == 0


def test_row_35_a_connection_that_was_closed_meanwhile_is_not_used(
    project: Project, server: FaultServer
) -> None:
    project.declare("a", "b")
    for operation in ("list", "create"):
        server.script(operation, reactions.answer_then_reset_next)

    assert apply(project, "--parallelism", "1").code == 0

    assert server.count("create") == 2
    project.is_converged()


@pytest.mark.parametrize("operation", ["create", "upload"])
def test_row_35_an_answer_that_comes_twice_is_not_the_next_ones(
    project: Project, server: FaultServer, operation: str
) -> None:
    """A refusal again for a create that is executed, or a yes again for a file that is refused."""
    project.declare("a: {adapter: mistral}", "b: {adapter: mistral}")
    ready(project.folder)
    if operation == "create":
        # With the list behind, a create that was wrongly given up would be sent again.
        server.account.lag = 2
        server.script(operation, reactions.answer_twice(reactions.refusal))
    else:
        refused = reactions.api_error(400, 5004)
        server.script(operation, reactions.answer_twice(Exchange.execute), refused)

    assert apply(project, "--parallelism", "1").code == 1
    assert apply(project, "--parallelism", "1").code == 0

    names = [finetune["name"] for finetune in server.account.finetunes]
    assert sorted(names) == ["a", "b"]
    assert all(len(files) == 2 for files in server.account.assets.values())
    project.is_converged()


LOST_UPLOADS = [
    pytest.param(reactions.reset, id="row 13"),
    pytest.param(reactions.execute_then(reactions.close), id="row 14"),
    pytest.param(reactions.html(502), id="row 16"),
    pytest.param(reactions.execute_then(reactions.api_error(500, 1000)), id="row 17"),
    pytest.param(reactions.answer_with(200, {"success": False, "errors": []}), id="row 18"),
    pytest.param(reactions.truncated_head, id="row 19"),
    pytest.param(reactions.api_error(429, None, retry_after="0"), id="row 21"),
    pytest.param(reactions.redirect(307, "http://127.0.0.1:1/"), id="row 24"),
    pytest.param(reactions.gzip_bomb, id="row 26"),
    pytest.param(reactions.cut_after(200), id="row 34"),
    pytest.param(reactions.answer_then_reset_next, id="row 35"),
]


@pytest.mark.parametrize("reaction", LOST_UPLOADS)
def test_rows_13_to_35_an_upload_without_a_clear_answer_is_sent_again_to_the_same_id(
    project: Project, server: FaultServer, reaction: Any, quick: None
) -> None:
    folder = ready(project.folder)
    project.declare("a: {adapter: mistral}")
    server.script("upload", reaction)

    result = apply(project)

    assert result.code == 0, result.err
    assert server.count("create") == 1
    assert len({request.target for request in server.received("upload")}) == 1
    (files,) = server.account.assets.values()
    assert files == {name: (folder / name).read_bytes() for name in FILES}
    project.is_converged()


REFUSED_UPLOADS = [
    pytest.param(reactions.api_error(400, 3003), id="row 22: 400"),
    pytest.param(reactions.api_error(403, 10000), id="row 22: 403"),
    pytest.param(reactions.api_error(413, 3006), id="row 33: 413"),
    pytest.param(reactions.api_error(422, None), id="row 33: 422"),
]


@pytest.mark.parametrize("reaction", REFUSED_UPLOADS)
def test_rows_22_and_33_an_upload_that_is_refused_leaves_it_incomplete_and_keeps_its_id(
    project: Project, server: FaultServer, reaction: Any
) -> None:
    ready(project.folder)
    project.declare("a: {adapter: mistral}")
    server.script("upload", reaction)

    result = apply(project)

    assert result.code == 1
    assert "R704" in result.err
    assert server.count("upload") == 1
    (made,) = server.account.finetunes
    assert made["id"] in str(state_of(project)["finetunes"])
    assert apply(project).code == 0
    assert server.count("create") == 1
    project.is_converged()
