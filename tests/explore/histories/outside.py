"""The made-up outside: an account that remembers the truth, stores that can fail, a clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from reconciler.cloudflare import (
    AlreadyThere,
    Ambiguous,
    AssetBody,
    Created,
    CreateOutcome,
    Refused,
    Uploaded,
    UploadOutcome,
)
from reconciler.diagnostics import Code, Diagnostic, DiagnosticError
from reconciler.diagnostics.codes import cloudflare as api_codes
from reconciler.diagnostics.codes import state as codes
from reconciler.diagnostics.codes.adapters import CHANGED_FILE
from reconciler.model import Attributes, Listing, RemoteFinetune
from reconciler.plan import Plan
from reconciler.state import LockInfo, Snapshot, State, decode_state, encode_state
from tests.explore.histories.steps import Apply, CreateFate


class Crash(BaseException):
    """The process is dead: no `except Exception` and no clean-up of it has any effect."""


class BrokenPromise(BaseException):
    """What must hold does not; the text says what. Nothing in the code under test catches it."""


def trouble(code: Code, detail: str = "made up") -> Diagnostic:
    return code.error(detail)


def failure(code: Code, detail: str = "made up") -> DiagnosticError:
    return DiagnosticError(trouble(code, detail))


@dataclass(slots=True)
class Remote:
    """One finetune that exists. attempt: of the intent it came of, "" for somebody else's.

    sent_as: the name that it was to have.
    """

    id: str
    attributes: Attributes
    attempt: str
    sent_as: str
    shown_from: int
    assets: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Late:
    """A create that was sent and is executed later."""

    attributes: Attributes
    attempt: str


class World:
    """The truth: what exists, what was sent, what may still happen."""

    def __init__(self) -> None:
        self.remotes: list[Remote] = []
        self.late: list[Late] = []
        self.sent: set[str] = set()
        self.retried: set[str] = set()
        self.executed = 0
        self.lists = 0
        self.lag = 0
        self._ids = 0

    def alive(self, name: str) -> list[Remote]:
        return [remote for remote in self.remotes if remote.attributes.name == name]

    def of_attempt(self, attempt: str) -> list[Remote]:
        return [remote for remote in self.remotes if remote.attempt == attempt]

    def create(self, attributes: Attributes, attempt: str) -> Remote:
        self._ids += 1
        self.executed += bool(attempt)
        shown_from = self.lists + self.lag + 1
        remote = Remote(f"id-{self._ids}", attributes, attempt, attributes.name, shown_from)
        self.remotes.append(remote)
        return remote

    def rename(self, remote: Remote) -> None:
        """Call it as nothing was ever called."""
        name = f"{remote.attributes.name}-renamed-{remote.id}"
        remote.attributes = replace(remote.attributes, name=name)

    def execute_late(self) -> None:
        for late in self.late:
            self.create(late.attributes, late.attempt)
        self.late.clear()

    def listing(self) -> Listing:
        self.lists += 1
        return Listing(tuple(shown(r) for r in self.remotes if r.shown_from <= self.lists))

    def is_shown(self, remote: Remote) -> bool:
        return remote.shown_from <= self.lists


def shown(remote: Remote) -> RemoteFinetune:
    attributes = remote.attributes
    return RemoteFinetune(remote.id, attributes.name, attributes.model, attributes.description)


class Process:
    """One run as the outside sees it: counts its moments, and dies or is stopped at one.

    sent: the attempts that it sent. shown: what it was listed last. reviewed: the plan that
    it may carry out, None for any.
    """

    def __init__(self, step: Apply, play: Callable[[object], None]) -> None:
        self.step = step
        self.stop = Stop()
        self.is_dead = False
        self.moment = 0
        self.saves = 0
        self.lists = 0
        self.sent: set[str] = set()
        self.shown = Listing()
        self.reviewed: Plan | None = None
        self.creates = list(step.creates)
        self.uploads = list(step.uploads)
        self._play = play

    def pass_moment(self) -> None:
        """Come by one moment, at which things may happen."""
        if self.is_dead:
            raise Crash
        self.moment += 1
        for at, inner in self.step.during:
            if at == self.moment:
                self._play(inner)
        if self.moment == self.step.stop_at:
            self.stop.set()
        if self.moment == self.step.crash_at:
            self.is_dead = True
            raise Crash

    @contextmanager
    def moments(self) -> Iterator[None]:
        """Surround a call to the outside: one moment before its effect, one after."""
        self.pass_moment()
        yield
        self.pass_moment()


class Stop(threading.Event):
    """An event whose waiting takes no time but that of the made-up clock."""

    def wait(self, timeout: float | None = None) -> bool:
        clock.now += timeout or 0.0
        return self.is_set()


class Clock:
    """Stands in for the module `time` where waiting is measured."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


clock = Clock()


