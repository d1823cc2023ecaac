"""Random histories: whatever happened before, a plan that can be applied is done afterwards,
and never makes a second finetune of a name.

The model keeps an account and a state, carries plans out by what their changes say, and lets
people and crashes meddle. It knows what really is in the account, also what is not listed yet.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from reconciler.model import (
    ASSET_NAMES,
    Action,
    Address,
    Attributes,
    Change,
    Desired,
    Finetune,
    Limits,
    Listing,
    RemoteFinetune,
)
from reconciler.plan import Plan, Scope, build_plan, decode_plan, encode_plan
from reconciler.refresh import attributes_of, refresh
from reconciler.state import (
    AssetRecord,
    AssetStatus,
    FinetuneRecord,
    Generation,
    Intent,
    State,
    decode_state,
    encode_state,
)
from tests.plan.samples import finetune
from tests.state.samples import ACCOUNT, LINEAGE, MISTRAL, id_of

HISTORIES = int(os.environ.get("RECONCILER_HISTORIES", "1500"))
STEPS = 30
NAMES = ("a", "b", "c")
BASE_NAMES = ("", "", "", "x", "y", "b")
TEXTS = ("", "", "one", "two")


@dataclass
class World:
    """What there is. hidden: ids that the list does not show yet."""

    state: State
    account: dict[str, RemoteFinetune] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    ids: int = 0

    @property
    def listing(self) -> Listing:
        return Listing(tuple(r for id_, r in self.account.items() if id_ not in self.hidden))

    @property
    def hidden_names(self) -> set[str]:
        """Names that nobody else takes meanwhile: whose result it is could not be told."""
        return {self.account[id_].name for id_ in self.hidden}

    def add(self, attributes: Attributes, *, hidden: bool) -> str:
        self.ids += 1
        id_ = id_of(self.ids)
        self.account[id_] = RemoteFinetune(
            id_, attributes.name, attributes.model, attributes.description
        )
        if hidden:
            self.hidden.add(id_)
        return id_

    def add_once(self, attributes: Attributes, *, hidden: bool) -> str:
        """Add what a plan creates. No plan may ever make a second one of a name."""
        assert attributes.name not in {remote.name for remote in self.account.values()}
        return self.add(attributes, hidden=hidden)

    def plan(self, wanted: Desired, scope: Scope) -> Plan:
        return build_plan(wanted, refresh(self.state, self.listing), Limits(), scope)

    def carry_out(self, plan: Plan, *, lag: bool) -> None:
        """Do what the changes say, as the state has it after refresh."""
        prior = refresh(self.state, self.listing)
        finetunes = dict(prior.state.finetunes)
        for change in plan.effective:
            if change.previous_address:
                finetunes[change.address] = finetunes.pop(change.previous_address)
        for change in plan.effective:
            before = finetunes.pop(change.address, None)
            if change.action is not Action.FORGET:
                gone = (change.previous_address or change.address) in prior.gone
                finetunes[change.address] = self._recorded(change, before, lag, gone)
        self.state = prior.state.following(finetunes, prior.state.pending)

    def _recorded(
        self, change: Change, before: FinetuneRecord | None, lag: bool, gone: bool
    ) -> FinetuneRecord:
        assert change.after is not None
        older = before.generations if before else ()
        known = next((g for g in older if g.id == change.id), None)
        if change.action is Action.CREATE:
            id_ = self.add_once(change.after, hidden=lag)
            known = Generation(id_, change.after, seen=not lag)
        elif known is None:
            unverified = AssetRecord("", 0, AssetStatus.UNVERIFIED)
            assets = dict.fromkeys(ASSET_NAMES, unverified)
            known = Generation(change.id, replace(change.after, public=None), assets, seen=True)
        sent = {
            asset.file_name: AssetRecord(asset.sha256, asset.size, AssetStatus.UPLOADED)
            for asset in change.assets
            if asset.file_name in change.uploads
        }
        known = replace(known, assets={**known.assets, **sent})
        kept = older[1:] if gone else older
        if before and before.current.id != known.id and not gone:
            assert change.supersedes == before.current.id
        return FinetuneRecord(known, tuple(g for g in kept if g.id != known.id))


class History:
    """What people, the account and runs do, each by chance."""

    def __init__(self) -> None:
        self.world = World(State(LINEAGE, ACCOUNT))
        self.declared: dict[Address, Finetune] = {}
        self.moved: dict[Address, Address] = {}
        self.applied: Counter[Action] = Counter()

    @property
    def wanted(self) -> Desired:
        return Desired(dict(self.declared), dict(self.moved))

    # People change manifests

    def declare(self, chance: Random) -> None:
        wanted = finetune(
            chance.choice(NAMES),
            base_name=chance.choice(BASE_NAMES),
            description=chance.choice(TEXTS),
            files=chance.choice(TEXTS),
            versioned=chance.random() < 0.4,
            public=chance.random() < 0.1,
        )
        self.declared[wanted.address] = wanted
        self.moved = {n: o for n, o in self.moved.items() if o != wanted.address}

    def edit(self, chance: Random) -> None:
        if self.declared:
            address = chance.choice(sorted(self.declared))
            before = self.declared[address]
            self.declared[address] = replace(
                before,
                description=chance.choice((before.description, *TEXTS)),
                versioned=before.versioned or chance.random() < 0.3,
            )

    def undeclare(self, chance: Random) -> None:
        address = Address(chance.choice(NAMES))
        self.declared.pop(address, None)
        self.moved.pop(address, None)

    def rename(self, chance: Random) -> None:
        """Change an address, with a `moved` entry or without, with its name or without."""
        old, new = Address(chance.choice(NAMES)), Address(chance.choice(NAMES))
        if old not in self.declared or new in self.declared:
            return
        there = self.declared.pop(old)
        name = chance.choice((there.base_name, new.name))
        self.declared[new] = replace(there, address=new, base_name=name)
        self.moved = {n: o for n, o in self.moved.items() if n != old and o != new}
        if chance.random() < 0.6:
            self.moved[new] = old

    # The account has a life of its own

    def somebody_creates(self, chance: Random) -> None:
        attributes = Attributes(chance.choice(("a", "b", "x")), MISTRAL, chance.choice(TEXTS))
        if attributes.name not in self.world.hidden_names:
            self.world.add(attributes, hidden=False)

    def somebody_deletes(self, chance: Random) -> None:
        """And perhaps creates the same again."""
        if self.world.account:
            id_ = chance.choice(sorted(self.world.account))
            deleted = self.world.account.pop(id_)
            self.world.hidden.discard(id_)
            if chance.random() < 0.5:
                self.world.add(attributes_of(deleted), hidden=False)

    def somebody_edits(self, chance: Random) -> None:
        if self.world.listing.finetunes:
            before = chance.choice(self.world.listing.finetunes)
            name, description = chance.choice(BASE_NAMES) or before.name, chance.choice(TEXTS)
            if name in self.world.hidden_names:
                return
            self.world.account[before.id] = replace(before, name=name, description=description)

    def the_list_catches_up(self, chance: Random) -> None:
        self.world.hidden.clear()

    # Runs

    def apply(self, chance: Random) -> None:
        only = chance.choice((None, None, None, *NAMES))
        scope = Scope((Address(only),)) if only else Scope()
        plan = self.world.plan(self.wanted, scope)
        if not plan.can_apply:
            assert plan.exit_code in (1, 3)
            assert plan.problems
            return
        self._check_that_names_are_unique(plan)
        before = {g.id for g in self.world.state.generations()} & set(self.world.account)
        self.world.carry_out(plan, lag=chance.random() < 0.3)
        self.applied += plan.counts
        self._check_that_it_is_done(plan, before)

    def _check_that_names_are_unique(self, plan: Plan) -> None:
        """Of what the list shows or the state knows; what neither does nobody can tell."""
        recorded = {generation.id for generation in self.world.state.generations()}
        hidden = self.world.hidden - recorded
        known = [r for id_, r in self.world.account.items() if id_ not in hidden]
        names = Counter(remote.name for remote in known)
        for change in plan.changes:
            if change.address in self.declared and change.after:
                assert names[change.after.name] <= 1, "a duplicate is not told"

    def _check_that_it_is_done(self, plan: Plan, before: set[str]) -> None:
        after = {generation.id for generation in self.world.state.generations()}
        assert plan.counts[Action.FORGET] or before <= after, "the state lost what exists"
        again = self.world.plan(self.wanted, plan.scope)
        assert again.can_apply
        assert [str(change.address) for change in again.effective] == []
        assert again.superseded == plan.superseded

    def crash_in_a_create(self, chance: Random) -> None:
        """Leave an intent behind, as a run does that is killed before the answer is saved."""
        plan = self.world.plan(self.wanted, Scope())
        creates = [c for c in plan.changes if c.action is Action.CREATE and not c.previous_address]
        if not plan.can_apply or not creates:
            return
        change = chance.choice(creates)
        assert change.after is not None
        known = tuple(r.id for r in self.world.listing.named(change.after.name))
        intent = Intent("attempt", change.after, change.assets, "", known)
        state = refresh(self.world.state, self.world.listing).state
        self.world.state = replace(state, pending={**state.pending, change.address: intent})
        if chance.random() < 0.6:
            self.world.add_once(change.after, hidden=chance.random() < 0.6)

    def a_person_resolves(self, chance: Random) -> None:
        """Say of every intent that nothing came of it, where that is so."""
        self.world.hidden.clear()
        state = refresh(self.world.state, self.world.listing).state
        there = {remote.name for remote in self.world.account.values()}
        pending = {a: i for a, i in state.pending.items() if i.attributes.name in there}
        self.world.state = replace(state, pending=pending)

    def write_and_read(self, chance: Random) -> None:
        """Both formats give back what was written, and an offline plan is one too."""
        listing = chance.choice((None, self.world.listing))
        plan = build_plan(self.wanted, refresh(self.world.state, listing), Limits())
        assert decode_plan(encode_plan(plan).encode(), "plan") == plan
        assert decode_state(encode_state(self.world.state), "state") == self.world.state


STEP_WEIGHTS = {
    "declare": 4,
    "edit": 3,
    "undeclare": 1,
    "rename": 3,
    "somebody_creates": 1,
    "somebody_deletes": 2,
    "somebody_edits": 1,
    "the_list_catches_up": 1,
    "apply": 8,
    "crash_in_a_create": 2,
    "a_person_resolves": 1,
    "write_and_read": 1,
}
Step = tuple[str, int]


def steps_of(number: int) -> list[Step]:
    chance = Random(number)
    kinds = chance.choices(list(STEP_WEIGHTS), list(STEP_WEIGHTS.values()), k=STEPS)
    return [(kind, chance.getrandbits(32)) for kind in kinds]


def replay(steps: list[Step]) -> History:
    history = History()
    for kind, seed in steps:
        getattr(history, kind)(Random(seed))
    return history


def fails(steps: list[Step]) -> bool:
    try:
        replay(steps)
    except Exception:  # noqa: BLE001 - whatever it is, it is the failure that is looked for
        return True
    return False


def shortened(steps: list[Step]) -> list[Step]:
    """Leave out what a failure does not need."""
    for position in reversed(range(len(steps))):
        shorter = steps[:position] + steps[position + 1 :]
        if fails(shorter):
            steps = shorter
    return steps


@pytest.mark.parametrize("part", range(4))
def test_whatever_happened_before_a_plan_is_done_afterwards_and_creates_nothing_twice(
    part: int,
) -> None:
    applied: Counter[Action] = Counter()
    for number in range(part, HISTORIES, 4):
        steps = steps_of(number)
        if fails(steps):
            steps = shortened(steps)
            print(f"history {number}, shortened:", *steps, sep="\n  ")
            replay(steps)
        applied += replay(steps).applied
    rare = {Action.IMPORT, Action.UPLOAD, Action.MOVE, Action.FORGET, Action.CREATE, Action.NO_OP}
    assert {action for action in rare if not applied[action]} == set(), "too tame a history"
