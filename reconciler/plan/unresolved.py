"""The story of a create whose outcome is unknown: what was sent, what is there, how to go on."""

from __future__ import annotations

from reconciler.diagnostics.text import printable
from reconciler.model import Address, RemoteFinetune
from reconciler.refresh import attributes_of
from reconciler.state import Intent

Candidates = tuple[RemoteFinetune, ...]


def what_was_sent(intent: Intent) -> str:
    """Name the create with all that a person needs to recognise its result."""
    attributes = intent.attributes
    described = (
        f'description "{printable(attributes.description, 80)}"'
        if attributes.description
        else "no description"
    )
    return f'"{attributes.name}" (model {attributes.model}, {described})'


def when_it_was_sent(intent: Intent) -> str:
    """Say when its intent was saved, which was right before, and under which attempt."""
    return f"{intent.created_at or 'an unknown time'} (attempt {intent.attempt_id})"


def what_is_listed(intent: Intent, candidates: Candidates) -> str:
    """Say which finetunes of its name are new, and whether they can be its result."""
    if not candidates:
        return "The account lists none of that name that is new."
    listed = "; ".join(_one(intent, candidate) for candidate in candidates)
    return f"The account lists {len(candidates)} new of that name: {listed}."


def ways_on(address: Address, intent: Intent, candidates: Candidates) -> str:
    """Say what to check, and the exact commands for what can have happened."""
    fitting = [c.id for c in candidates if intent.attributes.matches(attributes_of(c))]
    retry = f"reconciler resolve {address} --retry"
    if not candidates:
        return (
            "It may still show: wait, and plan again, which adopts it by itself. If the dashboard "
            f"does not have it either, long after that time: {retry}. If it has: "
            f"reconciler resolve {address} --adopt ID."
        )
    if not fitting:
        return (
            "Find out who created what is listed. It cannot be adopted, because it is not what "
            f"was sent. If ours was certainly not created: {retry}, and give yours another "
            "`name:`, because this one is taken."
        )
    adopt = " or ".join(f"reconciler resolve {address} --adopt {id_}" for id_ in fitting)
    return (
        "Compare the times, and ask who else creates finetunes in this account. If it is what "
        f"was sent: {adopt}. If ours was certainly not created: {retry}."
    )


def _one(intent: Intent, candidate: RemoteFinetune) -> str:
    shown = attributes_of(candidate)
    others = [
        field
        for field in ("model", "description", "public")
        if getattr(shown, field) is not None
        and getattr(shown, field) != getattr(intent.attributes, field)
    ]
    alike = f"with another {' and '.join(others)}" if others else "with the same attributes"
    created = printable(candidate.created_at, 40) or "an unknown time"
    return f"{candidate.id}, created {created}, {alike}"
