"""Adapters that live elsewhere, through the command line: planned by pins, fetched, applied."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Project
from tests.sources.conftest import Web, declare, pins


def test_https(project: Project, web: Web, adapter: Path) -> None:
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))

    plan = project.run("plan")
    assert plan.code == 0, plan.err
    assert not web.log

    result = project.apply()
    assert result.code == 0, result.out + result.err
    (bot,) = project.box.account.finetunes()
    assert {a.file_name: a.sha256 for a in bot.assets} == pins(adapter)
