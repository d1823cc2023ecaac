"""What there is to say about a declared finetune, as diagnostics."""

from __future__ import annotations

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import plan as codes
from reconciler.diagnostics.codes import verification as verification_codes
from reconciler.diagnostics.text import to_paste
from reconciler.model import Address, AttributeChange, Finetune, RemoteFinetune, Verification
from reconciler.plan.standing import Standing
from reconciler.plan.unresolved import (
    ways_on,
    what_is_listed,
    what_was_sent,
    when_it_was_sent,
)
from reconciler.refresh import Unresolved
from reconciler.state import AssetStatus, FinetuneRecord, Generation


def duplicate(standing: Standing) -> Diagnostic:
    """The account has several of its name."""
    ids = standing.ids_of_name
    return codes.DUPLICATE_IN_ACCOUNT.error(
        f'The account has {len(ids)} finetunes named "{standing.name}": {", ".join(ids)}.',
        hint="Give yours another `name:`; which of them answers at inference is undefined.",
        address=str(standing.finetune.address),
        range=standing.finetune.range_of("name"),
    )


def recorded_elsewhere(standing: Standing, owner: Address) -> Diagnostic:
    """The finetune of its name belongs to another address."""
    new = standing.finetune.address
    # A move onto what is recorded is refused; see move_blocked.
    first = f" first:{to_paste(f'reconciler state rm {new.name}')}\nthen" if standing.record else ""
    moved = to_paste(f"moved: [{{from: {owner.name}, to: {new.name}}}]")
    return codes.RECORDED_ELSEWHERE.error(
        f'The state has "{standing.name}" as {owner}.',
        hint=f"If {owner.name} became {new.name},{first} say so in a manifest:{moved}\n"
        "Otherwise choose another `name:`.",
        address=str(new),
        range=standing.finetune.range_of("name"),
    )


def declared_twice(first: Finetune, second: Finetune) -> Diagnostic:
    """Two declared finetunes would get one name."""
    return codes.DECLARED_TWICE.error(
        f'{first.address} and {second.address} would both be named "{second.remote_name}".',
        hint="Choose another `name:` for one of the two.",
        address=str(second.address),
        range=second.range_of("name"),
    )


def name_taken(
    finetune: Finetune, remote: RemoteFinetune, differences: tuple[AttributeChange, ...]
) -> Diagnostic:
    """The account has another finetune of its name."""
    return codes.NAME_TAKEN.error(
        f'"{remote.name}" exists as {remote.id} with another {_names(differences)}.',
        hint="Choose another `name:`, or declare what the account has to adopt it.",
        address=str(finetune.address),
        range=finetune.range_of(_field(differences)),
    )


def cannot_change(
    standing: Standing, current: Generation, differences: tuple[AttributeChange, ...]
) -> Diagnostic:
    """It exists with other attributes or other files."""
    finetune = standing.finetune
    hint = (
        f"Two ways on: give the new content a new name (name: {finetune.base_name}-v2), or set "
        "versioned: true, so that every change creates a new generation. The old one stays in "
        "the account either way."
    )
    if finetune.versioned:
        hint = f"Give it a new name (name: {finetune.base_name}-v2). The old one stays."
    if standing.has_drifted_from_name and not finetune.versioned:
        hint = (
            f"If the account is right, follow it; say below {finetune.address.name}:"
            + to_paste(f'name: "{current.attributes.name}"')
            + "\nOtherwise give it a new name; the old one stays."
        )
    if all(_is_pending(current, difference.name) for difference in differences):
        hint = f"Put the files back as they were, and apply sends what is missing. {hint}"
    return codes.CANNOT_CHANGE.error(
        f"{current.attributes.name} ({current.id}) exists with another {_names(differences)}.",
        hint=hint,
        address=str(finetune.address),
        range=finetune.range_of(_field(differences)),
    )


def remarks(standing: Standing, current: Generation) -> tuple[Diagnostic, ...]:
    """Return what to know of a finetune that stays as it is."""
    finetune = standing.finetune
    found = []
    if standing.unseen:
        found.append(not_listed_yet(finetune.address, current))
    if current.verification and not current.verification.answered:
        found.append(silent(finetune, current, current.verification))
    return tuple(found)


def not_listed_yet(address: Address, generation: Generation) -> Diagnostic:
    """It was created, and the account does not show it."""
    return codes.NOT_LISTED_YET.warning(
        f"{generation.attributes.name} was created as {generation.id}; no listing shows it yet.",
        hint="Wait and plan again; it is neither forgotten nor created a second time. If it is "
        f"certainly gone:{to_paste(f'reconciler state rm {address.name}')}",
        address=str(address),
    )


