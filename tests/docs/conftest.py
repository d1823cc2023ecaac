"""A folder in which pages are tried out, and an emulated account beside it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from reconciler.sandbox import Sandbox, SandboxSettings
from tests.docs.pages import ROOT

QUESTION = "Only 'yes' is a yes: "


class Trial:
    """Runs scripts with bash in a terminal, and says yes to what is asked."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment

    def run(self, script: str, **more: str) -> str:
        """Run a script, which must succeed; return what it wrote."""
        written = ""
        child = pexpect.spawn(
            "bash",
            ["--noprofile", "--norc", "-euo", "pipefail", "-c", script],
            cwd=str(self.folder),
            env={**self._environment, **more},
            encoding="utf-8",
            timeout=120,
            dimensions=(50, 100),
            echo=False,
        )
        while child.expect([pexpect.EOF, QUESTION]):
            written += child.before or ""
            child.sendline("yes")
        written += child.before or ""
        child.close()
        assert child.exitstatus == 0, f"{script}\n{written}"
        return written.replace("\r\n", "\n")

    def write(self, path: str, content: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    commands = tmp_path / "bin"
    commands.mkdir()
    command = commands / "reconciler"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
    command.chmod(0o755)
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "quickstart", project)
    settings = SandboxSettings()
    with Sandbox(tmp_path / "account", settings) as sandbox:
        yield Trial(
            project,
            {
                "PATH": f"{commands}:{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "LANG": "C.UTF-8",
                "TERM": "dumb",
                "CLOUDFLARE_API_BASE_URL": sandbox.base_url,
                "CLOUDFLARE_ACCOUNT_ID": settings.account_id,
                "CLOUDFLARE_API_TOKEN": settings.token,
            },
        )
