"""Row 11: the clock is a day off when a crashed run is gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Project, Result
from tests.cli.test_protocol import TOKEN, server, state_of
from tests.faults import reactions
from tests.faults.server import ACCOUNT_ID, Exchange, FaultServer, Reaction

DAY = 86_400
# Python runs this before anything else where it finds it.
SHIFTED = """
import datetime, time

real_time, real_datetime = time.time, datetime.datetime

class Shifted(real_datetime):
    @classmethod
    def now(cls, tz=None):
        return real_datetime.now(tz) + datetime.timedelta(seconds=SECONDS)

time.time = lambda: real_time() + SECONDS
datetime.datetime = Shifted
"""

__all__ = ["server"]


def apply_with_clock(project: Project, folder: Path, seconds: int) -> Result:
    """Apply in a process whose clock is so many seconds off."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(SHIFTED.replace("SECONDS", str(seconds)))
    project.environment["PYTHONPATH"] = str(folder)
    process = project.spawn("apply", "--auto-approve", "--settle-timeout", "0")
    out, err = process.communicate(timeout=60)
    return Result(process.returncode, out, err)


@pytest.fixture(autouse=True)
def environment(project: Project, server: FaultServer) -> None:
    project.environment = {
        "CLOUDFLARE_API_BASE_URL": server.base_url,
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
        "CLOUDFLARE_API_TOKEN": TOKEN,
    }


def kill_after(process: list[subprocess.Popen[str]], *, executed: bool) -> Reaction:
    """Kill the sender of a create, which is executed or not."""

    def react(exchange: Exchange) -> bool:
        exchange.read_body()
        if executed:
            exchange.execute()
        os.kill(process[0].pid, signal.SIGKILL)
        return False

    return react


def crash(project: Project, server: FaultServer, *, executed: bool) -> None:
    project.declare("a")
    process: list[subprocess.Popen[str]] = []
    server.script("create", kill_after(process, executed=executed))
    process.append(project.spawn("apply", "--auto-approve", "--settle-timeout", "0"))
    process[0].communicate(timeout=60)
    assert process[0].returncode == -signal.SIGKILL


@pytest.mark.parametrize("off", [-DAY, DAY], ids=["a day slow", "a day fast"])
def test_row_11_a_clock_that_is_off_does_not_hide_what_was_executed(
    project: Project, server: FaultServer, tmp_path: Path, off: int
) -> None:
    crash(project, server, executed=True)

    rerun = apply_with_clock(project, tmp_path / "clock", off)

    assert rerun.code == 0, rerun.err
    assert server.count("create") == 1
    assert state_of(project)["pending"] == {}
    project.is_converged()


@pytest.mark.parametrize("off", [-DAY, DAY], ids=["a day slow", "a day fast"])
def test_row_11_a_clock_that_is_off_gives_nothing_up_and_sends_nothing_twice(
    project: Project, server: FaultServer, tmp_path: Path, off: int
) -> None:
    crash(project, server, executed=False)

    rerun = apply_with_clock(project, tmp_path / "clock", off)

    assert rerun.code == 3
    assert server.count("create") == 1
    (intent,) = state_of(project)["pending"].values()
    assert project.run("resolve", "a", "--retry").code == 0
    server.script("create", reactions.reset)
    assert apply_with_clock(project, tmp_path / "clock", off).code == 3
    (another,) = state_of(project)["pending"].values()
    # The clock that counts here was off indeed.
    between = datetime.fromisoformat(another["created_at"]) - datetime.fromisoformat(
        intent["created_at"]
    )
    assert abs(between.total_seconds() - off) < DAY / 2
    assert project.run("resolve", "a", "--retry").code == 0
    assert apply_with_clock(project, tmp_path / "clock", off).code == 0
    assert server.count("create") == 3
    assert len(server.account.finetunes) == 1
    project.is_converged()
