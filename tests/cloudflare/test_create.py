from __future__ import annotations

import threading
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from reconciler.cloudflare import AccountClient, Ambiguous, Created, RateLimiter, Refused
from reconciler.model import Attributes, RemoteFinetune
from tests.cloudflare.conftest import SUPPORT_BOT, ClientFactory, FakeTime
from tests.faults import reactions
from tests.faults.reactions import answer_with, api_error, execute_at_poll, execute_then, html
from tests.faults.server import ACCOUNT_ID, FaultServer, Reaction, envelope, unused_port

ID = "00000000-0000-4000-8000-000000000001"


def ambiguous(client: AccountClient, attributes: Attributes = SUPPORT_BOT) -> Ambiguous:
    outcome = client.create(attributes)
    assert isinstance(outcome, Ambiguous)
    return outcome


def refused(client: AccountClient, attributes: Attributes = SUPPORT_BOT) -> Refused:
    outcome = client.create(attributes)
    assert isinstance(outcome, Refused)
    return outcome


def created(client: AccountClient, attributes: Attributes = SUPPORT_BOT) -> Created:
    outcome = client.create(attributes)
    assert isinstance(outcome, Created)
    return outcome


def test_request_is_the_documented_one(server: FaultServer, client: AccountClient) -> None:
    client.create(SUPPORT_BOT)
    (request,) = server.requests
    assert request.method == "POST"
    assert request.target == f"/client/v4/accounts/{ACCOUNT_ID}/ai/finetunes"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "model": SUPPORT_BOT.model,
        "name": "support-bot",
        "description": "Answers.",
        "public": False,
    }


def test_empty_description_is_not_sent(server: FaultServer, client: AccountClient) -> None:
    client.create(Attributes("a", "m", public=True))
    assert server.requests[0].json == {"model": "m", "name": "a", "public": True}


def test_text_outside_ascii_arrives_unchanged(server: FaultServer, client: AccountClient) -> None:
    client.create(Attributes("a", "m", "Grüße \U0001f980 \u202e"))
    assert server.requests[0].json["description"] == "Grüße \U0001f980 \u202e"


def test_success_is_created_as_the_server_recorded_it(client: AccountClient) -> None:
    time = "2026-01-01T00:00:00Z"
    assert client.create(SUPPORT_BOT) == Created(
        RemoteFinetune(
            ID,
            "support-bot",
            SUPPORT_BOT.model,
            "Answers.",
            False,
            created_at=time,
            modified_at=time,
        )
    )


def test_row_29_answer_of_nothing_but_an_id_is_created(
    server: FaultServer, client: AccountClient
) -> None:
    server.script("create", reactions.result({"id": ID}))
    assert created(client, Attributes("a", "m")) == Created(RemoteFinetune(ID, "a", "m"))


def test_row_29_unknown_fields_are_tolerated(server: FaultServer, client: AccountClient) -> None:
    more = {"id": ID, "name": "a", "model": "m", "owner": {"x": 1}, "size": None}
    server.script("create", reactions.result(more, result_info={}, other=[]))
    assert created(client, Attributes("a", "m")) == Created(RemoteFinetune(ID, "a", "m"))


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ({"name": "other"}, 'name is "other" instead of "support-bot"'),
        ({"model": "@cf/x"}, 'model is "@cf/x"'),
        ({"description": ""}, 'description is "" instead of "Answers."'),
        ({"public": True}, "public is true instead of false"),
    ],
)
def test_other_attributes_are_recorded_and_reported(
    server: FaultServer, client: AccountClient, recorded: dict[str, Any], words: str
) -> None:
    honest = {
        "id": ID,
        "name": "support-bot",
        "model": SUPPORT_BOT.model,
        "description": "Answers.",
    }
    server.script("create", reactions.result({**honest, **recorded}))
    outcome = created(client)
    (warning,) = outcome.warnings
    assert warning.code == "R520"
    assert not warning.is_error
    assert words in warning.detail
    ((field, value),) = recorded.items()
    assert getattr(outcome.remote, field) == value


CLOSED = [
    reactions.reset,
    reactions.close,
    reactions.reset_unread,
    execute_then(reactions.reset),
    execute_then(reactions.close),
    execute_at_poll(2, reactions.close),
    reactions.truncated,
    reactions.truncated_head,
    reactions.lying_length(7),
    reactions.lying_length(-7),
    reactions.no_http,
    reactions.gzip_bomb,
    reactions.endless_body,
    reactions.endless_headers,
]


@pytest.mark.parametrize("fault", CLOSED)
def test_rows_13_14_15_19_and_26_no_whole_answer_is_ambiguous_after_one_request(
    server: FaultServer, client: AccountClient, fault: Reaction
) -> None:
    server.script("create", fault)
    outcome = ambiguous(client)
    assert outcome.diagnostic.code == "R516"
    assert "support-bot" in outcome.diagnostic.detail
    assert server.count("create") == 1


@pytest.mark.parametrize(
    "fault",
    [
        reactions.hang,
        execute_then(reactions.hang),
        reactions.drip_body,
        reactions.drip_head,
        reactions.continue_for_ever,
    ],
)
def test_rows_15_and_25_no_answer_in_time_is_ambiguous_after_one_request(
    server: FaultServer, hasty: AccountClient, fault: Reaction
) -> None:
    server.script("create", fault)
    assert "in time" in ambiguous(hasty).diagnostic.detail
    assert server.count("create") == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504, *range(520, 531), 599])
@pytest.mark.parametrize("executed", [False, True])
def test_row_16_page_of_the_edge_is_ambiguous_after_one_request(
    server: FaultServer, client: AccountClient, status: int, executed: bool
) -> None:
    server.script("create", execute_then(html(status)) if executed else html(status))
    assert f"HTTP {status}" in ambiguous(client).diagnostic.detail
    assert server.count("create") == 1


