"""Verification: asks finetunes for one token until they answer or the time is over.

Nothing in the account changes. The time is one for all: after it nobody is asked any more, only
the answers under way are waited for. Its verdicts are kept in the state; that nobody could be
asked is no verdict, so what was recorded before stays.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from reconciler.cloudflare.outcomes import Answered, InferenceOutcome, NoVerdict, Silent
from reconciler.diagnostics import Diagnostic
from reconciler.diagnostics.codes import verification as codes
from reconciler.model import ASSET_NAMES, Address, Verification
from reconciler.state import AssetStatus, FinetuneRecord, Generation, State

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0


class Account(Protocol):
    """Whom to ask; reconciler.cloudflare.AccountClient is one."""

    def ask(self, finetune_id: str, model: str) -> InferenceOutcome:
        """Ask for one token, once."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """A finetune to ask. is_whole: as far as the state knows, it has both files."""

    address: Address
    id: str
    model: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """It does not answer yet, and is going to be asked again."""

    address: Address
    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True)
class Verified:
    """The end of one subject.

    verification: the verdict, None where there is none. diagnostic: what is wrong, None
    where it answered. seconds: since the first question.
    """

    subject: Subject
    verification: Verification | None
    diagnostic: Diagnostic | None
    seconds: float


Event = Waiting | Verified


def subjects_of(state: State, addresses: Iterable[Address]) -> tuple[Subject, ...]:
    """Return whom to ask: the current generation of each recorded address."""
    return tuple(
        _subject(address, state.finetunes[address].current)
        for address in addresses
        if address in state.finetunes
    )


def unanswered(state: State, addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Return the recorded addresses that have not answered since they got their files."""
    current = {a: state.finetunes[a].current for a in addresses if a in state.finetunes}
    return tuple(
        address
        for address, generation in current.items()
        if not (generation.verification and generation.verification.answered)
    )


def verify(
    account: Account,
    subjects: Sequence[Subject],
    seconds: float,
    parallelism: int,
    stop: threading.Event,
) -> Iterator[Event]:
    """Ask all, and those again that may be early, with growing pauses, for so many seconds.

    No question is begun after that: what was asked before ends as it answered last, what never
    was is not known. Without any time (0) each is asked once. Told to stop it asks nobody any
    more; those that are still open then have no end.
    """
    began = time.monotonic()
    until = began + seconds if seconds else math.inf
    pause = FIRST_PAUSE
    told: set[Address] = set()
    last: dict[Address, InferenceOutcome] = {s.address: _no_time(s, seconds) for s in subjects}
    with ThreadPoolExecutor(parallelism) as pool:
        while subjects:
            round_began = time.monotonic()
            outcomes = list(
                pool.map(lambda s: _ask(account, s, last[s.address], until, stop), subjects)
            )
            now = time.monotonic()
            left = began + seconds - now
            again = []
            # The last round is to be through in time, so it begins by its length before the end.
            wait = min(pause, max(left - (now - round_began), 0.0))
            for subject, outcome in zip(subjects, outcomes, strict=True):
                asked = None if outcome is None else _ask_again_after(subject, outcome)
                if outcome is None or (stop.is_set() and not _is_verdict(outcome, asked)):
                    continue
                if asked is None or left <= 0 or asked > left:
                    yield _end(subject, outcome, now - began)
                    continue
                again.append(subject)
                last[subject.address] = outcome
                wait = max(wait, asked)
                if subject.address not in told and not isinstance(outcome, Answered):
                    told.add(subject.address)
                    yield Waiting(subject.address, outcome.diagnostic)
            subjects = again
            if stop.is_set() or (subjects and stop.wait(wait)):
                return
            pause = min(pause * 2, LONGEST_PAUSE)


def recorded(state: State, ends: Iterable[Verified]) -> Mapping[Address, FinetuneRecord]:
    """Return a state's finetunes with the verdicts; only of those that are current still."""
    finetunes = dict(state.finetunes)
    for end in ends:
        record = finetunes.get(end.subject.address)
        if end.verification and record and record.current.id == end.subject.id:
            current = replace(record.current, verification=end.verification)
            finetunes[end.subject.address] = replace(record, current=current)
    return finetunes


def _subject(address: Address, generation: Generation) -> Subject:
    assets = generation.assets
    is_whole = all(
        name in assets and assets[name].status is not AssetStatus.PENDING for name in ASSET_NAMES
    )
    return Subject(address, generation.id, generation.attributes.model, is_whole)


def _ask(
    account: Account,
    subject: Subject,
    last: InferenceOutcome,
    until: float,
    stop: threading.Event,
) -> InferenceOutcome | None:
    """Return the answer, the last one after the time, None after the stop."""
    if stop.is_set():
        return None
    return last if time.monotonic() >= until else account.ask(subject.id, subject.model)


def _no_time(subject: Subject, seconds: float) -> NoVerdict:
    detail = f"{subject.address} was not asked: the {seconds:g} seconds were over before its turn."
    hint = "Give more time with --answer-timeout, or name fewer finetunes."
    return NoVerdict(codes.NO_VERDICT.error(detail, hint=hint), None)


def _ask_again_after(subject: Subject, outcome: InferenceOutcome) -> float | None:
    """Return the seconds after which another answer may come; None where this one is the end."""
    if isinstance(outcome, NoVerdict):
        return outcome.retry_after
    # Waiting sends no file that was never acknowledged.
    is_early = isinstance(outcome, Silent) and outcome.may_be_early and subject.is_whole
    return 0.0 if is_early else None


def _is_verdict(outcome: InferenceOutcome, asked: float | None) -> bool:
    """Tell whether an outcome is one without any further waiting."""
    return asked is None and not isinstance(outcome, NoVerdict)


def _end(subject: Subject, outcome: InferenceOutcome, seconds: float) -> Verified:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    if isinstance(outcome, Answered):
        return Verified(subject, Verification(at), None, seconds)
    found = outcome.diagnostic.about(str(subject.address))
    verdict = Verification(at, found.code) if isinstance(outcome, Silent) else None
    return Verified(subject, verdict, found, seconds)
