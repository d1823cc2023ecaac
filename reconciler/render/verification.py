"""What asking for a token came to, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model import Verification
from reconciler.plan import Plan
from reconciler.render.style import Style
from reconciler.render.text import fold, safe
from reconciler.verification import Event, Verified, Waiting


def outcome_text(verification: Verification) -> str:
    """Say what a finetune came to when it was last asked, in half a sentence."""
    if verification.answered:
        return f"answered at {safe(verification.at)}"
    return f"did not answer at {safe(verification.at)} ({safe(verification.code)})"


def asked_sentences(plan: Plan) -> Iterator[str]:
    """Yield what the finetunes of a plan came to; nothing where none was ever asked."""
    found = [change.verification for change in plan.changes if change.verification]
    if found:
        yield f"Asked for a token: {_counted(found)}."


def _counted(found: Sequence[Verification]) -> str:
    answered = sum(verification.answered for verification in found)
    silent = len(found) - answered
    parts = [f"{answered} answered"] if answered else []
    parts += [f"{silent} did not answer"] if silent else []
    return ", ".join(parts)


def render_event(event: Event, style: Style) -> str:
    """Render one event as a line, folded where a terminal is narrower."""
    text, color = _line(event)
    return style.paint(text if style.width is None else fold(text, style.width), color)


def _line(event: Event) -> tuple[str, str]:
    if isinstance(event, Waiting):
        code = event.diagnostic.code
        return f"{event.address}: no answer yet [{code}]; asking again...", "yellow"
    address, seconds = event.subject.address, f"after {event.seconds:.1f}s"
    if event.diagnostic is None:
        return f"{address}: answered {seconds} [id={event.subject.id}]", "green"
    what = "does not answer" if event.verification else "not known whether it answers"
    return f"{address}: {what}, {seconds} [{event.diagnostic.code}]", "red"


def render_ends(ends: Sequence[Verified], asked: int, style: Style) -> str:
    """Sum a verification up. asked: how many finetunes were to be asked."""
    found = [end.verification for end in ends if end.verification]
    unknown = sum(end.verification is None for end in ends)
    parts = [_counted(found)] if found else []
    parts += [f"{unknown} not known"] if unknown else []
    parts += [f"{asked - len(ends)} not asked to the end"] if asked > len(ends) else []
    is_good = len(found) == asked and all(verification.answered for verification in found)
    title = style.paint("Verified:", "green" if is_good else "red", "bold")
    return f"{title} {', '.join(parts)}."
