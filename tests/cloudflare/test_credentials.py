from __future__ import annotations

import pytest

from reconciler.cloudflare import Credentials
from reconciler.diagnostics import DiagnosticError


def error_of(env: dict[str, str]) -> DiagnosticError:
    with pytest.raises(DiagnosticError) as caught:
        Credentials.from_environment(env)
    return caught.value


def test_token_is_sent_as_a_bearer() -> None:
    credentials = Credentials.from_environment({"CLOUDFLARE_API_TOKEN": "secret-token"})
    assert credentials.headers() == {"Authorization": "Bearer secret-token"}


def test_key_and_email_are_sent_in_headers_of_their_own() -> None:
    env = {"CLOUDFLARE_API_KEY": "secret-key", "CLOUDFLARE_EMAIL": "ops@example.com"}
    assert Credentials.from_environment(env).headers() == {
        "X-Auth-Email": "ops@example.com",
        "X-Auth-Key": "secret-key",
    }


def test_token_wins_over_key_and_email() -> None:
    env = {
        "CLOUDFLARE_API_TOKEN": "secret-token",
        "CLOUDFLARE_API_KEY": "secret-key",
        "CLOUDFLARE_EMAIL": "ops@example.com",
    }
    assert list(Credentials.from_environment(env).headers()) == ["Authorization"]


@pytest.mark.parametrize("env", [{}, {"CLOUDFLARE_API_TOKEN": ""}])
def test_missing_credentials_name_every_variable(env: dict[str, str]) -> None:
    (diagnostic,) = error_of(env).diagnostics
    assert diagnostic.code == "R501"
    for name in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY", "CLOUDFLARE_EMAIL"):
        assert name in diagnostic.detail


def test_half_a_pair_names_the_missing_half() -> None:
    (diagnostic,) = error_of({"CLOUDFLARE_API_KEY": "secret-key"}).diagnostics
    assert "CLOUDFLARE_API_KEY is set, but CLOUDFLARE_EMAIL is not" in diagnostic.detail


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("secret-token\n", "ends with a line break"),
        ("Bearer secret-token", "starts with the word Bearer"),
        ("secret-token\r\nX-Evil: 1", "has a space"),
        (" secret-token", "has a space"),
        ("secret-tökén", "outside ASCII"),
        ("secret\x00token", "control character"),
    ],
)
def test_malformed_token_is_refused_without_showing_it(value: str, words: str) -> None:
    error = error_of({"CLOUDFLARE_API_TOKEN": value})
    assert error.diagnostics[0].code == "R502"
    assert words in error.diagnostics[0].detail
    assert "secret" not in str(error)
    assert error.__cause__ is None


def test_representation_hides_the_secrets() -> None:
    credentials = Credentials(token="secret-token", key="secret-key", email="ops@example.com")
    assert "secret" not in repr(credentials)
    assert "secret" not in str(credentials)


def test_secrets_are_blotted_out_of_text() -> None:
    credentials = Credentials(token="secret-token")
    assert credentials.redact("bad token secret-token!") == "bad token [redacted]!"
