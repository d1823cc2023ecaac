"""What an apply prints while it runs: lines for people, or Terraform's UI lines."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Protocol

from reconciler.apply import Outcome
from reconciler.apply.events import (
    Event,
    FetchProgress,
    FetchStarted,
    Remark,
    UploadProgress,
    UploadStarted,
)
from reconciler.cli.plan import show_problems
from reconciler.cli.progress import Progress, open_progress
from reconciler.cli.terminal import Terminal
from reconciler.diagnostics import Diagnostic
from reconciler.plan import Plan
from reconciler.render.events_human import render_event, render_outcome
from reconciler.render.plan_human import plan_headline, render_changes
from reconciler.render.transfers import (
    Clock,
    File,
    Throttle,
    planned_downloads,
    planned_uploads,
)

JSON_SECONDS = 10.0
"""As often as Terraform writes `apply_progress`."""


class Reporter(Protocol):
    """Told what happens, in order; entered while the plan is carried out."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def planned(self, plan: Plan) -> None:
        """Take the plan that was made anew."""
        ...

    def nothing_to_do(self) -> None:
        """Hear that the plan has no changes."""
        ...

    def event(self, event: Event) -> None:
        """Hear what just happened."""
        ...

    def finished(self, outcome: Outcome, problems: Iterable[Diagnostic]) -> None:
        """Hear how it ended. problems: what ended it early."""
        ...


class LineReporter:
    """A line an event, for people and for logs, and how far the transfers are."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._progress: Progress = open_progress(terminal, {})

    def __enter__(self) -> LineReporter:
        self._terminal.err("")
        self._progress.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.__exit__(kind, error, traceback)

    def planned(self, plan: Plan) -> None:
        """Show the plan."""
        show_problems(self._terminal, plan)
        self._terminal.out(render_changes(plan, self._terminal.out_style))
        self._progress = open_progress(
            self._terminal, planned_uploads(plan), planned_downloads(plan)
        )

    def nothing_to_do(self) -> None:
        """Say nothing more; the plan said it."""

    def event(self, event: Event) -> None:
        """Write its line."""
        line = render_event(event, self._terminal.err_style)
        if line:
            self._terminal.err(line)
        self._progress.take(event)

    def finished(self, outcome: Outcome, problems: Iterable[Diagnostic]) -> None:
        """Write what failed and the sum."""
        found = [*outcome.remarks, *outcome.failed.values(), *outcome.in_doubt.values(), *problems]
        if found:
            self._terminal.err("")
            self._terminal.diagnostics(found)
        self._terminal.out(f"\n{render_outcome(outcome, self._terminal.out_style)}")


class JsonReporter:
    """Terraform's machine-readable UI, a line an event; of transfers under way, one in ten s."""

    def __init__(self, terminal: Terminal, clock: Clock = time.monotonic) -> None:
        from reconciler.render.events_json import JsonLines

        self._terminal = terminal
        self._lines = JsonLines()
        self._clock = clock
        self._throttle = Throttle(JSON_SECONDS, clock)
        self._started: dict[File, tuple[float, int]] = {}
        terminal.out(self._lines.version())

    def __enter__(self) -> JsonReporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    def planned(self, plan: Plan) -> None:
        """Write the planned changes."""
        plan = replace(plan, problems=self._terminal.advised(plan.problems))
        for line in self._lines.plan(plan, plan_headline(plan)):
            self._terminal.out(line)

    def nothing_to_do(self) -> None:
        """Write the summary of an apply without changes."""
        self._terminal.out(self._lines.summary(Outcome(())))

    def event(self, event: Event) -> None:
        """Write its line."""
        if isinstance(event, Remark):
            self._diagnostics([event.diagnostic])
            return
        if isinstance(event, FetchStarted | UploadStarted):
            file = (event.address, event.file_name)
            self._started[file] = (self._clock(), event.size)
            self._throttle.begin(file)
        elif isinstance(event, FetchProgress | UploadProgress):
            self._transfer_progress(event)
            return
        for line in self._lines.event(event):
            self._terminal.out(line)

    def _transfer_progress(self, event: FetchProgress | UploadProgress) -> None:
        file = (event.address, event.file_name)
        if file in self._started and self._throttle.is_due(file):
            began, size = self._started[file]
            self._terminal.out(self._lines.transfer_progress(event, size, self._clock() - began))

    def finished(self, outcome: Outcome, problems: Iterable[Diagnostic]) -> None:
        """Write what failed and the sum."""
        found = [*outcome.failed.values(), *outcome.in_doubt.values(), *problems]
        self._diagnostics(found)
        self._terminal.out(self._lines.summary(outcome))

    def _diagnostics(self, found: Iterable[Diagnostic]) -> None:
        for diagnostic in self._terminal.advised(found):
            self._terminal.out(self._lines.diagnostic(diagnostic))


def open_reporter(terminal: Terminal, *, as_json: bool) -> Reporter:
    """Choose how to report."""
    return JsonReporter(terminal) if as_json else LineReporter(terminal)
