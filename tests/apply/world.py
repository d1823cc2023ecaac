"""An account and a state in memory that fail where they are told to, and an apply between them."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import count

from reconciler.apply import ApplyOptions, Ledger, Outcome, Run
from reconciler.apply.events import Event
from reconciler.cloudflare.outcomes import (
    Ambiguous,
    AssetBody,
    Created,
    CreateOutcome,
    Refused,
    Uploaded,
    UploadOutcome,
)
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import adapters as adapter_codes
from reconciler.diagnostics.codes import cloudflare as api_codes
from reconciler.diagnostics.codes import state as state_codes
from reconciler.model import (
    Action,
    Address,
    Asset,
    Attributes,
    Desired,
    Finetune,
    Limits,
    Listing,
    RemoteFinetune,
)
from reconciler.plan import Plan, build_plan
from reconciler.refresh import refresh
from reconciler.state import (
    LockInfo,
    Snapshot,
    State,
    StateLock,
    decode_state,
    encode_state,
    new_state,
)
from tests.plan.samples import desired, finetune

ACCOUNT = "0" * 32
Reaction = Callable[["Account", Attributes], CreateOutcome]


class Account:
    """Executes at once and answers truly, but for the reactions that a name was given.

    upload_reactions: of the next uploads, None for the truth.
    """

    def __init__(self) -> None:
        self.finetunes: list[RemoteFinetune] = []
        self.files: dict[str, dict[str, bytes]] = defaultdict(dict)
        self.hidden: set[str] = set()
        self.reactions: dict[str, deque[Reaction]] = defaultdict(deque)
        self.upload_reactions: deque[UploadOutcome | None] = deque()
        self.list_errors: deque[Exception] = deque()
        self.before_create: Callable[[str], None] = lambda name: None
        self.before_upload: Callable[[], None] = lambda: None
        self.sent: list[str] = []
        self.uploads: list[tuple[str, str]] = []
        self.lists = 0
        self._ids = count(1)
        self._lock = threading.Lock()

    def list_finetunes(self) -> Listing:
        self.lists += 1
        if self.list_errors:
            raise self.list_errors.popleft()
        return Listing(tuple(f for f in self.finetunes if f.id not in self.hidden))

    def create(self, attributes: Attributes) -> CreateOutcome:
        self.before_create(attributes.name)
        with self._lock:
            self.sent.append(attributes.name)
            queue = self.reactions[attributes.name]
            reaction = queue.popleft() if queue else answer
            return reaction(self, attributes)

    def add(self, name: str, model: str, description: str = "") -> RemoteFinetune:
        """Add a finetune, behind the API's back or by it."""
        id_ = f"00000000-0000-4000-8000-{next(self._ids):012d}"
        self.finetunes.append(RemoteFinetune(id_, name, model, description))
        return self.finetunes[-1]

    def remove(self, name: str) -> None:
        self.finetunes = [f for f in self.finetunes if f.name != name]

    def upload(
        self, finetune_id: str, file_name: str, body: AssetBody, on_progress: Callable[[int], None]
    ) -> UploadOutcome:
        self.before_upload()
        content = body.read(body.size)
        on_progress(len(content))
        with self._lock:
            self.uploads.append((finetune_id, file_name))
            reaction = self.upload_reactions.popleft() if self.upload_reactions else None
            if reaction is not None:
                return reaction
            self.files[finetune_id][file_name] = content
        return Uploaded()

    @property
    def names(self) -> list[str]:
        return sorted(f.name for f in self.finetunes)

    def id_of(self, name: str) -> str:
        (found,) = [f.id for f in self.finetunes if f.name == name]
        return found


def answer(account: Account, attributes: Attributes) -> CreateOutcome:
    """Create it and say so."""
    return Created(account.add(attributes.name, attributes.model, attributes.description))


def lose(account: Account, attributes: Attributes) -> CreateOutcome:
    """Create it; the answer is lost."""
    answer(account, attributes)
    return ignore(account, attributes)


def ignore(account: Account, attributes: Attributes) -> CreateOutcome:
    """Do nothing; the answer is lost."""
    return Ambiguous(api_codes.UNCLEAR_CREATE.error(f"{attributes.name} got no answer."))


def refuse(account: Account, attributes: Attributes) -> CreateOutcome:
    """Say no to this one."""
    diagnostic = api_codes.REQUEST_REFUSED.error(f"{attributes.name} is refused.")
    return Refused(diagnostic, fatal=False, sent=True)


def refuse_all(account: Account, attributes: Attributes) -> CreateOutcome:
    """Say no to the token."""
    return Refused(api_codes.ACCESS_DENIED.error("The token is refused."), fatal=True, sent=True)


def crash(account: Account, attributes: Attributes) -> CreateOutcome:
    """Create it; the client breaks."""
    answer(account, attributes)
    raise ZeroDivisionError("planted")


class Fault(Enum):
    """How a save fails: with nothing written, or with the new state in place."""

    NOT_WRITTEN = auto()
    WRITTEN = auto()


