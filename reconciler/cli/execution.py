"""Carries out an approved plan, and sees to it that its end is told whatever happens."""

from __future__ import annotations

import logging
import secrets
import tempfile
import threading
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.apply import ApplyOptions, Ledger, Outcome, Run
from reconciler.apply.events import Event
from reconciler.cli.adapter_files import FetchedFiles
from reconciler.cli.approval import Approval
from reconciler.cli.declared import Declared
from reconciler.cli.internal import internal_error
from reconciler.cli.interrupts import exit_code_is
from reconciler.cli.reporter import Reporter
from reconciler.cli.workspace import Planned, Workspace
from reconciler.cloudflare import AccountClient
from reconciler.diagnostics import DiagnosticError
from reconciler.plan import Scope
from reconciler.sources import StoppedError
from reconciler.state import State, StateLock, StateStore, encode_state
from reconciler.stores.durable import write_new


@dataclass(frozen=True, slots=True)
class Execution:
    """An approved plan and all that it takes to apply it.

    waited: whether a person was asked since it was made.
    """

    workspace: Workspace
    declared: Declared
    scope: Scope
    planned: Planned
    waited: bool
    store: StateStore
    lock: StateLock
    account: AccountClient
    options: ApplyOptions
    stop: threading.Event

    def run(self, reporter: Reporter) -> int:
        """Apply it; returns the exit code."""
        outcome = Outcome(self.planned.plan.effective)
        with FetchedFiles(self.workspace, self.declared, self.stop) as files, reporter:
            problem = self._tell(self._fetching(files, outcome), reporter)
            if problem is None and not outcome.interrupted:
                try:
                    run = self._run(self._planned_now(files), files)
                except DiagnosticError as error:
                    problem = error
                else:
                    run.outcome.remarks.extend(outcome.remarks)
                    outcome = run.outcome
                    problem = self._tell(run.events(), reporter)
        code = outcome.exit_code
        if problem:
            code = max(problem.exit_code, 3 if outcome.needs_a_look else 0)
        exit_code_is(code)
        reporter.finished(outcome, problem.diagnostics if problem else ())
        return code

    def _fetching(self, files: FetchedFiles, outcome: Outcome) -> Generator[Event, None, None]:
        """Fetch what no folder has, before anything is created."""
        try:
            for event in files.fetch(self.planned.plan):
                outcome.count(event)
                yield event
        except StoppedError:
            outcome.interrupted = True

    def _planned_now(self, files: FetchedFiles) -> Planned:
        """Plan again where a person or a source took time, in which others can have created.

        Raises DiagnosticError (R612 among others) where it is not the approved plan any more.
        """
        if not self.waited and not files.fetched_any:
            return self.planned
        approved = self.planned.plan
        now = self.workspace.plan(self.declared, self.store, self.account, self.scope)
        Approval(approved.digest, approved).check(now.plan)
        if not now.plan.can_apply:
            raise DiagnosticError(*now.plan.problems, exit_code=now.plan.exit_code)
        return now

    def _run(self, planned: Planned, files: FetchedFiles) -> Run:
        prior = planned.prior
        if prior.listing is None:
            raise ValueError("apply needs a listing")
        ledger = Ledger(prior, planned.version, self.store, self.lock, self._rescue)
        plan = files.with_sizes(planned.plan)
        return Run(plan, prior.listing, ledger, self.account, files.open, self.options, self.stop)

    def _tell(
        self, events: Generator[Event, None, None], reporter: Reporter
    ) -> DiagnosticError | None:
        """Report what happens; return what ended it early."""
        try:
            with closing(events):
                for event in events:
                    reporter.event(event)
        except DiagnosticError as error:
            return error
        except Exception as error:
            # What was done has to be told all the same.
            logging.getLogger("reconciler").debug("internal error", exc_info=True)
            return DiagnosticError(internal_error(error))
        return None

    def _rescue(self, state: State) -> str:
        """Write a state that could not be saved into the working folder, or else elsewhere."""
        with suppress(OSError):
            return write_rescue(self.workspace.settings.root, state).name
        with suppress(OSError):
            # Looks for a folder that takes a file, and fails where none does.
            elsewhere = Path(tempfile.gettempdir())
            return str(write_rescue(elsewhere, state))
        return ""


def write_rescue(folder: Path, state: State) -> Path:
    """Write a state to a new file of its own, readable by its owner alone; OSError where not."""
    path = folder / f"reconciler.state.rescue.{state.serial}.{secrets.token_hex(4)}.json"
    write_new(path, encode_state(state))
    return path
