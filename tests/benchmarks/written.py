"""How many bytes a command writes to files, as the kernel counts them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.report import environment


def bytes_written(arguments: Sequence[str], folder: Path, env: dict[str, str]) -> int:
    """Run a command; return the bytes it wrote to storage (/proc/PID/io, write_bytes)."""
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=environment(env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # A zombie's counters can be read until it is waited for.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    counters = Path(f"/proc/{process.pid}/io").read_text().split()
    if process.wait():
        raise RuntimeError(f"{arguments} ended with {process.returncode}")
    return int(counters[counters.index("write_bytes:") + 1])
