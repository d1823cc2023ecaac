"""What an apply has to say about single finetunes, in words."""

from __future__ import annotations

from dataclasses import replace

from reconciler.apply.tasks import UploadResult
from reconciler.cloudflare.outcomes import AlreadyThere
from reconciler.diagnostics import Diagnostic, Severity
from reconciler.diagnostics.codes import apply as codes
from reconciler.diagnostics.text import to_paste
from reconciler.model import Address, Change, RemoteFinetune
from reconciler.plan.unresolved import Candidates, ways_on, what_is_listed, when_it_was_sent
from reconciler.state import Intent


def not_new(address: Address, remote: RemoteFinetune) -> Diagnostic:
    """Say that a create was answered with an id that was there before it."""
    return codes.OUTCOME_UNKNOWN.error(
        f'The create of "{remote.name}" was answered with {remote.id}, which was there before: '
        "the answer belongs to something else.",
        hint="Run plan again: it looks for the finetune in the account.",
        address=str(address),
    )


def needs_a_look(change: Change, warning: Diagnostic) -> Diagnostic:
    """Make an error of what the client found strange: the next plan cannot be applied."""
    detail = warning.detail
    if change.uploads:
        detail += " Its files were not sent: they are once a plan shows no such difference."
    return replace(warning, severity=Severity.ERROR, detail=detail, address=str(change.address))


def in_doubt(
    address: Address, cause: Diagnostic, intent: Intent, candidates: Candidates | None
) -> Diagnostic:
    """Tell the whole story. candidates: what was listed of its name, None for no list."""
    listed = (
        "No list of the account could be had afterwards."
        if candidates is None
        else what_is_listed(intent, candidates)
    )
    detail = f"{cause.detail} It was prepared at {when_it_was_sent(intent)}. {listed}"
    hint = ways_on(address, intent, candidates or ())
    return replace(cause, detail=detail, hint=hint, address=str(address))


def incomplete(result: UploadResult, cause: Diagnostic) -> Diagnostic:
    """Say that a finetune lacks a file, and why."""
    return codes.ADAPTER_INCOMPLETE.error(
        f"{result.finetune_id} exists, but {result.asset.file_name} was not acknowledged: "
        f"{cause.summary} [{cause.code}]. {cause.detail}",
        hint=cause.hint or "Run apply again: it sends just what is missing.",
        address=str(result.change.address),
        range=cause.range,
    )


def unverified(result: UploadResult, outcome: AlreadyThere) -> Diagnostic:
    """Say that the account had a file already."""
    return codes.UPLOAD_UNVERIFIED.warning(
        outcome.diagnostic.detail,
        hint="An earlier upload whose answer was lost is the usual cause. Ask whether it answers:"
        + to_paste(f"reconciler verify {result.change.address.name}"),
        address=str(result.change.address),
    )


def duplicate(address: Address, name: str, own: str, ids: list[str]) -> Diagnostic:
    """Say that the account has two of one name now."""
    others = ", ".join(sorted(id_ for id_ in ids if id_ != own))
    return codes.DUPLICATE_CREATED.error(
        f'"{name}" is {own}, created and recorded here, and also {others}.',
        hint="Find out who creates finetunes without this state and its lock.",
        address=str(address),
    )


def not_confirmed(cause: Diagnostic) -> Diagnostic:
    """Say that the last listing could not be had."""
    return codes.NOT_CONFIRMED.warning(
        f"{cause.summary}: {cause.detail}", hint="Run plan: it asks again."
    )
