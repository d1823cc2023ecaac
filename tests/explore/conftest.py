"""A warm process to run commands by, where this machine lets one be traced."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.explore.runner import Runner

_PROBE = "from tests.explore.tracer import require_tracing; require_tracing()"


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    probe = subprocess.run(
        [sys.executable, "-c", _PROBE], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        pytest.skip(f"a process cannot be traced here: {probe.stderr.strip().splitlines()[-1]}")
    with Runner() as started:
        yield started
