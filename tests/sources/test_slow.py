"""Servers that drip: each read of a socket gets something, and yet nothing gets on."""

from __future__ import annotations

import signal
import time

import pytest

from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from tests.cli.conftest import Project
from tests.sources.conftest import Path, Web, declare, pins
from tests.sources.servers import Files, serving_plainly

CONFIG_PATH, WEIGHTS_PATH = f"/bot/{CONFIG_FILE}", f"/bot/{WEIGHTS_FILE}"


@pytest.fixture
def bot(project: Project, web: Web, adapter: Path) -> Project:
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    return project


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_signal_ends_it_while_a_server_drips(bot: Project, web: Web, where: str) -> None:
    web.drips[WEIGHTS_PATH] = where
    process = bot.spawn("apply", "--auto-approve")
    while not web.reads(WEIGHTS_FILE):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    # The server goes on for a minute.
    process.communicate(timeout=20)

    assert process.returncode == 130
    assert bot.creates() == 0
    del web.drips[WEIGHTS_PATH]
    assert bot.apply().code == 0


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_signal_ends_it_while_a_bucket_drips(
    project: Project, adapter: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    site = Files()
    site.drips[f"/team/bot/{CONFIG_FILE}"] = site.drips[f"/team/bot/{WEIGHTS_FILE}"] = where
    declare(project, "s3://team", bot=("s3://team/bot", pins(adapter)))
    with serving_plainly(site) as base:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setenv("AWS_ENDPOINT_URL", base)
        process = project.spawn("apply", "--auto-approve")
        while not site.log:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        # The server goes on for a minute.
        _, err = process.communicate(timeout=20)

    assert process.returncode == 130, err
    assert project.creates() == 0


def test_a_head_that_drips_does_not_come_in_time(
    bot: Project, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.sources.web_client.STALL_SECONDS", 0.3)
    monkeypatch.setattr("reconciler.sources.transfer.ATTEMPTS", 1)
    web.drips[WEIGHTS_PATH] = "head"

    result = bot.run("apply", "--auto-approve")

    assert result.code == 1
    assert "R915" in result.err
    assert "nothing came in time" in " ".join(result.err.split())
    assert bot.creates() == 0


def test_a_body_that_drips_is_too_slow(
    bot: Project, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.sources.transfer.GRACE_SECONDS", 0.1)
    web.drips[CONFIG_PATH] = "body"

    result = bot.run("apply", "--auto-approve")

    assert result.code == 1
    assert "it is too slow" in " ".join(result.err.split())
    assert bot.creates() == 0
