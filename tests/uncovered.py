"""The environment of a process that coverage must leave alone: it would show in what it does."""

from __future__ import annotations

import os


def without_coverage() -> dict[str, str]:
    """Return this process's environment without what makes coverage measure its children."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