def silent(finetune: Finetune, current: Generation, verification: Verification) -> Diagnostic:
    """It was asked for a token, and did not answer."""
    return verification_codes.DID_NOT_ANSWER.warning(
        f"{current.attributes.name} ({current.id}) did not answer at {verification.at} "
        f"({verification.code}).",
        hint=f"reconciler explain {verification.code} says what to check; "
        f"to ask again:{to_paste(f'reconciler verify {finetune.address.name}')}",
        address=str(finetune.address),
        range=finetune.range_of(""),
    )


def renamed_by_move(standing: Standing, old: Generation) -> Diagnostic:
    """The default name follows the address, so that a move makes another finetune."""
    finetune = standing.finetune
    return codes.RENAMED_BY_MOVE.warning(
        f"{standing.previous} became {finetune.address}, and with it the name in the account: "
        f'"{old.attributes.name}" ({old.id}) stays behind, and "{standing.name}" is created.',
        hint="To keep the finetune that is there, say:"
        + to_paste(f"name: {standing.previous.name}")
        if standing.previous
        else "",
        address=str(finetune.address),
        range=finetune.range_of(""),
    )


def forgotten(
    address: Address, record: FinetuneRecord, twins: tuple[Finetune, ...] = ()
) -> Diagnostic:
    """It leaves the state, and nobody said that this is meant.

    twins: what the same plan creates with the same content; then it was probably renamed.
    """
    current, older = record.current, len(record.superseded)
    too = f", and so do {older} that it superseded" if older else ""
    return codes.FORGOTTEN.warning(
        f"No manifest declares {address} any more. {current.attributes.name} "
        f"({current.id}) stays in the account{too}.{lacks_files(current)}",
        hint=_renamed(address, current, twins[0])
        if len(twins) == 1
        else f"If this is meant, say so in a manifest:{_removed(address)}",
        address=str(address),
    )


def lacks_files(current: Generation) -> str:
    """Say which files were never acknowledged, as a sentence with a blank before it."""
    names = [n for n, a in sorted(current.assets.items()) if a.status is AssetStatus.PENDING]
    if not names:
        return ""
    return (
        f" It lacks {' and '.join(names)}, and so cannot answer; declared again it is adopted "
        "as it is."
    )


def _renamed(old: Address, current: Generation, twin: Finetune) -> str:
    new, name = twin.address, current.attributes.name
    if twin.versioned:
        # The suffix comes from the content, which is the same.
        name = name.removesuffix(twin.remote_name.removeprefix(twin.base_name))
    moved = to_paste(f"moved: [{{from: {old.name}, to: {new.name}}}]")
    kept = to_paste(f'name: "{name}"')
    return (
        f"If it became {new.name}, say so in a manifest, and nothing is created:{moved}\n"
        f"and below {new.name}:{kept}\nIf it is to be forgotten:{_removed(old)}"
    )


def _removed(address: Address) -> str:
    return to_paste(f"removed: [{address.name}]")


def move_blocked(old: Address, new: Address, recovered: str) -> Diagnostic:
    """Both ends of a move are recorded.

    recovered: the id of the new one where the account alone shows it yet, as the result of an
    interrupted create, which has to be recorded before it can be forgotten.
    """
    steps = [f"reconciler state rm {new.name}"]
    if recovered:
        steps.insert(0, f"reconciler resolve {new} --adopt {recovered}")
    return codes.MOVE_BLOCKED.error(
        f"Both {old} and {new} are in the state, so {old} cannot become {new}.",
        hint=f"If {old.name} became {new.name}, forget what {new.name} was:"
        f"{to_paste(*steps)}\nOtherwise remove the `moved` entry.",
        address=str(new),
    )


def unresolved(item: Unresolved, *, was_asked: bool) -> Diagnostic:
    """An earlier create may have happened or not. was_asked: whether the account was."""
    intent, candidates = item.intent, item.candidates
    listed = what_is_listed(intent, candidates) if was_asked else "The account was not asked."
    return codes.UNRESOLVED_CREATE.error(
        f"A create of {what_was_sent(intent)} was prepared at {when_it_was_sent(intent)}, and what "
        f"came of it is not known. {listed}",
        hint=ways_on(item.address, intent, candidates)
        if was_asked
        else "Plan without --no-refresh: if the account has it, the next apply adopts it.",
        address=str(item.address),
    )


def _names(differences: tuple[AttributeChange, ...]) -> str:
    return " and another ".join(difference.name for difference in differences)


def _field(differences: tuple[AttributeChange, ...]) -> str:
    """Name the field of the manifest that the first difference is about."""
    return differences[0].name.partition("/")[0] if differences else "name"


def _is_pending(current: Generation, difference: str) -> bool:
    asset = current.assets.get(difference.partition("/")[2])
    return asset is not None and asset.status is AssetStatus.PENDING
