"""`reconciler --version` against `python -c pass`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.report import Row, best, run


def measure() -> Iterator[Row]:
    command = str(Path(sys.executable).with_name("reconciler"))
    bare = best(lambda: run([sys.executable, "-c", "pass"]), 20)
    version = best(lambda: run([command, "--version"]), 20)
    yield Row("--version / python -c pass", version / bare, "x", 4)
