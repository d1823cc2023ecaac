"""Races of two processes over one state, and what must be true after each of them."""

from __future__ import annotations

import os
import random
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes.state import STORE_UNREACHABLE
from reconciler.state import new_state
from reconciler.stores import open_store
from tests.explore.racer import Pair, Ran
from tests.explore.world import TOKEN
from tests.faults.server import ACCOUNT_ID, Account, Exchange, FaultServer, answer_truly
from tests.internal import failed_internally
from tests.stores.abilities import CANNOT, Ability

NAMES = ("alpha", "beta")
MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
_CREATED = f"{len(NAMES)} created"
_FREED = 0.4
"""How often a lock is freed by force right before a create, where it is."""
_LONGEST_RECOVERY = 6


@dataclass(frozen=True, slots=True)
class Course:
    """Where a store's races are run. prefix: of the addresses, "" for files."""

    kind: str
    prefix: str
    environment: dict[str, str]

    @property
    def compares(self) -> bool:
        """Whether a save without a lock is compared."""
        return self.kind not in CANNOT[Ability.SWAP_WITHOUT_LOCK]

    @property
    def frees(self) -> bool:
        """Whether a lock can be freed while its holder runs."""
        return self.kind not in CANNOT[Ability.FREE_FROM_THE_LIVING]


@dataclass(slots=True)
class Tally:
    """Races that were run, and what was seen in them. won: which process did the creates.

    unanswered: races in which the server answered nobody in time, as Azurite does while it
    collects its garbage, every ten minutes.
    """

    applies: int = 0
    unanswered: int = 0
    freed: int = 0
    locks_freed: int = 0
    won: tuple[int, int] = (0, 0)
    saves: int = 0
    refused: int = 0
    violations: tuple[str, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.applies + other.applies,
            self.unanswered + other.unanswered,
            self.freed + other.freed,
            self.locks_freed + other.locks_freed,
            (self.won[0] + other.won[0], self.won[1] + other.won[1]),
            self.saves + other.saves,
            self.refused + other.refused,
            self.violations + other.violations,
        )


class ViolationError(Exception):
    """A promise was broken; the text says which, and how."""


class Track:
    """Two processes, an account and a project, for one race after another."""

    def __init__(self, folder: Path, pair: Pair, server: FaultServer) -> None:
        self._folder = folder
        self._pair = pair
        self._server = server
        lines = [f'  {name}: {{model: "{MODEL}", description: Races.}}' for name in NAMES]
        (folder / "finetunes.yaml").write_text("\n".join(["version: 1", "finetunes:", *lines, ""]))

    def apply(self, course: Course) -> Tally:
        """Both apply the same manifest, under the lock; each finetune is created once."""
        address = self._begin(course)
        ran = self._race(course, address)
        self._check_always(ran)
        if self._is_unanswered(ran):
            return Tally(unanswered=1)
        if [run.status for run in ran] != [0, 0]:
            raise ViolationError(_ended(ran))
        self._check_end(course, address)
        did = [_CREATED in run.text for run in ran]
        if sum(did) != 1:
            raise ViolationError(f"{sum(did)} say that they created them")
        return Tally(applies=1, won=(int(did[0]), int(did[1])))

    def free(self, course: Course, chance: random.Random) -> Tally:
        """As `apply`, with the lock freed by force in the middle of the run that holds it."""
        address, freed = self._begin(course), 0

        def maybe_free(exchange: Exchange) -> bool:
            nonlocal freed
            if exchange.request.operation == "create" and chance.random() < _FREED:
                freed += _free(address)
            return answer_truly(exchange)

        self._server.default = maybe_free
        ran = self._race(course, address)
        self._server.default = answer_truly
        self._check_always(ran)
        if not {run.status for run in ran} <= {0, 1, 3}:
            raise ViolationError(_ended(ran))
        for _ in range(_LONGEST_RECOVERY):
            if all(run.status == 0 for run in ran):
                break
            ran = self._race(course, address)
            self._check_always(ran)
        self._check_end(course, address)
        return Tally(freed=1, locks_freed=freed)

    def count(self, course: Course, times: int) -> Tally:
        """Both add to one serial at once; every acknowledged save is in it."""
        address = self._begin(course)
        open_store(address, Path()).save(new_state(ACCOUNT_ID), "")
        counted = self._pair.count(address, times, not course.compares, course.environment)
        snapshot = open_store(address, Path()).load()
        saved = sum(each.saved for each in counted)
        if snapshot is None or snapshot.state.serial != saved:
            found = snapshot and snapshot.state.serial
            raise ViolationError(f"{saved} saves were acknowledged, and {found} are there")
        return Tally(saves=saved, refused=sum(each.refused for each in counted))

    def _begin(self, course: Course) -> str:
        self._server.account = Account()
        self._server.requests.clear()
        os.environ.update(course.environment)
        if course.prefix:
            return f"{course.prefix}race/{uuid.uuid4()}"
        return str(self._folder / f"{uuid.uuid4()}.json")

    def _race(self, course: Course, address: str) -> list[Ran]:
        arguments = ["-C", str(self._folder), "apply", "--auto-approve", "--state", address]
        arguments += ["--parallelism", "1", "--lock-timeout", "60", "--settle-timeout", "0"]
        return self._pair.run(arguments, {**course.environment, **self._environment})

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "CLOUDFLARE_API_TOKEN": TOKEN,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT_ID,
            "CLOUDFLARE_API_BASE_URL": self._server.base_url,
        }

    def _check_always(self, ran: list[Ran]) -> None:
        texts = "\n".join(run.text for run in ran)
        twice = {name for name, times in self._created().items() if times > 1}
        if twice:
            raise ViolationError(f"created twice: {twice}\n{texts}")
        if failed_internally(texts):
            raise ViolationError(f"it failed internally\n{texts}")
        if TOKEN in texts or "hunter2" in texts:
            raise ViolationError("a credential was printed")

    def _is_unanswered(self, ran: list[Ran]) -> bool:
        """Tell whether nobody got an answer, and so nobody did anything."""
        went_without = all(run.status == 1 and STORE_UNREACHABLE.id in run.text for run in ran)
        return went_without and not self._server.count("create")

    def _check_end(self, course: Course, address: str) -> None:
        created = self._created()
        if created != Counter(NAMES) or self._server.count("create") != len(NAMES):
            raise ViolationError(f"{created}, by {self._server.count('create')} creates")
        snapshot = open_store(address, Path()).load()
        if snapshot is None or snapshot.state.pending:
            raise ViolationError("there is no state, or intents are pending")
        recorded = {record.current.id for record in snapshot.state.finetunes.values()}
        if recorded != {finetune["id"] for finetune in self._server.account.finetunes}:
            raise ViolationError(f"an update was lost: only {recorded} are recorded")

    def _created(self) -> Counter[str]:
        return Counter(finetune["name"] for finetune in self._server.account.finetunes)


def _ended(ran: list[Ran]) -> str:
    texts = "\n".join(run.text for run in ran)
    return f"they ended with {[run.status for run in ran]}\n{texts}"


def _free(address: str) -> int:
    """Do what a careless person does: free the lock of whoever holds it."""
    store = open_store(address, Path())
    with suppress(DiagnosticError):
        holder = store.holder()
        if holder is not None:
            store.break_lock(holder.id)
            return 1
    return 0
