"""What asking for a token came to, for people."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model import Verification
from reconciler.render.style import Style
from reconciler.render.text import safe
from reconciler.verification import Event, Verified, Waiting


def verdict(verification: Verification | None) -> str:
    """Say what a finetune came to when it was last asked, in half a sentence."""
    if verification is None:
        return "not asked for a token yet"
    if verification.answered:
        return f"answered at {safe(verification.at)}"
    return f"did not answer at {safe(verification.at)} ({safe(verification.code)})"


def verdicts(found: Sequence[Verification]) -> str:
    """Sum several up."""
    answered = sum(verification.answered for verification in found)
    silent = len(found) - answered
    parts = [f"{answered} answered"] if answered else []
    parts += [f"{silent} did not answer"] if silent else []
    return ", ".join(parts)


def render_event(event: Event, style: Style) -> str:
    """Render one event as a line."""
    if isinstance(event, Waiting):
        text = f"{event.address}: no answer yet [{event.diagnostic.code}]; asking again..."
        return style.paint(text, "yellow")
    address, seconds = event.subject.address, f"after {event.seconds:.1f}s"
    if event.diagnostic is None:
        return style.paint(f"{address}: answered {seconds} [id={event.subject.id}]", "green")
    code = event.diagnostic.code
    what = "does not answer" if event.verification else "not known whether it answers"
    return style.paint(f"{address}: {what}, {seconds} [{code}]", "red")


def render_ends(ends: Sequence[Verified], asked: int, style: Style) -> str:
    """Sum a verification up. asked: how many finetunes were to be asked."""
    found = [end.verification for end in ends if end.verification]
    unknown = sum(end.verification is None for end in ends)
    parts = [verdicts(found)] if found else []
    parts += [f"{unknown} not known"] if unknown else []
    parts += [f"{asked - len(ends)} not asked to the end"] if asked > len(ends) else []
    is_good = len(found) == asked and all(verification.answered for verification in found)
    title = style.paint("Verified:", "green" if is_good else "red", "bold")
    return f"{title} {', '.join(parts)}."