class FakeAccount:
    """The account as one run reaches it."""

    def __init__(
        self, world: World, process: Process, intent_of: Callable[[Attributes], str]
    ) -> None:
        self._world = world
        self._process = process
        self._intent_of = intent_of

    def list_finetunes(self) -> Listing:
        with self._process.moments():
            self._process.lists += 1
            if self._process.lists in self._process.step.failing_lists:
                raise failure(api_codes.UNREACHABLE, "the list failed")
            self._process.shown = self._world.listing()
            return self._process.shown

    def create(self, attributes: Attributes) -> CreateOutcome:
        fates = self._process.creates
        fate: CreateFate = fates.pop(0) if fates else "answered"
        with self._process.moments():
            if fate == "unsent":
                return Refused(trouble(api_codes.UNREACHABLE), fatal=True, sent=False)
            attempt = self._intent_of(attributes)
            if attempt in self._world.sent:
                raise BrokenPromise(f"the intent {attempt} was sent twice")
            self._world.sent.add(attempt)
            return self._meet(fate, attributes, attempt)

    def _meet(self, fate: CreateFate, attributes: Attributes, attempt: str) -> CreateOutcome:
        if fate in ("refused", "fatal"):
            return Refused(trouble(api_codes.REQUEST_REFUSED), fatal=fate == "fatal", sent=True)
        if fate == "exists":
            return Ambiguous(trouble(api_codes.ALREADY_EXISTS), exists=True)
        unclear = Ambiguous(trouble(api_codes.UNCLEAR_CREATE))
        if fate == "late":
            self._world.late.append(Late(attributes, attempt))
        if fate in ("late", "never"):
            return unclear
        if fate == "altered":
            attributes = Attributes(attributes.name, attributes.model, "Something else.")
        remote = self._world.create(attributes, attempt)
        if fate == "renamed":
            self._world.rename(remote)
        return unclear if fate == "lost" else Created(shown(remote))

    def upload(
        self, finetune_id: str, file_name: str, body: AssetBody, on_progress: Callable[[int], None]
    ) -> UploadOutcome:
        fates = self._process.uploads
        fate = fates.pop(0) if fates else "answered"
        remote = next((r for r in self._world.remotes if r.id == finetune_id), None)
        with self._process.moments():
            content = body.read(1 << 20)
            on_progress(len(content))
            if remote is None:
                return Refused(trouble(api_codes.REQUEST_REFUSED), fatal=False, sent=True)
            if fate == "changed":
                raise failure(CHANGED_FILE, "the file is not what was planned")
            if fate == "refused":
                return Refused(trouble(api_codes.REQUEST_REFUSED), fatal=False, sent=True)
            if fate == "exists" and file_name in remote.assets:
                return AlreadyThere(trouble(api_codes.ASSET_EXISTS))
            if fate == "never":
                return Ambiguous(trouble(api_codes.UNCLEAR_UPLOAD))
            if remote.assets.get(file_name, content) != content:
                raise BrokenPromise(f"other bytes were sent to {finetune_id}")
            remote.assets[file_name] = content
            return Ambiguous(trouble(api_codes.UNCLEAR_UPLOAD)) if fate == "lost" else Uploaded()


class Disk:
    """Where a state is kept, and its lock; survives every process."""

    def __init__(self) -> None:
        self.raw: bytes | None = None
        self.backup: bytes | None = None
        self.holder: Process | None = None
        self._decoded: tuple[bytes, State] | None = None

    @property
    def state(self) -> State | None:
        """Decode what is kept, once for each content: most of a history would go into it."""
        raw = self.raw
        if raw is None:
            return None
        if self._decoded is None or self._decoded[0] is not raw:
            self._decoded = (raw, decode_state(raw, "the state"))
        return self._decoded[1]


class FakeStore:
    """The state as one run reaches it; keeps the promises of StateStore, unless told not to."""

    location = "the state"

    def __init__(
        self,
        disk: Disk,
        process: Process,
        on_saved: Callable[[State, State], None],
        *,
        locks: bool,
    ) -> None:
        self._disk = disk
        self._process = process
        self._on_saved = on_saved
        self._locks = locks

    def load(self) -> Snapshot | None:
        with self._process.moments():
            state = self._disk.state
            return None if state is None else Snapshot(state, str(hash(self._disk.raw)))

    def save(self, state: State, expected: str) -> str:
        with self._process.moments():
            self._process.saves += 1
            faults = dict(self._process.step.failing_saves)
            fault = faults.get(self._process.saves)
            if fault is False:
                raise failure(codes.STATE_NOT_SAVED, "the disk is full")
            raw = self._disk.raw
            if ("" if raw is None else str(hash(raw))) != expected:
                raise failure(codes.STATE_MOVED_ON, "somebody else saved")
            before = self._disk.state
            self._disk.raw = encode_state(state)
            if before is not None:
                self._on_saved(before, state)
            if fault is True:
                raise failure(codes.STATE_NOT_SAVED, "the folder could not be synced")
            return str(hash(self._disk.raw))

    @contextmanager
    def lock(self, info: LockInfo, timeout: float) -> Iterator[FakeStore]:
        holder = self._disk.holder
        if self._locks and holder is not None and not holder.is_dead:
            raise failure(codes.STATE_LOCKED, "somebody else holds the lock")
        self._disk.holder = self._process
        try:
            yield self
        finally:
            if self._disk.holder is self._process:
                self._disk.holder = holder

    def check(self) -> None:
        self._process.pass_moment()

    def holder(self) -> LockInfo | None:
        return None

    def break_lock(self, lock_id: str) -> None:
        raise NotImplementedError
