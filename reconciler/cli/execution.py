"""Carries out an approved plan, and sees to it that its end is told whatever happens."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.apply import ApplyOptions, Ledger, Run
from reconciler.cli.reporter import Reporter
from reconciler.cli.workspace import Declared, Planned, Workspace
from reconciler.cloudflare import AccountClient, AssetBody
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import project as codes
from reconciler.model import Address, Asset
from reconciler.state import State, StateLock, StateStore, encode_state


@dataclass(frozen=True, slots=True)
class Execution:
    """An approved plan and all that it takes to apply it."""

    workspace: Workspace
    declared: Declared
    planned: Planned
    store: StateStore
    lock: StateLock
    account: AccountClient
    options: ApplyOptions
    stop: threading.Event

    def run(self, reporter: Reporter) -> int:
        """Apply it; returns the exit code."""
        prior = self.planned.prior
        if prior.listing is None:
            raise ValueError("apply needs a listing")
        ledger = Ledger(prior, self.planned.version, self.store, self.lock, self._rescue)
        run = Run(
            self.planned.plan,
            prior.listing,
            ledger,
            self.account,
            self._open_asset,
            self.options,
            self.stop,
        )
        problem = self._tell(run, reporter)
        reporter.finished(run.outcome, problem.diagnostics if problem else ())
        if problem:
            return max(problem.exit_code, 3 if run.outcome.in_doubt else 0)
        return run.outcome.exit_code

    def _tell(self, run: Run, reporter: Reporter) -> DiagnosticError | None:
        """Report what happens; return what ended it early."""
        try:
            with reporter, closing(run.events()) as events:
                for event in events:
                    reporter.event(event)
        except DiagnosticError as error:
            return error
        except Exception as error:
            # What was done has to be told all the same.
            logging.getLogger("reconciler").debug("internal error", exc_info=True)
            return DiagnosticError(codes.INTERNAL.error(f"{type(error).__name__}: {error}."))
        return None

    def _open_asset(self, address: Address, asset: Asset) -> AbstractContextManager[AssetBody]:
        from reconciler.adapters import open_asset

        folder = self.declared.folders[address]
        return open_asset(folder, asset, self.workspace.root_for(folder.parent))

    def _rescue(self, state: State) -> str:
        """Write a state that could not be saved into the working folder, or else elsewhere."""
        root = self.workspace.settings.root
        for folder in (root, Path(tempfile.gettempdir())):
            with suppress(OSError):
                path = write_rescue(folder, state)
                return path.name if folder == root else str(path)
        return ""


def write_rescue(folder: Path, state: State) -> Path:
    """Write a state to a new file of its own, readable by its owner alone; OSError where not."""
    prefix = f"reconciler.state.rescue.{state.serial}."
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=".json", dir=folder)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(encode_state(state))
            file.flush()
            os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path