@pytest.mark.parametrize(
    "fault",
    [
        execute_then(api_error(500, 1000, "internal")),
        answer_with(200, {"success": False, "errors": [{"message": "no"}]}),
        answer_with(200, {"result": {"id": ID}}),
        answer_with(200, {"result": {"id": ID}, "success": "true"}),
        answer_with(204, b""),
        answer_with(200, b"[]"),
        answer_with(200, b"true"),
        answer_with(200, b"[" * 50_000),
        html(200),
        # A no that is not in the API's own words, or that contradicts itself, is none.
        html(400),
        html(403),
        html(409),
        answer_with(400, {"detail": "bad request"}),
        answer_with(400, {"success": True, "errors": []}),
        # The server gave up waiting, which does not mean that nothing was done.
        api_error(408, None, "timeout"),
        api_error(408, 3007, "timeout"),
        api_error(400, 3007, "timeout"),
    ],
)
def test_rows_17_and_18_everything_unclear_is_ambiguous_after_one_request(
    server: FaultServer, client: AccountClient, fault: Reaction
) -> None:
    server.script("create", fault)
    outcome = ambiguous(client)
    assert outcome.diagnostic.code == "R516"
    assert not outcome.exists
    assert server.count("create") == 1


@pytest.mark.parametrize(
    "result",
    [None, [], "id", {}, {"id": None}, {"id": 7}, {"id": ""}, {"id": [ID]}, {"id": "../x"}],
)
def test_row_20_success_without_a_usable_id_is_ambiguous(
    server: FaultServer, client: AccountClient, result: Any
) -> None:
    server.script("create", execute_then(reactions.result(result)))
    assert "no usable id" in ambiguous(client).diagnostic.detail
    assert server.count("create") == 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_row_24_redirect_is_not_followed(
    server: FaultServer, client: AccountClient, status: int
) -> None:
    with FaultServer() as trap:
        server.script("create", reactions.redirect(status, f"{trap.base_url}/elsewhere"))
        ambiguous(client)
        assert trap.connections == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [
        ("5", [5.0]),
        ("0", [1.0]),
        ("-5", [1.0]),
        ("1.5", [1.5]),
        ("abc", [1.0]),
        ("999999999", [300.0]),
        (formatdate(0, usegmt=True), [1.0]),
        (formatdate(4_000_000_000, usegmt=True), [300.0]),
    ],
)
def test_row_21_429_waits_within_bounds_and_goes_again(
    server: FaultServer, client: AccountClient, time: FakeTime, retry_after: str, waits: list[float]
) -> None:
    server.script("create", api_error(429, None, "slow down", retry_after=retry_after))
    created(client)
    assert time.slept == waits
    assert server.count("create") == 2
    assert len(server.account.finetunes) == 1


def test_row_21_429_of_the_edge_waits_and_goes_again(
    server: FaultServer, client: AccountClient
) -> None:
    server.script("create", html(429), answer_with(429, b""))
    created(client)
    assert server.count("create") == 3


def test_row_21_429_without_end_is_a_definite_no(
    server: FaultServer, client: AccountClient, time: FakeTime
) -> None:
    server.script("create", *[api_error(429, 3040, "capacity")] * 50)
    outcome = refused(client)
    assert outcome.fatal
    assert outcome.diagnostic.code == "R511"
    assert server.count("create") == 5
    assert time.slept == [1.0, 2.0, 4.0, 8.0]


def test_exhausted_quota_delays_the_next_request(
    server: FaultServer, client: AccountClient, time: FakeTime
) -> None:
    answer = envelope({"id": ID, "name": "a", "model": "m"})
    server.script("create", answer_with(200, answer, {"Ratelimit": '"default";r=0;t=17'}))
    created(client, Attributes("a", "m"))
    assert time.slept == []
    created(client, Attributes("b", "m"))
    assert time.slept == [17.0]


def test_creates_go_through_the_limiter(
    server: FaultServer, make_client: ClientFactory, time: FakeTime
) -> None:
    limiter = RateLimiter(2, clock=time.clock, sleep=time.sleep)
    client = make_client(server.base_url, limiter=limiter)
    for name in ("a", "b", "c"):
        created(client, Attributes(name, "m"))
    assert time.slept == [300.0]


def test_row_12_unreachable_api_is_a_definite_no_and_nothing_was_sent(
    make_client: ClientFactory, time: FakeTime
) -> None:
    outcome = refused(make_client(f"http://127.0.0.1:{unused_port()}"))
    assert outcome.fatal
    assert not outcome.sent
    assert outcome.diagnostic.code == "R506"
    assert time.slept == [1.0, 2.0, 4.0]


def test_row_12_unknown_host_is_a_definite_no(make_client: ClientFactory) -> None:
    outcome = refused(make_client("https://does-not-exist.invalid/client/v4"))
    assert not outcome.sent
    assert "could not be resolved" in outcome.diagnostic.detail


def test_stop_while_waiting_withdraws_the_create(
    server: FaultServer, make_client: ClientFactory
) -> None:
    stop = threading.Event()
    limiter = RateLimiter(1)
    client = make_client(server.base_url, limiter=limiter, stop=stop)
    created(client)
    stop.set()
    outcome = refused(client, replace(SUPPORT_BOT, name="other"))
    assert outcome.diagnostic.code == "R508"
    assert not outcome.sent
    assert server.count("create") == 1


def test_stop_does_not_keep_a_list_from_being_read(
    server: FaultServer, make_client: ClientFactory
) -> None:
    stop = threading.Event()
    stop.set()
    client = make_client(server.base_url, limiter=RateLimiter(1), stop=stop)
    assert client.list_finetunes().finetunes == ()
