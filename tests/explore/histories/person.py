"""A person who does what the findings of a plan ask for, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import plan as codes
from reconciler.model import Address, RemoteFinetune
from reconciler.refresh import taken_over
from reconciler.state import State
from tests.explore.histories.manifest import Manifest
from tests.explore.histories.outside import BrokenPromise

_NEEDS_ANOTHER_NAME = {
    codes.CANNOT_CHANGE.id,
    codes.NAME_TAKEN.id,
    codes.DUPLICATE_IN_ACCOUNT.id,
    codes.DECLARED_TWICE.id,
}

_ADOPT = re.compile(r"--adopt (\S+)")


def heed(problems: Sequence[Diagnostic], manifest: Manifest, state: State) -> State:
    """Edit the manifest as the findings say; returns the state, edited by `state rm`.

    Raises BrokenPromise where an error says no way on.
    """
    blocked = {problem.address for problem in problems if problem.code == codes.MOVE_BLOCKED.id}
    for problem in problems:
        address = Address.parse(problem.address)
        if address is None and not problem.is_error:
            # One warning about several of them, which asks for no edit.
            continue
        if address is None or (problem.is_error and not problem.hint):
            raise BrokenPromise(f"{problem.code} does not say how to go on")
        if problem.code in _NEEDS_ANOTHER_NAME:
            manifest.choose_name(address.name)
        elif problem.code == codes.MOVE_BLOCKED.id:
            state = _make_way(address, manifest, state, problem.hint)
        elif problem.code == codes.RECORDED_ELSEWHERE.id and problem.address in blocked:
            # What is in the way of its move comes first.
            continue
        elif problem.code == codes.RECORDED_ELSEWHERE.id:
            old = _became(address, manifest, state)
            if old is None:
                manifest.choose_name(address.name)
            else:
                state = without(state, address)
                manifest.say_moved(old.name, address.name)
        elif problem.is_error and problem.code != codes.UNRESOLVED_CREATE.id:
            raise BrokenPromise(f"nobody knows what to do about {problem.code}")
    return state


def without(state: State, address: Address) -> State:
    """Do `reconciler state rm`."""
    kept = {a: record for a, record in state.finetunes.items() if a != address}
    return state.following(kept, state.pending)


def _make_way(new: Address, manifest: Manifest, state: State, hint: str) -> State:
    """Forget what is in the way of a move; where it is a create's result, record that first."""
    if new not in state.pending:
        return without(state, new)
    found = _ADOPT.search(hint)
    if found is None:
        manifest.unsay_moved(new.name)
        return state
    intent = state.pending[new]
    wanted = intent.attributes
    remote = RemoteFinetune(found[1], wanted.name, wanted.model, wanted.description)
    record = taken_over(intent, remote, state.finetunes.get(new))
    pending = {address: kept for address, kept in state.pending.items() if address != new}
    return state.following({**state.finetunes, new: record}, pending)


def _became(new: Address, manifest: Manifest, state: State) -> Address | None:
    """Find the address that this one was, if no manifest declares that any more."""
    desired = manifest.desired().finetunes
    for old, record in state.finetunes.items():
        names = {generation.attributes.name for generation in record.generations}
        if desired[new].remote_name in names and old not in desired:
            return old
    return None