class Store:
    """Keeps the bytes; fails at the saves that `faults` names.

    pending: the names of the intents in the bytes. breaks_down: whether nothing can be read
    after a save that failed.
    """

    location = "memory"

    def __init__(self) -> None:
        self.raw: bytes | None = None
        self.pending: frozenset[str] = frozenset()
        self.saves = 0
        self.faults: dict[int, Fault] = {}
        self.lock_is_lost = False
        self.breaks_down = False
        self.is_unreadable = False

    def load(self) -> Snapshot | None:
        if self.is_unreadable:
            raise DiagnosticError(state_codes.STATE_DAMAGED.error("Too many open files."))
        if self.raw is None:
            return None
        return Snapshot(decode_state(self.raw, self.location), str(hash(self.raw)))

    def save(self, state: State, expected: str) -> str:
        self.saves += 1
        fault = self.faults.get(self.saves)
        if (str(hash(self.raw)) if self.raw is not None else "") != expected:
            raise DiagnosticError(state_codes.STATE_MOVED_ON.error("Not what was loaded."))
        if fault is not Fault.NOT_WRITTEN:
            self.raw = encode_state(state)
            self.pending = frozenset(i.attributes.name for i in state.pending.values())
        if fault:
            self.is_unreadable = self.breaks_down
            raise DiagnosticError(state_codes.STATE_NOT_SAVED.error("No space left on device."))
        return str(hash(self.raw))

    def lock(self, info: LockInfo, timeout: float) -> AbstractContextManager[StateLock]:
        return nullcontext(self)

    def holder(self) -> LockInfo | None:
        return None

    def break_lock(self, lock_id: str) -> None:
        raise NotImplementedError

    def check(self) -> None:
        if self.lock_is_lost:
            raise DiagnosticError(state_codes.LOCK_LOST.error("The lock is gone."))

    @property
    def state(self) -> State:
        snapshot = self.load()
        assert snapshot is not None
        return snapshot.state


@dataclass
class Body:
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, size: int, /) -> bytes:
        return self.content


@dataclass
class Applied:
    """How a run went. error: what it raised."""

    outcome: Outcome
    events: list[Event]
    error: Exception | None
    plan: Plan

    @property
    def code(self) -> int:
        """The exit code, as the command line works it out."""
        if isinstance(self.error, DiagnosticError):
            return max(self.error.exit_code, 3 if self.outcome.in_doubt else 0)
        return self.outcome.exit_code

    @property
    def codes(self) -> list[str]:
        """What went wrong, of every kind."""
        found = [*self.outcome.failed.values(), *self.outcome.in_doubt.values()]
        found += self.outcome.remarks
        if isinstance(self.error, DiagnosticError):
            found += self.error.diagnostics
        return sorted(diagnostic.code for diagnostic in found)

    def created(self) -> list[str]:
        done = self.outcome.done.items()
        return [address.name for address, action in done if action is Action.CREATE]

    def not_attempted(self) -> list[str]:
        return [change.address.name for change in self.outcome.not_attempted]


@dataclass
class World:
    """An account, a state, and what is desired. unmanaged: names that no state has to know."""

    desired: Desired = field(default_factory=Desired)
    account: Account = field(default_factory=Account)
    store: Store = field(default_factory=Store)
    stop: threading.Event = field(default_factory=threading.Event)
    missing_files: set[Address] = field(default_factory=set)
    unmanaged: set[str] = field(default_factory=set)
    rescued: list[State] = field(default_factory=list)
    on_event: Callable[[Event], None] = lambda event: None

    def want(self, *finetunes: Finetune | str) -> None:
        """Desire just these."""
        self.desired = desired(*(finetune(f) if isinstance(f, str) else f for f in finetunes))

    def plan(self) -> Plan:
        return self._plan()[0]

    def apply(self, parallelism: int = 4, settle: float = 0.0) -> Applied:
        """Apply what is desired; where it says that all is done, that has to be so."""
        self.stop.clear()
        plan, ledger, listing = self._plan()
        options = ApplyOptions(parallelism, settle)
        run = Run(plan, listing, ledger, self.account, self._open, options, self.stop)
        events: list[Event] = []
        error: Exception | None = None
        try:
            with closing(run.events()) as told:
                for event in told:
                    events.append(event)
                    self.on_event(event)
        except (DiagnosticError, ZeroDivisionError) as raised:
            error = raised
        applied = Applied(run.outcome, events, error, plan)
        if error is None and run.outcome.exit_code == 0:
            self.is_converged()
        return applied

    def is_converged(self) -> None:
        """Assert that nothing is left to do, and that the state is the account."""
        plan = self.plan()
        assert plan.can_apply
        assert not plan.has_changes, plan.effective
        state = self.store.state
        for address, wanted in self.desired.finetunes.items():
            assert state.finetunes[address].current.attributes.name == wanted.remote_name

    def is_remembered(self) -> None:
        """Assert that what exists is recorded, or an intent, and that nothing is there twice."""
        assert len(set(self.account.names)) == len(self.account.names)
        state = self.store.state if self.store.raw is not None else new_state(ACCOUNT)
        recorded = {generation.id for generation in state.generations()}
        intended = {intent.attributes.name for intent in state.pending.values()}
        for there in self.account.finetunes:
            assert there.id in recorded or there.name in intended | self.unmanaged, there

    def _plan(self) -> tuple[Plan, Ledger, Listing]:
        snapshot = self.store.load() or Snapshot(new_state(ACCOUNT), "")
        listing = self.account.list_finetunes()
        prior = refresh(snapshot.state, listing)
        plan = build_plan(self.desired, prior, Limits(max_finetunes=1_000_000))
        ledger = Ledger(prior, snapshot.version, self.store, self.store, self._rescue)
        return plan, ledger, listing

    def _rescue(self, state: State) -> str:
        self.rescued.append(state)
        return "rescue.json"

    @contextmanager
    def _open(self, address: Address, asset: Asset) -> Iterator[AssetBody]:
        if address in self.missing_files:
            raise DiagnosticError(adapter_codes.MISSING_FILE.error(f"{asset.file_name} is gone."))
        yield Body(f"{asset.sha256}".encode())


def actions(plan: Plan) -> dict[str, Action]:
    return {change.address.name: change.action for change in plan.effective}
