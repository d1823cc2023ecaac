"""The events of an apply for people, a line each, and its sum at the end."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.apply import Outcome
from reconciler.apply.events import (
    CreateDone,
    CreateStarted,
    Event,
    Failed,
    FetchDone,
    FetchStarted,
    InDoubt,
    Recorded,
    Settling,
    UploadDone,
    UploadStarted,
)
from reconciler.model import Action
from reconciler.render.style import Style
from reconciler.render.text import count, fold, size

_RECORDED = {
    Action.IMPORT: "adopted",
    Action.MOVE: "renamed in the state",
    Action.FORGET: "forgotten; it stays in the account",
}

_SUMMARY = (
    (Action.CREATE, "created"),
    (Action.IMPORT, "adopted"),
    (Action.UPLOAD, "completed"),
    (Action.MOVE, "moved"),
    (Action.FORGET, "forgotten"),
)


def render_event(event: Event, style: Style) -> str:
    """Render one event as a line, folded where a terminal is narrower; "" where it has none."""
    text, color = _line(event)
    if style.width is not None:
        text = fold(text, style.width)
    return style.paint(text, color) if color else text


def _line(event: Event) -> tuple[str, str]:
    """Return the line and its colour, "" for none."""
    if isinstance(event, CreateStarted):
        return f"{event.address}: creating...", ""
    if isinstance(event, CreateDone):
        how = "found in the account" if event.adopted else "created"
        took = _seconds(event.seconds)
        return f"{event.address}: {how} after {took} [id={event.id}]", "green"
    if isinstance(event, Recorded):
        return f"{event.address}: {_RECORDED[event.action]} [id={event.id}]", "green"
    if isinstance(event, FetchStarted):
        return f"{event.address}: downloading {event.file_name} ({size(event.size)})...", ""
    if isinstance(event, FetchDone):
        how = "is in the cache" if event.cached else f"downloaded after {_seconds(event.seconds)}"
        return f"{event.address}: {event.file_name} {how}", ""
    if isinstance(event, UploadStarted):
        return f"{event.address}: uploading {event.file_name} ({size(event.size)})...", ""
    if isinstance(event, UploadDone):
        how = "uploaded" if event.verified else "was there already"
        return f"{event.address}: {event.file_name} {how} after {_seconds(event.seconds)}", "green"
    if isinstance(event, Settling):
        lost = "the answer was lost; looking for it in the account..."
        return f"{event.address}: {lost}", "yellow"
    if isinstance(event, Failed):
        return f"{event.address}: failed [{event.diagnostic.code}]", "red"
    if isinstance(event, InDoubt):
        return f"{event.address}: outcome unknown", "red"
    return "", ""


def render_outcome(outcome: Outcome, style: Style) -> str:
    """Sum an apply up: what was done, what failed, what was not attempted."""
    return "\n".join(_outcome(outcome, style))


def _outcome(outcome: Outcome, style: Style) -> Iterator[str]:
    done = [f"{outcome.counts[a]} {verb}" for a, verb in _SUMMARY if outcome.counts[a]]
    whole = outcome.exit_code == 0
    title = (
        "Apply complete."
        if whole
        else "Apply interrupted."
        if outcome.interrupted
        else ("Apply stopped." if outcome.in_doubt else "Apply finished with errors.")
    )
    color = "green" if whole else "red"
    # What is in doubt may have changed the account.
    nothing = "" if outcome.in_doubt else " Nothing was changed."
    yield style.paint(title, color, "bold") + (f" {', '.join(done)}." if done else nothing)
    if outcome.failed:
        yield f"{count(len(outcome.failed), 'finetune')} failed."
    for change in outcome.incomplete:
        missing = [n for n in change.uploads if n not in outcome.uploaded.get(change.address, ())]
        yield f"{change.address} is incomplete: it lacks {' and '.join(missing)}."
    if outcome.in_doubt:
        yield f"{count(len(outcome.in_doubt), 'create')} in doubt: a person must look."
    if outcome.not_attempted:
        yield f"{count(len(outcome.not_attempted), 'change')} not attempted:"
        yield from (f"  {change.address}" for change in outcome.not_attempted[:20])
        if len(outcome.not_attempted) > 20:
            yield f"  and {len(outcome.not_attempted) - 20:,} more"


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds >= 1 else f"{seconds * 1000:.0f}ms"
