from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cloudflare import Network
from reconciler.diagnostics import DiagnosticError

API = "https://api.cloudflare.com/client/v4"
PROXY = "http://user:hunter2@proxy.example:3128"


def test_nothing_is_set_by_default() -> None:
    assert Network.from_environment({}, API) == Network()


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_https_goes_through_the_https_proxy(name: str) -> None:
    assert Network.from_environment({name: PROXY}, API).proxy == PROXY


def test_proxy_without_a_scheme_is_an_http_proxy() -> None:
    network = Network.from_environment({"HTTPS_PROXY": "proxy.example:3128"}, API)
    assert network.proxy == "http://proxy.example:3128"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_other_proxies_are_ignored(name: str) -> None:
    assert Network.from_environment({name: PROXY}, API).proxy == ""


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8787", "https://localhost:8787"])
def test_this_machine_is_never_reached_through_a_proxy(base_url: str) -> None:
    assert Network.from_environment({"HTTPS_PROXY": PROXY}, base_url).proxy == ""


@pytest.mark.parametrize(
    "exempt", ["*", "cloudflare.com", ".cloudflare.com", "x, API.Cloudflare.com"]
)
def test_no_proxy_exempts_hosts_and_their_subdomains(exempt: str) -> None:
    env = {"HTTPS_PROXY": PROXY, "NO_PROXY": exempt}
    assert Network.from_environment(env, API).proxy == ""


@pytest.mark.parametrize("exempt", ["", ",", "flare.com", "example.com"])
def test_no_proxy_does_not_exempt_others(exempt: str) -> None:
    env = {"HTTPS_PROXY": PROXY, "no_proxy": exempt}
    assert Network.from_environment(env, API).proxy == PROXY


@pytest.mark.parametrize(
    "proxy", ["socks5://hunter2@x:1", "http://:1", "http://x:port", "http://["]
)
def test_unusable_proxy_is_refused_without_showing_it(proxy: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        Network.from_environment({"HTTPS_PROXY": proxy}, API)
    assert caught.value.diagnostics[0].code == "R505"
    assert "hunter2" not in str(caught.value)


def test_representation_hides_the_password_of_the_proxy() -> None:
    assert "hunter2" not in repr(Network(proxy=PROXY))


def test_requests_name_for_the_certificates_wins(tmp_path: Path) -> None:
    one, two = tmp_path / "one.pem", tmp_path / "two.pem"
    one.touch()
    two.touch()
    env = {"SSL_CERT_FILE": str(two)}
    assert Network.from_environment(env, API).ca_bundle == str(two)
    env["REQUESTS_CA_BUNDLE"] = str(one)
    assert Network.from_environment(env, API).ca_bundle == str(one)


@pytest.mark.parametrize("name", ["none.pem", "x" * 300])
def test_missing_file_of_certificates_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        Network.from_environment({"SSL_CERT_FILE": str(tmp_path / name)}, API)
    assert "SSL_CERT_FILE" in caught.value.diagnostics[0].detail
