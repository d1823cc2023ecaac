"""Who may do what, and where a path leads."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Client, errors

NOT_AUTHENTICATED = [(10000, "Authentication error")]


def test_a_bearer_token_is_accepted(client: Client) -> None:
    assert client.get_list().status_code == 200


def test_an_email_with_its_key_is_accepted(client: Client) -> None:
    del client.session.headers["Authorization"]
    client.session.headers["X-Auth-Email"] = client.sandbox.settings.email
    client.session.headers["X-Auth-Key"] = client.sandbox.settings.api_key
    assert client.get_list().status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer \xe9"},
        {"Authorization": "Basic sandbox-token-not-a-secret"},
        {"Authorization": "sandbox-token-not-a-secret"},
        {"X-Auth-Email": "sandbox@example.com"},
        {"X-Auth-Key": "sandbox-key-not-a-secret"},
        {"X-Auth-Email": "other@example.com", "X-Auth-Key": "sandbox-key-not-a-secret"},
        {"X-Auth-Email": "sandbox@example.com", "X-Auth-Key": "wrong"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_missing_or_wrong_credentials_are_refused(
    client: Client, headers: dict[str, str], method: str
) -> None:
    del client.session.headers["Authorization"]
    response = client.send(method, client.finetunes_path, headers=headers, data=b"")
    assert response.status_code == 401
    assert errors(response) == NOT_AUTHENTICATED


def test_refused_credentials_create_nothing(client: Client) -> None:
    client.session.headers["Authorization"] = "Bearer wrong"
    assert client.create("bot").status_code == 401
    assert client.sandbox.account.finetunes() == ()


@pytest.mark.parametrize("path", ["/user/tokens/verify", "/accounts/{account_id}/tokens/verify"])
def test_a_token_verifies_as_active(client: Client, path: str) -> None:
    path = path.format(account_id=client.sandbox.settings.account_id)
    body = client.send("GET", path).json()
    assert body["success"] is True
    assert body["result"]["status"] == "active"


def test_a_wrong_token_does_not_verify(client: Client) -> None:
    client.session.headers["Authorization"] = "Bearer wrong"
    response = client.send("GET", "/user/tokens/verify")
    assert response.status_code == 401
    assert errors(response) == NOT_AUTHENTICATED


def test_a_key_is_no_token_to_verify(client: Client) -> None:
    del client.session.headers["Authorization"]
    client.session.headers["X-Auth-Email"] = client.sandbox.settings.email
    client.session.headers["X-Auth-Key"] = client.sandbox.settings.api_key
    response = client.send("GET", "/user/tokens/verify")
    assert response.status_code == 401
    assert errors(response) == [(10000, 'Missing "Authorization" header')]


def test_another_account_is_forbidden(client: Client) -> None:
    response = client.send("GET", f"/accounts/{'0' * 32}/ai/finetunes")
    assert response.status_code == 403
    assert errors(response) == NOT_AUTHENTICATED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", ""),
        ("GET", "/nonsense"),
        ("GET", "/accounts/not-an-account/ai/finetunes"),
        ("GET", "/accounts//ai/finetunes"),
        ("GET", "/accounts/{account_id}/ai/finetunes/some-id"),
        ("DELETE", "/accounts/{account_id}/ai/finetunes/some-id"),
        ("PUT", "/accounts/{account_id}/ai/finetunes"),
        ("PATCH", "/accounts/{account_id}/ai/finetunes"),
        ("OPTIONS", "/accounts/{account_id}/ai/finetunes"),
        ("GET", "/accounts/{account_id}/ai/finetunes/"),
        ("POST", "/user/tokens/verify"),
    ],
)
def test_what_is_no_operation_has_no_route(client: Client, method: str, path: str) -> None:
    response = client.send(method, path.format(account_id=client.sandbox.settings.account_id))
    assert response.status_code == 404
    assert [code for code, _ in errors(response)] == [7003, 7000]
