"""What the threads do: one create, or one upload. No task touches the state."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from reconciler.apply.account import Account, AdapterFiles
from reconciler.apply.crew import Emit
from reconciler.apply.events import CreateStarted, UploadProgress, UploadStarted
from reconciler.cloudflare.outcomes import (
    Ambiguous,
    CreateOutcome,
    Refused,
    UploadOutcome,
)
from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import apply as codes
from reconciler.model import Asset, Change

UPLOAD_ATTEMPTS = 3
"""How often the same bytes are sent to the same id where the answer is lost."""


@dataclass(frozen=True, slots=True)
class CreateResult:
    """outcome: None where nothing was sent because the run is stopping."""

    change: Change
    outcome: CreateOutcome | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class UploadResult:
    """outcome: None where nothing was sent because the run is stopping."""

    change: Change
    asset: Asset
    finetune_id: str
    outcome: UploadOutcome | None
    seconds: float = 0.0


TaskResult = CreateResult | UploadResult


def find_missing_file(files: AdapterFiles, change: Change) -> Diagnostic | None:
    """Look for the files of a create before it is sent; without them it could not be undone."""
    for asset in change.assets:
        try:
            with files(change.address, asset):
                pass
        except DiagnosticError as error:
            return error.diagnostics[0].about(str(change.address))
    return None


def create(account: Account, change: Change, stop: threading.Event, emit: Emit) -> CreateResult:
    """Send one create. An unexpected exception proves nothing, so it is ambiguous."""
    if change.after is None:
        return CreateResult(change, None)
    emit(CreateStarted(change.address))
    began = time.monotonic()
    try:
        outcome = account.create(change.after)
    except Exception as error:  # noqa: BLE001
        detail = f"The client failed unexpectedly: {type(error).__name__}: {error}."
        outcome = Ambiguous(codes.OUTCOME_UNKNOWN.error(detail, address=str(change.address)))
    if isinstance(outcome, Refused) and not outcome.sent and stop.is_set():
        return CreateResult(change, None)
    return CreateResult(change, outcome, time.monotonic() - began)


def upload(
    account: Account,
    files: AdapterFiles,
    change: Change,
    asset: Asset,
    finetune_id: str,
    stop: threading.Event,
    emit: Emit,
) -> UploadResult:
    """Send one file; where the answer is lost, the same bytes again to the same id."""
    emit(UploadStarted(change.address, asset.file_name, asset.size or 0))
    began = time.monotonic()

    def progress(sent: int) -> None:
        emit(UploadProgress(change.address, asset.file_name, sent))

    outcome: UploadOutcome
    attempt = 0
    while True:
        attempt += 1
        try:
            with files(change.address, asset) as body:
                outcome = account.upload(finetune_id, asset.file_name, body, progress)
        except DiagnosticError as error:
            outcome = Refused(error.diagnostics[0], fatal=False, sent=False)
        except Exception as error:  # noqa: BLE001
            detail = f"The client failed unexpectedly: {type(error).__name__}: {error}."
            outcome = Ambiguous(codes.ADAPTER_INCOMPLETE.error(detail))
        if not isinstance(outcome, Ambiguous) or attempt == UPLOAD_ATTEMPTS or stop.is_set():
            break
    return UploadResult(change, asset, finetune_id, outcome, time.monotonic() - began)
