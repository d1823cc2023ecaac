from __future__ import annotations

import pytest

from reconciler.cloudflare import DEFAULT_BASE_URL, is_loopback, resolve_base_url
from reconciler.diagnostics import DiagnosticError


def test_cloudflare_is_the_default() -> None:
    assert resolve_base_url({}, None) == "https://api.cloudflare.com/client/v4"


def test_flag_wins_over_the_environment() -> None:
    env = {"CLOUDFLARE_API_BASE_URL": "https://one.example"}
    assert resolve_base_url(env, "https://flag.example/v4") == "https://flag.example/v4"


def test_name_of_wrangler_wins_over_the_name_of_the_sdk() -> None:
    env = {
        "CLOUDFLARE_BASE_URL": "https://two.example",
        "CLOUDFLARE_API_BASE_URL": "https://one.example",
    }
    assert resolve_base_url(env, None) == "https://one.example"
    del env["CLOUDFLARE_API_BASE_URL"]
    assert resolve_base_url(env, None) == "https://two.example"


def test_empty_variable_counts_as_unset() -> None:
    assert resolve_base_url({"CLOUDFLARE_API_BASE_URL": ""}, None) == DEFAULT_BASE_URL


def test_trailing_slash_is_trimmed() -> None:
    assert resolve_base_url({}, "https://one.example/v4/") == "https://one.example/v4"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8787",
        "http://127.0.0.1:1/client/v4",
        "http://127.8.9.1",
        "http://[::1]:80",
    ],
)
def test_plain_http_is_accepted_for_this_machine(url: str) -> None:
    assert resolve_base_url({}, url) == url
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.cloudflare.com/client/v4",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://127.1",
        "http://0x7f.1",
        "http://192.168.0.1",
        "http://[::ffff:10.0.0.1]",
    ],
)
def test_plain_http_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        resolve_base_url({}, url)
    assert caught.value.diagnostics[0].code == "R503"
    assert "plain http" in caught.value.diagnostics[0].detail


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.cloudflare.com/client/v4",
        "ftp://one.example",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://token:hunter2@one.example",
        "https://hunter2@one.example",
        "https://one.example/v4?x=1",
        "https://one.example/v4?",
        "https://one.example/v4#x",
        "https://one.example:notaport/",
        "https://one.example:99999",
        "https://one.example/a b",
        "https://one.example/\r\nX-Evil: 1",
        "https://one.exa\nmple",
        "https://one.example\\@evil.example",
        "https://one.example/v4/../other",
        "https://[::1",
        "https://b\u00fccher.example",
    ],
)
def test_anything_but_a_plain_url_is_refused(url: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        resolve_base_url({"CLOUDFLARE_BASE_URL": "https://two.example"}, url)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "R503"
    assert "--base-url" in diagnostic.detail
    assert "hunter2" not in str(caught.value)


def test_error_names_the_variable() -> None:
    with pytest.raises(DiagnosticError) as caught:
        resolve_base_url({"CLOUDFLARE_BASE_URL": "nonsense"}, None)
    assert "CLOUDFLARE_BASE_URL" in caught.value.diagnostics[0].detail


@pytest.mark.parametrize("url", ["https://api.cloudflare.com", "https://localhost.example"])
def test_other_hosts_are_not_this_machine(url: str) -> None:
    assert not is_loopback(url)
