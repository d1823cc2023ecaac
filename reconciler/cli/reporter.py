"""What an apply prints while it runs: lines for people, or Terraform's UI lines."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol

from reconciler.apply import Outcome
from reconciler.apply.events import Event, Remark
from reconciler.cli.plan import show_plan
from reconciler.cli.terminal import Terminal
from reconciler.diagnostics import Diagnostic
from reconciler.plan import Plan
from reconciler.render.events_human import render_event, render_outcome
from reconciler.render.plan_human import plan_headline


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
    """A line an event, for people and for logs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def __enter__(self) -> LineReporter:
        self._terminal.err("")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    def planned(self, plan: Plan) -> None:
        """Show the plan."""
        show_plan(self._terminal, plan, "human")

    def nothing_to_do(self) -> None:
        """Say nothing more; the plan said it."""

    def event(self, event: Event) -> None:
        """Write its line."""
        line = render_event(event, self._terminal.err_style)
        if line:
            self._terminal.err(line)

    def finished(self, outcome: Outcome, problems: Iterable[Diagnostic]) -> None:
        """Write what failed and the sum."""
        found = [*outcome.remarks, *outcome.failed.values(), *outcome.in_doubt.values(), *problems]
        if found:
            self._terminal.err("")
            self._terminal.diagnostics(found)
        self._terminal.out(f"\n{render_outcome(outcome, self._terminal.out_style)}")


class JsonReporter:
    """Terraform's machine-readable UI, a line an event."""

    def __init__(self, terminal: Terminal) -> None:
        from reconciler.render.events_json import JsonLines

        self._terminal = terminal
        self._lines = JsonLines()
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
        for line in self._lines.plan(plan, plan_headline(plan)):
            self._terminal.out(line)

    def nothing_to_do(self) -> None:
        """Write the summary of an apply without changes."""
        self._terminal.out(self._lines.summary(Outcome(())))

    def event(self, event: Event) -> None:
        """Write its line."""
        if isinstance(event, Remark):
            self._terminal.out(self._lines.diagnostic(event.diagnostic))
            return
        for line in self._lines.event(event):
            self._terminal.out(line)

    def finished(self, outcome: Outcome, problems: Iterable[Diagnostic]) -> None:
        """Write what failed and the sum."""
        found = [*outcome.failed.values(), *outcome.in_doubt.values(), *problems]
        for diagnostic in found:
            self._terminal.out(self._lines.diagnostic(diagnostic))
        self._terminal.out(self._lines.summary(outcome))


def open_reporter(terminal: Terminal, *, as_json: bool) -> Reporter:
    """Choose how to report."""
    return JsonReporter(terminal) if as_json else LineReporter(terminal)
