"""One row of the table, and the timing that all of them share."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "reconciler")


@dataclass(frozen=True, slots=True)
class Row:
    """A ratio and the most that it may be; None for figures without a bound."""

    what: str
    value: float
    unit: str
    at_most: float | None = None

    @property
    def is_over(self) -> bool:
        return self.at_most is not None and self.value > self.at_most


def print_table(rows: Sequence[Row]) -> None:
    width = max(len(row.what) for row in rows)
    for row in rows:
        bound = "" if row.at_most is None else f"  (at most {row.at_most:g})"
        mark = "  OVER" if row.is_over else ""
        print(f"{row.what:<{width}}  {row.value:10.2f} {row.unit}{bound}{mark}")


def best(action: Callable[[], object], times: int = 5) -> float:
    """Seconds of the quickest of several tries."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        found.append(time.perf_counter() - began)
    return min(found)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command, which may keep its compiled modules as it would."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **extra}


def run(
    arguments: Sequence[str], *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a command; its failure is an error of the benchmark."""
    done = subprocess.run(
        arguments, cwd=cwd, env=environment(env or {}), capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{arguments}: {done.stdout[-2000:]!r} {done.stderr[-2000:]!r}")
    return done
