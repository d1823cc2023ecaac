"""The events of an apply as Terraform's machine-readable UI lines, version 1.2.

Format: developer.hashicorp.com/terraform/internals/machine-readable-ui.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from reconciler import __version__
from reconciler.apply import Outcome
from reconciler.apply.events import (
    CreateDone,
    CreateStarted,
    Event,
    Failed,
    FetchDone,
    FetchProgress,
    FetchStarted,
    InDoubt,
    Recorded,
    Settling,
    UploadDone,
    UploadProgress,
    UploadStarted,
)
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codec import encode_diagnostic
from reconciler.model import Action, Address
from reconciler.plan import Plan
from reconciler.render.text import safe, size
from reconciler.verification import Event as VerificationEvent
from reconciler.verification import Waiting

UI_VERSION = "1.2"

_PLANNED = {
    Action.CREATE: "create",
    Action.IMPORT: "import",
    Action.UPLOAD: "update",
    Action.MOVE: "move",
    Action.REPLACE: "replace",
}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class JsonLines:
    """Writes lines; now gives the time of each, RFC 3339."""

    def __init__(self, now: Callable[[], str] = _now) -> None:
        self._now = now

    def version(self) -> str:
        """Write the first line."""
        extra = {"reconciler": __version__, "ui": UI_VERSION}
        return self._line("info", f"reconciler {__version__}", "version", **extra)

    def plan(self, plan: Plan, headline: str) -> Iterator[str]:
        """Write the planned changes, their summary, and the plan's problems."""
        for change in plan.changes:
            action = _PLANNED.get(change.action)
            if action is None:
                continue
            body: dict[str, Any] = {"resource": _resource(change.address), "action": action}
            if change.action is Action.IMPORT:
                body["importing"] = {"id": change.id}
            if change.previous_address:
                body["previous_resource"] = _resource(change.previous_address)
            message = f"{change.address}: Plan to {action}"
            yield self._line("info", message, "planned_change", change=body)
        for problem in plan.problems:
            yield self.diagnostic(problem)
        counts = {
            "add": plan.counts[Action.CREATE],
            "change": plan.counts[Action.UPLOAD],
            "import": plan.counts[Action.IMPORT],
            "remove": 0,
            "operation": "plan",
        }
        yield self._line("info", headline, "change_summary", changes=counts)

    def event(self, event: Event) -> Iterator[str]:
        """Write an event; nothing for those that Terraform has no line for."""
        if isinstance(event, CreateStarted):
            yield self._hook(event.address, "create", "apply_start", "Creating...")
        elif isinstance(event, CreateDone):
            yield self._complete(event.address, "create", event.id, event.seconds, "Creation")
        elif isinstance(event, FetchStarted):
            message = f"Downloading {event.file_name} ({size(event.size)})..."
            yield self._hook(event.address, "read", "apply_start", message)
        elif isinstance(event, FetchDone) and not event.cached:
            yield self._complete(
                event.address, "read", event.file_name, event.seconds, "Download", "file_name"
            )
        elif isinstance(event, UploadStarted):
            message = f"Uploading {event.file_name} ({size(event.size)})..."
            yield self._hook(event.address, "update", "apply_start", message)
        elif isinstance(event, UploadDone):
            yield self._complete(
                event.address, "update", event.file_name, event.seconds, "Upload", "file_name"
            )
        elif isinstance(event, Recorded) and event.action is Action.IMPORT:
            yield self._complete(event.address, "import", event.id, 0.0, "Import")
        elif isinstance(event, Settling):
            yield self._hook(
                event.address, "create", "apply_progress", "Answer lost; looking for it..."
            )
        elif isinstance(event, Failed | InDoubt):
            action = "update" if getattr(event, "action", None) is Action.UPLOAD else "create"
            yield self._hook(
                event.address, action, "apply_errored", "Errored", level="error", elapsed_seconds=0
            )

    def verification(self, event: VerificationEvent) -> str:
        """Write what asking for a token came to; Terraform has no line for it but a log's."""
        if isinstance(event, Waiting):
            return self._line("info", f"{event.address}: No answer yet; asking again...", "log")
        kept = event.verification
        outcome = kept.outcome if kept else "unknown"
        facts = {
            "resource": _resource(event.subject.address),
            "id": event.subject.id,
            "outcome": outcome,
            "code": event.diagnostic.code if event.diagnostic else "",
            "elapsed_seconds": int(event.seconds),
        }
        level = "error" if event.diagnostic else "info"
        message = f"{event.subject.address}: Verified, {outcome}"
        return self._line(level, message, "log", verification=facts)

    def transfer_progress(
        self, event: FetchProgress | UploadProgress, whole: int, seconds: float
    ) -> str:
        """Write how far a transfer is. whole: bytes of the file; seconds since it began."""
        done = f"{size(event.sent)} of {size(whole)}"
        down = isinstance(event, FetchProgress)
        return self._hook(
            event.address,
            "read" if down else "update",
            "apply_progress",
            f"Still {'down' if down else 'up'}loading {event.file_name} ({done})... "
            f"[{seconds:.0f}s elapsed]",
            elapsed_seconds=int(seconds),
        )

    def diagnostic(self, diagnostic: Diagnostic) -> str:
        """Write a diagnostic."""
        level = "error" if diagnostic.is_error else "warn"
        label = "Error" if diagnostic.is_error else "Warning"
        message = f"{label}: {diagnostic.summary}"
        return self._line(level, message, "diagnostic", diagnostic=encode_diagnostic(diagnostic))

    def summary(self, outcome: Outcome) -> str:
        """Write the last line."""
        added, changed = outcome.counts[Action.CREATE], outcome.counts[Action.UPLOAD]
        message = f"{'Apply complete!' if outcome.exit_code == 0 else 'Apply failed.'} "
        message += f"Resources: {added} added, {changed} changed, 0 destroyed."
        counts = {
            "add": added,
            "change": changed,
            "import": outcome.counts[Action.IMPORT],
            "remove": 0,
            "operation": "apply",
        }
        extra = {
            "exit_code": outcome.exit_code,
            "incomplete": [str(change.address) for change in outcome.incomplete],
            "in_doubt": [str(address) for address in outcome.in_doubt],
            "not_attempted": [str(change.address) for change in outcome.not_attempted],
        }
        level = "info" if outcome.exit_code == 0 else "error"
        return self._line(level, message, "change_summary", changes=counts, reconciler=extra)

    def _complete(
        self,
        address: Address,
        action: str,
        id_: str,
        seconds: float,
        what: str,
        key: str = "id",
    ) -> str:
        message = f"{what} complete after {seconds:.0f}s [{key}={id_}]"
        return self._hook(
            address,
            action,
            "apply_complete",
            message,
            id_key=key,
            id_value=id_,
            elapsed_seconds=int(seconds),
        )

    def _hook(
        self,
        address: Address,
        action: str,
        kind: str,
        message: str,
        *,
        level: str = "info",
        **extra: Any,
    ) -> str:
        hook = {"resource": _resource(address), "action": action, **extra}
        return self._line(level, f"{address}: {message}", kind, hook=hook)

    def _line(self, level: str, message: str, kind: str, **extra: Any) -> str:
        line = {
            "@level": level,
            "@message": safe(message),
            "@module": "reconciler.ui",
            "@timestamp": self._now(),
            **extra,
            "type": kind,
        }
        return json.dumps(line, separators=(",", ":"))


def _resource(address: Address) -> dict[str, Any]:
    return {
        "addr": str(address),
        "module": "",
        "resource": str(address),
        "implied_provider": "finetune",
        "resource_type": "finetune",
        "resource_name": address.name,
        "resource_key": None,
    }
