"""The credentials go to the base URL and nowhere else, whatever the surroundings say."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cloudflare import AccountClient, Ambiguous, Created, Credentials, Network, Refused
from reconciler.diagnostics import DiagnosticError
from tests.cloudflare.conftest import SUPPORT_BOT, TOKEN, ClientFactory
from tests.faults import reactions
from tests.faults.server import ACCOUNT_ID, FaultServer, Reaction


@pytest.fixture
def trap() -> Iterator[FaultServer]:
    """Where nothing must arrive."""
    with FaultServer() as trap:
        yield trap
        assert trap.connections == 0


@pytest.mark.parametrize("kind", ["NETRC", "HOME"])
def test_row_66_netrc_does_not_replace_the_token(
    server: FaultServer,
    make_client: ClientFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login evil password evil\ndefault login e password e\n")
    netrc.chmod(0o600)
    monkeypatch.setenv(kind, str(netrc if kind == "NETRC" else tmp_path))
    client = make_client(server.base_url)
    client.create(SUPPORT_BOT)
    client.list_finetunes()
    assert [r.headers["authorization"] for r in server.requests] == [f"Bearer {TOKEN}"] * 2


def test_key_and_email_are_sent_unchanged(server: FaultServer, make_client: ClientFactory) -> None:
    credentials = Credentials(key="secret-key", email="ops@example.com")
    make_client(server.base_url, credentials=credentials).list_finetunes()
    headers = server.requests[0].headers
    assert (headers["x-auth-key"], headers["x-auth-email"]) == ("secret-key", "ops@example.com")
    assert "authorization" not in headers


def test_row_66_proxies_of_the_environment_are_not_used_for_this_machine(
    server: FaultServer,
    trap: FaultServer,
    make_client: ClientFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = {
        name: trap.origin
        for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        for name in (upper, upper.lower())
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    network = Network.from_environment(env, server.base_url)
    client = make_client(server.base_url, network=network)
    assert isinstance(client.create(SUPPORT_BOT), Created)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_rows_24_and_66_redirect_sends_nothing_anywhere(
    server: FaultServer, trap: FaultServer, client: AccountClient, status: int
) -> None:
    redirect = reactions.redirect(status, f"{trap.base_url}/accounts/x/ai/finetunes")
    for operation in ("list", "create", "upload"):
        server.script(operation, redirect)
    with pytest.raises(DiagnosticError):
        client.list_finetunes()
    assert isinstance(client.create(SUPPORT_BOT), Ambiguous)


def test_cookies_are_not_sent_back(server: FaultServer, client: AccountClient) -> None:
    server.script("list", reactions.answer_with(200, {}, {"Set-Cookie": "__cf_bm=evil; Path=/"}))
    with pytest.raises(DiagnosticError):
        client.list_finetunes()
    client.list_finetunes()
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    "fault",
    [
        reactions.api_error(403, 10000, f"the token {TOKEN} is not valid"),
        reactions.api_error(400, None, "x" * 280 + TOKEN),
        reactions.api_error(400, None, "no", cf_ray=TOKEN),
        reactions.redirect(302, f"https://evil.example/{TOKEN}"),
        reactions.reset,
        reactions.no_http,
        reactions.truncated_head,
        reactions.endless_headers,
        reactions.result({"id": TOKEN + "/"}),
    ],
)
def test_token_is_in_no_outcome_log_or_traceback(
    server: FaultServer,
    client: AccountClient,
    caplog: pytest.LogCaptureFixture,
    fault: Reaction,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script("create", fault)
    server.script("list", *[fault] * 4)
    outcome = client.create(SUPPORT_BOT)
    assert isinstance(outcome, Refused | Ambiguous)
    with pytest.raises(DiagnosticError) as caught:
        client.list_finetunes()
    told = [repr(outcome), caplog.text, *traceback.format_exception(caught.value)]
    # Half a token would be half a leak.
    assert not [text for text in told if TOKEN[:12] in text]


def test_importing_the_client_does_not_import_requests() -> None:
    script = (
        "import sys, reconciler.cloudflare\n"
        "assert not {'requests', 'urllib3', 'http.client', 'ssl'} & set(sys.modules)\n"
        "reconciler.cloudflare.AccountClient('a', reconciler.cloudflare.Credentials(token='t'),"
        " 'https://one.example')\n"
        "assert 'requests' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_account_is_a_part_of_every_address(server: FaultServer, client: AccountClient) -> None:
    client.list_finetunes()
    client.create(SUPPORT_BOT)
    assert all(f"/accounts/{ACCOUNT_ID}/" in request.target for request in server.requests)
