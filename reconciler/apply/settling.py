"""After a lost answer: list the account until it shows what happened, or time is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.apply.account import Account
from reconciler.diagnostics import DiagnosticError
from reconciler.model import Address, Listing, RemoteFinetune
from reconciler.refresh import candidates_for, is_evidence
from reconciler.state import Intent

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 8.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the last list showed of an intent. candidates: None where there was no list.

    is_result: the only candidate is what came of it.
    """

    address: Address
    candidates: tuple[RemoteFinetune, ...] | None
    is_result: bool = False


def settle(
    account: Account,
    intents: Mapping[Address, Intent],
    recorded: frozenset[str],
    seconds: float,
    stop: threading.Event,
) -> Iterator[Sighting]:
    """Yield the results as they are found, and at the end what stays in doubt.

    A result is one new id of that name, attributes alike. Two or more new ids are never
    chosen from; they stay in doubt.
    """
    seen: dict[Address, tuple[RemoteFinetune, ...] | None] = dict.fromkeys(intents)
    deadline = time.monotonic() + seconds
    pause = FIRST_PAUSE
    while True:
        listing = _look(account)
        for address in list(seen):
            if listing is None:
                break
            candidates = candidates_for(intents[address], listing, recorded)
            seen[address] = candidates
            if is_evidence(intents[address], candidates):
                del seen[address]
                yield Sighting(address, candidates, is_result=True)
        left = deadline - time.monotonic()
        if not seen or left <= 0 or stop.wait(min(pause, left)):
            break
        pause = min(pause * 2, LONGEST_PAUSE)
    yield from (Sighting(address, candidates) for address, candidates in seen.items())


def _look(account: Account) -> Listing | None:
    try:
        return account.list_finetunes()
    except DiagnosticError:
        # The account may be as unwell as it was when the answer got lost; time decides.
        return None
