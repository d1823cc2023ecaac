"""Fetching as a process of its own: interrupted, in two runs at once, on a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pexpect

from reconciler.model import WEIGHTS_FILE
from tests.cli.conftest import Project
from tests.sources.conftest import Web, declare, pins, uploaded
from tests.sources.servers import Answer, Seen


class Gate(Web):
    """Gives the weights only once it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.opened = threading.Event(), threading.Event()

    def answer(self, seen: Seen) -> Answer:
        if WEIGHTS_FILE in seen.path:
            self.asked.set()
            assert self.opened.wait(30)
        return super().answer(seen)


def gated(web: Web) -> Gate:
    """Make a gate of a server that is running."""
    web.asked, web.opened = threading.Event(), threading.Event()  # type: ignore[attr-defined]
    web.__class__ = Gate
    assert isinstance(web, Gate)
    return web


def test_a_signal_while_fetching_creates_nothing(project: Project, web: Web, adapter: Path) -> None:
    gate = gated(web)
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    process = project.spawn("apply", "--auto-approve")
    assert gate.asked.wait(30)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "SIGINT" not in process.stderr.readline():
        pass
    gate.opened.set()
    process.communicate(timeout=30)

    assert process.returncode == 130
    assert project.creates() == 0
    assert project.apply().code == 0


def test_two_runs_share_one_cache_and_fetch_once(
    project: Project, web: Web, adapter: Path, tmp_path: Path
) -> None:
    gate = gated(web)
    web.put(adapter, "bot")
    runs = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        project.folder = folder
        declare(project, web.base, **{name: (f"{web.base}/bot", pins(adapter))})
        project.environment["RECONCILER_CACHE"] = str(tmp_path / "cache")
        runs.append(project.spawn("apply", "--auto-approve"))
    assert gate.asked.wait(30)
    gate.opened.set()
    for run in runs:
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, out + err

    assert len(web.reads(WEIGHTS_FILE)) == 1
    assert uploaded(project, "one") == uploaded(project, "two") == pins(adapter)


def test_a_killed_run_leaves_nothing_that_counts(project: Project, web: Web, adapter: Path) -> None:
    gate = gated(web)
    web.put(adapter, "bot")
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    process = project.spawn("apply", "--auto-approve")
    assert gate.asked.wait(30)
    process.kill()
    process.communicate(timeout=30)
    gate.opened.set()

    assert project.creates() == 0
    assert project.apply().code == 0
    assert not any((project.folder / ".reconciler/cache/partial").iterdir())


def test_bars_for_downloads_on_a_terminal(project: Project, web: Web, adapter: Path) -> None:
    raw = (adapter / WEIGHTS_FILE).read_bytes()
    web.put(adapter, "bot")
    # The second attempt waits for a moment: long enough for a frame.
    web.cuts[f"/bot/{WEIGHTS_FILE}"] = [len(raw) // 2]
    declare(project, web.base, bot=(f"{web.base}/bot", pins(adapter)))
    child = pexpect.spawn(
        sys.executable,
        ["-m", "reconciler", "apply", "--auto-approve"],
        cwd=str(project.folder),
        env={**os.environ, **project.environment, "TERM": "xterm", "COLUMNS": "100"},
        encoding="utf-8",
        timeout=60,
        dimensions=(40, 100),
    )
    child.expect("all downloads")
    child.expect("Apply complete")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_what_a_plan_imports_is_no_library_of_a_source(project: Project, adapter: Path) -> None:
    """Pins are enough to validate and plan."""
    declare(project, "hf://acme", bot=(f"hf://acme/bot@{'0' * 40}", pins(adapter)))
    script = (
        "import sys; from reconciler.cli.main import run; code = run(['validate']);"
        "heavy = {'huggingface_hub', 'obstore', 'urllib3', 'requests', 'httpx2'};"
        "print(code, sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr
