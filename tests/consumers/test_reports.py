"""A report on our plans, written by a tool for Terraform's: tf-peek."""

from __future__ import annotations

import re
from pathlib import Path

from tests.consumers.conftest import POLICIES, Tool
from tests.pipelines.support import Completed, succeeded

CREATES_ARE_CRITICAL = POLICIES / "tf-peek" / "peek_config.toml"


def peek(tool: Tool, plan: Path, *arguments: str | Path) -> Completed:
    return tool("tf-peek", "tf-peek", plan, "--config", CREATES_ARE_CRITICAL, *arguments)


def total(report: str, action: str) -> int:
    """Return how many resources a report counts for an action, 0 where it has no such row."""
    row = re.search(rf"^\| \S+ {action} \|.*\*\*(\d+)\*\* \|$", report, re.MULTILINE)
    return int(row[1]) if row else 0


def section(report: str, address: str) -> str:
    _, _, rest = report.partition(f"*`{address}`*")
    return rest.partition("</details>")[0]


def test_a_report_counts_what_will_happen(tool: Tool, mixed_plan: Path) -> None:
    report = succeeded(peek(tool, mixed_plan))

    found = {action: total(report, action) for action in ("Create", "Update", "Replace", "Delete")}
    assert found == {"Create": 1, "Update": 1, "Replace": 0, "Delete": 0}


def test_a_report_shows_what_will_be_there(tool: Tool, good_plan: Path) -> None:
    report = section(succeeded(peek(tool, good_plan)), "finetune.support-bot")

    assert '| `description` | `"Answers tickets."` |' in report
    assert "| `id` | `(known after apply)" in report
    assert '"rank": 4' in report


def test_a_report_shows_of_an_upload_just_the_files(tool: Tool, mixed_plan: Path) -> None:
    report = section(succeeded(peek(tool, mixed_plan)), "finetune.half")

    assert "`assets" in report
    assert "`description`" not in report
    assert "`adapter" not in report


def test_a_gate_on_creates_stops_them(tool: Tool, good_plan: Path) -> None:
    assert peek(tool, good_plan, "--fail-on-critical").returncode == 3


def test_a_gate_on_replacements_stops_what_is_impossible(
    tool: Tool, mixed_plan: Path, impossible_plan: Path
) -> None:
    gate = ("--fail-on-critical-on", "replace")

    assert succeeded(peek(tool, mixed_plan, *gate))
    stopped = peek(tool, impossible_plan, *gate)
    assert stopped.returncode == 3
    assert total(stopped.stdout, "Replace") == 1
    assert "`public`" in section(stopped.stdout, "finetune.kept")
