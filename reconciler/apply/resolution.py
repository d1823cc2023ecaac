"""What a person says about an unresolved create, turned into the next state. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.diagnostics import Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import apply as codes
from reconciler.diagnostics.text import to_paste
from reconciler.model import Address, Listing
from reconciler.plan.unresolved import other_fields, ways_on
from reconciler.refresh import attributes_of, candidates_for, is_evidence, taken_over
from reconciler.state import Intent, State


def adopt(state: State, address: Address, remote_id: str, listing: Listing) -> State:
    """Take a listed finetune as the result of an intent; DiagnosticError where it can't be."""
    intent = state.pending[address]
    name = intent.attributes.name
    remote = next((r for r in listing.finetunes if r.id == remote_id), None)
    recorded = frozenset(generation.id for generation in state.generations())
    problem = ""
    if remote is None:
        problem = f"The account lists no finetune with the id {remote_id}."
    elif remote.id in recorded:
        problem = f"{remote_id} is recorded already."
    elif remote.id in intent.known_ids:
        problem = f'{remote_id} was listed before the create of "{name}" was sent.'
    elif not intent.attributes.matches(attributes_of(remote)):
        others = " and another ".join(other_fields(intent, remote))
        problem = f'{remote_id} has another {others} than the create of "{name}".'
    if remote is None or problem:
        hint = ways_on(address, intent, candidates_for(intent, listing, recorded))
        raise DiagnosticError(codes.NOT_THE_RESULT.error(problem, hint=hint))
    finetunes = {**state.finetunes}
    finetunes[address] = taken_over(intent, remote, state.finetunes.get(address))
    return state.following(finetunes, _without(state, {address}))


def retry(state: State, addresses: Iterable[Address], listing: Listing) -> State:
    """Drop intents, so that the next plan creates again.

    DiagnosticError (R710) where the account lists the result of one; then none is dropped.
    """
    chosen = tuple(addresses)
    recorded = frozenset(generation.id for generation in state.generations())
    problems = []
    for address in chosen:
        intent = state.pending[address]
        candidates = candidates_for(intent, listing, recorded)
        if is_evidence(intent, candidates):
            problems.append(_is_listed(address, intent, candidates[0].id))
    if problems:
        raise DiagnosticError(*problems)
    return state.following(state.finetunes, _without(state, set(chosen)))


def _is_listed(address: Address, intent: Intent, remote_id: str) -> Diagnostic:
    return codes.RESULT_IS_LISTED.error(
        f'The account lists {remote_id} as "{intent.attributes.name}". It was not there before '
        "the create, and has the attributes that were sent.",
        hint="Adopt it instead:" + to_paste(f"reconciler resolve {address} --adopt {remote_id}"),
        address=str(address),
    )


def _without(state: State, addresses: set[Address]) -> dict[Address, Intent]:
    return {address: i for address, i in state.pending.items() if address not in addresses}
