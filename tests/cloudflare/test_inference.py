"""One token: what is sent, and which answers are verdicts about the finetune."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from reconciler.cloudflare import AccountClient, Answered, NoVerdict, Silent
from reconciler.cloudflare.inference import path_of_model
from tests.cloudflare.conftest import TOKEN, ClientFactory
from tests.faults import reactions
from tests.faults.reactions import answer_with, api_error, execute_then, html
from tests.faults.server import ACCOUNT_ID, FaultServer, unused_port

ID = "00000000-0000-4000-8000-000000000001"
MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


def silent(client: AccountClient) -> Silent:
    outcome = client.ask(ID, MODEL)
    assert isinstance(outcome, Silent)
    return outcome


def no_verdict(client: AccountClient, model: str = MODEL) -> NoVerdict:
    outcome = client.ask(ID, model)
    assert isinstance(outcome, NoVerdict)
    assert outcome.diagnostic.code == "R804"
    assert TOKEN not in outcome.diagnostic.detail
    return outcome


def test_request_is_the_documented_one(server: FaultServer, client: AccountClient) -> None:
    assert client.ask(ID, MODEL) == Answered()

    (request,) = server.requests
    assert request.method == "POST"
    assert request.target == f"/client/v4/accounts/{ACCOUNT_ID}/ai/run/{MODEL}"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "messages": [{"role": "user", "content": "Hello"}],
        "raw": True,
        "lora": ID,
        "max_tokens": 1,
    }


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("@hf/google/gemma-7b-it", "@hf/google/gemma-7b-it"),
        ("a?b#c", "a%3Fb%23c"),
        ("a b/ü\r\n", "a%20b/%C3%BC%0D%0A"),
        ("%2e%2e/x", "%252e%252e/x"),
        ("a/../../../finetunes", None),
        ("./a", None),
        ("a//b", None),
        ("", None),
    ],
)
def test_a_model_never_leads_to_another_path(model: str, path: str | None) -> None:
    assert path_of_model(model) == path


def test_nothing_is_sent_for_a_name_that_is_no_path(
    server: FaultServer, client: AccountClient
) -> None:
    assert no_verdict(client, "@cf/../../finetunes").retry_after is None
    assert server.requests == []


def test_one_token_may_be_an_empty_text(server: FaultServer, client: AccountClient) -> None:
    server.script("run", reactions.result({"response": ""}))
    assert client.ask(ID, MODEL) == Answered()


@pytest.mark.parametrize(
    ("status", "number", "code", "may_be_early"),
    [
        (400, 3037, "R801", True),
        (404, 3037, "R801", True),
        (400, 3039, "R802", True),
        (405, 5005, "R803", False),
        (400, 5007, "R803", False),
        (404, 3042, "R803", False),
    ],
)
def test_a_refusal_that_is_about_the_finetune_is_a_verdict(
    server: FaultServer,
    client: AccountClient,
    status: int,
    number: int,
    code: str,
    may_be_early: bool,
) -> None:
    server.script("run", api_error(status, number, "as Cloudflare says"))

    outcome = silent(client)

    assert (outcome.diagnostic.code, outcome.may_be_early) == (code, may_be_early)
    assert str(number) in outcome.diagnostic.detail
    assert outcome.diagnostic.hint
    assert server.count("run") == 1


@pytest.mark.parametrize(
    ("reaction", "again"),
    [
        (api_error(429, 3040, "no capacity"), True),
        (api_error(429, None, "slow down"), True),
        (api_error(429, 3036, "allocation used up"), False),
        (api_error(401, 10000, "who are you"), False),
        (api_error(403, 5016, "terms"), False),
        (api_error(400, 5004, "invalid"), False),
        (api_error(500, 3037, "a server that stumbles"), True),
        (api_error(408, 3007, "timeout"), True),
        (html(502), True),
        (html(404), True),
        (reactions.redirect(307, "http://127.0.0.1:1/"), True),
        (answer_with(200, {"success": False, "errors": [{"code": 3037}]}), True),
        (reactions.result({"text": "?"}), False),
        (reactions.result(None), False),
        (execute_then(reactions.reset), True),
        (reactions.close, True),
        (reactions.truncated, True),
        (reactions.gzip_bomb, False),
    ],
)
def test_everything_else_is_none(
    server: FaultServer, client: AccountClient, reaction: Any, again: bool
) -> None:
    server.script("run", reaction)

    outcome = no_verdict(client)

    assert (outcome.retry_after is not None) == again
    assert server.count("run") == 1


def test_a_late_answer_is_none(server: FaultServer, hasty: AccountClient) -> None:
    server.script("run", reactions.hang)
    assert no_verdict(hasty).retry_after == 0


def test_a_pause_that_is_asked_for_is_handed_on(server: FaultServer, client: AccountClient) -> None:
    server.script("run", api_error(429, None, "slow down", retry_after="7"))
    assert no_verdict(client).retry_after == 7


def test_a_missing_permission_is_named(server: FaultServer, client: AccountClient) -> None:
    server.script("run", api_error(403, 10000, "no"))
    assert "Workers AI Read and Workers AI Write" in no_verdict(client).diagnostic.hint


def test_an_api_out_of_reach_is_none(make_client: ClientFactory) -> None:
    client = make_client(f"http://127.0.0.1:{unused_port()}/client/v4")
    assert no_verdict(client).retry_after is None


def test_told_to_stop_it_sends_nothing(server: FaultServer, make_client: ClientFactory) -> None:
    stop = threading.Event()
    client = make_client(server.base_url, stop=stop)
    server.script("run", api_error(429, None, "slow down", retry_after="60"))
    no_verdict(client)
    stop.set()

    assert "not sent" in no_verdict(client).diagnostic.detail
    assert server.count("run") == 1
