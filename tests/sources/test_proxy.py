"""Sources behind a proxy that wants a password: what is asked of it, and what never is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.model import WEIGHTS_FILE
from tests.cli.conftest import Project
from tests.sources.conftest import Web, declare, pins, uploaded
from tests.sources.servers import Proxy


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    site = Proxy("me@acme:hunter 2")
    with site.serving() as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me%40acme:hunter%202@{place}")
        monkeypatch.delenv("https_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        yield site


@pytest.fixture
def bot(project: Project, web: Web, proxy: Proxy, adapter: Path) -> Project:
    """A source whose name only the proxy can resolve."""
    web.put(adapter, "bot")
    place = web.base.replace("localhost", "models.example")
    declare(project, place, bot=(f"{place}/bot", pins(adapter)))
    return project


def test_its_password_is_sent_to_it_alone(
    bot: Project, web: Web, proxy: Proxy, adapter: Path
) -> None:
    assert bot.apply().code == 0
    assert uploaded(bot, "bot") == pins(adapter)
    assert set(proxy.asked) == {web.place.replace("localhost", "models.example")}
    assert not any("proxy-authorization" in seen.headers for seen in web.log)


def test_a_password_that_it_does_not_take(
    bot: Project, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.sources.transfer.ATTEMPTS", 1)
    proxy.password = "another"
    with proxy.serving() as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter2@{place}")
        result = bot.run("apply", "--auto-approve")
    assert result.code == 1
    assert "the proxy wants a user name and a password (407)" in " ".join(result.err.split())
    assert "hunter2" not in result.out + result.err
    assert bot.creates() == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "localhost.",
        "metadata.google.internal.", "[fec0::1]", "169.254.169.254",
    ],
)  # fmt: skip
def test_what_is_inside_is_not_asked_of_it_by_any_spelling(
    bot: Project, web: Web, proxy: Proxy, host: str
) -> None:
    port = web.place.rpartition(":")[2]
    web.redirects[f"/bot/{WEIGHTS_FILE}"] = f"https://{host}:{port}/bot/x"

    result = bot.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R911" in result.err
    assert not [asked for asked in proxy.asked if "models.example" not in asked]
    assert bot.creates() == 0
