"""A definite no: told apart, and told well."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.cloudflare import AccountClient, Ambiguous, Refused
from reconciler.cloudflare.api_errors import API_ERRORS
from tests.cloudflare.conftest import SUPPORT_BOT
from tests.faults.reactions import answer_with, api_error
from tests.faults.server import FaultServer


def refused(client: AccountClient) -> Refused:
    outcome = client.create(SUPPORT_BOT)
    assert isinstance(outcome, Refused)
    return outcome


def ambiguous(client: AccountClient) -> Ambiguous:
    outcome = client.create(SUPPORT_BOT)
    assert isinstance(outcome, Ambiguous)
    return outcome


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422, 451])
def test_row_22_error_of_the_api_is_a_definite_no_after_one_request(
    server: FaultServer, client: AccountClient, status: int
) -> None:
    server.script("create", api_error(status, None, "because"))
    outcome = refused(client)
    assert outcome.sent
    assert outcome.diagnostic.is_error
    assert f'HTTP {status}, "because"' in outcome.diagnostic.detail
    assert server.count("create") == 1


@pytest.mark.parametrize("number", sorted(API_ERRORS.keys() - {3007, 3040}))
def test_every_known_code_has_a_hint_of_its_own(
    server: FaultServer, client: AccountClient, number: int
) -> None:
    status = 429 if number == 3036 else 400
    server.script("create", api_error(status, number, "because"))
    diagnostic = refused(client).diagnostic
    assert f'code {number} "because"' in diagnostic.detail
    assert diagnostic.hint != refused_hint_of_an_unknown_code(server, client)
    assert "{" not in diagnostic.hint
    assert server.count("create") == 2


def refused_hint_of_an_unknown_code(server: FaultServer, client: AccountClient) -> str:
    server.script("create", api_error(400, 1, "because"))
    return refused(client).diagnostic.hint


@pytest.mark.parametrize(
    ("status", "number", "fatal"),
    [
        (400, 5007, False),
        (400, 5004, False),
        (403, 5016, False),
        (405, 5005, False),
        (404, 3042, False),
        (413, 3006, False),
        (422, None, False),
        (401, None, True),
        (403, None, True),
        (400, 10000, True),
        (403, 5018, True),
        (403, 3041, True),
        (403, 3023, True),
        (404, 7003, True),
        (404, None, True),
        (429, 3036, True),
    ],
)
def test_row_22_refusal_that_all_would_meet_is_fatal(
    server: FaultServer, client: AccountClient, status: int, number: int | None, fatal: bool
) -> None:
    server.script("create", api_error(status, number))
    assert refused(client).fatal is fatal
    assert server.count("create") == 1


def test_ray_of_the_edge_is_shown(server: FaultServer, client: AccountClient) -> None:
    server.script("create", api_error(400, 5007, "no", cf_ray="8a1b2c-FRA"))
    assert "cf-ray 8a1b2c-FRA" in refused(client).diagnostic.detail


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (409, "conflict"),
        (400, "A finetune with this name already exists"),
        (422, "name is already in use"),
        (400, "duplicate name"),
    ],
)
def test_row_23_exists_is_told_apart(
    server: FaultServer, client: AccountClient, status: int, message: str
) -> None:
    server.script("create", api_error(status, None, message))
    outcome = ambiguous(client)
    assert outcome.exists
    assert outcome.diagnostic.code == "R517"
    assert server.count("create") == 1


@pytest.mark.parametrize(
    "message",
    ["\x1b[31mred", "a\r\nb", "\u202eevil", "x" * 100_000, "\ud800", "\x00"],
)
def test_message_of_the_server_is_escaped_and_bounded(
    server: FaultServer, client: AccountClient, message: str
) -> None:
    server.script("create", api_error(400, 5004, message))
    detail = refused(client).diagnostic.detail
    assert detail.isprintable()
    assert len(detail) < 500


@pytest.mark.parametrize(
    "errors",
    [None, "no", [None], [7], [{"code": "x"}], [{"code": True}], [{"message": 7}], {"code": 1}],
)
def test_malformed_errors_are_tolerated_where_the_no_is_clear(
    server: FaultServer, client: AccountClient, errors: Any
) -> None:
    server.script("create", answer_with(400, {"success": False, "errors": errors}))
    assert "HTTP 400" in refused(client).diagnostic.detail


def test_code_may_be_a_text(server: FaultServer, client: AccountClient) -> None:
    body = {"success": False, "errors": [{"code": "5007", "message": "no"}]}
    server.script("create", answer_with(400, body))
    assert "code 5007" in refused(client).diagnostic.detail
