"""Creates at zero latency against a bare requests.Session loop, and how they grow."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.benchmarks.projects import MODEL, account, write_project
from tests.benchmarks.report import COMMAND, Row, run
from tests.benchmarks.written import bytes_written


def measure() -> Iterator[Row]:
    bare = min(_bare(1000) for _ in range(3))
    found = {number: _ours(number) for number in (1000, 10_000)}
    seconds, written, state = found[1000]
    yield Row("1,000 creates / bare sequential loop", seconds / bare, "x", 3)
    yield Row("bytes written for 1,000 / final state", written / state, "x")
    many_seconds, many_written, many_state = found[10_000]
    yield Row("bytes written for 10,000 / final state", many_written / many_state, "x")
    # Ten times the work: 1.0 is linear, 10 is quadratic.
    yield Row("time of 10,000 / ten times 1,000", many_seconds / seconds / 10, "x", 1.5)
    yield Row("bytes of 10,000 / ten times 1,000", many_written / written / 10, "x", 1.5)


def _bare(number: int) -> float:
    with account() as (box, env), requests.Session() as session:
        url = f"{box.base_url}/accounts/{env['CLOUDFLARE_ACCOUNT_ID']}/ai/finetunes"
        session.headers["Authorization"] = f"Bearer {env['CLOUDFLARE_API_TOKEN']}"
        began = time.perf_counter()
        for index in range(number):
            body = {"model": MODEL, "name": f"bot-{index}", "description": f"The {index}th."}
            session.post(url, json=body, timeout=30).raise_for_status()
        return time.perf_counter() - began


def _ours(number: int) -> tuple[float, int, int]:
    """Seconds of the whole command, bytes that it wrote, bytes of the final state."""
    with account() as (_, env), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder, number)
        began = time.perf_counter()
        written = bytes_written([*COMMAND, "apply", "--auto-approve"], folder, env)
        seconds = time.perf_counter() - began
        size = (folder / "reconciler.state.json").stat().st_size
        run([*COMMAND, "plan", "--detailed-exitcode"], cwd=folder, env=env)
        return seconds, written, size
