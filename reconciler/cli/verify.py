"""`reconciler verify`, and the `--verify` of apply."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

import click

from reconciler.cli.declared import Declared
from reconciler.cli.interrupts import ending_signals, orderly_stop
from reconciler.cli.options import account_options, answer_option, state_options
from reconciler.cli.scope import choose_recorded
from reconciler.cli.terminal import Terminal, tell_at_once
from reconciler.cli.workspace import Workspace
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.plan import Scope
from reconciler.render.text import count
from reconciler.render.verification import render_ends, render_event
from reconciler.verification import (
    Event,
    Subject,
    Verified,
    recorded,
    subjects_of,
    unanswered,
    verify,
)


@click.command("verify")
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]...")
@state_options
@account_options
@answer_option
@click.pass_obj
def command(
    terminal: Terminal,
    addresses: tuple[str, ...],
    state: str,
    sandbox: bool,
    base_url: str | None,
    lock_timeout: float,
    answer_timeout: float,
) -> int:
    """Ask finetunes for one token of inference, and record whether they answer.

    All that are recorded, or those that are named. Each question counts against the
    account's daily allocation of Workers AI; one token is the least that can be
    asked for. A finetune that has just got its files is asked again until it is
    known. Exit code 1 where one does not answer, or where that could not be told.

    \b
    Examples:
      reconciler verify
      reconciler verify support-bot --answer-timeout 30
    """
    workspace = Workspace(
        terminal, state=state, sandbox=sandbox, base_url=base_url, lock_timeout=lock_timeout
    )
    known = workspace.snapshot(workspace.store()).state
    chosen = choose_recorded(known, addresses)
    if not chosen:
        terminal.out("Nothing to verify: no finetune is recorded.")
        return 0
    return _ask(workspace, subjects_of(known, chosen), answer_timeout, _LineTeller(terminal))


def verify_applied(
    workspace: Workspace, declared: Declared, scope: Scope, seconds: float, *, as_json: bool
) -> int:
    """Ask what is declared, in scope, and has not answered yet; returns the exit code."""
    with ending_signals():
        # The apply has ended; from here on a signal may end the command again.
        known = workspace.snapshot(workspace.store()).state
    finetunes = declared.desired.finetunes
    in_scope = sorted(a for a, finetune in finetunes.items() if scope.includes(finetune))
    chosen = unanswered(known, in_scope)
    teller = _JsonTeller(workspace.terminal) if as_json else _LineTeller(workspace.terminal)
    return _ask(workspace, subjects_of(known, chosen), seconds, teller) if chosen else 0


class _Teller(Protocol):
    """Told what happens, in order."""

    def begins(self, subjects: Sequence[Subject]) -> None: ...

    def event(self, event: Event) -> None: ...

    def finished(
        self, ends: Sequence[Verified], asked: int, problems: Sequence[Diagnostic]
    ) -> None: ...


class _LineTeller:
    """A line an event, for people and for logs."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def begins(self, subjects: Sequence[Subject]) -> None:
        """Say what it costs."""
        number = count(len(subjects), "finetune")
        self._terminal.err(
            f"Asking {number} for one token each; it counts against the daily allocation."
        )

    def event(self, event: Event) -> None:
        """Write its line."""
        self._terminal.err(render_event(event, self._terminal.err_style))

    def finished(
        self, ends: Sequence[Verified], asked: int, problems: Sequence[Diagnostic]
    ) -> None:
        """Write what is wrong and the sum."""
        if problems:
            self._terminal.err("")
            self._terminal.diagnostics(problems)
        self._terminal.out(render_ends(ends, asked, self._terminal.out_style))


class _JsonTeller:
    """Lines among those of `apply --json`."""

    def __init__(self, terminal: Terminal) -> None:
        from reconciler.render.events_json import JsonLines

        self._terminal = terminal
        self._lines = JsonLines()

    def begins(self, subjects: Sequence[Subject]) -> None:
        """Say nothing; each end has its line."""

    def event(self, event: Event) -> None:
        """Write its line."""
        self._terminal.out(self._lines.verification(event))

    def finished(
        self, ends: Sequence[Verified], asked: int, problems: Sequence[Diagnostic]
    ) -> None:
        """Write what is wrong."""
        for problem in self._terminal.advised(problems):
            self._terminal.out(self._lines.diagnostic(problem))


def _ask(workspace: Workspace, subjects: Sequence[Subject], seconds: float, teller: _Teller) -> int:
    """Ask, record and tell; returns the exit code.

    The lock is not held while asking, which may take minutes and changes nothing: others
    plan and apply meanwhile. It is held to save.
    """
    stop = threading.Event()
    workspace.terminal.on_broken = stop.set
    ends: list[Verified] = []
    problems: list[Diagnostic] = []
    with orderly_stop(stop, tell_at_once), workspace.account(stop) as account:
        teller.begins(subjects)
        parallelism = workspace.settings.parallelism
        for event in verify(account, subjects, seconds, parallelism, stop):
            teller.event(event)
            if isinstance(event, Verified):
                ends.append(event)
        try:
            _record(workspace, ends)
        except DiagnosticError as error:
            problems.extend(error.diagnostics)
    found = [end.diagnostic for end in ends if end.diagnostic]
    teller.finished(ends, len(subjects), [*found, *problems])
    if problems:
        return 1  # Also after an interruption: 130 would say that the verdicts are kept.
    if len(ends) < len(subjects):
        return 130
    return 1 if found else 0


def _record(workspace: Workspace, ends: Sequence[Verified]) -> None:
    """Keep the verdicts in the state as it is now."""
    if not any(end.verification for end in ends):
        return
    store = workspace.store()
    with workspace.locked(store, "verify") as lock:
        snapshot = workspace.recorded(store)
        state = snapshot.state
        following = state.following(recorded(state, ends), state.pending)
        lock.check()
        store.save(following, snapshot.version)
