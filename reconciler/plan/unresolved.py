"""The story of a create whose outcome is unknown: what was sent, what is there, how to go on."""

from __future__ import annotations

from reconciler.diagnostics.text import printable, to_paste
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
        return f'The account has no new finetune named "{intent.attributes.name}".'
    listed = "; ".join(_one(intent, candidate) for candidate in candidates)
    new = "1 new finetune" if len(candidates) == 1 else f"{len(candidates)} new finetunes"
    return f'The account has {new} named "{intent.attributes.name}": {listed}.'


def ways_on(address: Address, intent: Intent, candidates: Candidates) -> str:
    """Say what to check, and the exact commands for what can have happened."""
    fitting = [c.id for c in candidates if intent.attributes.matches(attributes_of(c))]
    retry = to_paste(f"reconciler resolve {address} --retry")
    if not candidates:
        adopt = to_paste(f"reconciler resolve {address} --adopt ID")
        return (
            "It may still show: wait, and plan again; once it is listed, the next apply adopts "
            f"it. If the dashboard has it:{adopt}\n"
            "If it has it under a name that the account changed, give that `name:` in the manifest "
            f"first. Then, or if it has nothing long after that time:{retry}"
        )
    if not fitting:
        return (
            "Find out who created what is listed. It cannot be adopted, because it is not what "
            "was sent. If ours was certainly not created, give yours another `name:`, because "
            f"this one is taken, and:{retry}"
        )
    adopt = to_paste(*(f"reconciler resolve {address} --adopt {id_}" for id_ in fitting))
    return (
        "Compare the times, and ask who else creates finetunes in this account. If it is what "
        f"was sent:{adopt}\nIf ours was certainly not created:{retry}"
    )


def other_fields(intent: Intent, remote: RemoteFinetune) -> list[str]:
    """Name the attributes that a finetune of the account shows otherwise than they were sent."""
    shown = attributes_of(remote)
    return [
        field
        for field in ("name", "model", "description", "public")
        if getattr(shown, field) is not None
        and getattr(shown, field) != getattr(intent.attributes, field)
    ]


def _one(intent: Intent, candidate: RemoteFinetune) -> str:
    others = other_fields(intent, candidate)
    alike = f"with another {' and '.join(others)}" if others else "with the same attributes"
    created = printable(candidate.created_at, 40) or "an unknown time"
    return f"{candidate.id}, created {created}, {alike}"
