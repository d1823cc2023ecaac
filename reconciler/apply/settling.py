"""After a lost answer: list the account until it shows what happened, or time is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping

from reconciler.apply.account import Account
from reconciler.diagnostics import DiagnosticError
from reconciler.model import Address, RemoteFinetune
from reconciler.refresh import candidates_for, is_evidence
from reconciler.state import Intent

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0


def settle(
    account: Account,
    intents: Mapping[Address, Intent],
    recorded: frozenset[str],
    seconds: float,
    stop: threading.Event,
) -> Iterator[tuple[Address, RemoteFinetune]]:
    """Yield what is found of intents in doubt: one new id of that name, attributes alike.

    Two or more new ids are never chosen from; they stay in doubt.
    """
    open_intents = dict(intents)
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while open_intents:
        for address, remote in _look(account, open_intents, recorded):
            del open_intents[address]
            yield address, remote
        left = deadline - time.monotonic()
        if not open_intents or left <= 0 or stop.wait(min(pause, left)):
            return
        pause = min(pause * 2, LONGEST_PAUSE)


def _look(
    account: Account, intents: Mapping[Address, Intent], recorded: frozenset[str]
) -> list[tuple[Address, RemoteFinetune]]:
    try:
        listing = account.list_finetunes()
    except DiagnosticError:
        # The account may be as unwell as it was when the answer got lost; time decides.
        return []
    found = []
    for address, intent in intents.items():
        candidates = candidates_for(intent, listing, recorded)
        if is_evidence(intent, candidates):
            found.append((address, candidates[0]))
    return found
