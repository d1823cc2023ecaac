"""What an exploration found: a table for people, JSON for the record."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Item = TypeVar("Item")
console = Console(stderr=True)


@dataclass(slots=True)
class Report:
    """One part of the exploration. figures: name and value, in the order to show them.

    failures: each a text that says how to see it again. not_reached: what was planned and had
    no time; nothing is known of it. skipped: why the part could not be run here, "" if it was.
    """

    title: str
    figures: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    not_reached: int = 0
    skipped: str = ""
    seconds: float = 0.0

    @property
    def is_green(self) -> bool:
        """No promise was broken, as far as it was looked."""
        return not self.failures

    @property
    def is_complete(self) -> bool:
        """All that was planned was done."""
        return not self.not_reached and not self.skipped


def timed(explore: Callable[[], Report]) -> Report:
    began = time.monotonic()
    report = explore()
    report.seconds = round(time.monotonic() - began, 1)
    return report


def shown(items: Iterable[Item], title: str, total: int | None = None) -> Iterator[Item]:
    """Pass items on, with a bar on standard error."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, total=total, description=title)


def write(reports: list[Report], path: Path, **about: Any) -> None:
    """Write the JSON, and print the tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        **about,
        "parts": [
            {
                "title": report.title,
                "seconds": report.seconds,
                "figures": report.figures,
                "not_reached": report.not_reached,
                "skipped": report.skipped,
                "failures": report.failures,
            }
            for report in reports
        ],
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    for report in reports:
        _print(report)
    console.print(f"{_verdict(reports)} {path} has it all.")


def _verdict(reports: list[Report]) -> str:
    if not all(report.is_green for report in reports):
        return "A promise was broken."
    if not all(report.is_complete for report in reports):
        return "No promise was broken, as far as it was looked; see what was not."
    return "No promise was broken."


def _print(report: Report) -> None:
    table = Table(title=report.title, title_justify="left", show_header=False)
    for name, value in report.figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {number}" for key, number in value.items())
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value))
    if report.skipped:
        table.add_row("not run", report.skipped, style="yellow")
    if report.not_reached:
        table.add_row("not reached, time was over", f"{report.not_reached:,}", style="yellow")
    table.add_row("seconds", f"{report.seconds:,.0f}")
    verdict = "none" if report.is_green else f"{len(report.failures)}"
    table.add_row("broken promises", verdict, style="green" if report.is_green else "bold red")
    console.print(table)
    for failure in report.failures[:10]:
        console.print(failure, markup=False, highlight=False)
