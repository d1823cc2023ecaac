from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model import (
    Action,
    Address,
    Asset,
    Attributes,
    Change,
    Desired,
    Limits,
    Listing,
    Verification,
)
from reconciler.plan import Plan, Quota, Scope, build_plan, encode_plan
from reconciler.plan.comparison import differences_between
from reconciler.refresh import refresh
from tests.plan.samples import adapter, desired, finetune, generation, plan, recorded, remote
from tests.plan.worlds import WORLDS, applicable, plans
from tests.state.samples import CONFIG, id_of


def changed(made: Plan, **fields: Any) -> Plan:
    """Change the first change that does something."""
    target = made.effective[0]
    changes = tuple(replace(c, **fields) if c is target else c for c in made.changes)
    return replace(made, changes=changes)


def test_a_digest_is_of_sha256() -> None:
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", applicable().digest)


def test_equal_plans_have_equal_digests_and_equal_bytes() -> None:
    assert applicable().digest == applicable().digest
    assert encode_plan(applicable()) == encode_plan(applicable())


@given(st.randoms())
def test_the_order_of_manifests_state_and_account_changes_not_one_byte(
    chance: random.Random,
) -> None:
    finetunes = [finetune(name, files="one") for name in "abcdef"]
    records = {name: generation(i, name, description="x" * i) for i, name in enumerate("cdefg")}
    account = [remote(i, name) for i, name in enumerate("cdefg")]

    def made(shuffled: bool) -> Plan:
        wanted, known, listed = list(finetunes), list(records.items()), list(account)
        if shuffled:
            for items in (wanted, known, listed):
                chance.shuffle(items)
        prior = refresh(recorded(dict(known)), Listing(tuple(listed)))
        return build_plan(Desired({f.address: f for f in wanted}), prior, Limits())

    assert encode_plan(made(shuffled=True)) == encode_plan(made(shuffled=False))


@pytest.mark.parametrize(
    "same",
    [
        lambda p: replace(p, serial=p.serial + 1),
        lambda p: replace(p, lineage="another"),
        lambda p: replace(p, problems=()),
        lambda p: replace(p, drift=()),
        lambda p: replace(p, quota=Quota(1, 2, 3)),
        lambda p: replace(p, limits=Limits(1, 2, 3, 4)),
        lambda p: replace(p, scope=Scope((Address("x"),))),
        lambda p: replace(p, changes=p.effective),
        lambda p: changed(p, reason="another"),
        lambda p: changed(p, notes=("another",)),
        lambda p: changed(p, facts=None),
        lambda p: changed(p, verification=Verification("2026-08-01T12:00:00+00:00")),
    ],
)
def test_what_changes_nothing_of_what_is_done_does_not_change_the_digest(same: Any) -> None:
    assert same(applicable()) != applicable()
    assert same(applicable()).digest == applicable().digest


@pytest.mark.parametrize(
    "other",
    [
        lambda p: replace(p, account_id="f" * 32),
        lambda p: replace(p, changes=p.changes[1:]),
        lambda p: changed(p, address=Address("another")),
        lambda p: changed(p, action=Action.CREATE),
        lambda p: changed(p, id="another"),
        lambda p: changed(p, supersedes="another"),
        lambda p: changed(p, before=None),
        lambda p: changed(p, after=None),
        lambda p: changed(p, previous_address=Address("another")),
        lambda p: changed(p, assets=adapter("another").assets),
        lambda p: changed(p, uploads=(CONFIG,)),
        lambda p: changed(p, after=replace(p.effective[0].after, name="another")),
        lambda p: changed(p, after=replace(p.effective[0].after, model="another")),
        lambda p: changed(p, after=replace(p.effective[0].after, description="another")),
        lambda p: changed(p, after=replace(p.effective[0].after, public=True)),
    ],
)
def test_every_part_of_what_is_done_changes_the_digest(other: Any) -> None:
    assert other(applicable()).digest != applicable().digest


def test_row_52_a_foreign_finetune_of_the_name_changes_the_digest_and_is_reported() -> None:
    wanted = desired(finetune("bot"))
    reviewed, current = plan(wanted), plan(wanted, account=[remote(1, "bot")])
    assert reviewed.digest != current.digest
    assert list(differences_between(reviewed, current)) == [
        "finetune.bot would now be adopted instead of be created"
    ]


# What moved, in words


def one(action: Action = Action.CREATE, **fields: Any) -> Plan:
    made = plan(desired())
    return replace(made, changes=(Change(Address("bot"), action, "", **fields),))


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.NO_OP])
def test_every_action_has_words_for_what_would_happen(action: Action) -> None:
    now = list(differences_between(plan(desired()), one(action)))
    before = list(differences_between(one(action), plan(desired())))
    assert re.fullmatch(r"finetune\.bot would now [a-z ]+, which was not reviewed", now[0])
    assert re.fullmatch(r"finetune\.bot would no longer [a-z ]+", before[0])


@pytest.mark.parametrize(
    ("fields", "phrase"),
    [
        ({"assets": adapter().assets}, "has other adapter files"),
        ({"uploads": (CONFIG,)}, "would get other files"),
        ({"previous_address": Address("old")}, "would be moved from another address"),
        ({"id": id_of(1)}, "is about another finetune of the account"),
        ({"supersedes": id_of(1)}, "is about another finetune of the account"),
        ({"after": Attributes("a", "b")}, "would have other attributes"),
        ({"before": Attributes("a", "b")}, "was found with other attributes"),
    ],
)
def test_what_differs_of_a_change_is_told(fields: dict[str, Any], phrase: str) -> None:
    assert list(differences_between(one(), one(**fields))) == [f"finetune.bot {phrase}"]


def test_every_difference_of_a_change_is_told_with_what_it_is_now() -> None:
    old = one(after=Attributes("a", "b", "Old."), assets=(Asset(CONFIG, "a" * 64, 5),))
    new = one(after=Attributes("a", "b", "New.", True), assets=(Asset(CONFIG, "b" * 64, 5),))
    assert list(differences_between(old, new)) == [
        f"finetune.bot has another {CONFIG} (sha256 {'b' * 12} instead of {'a' * 12})",
        (
            'finetune.bot would have another description ("New." instead of "Old."), '
            "another public (true instead of false)"
        ),
    ]


@given(plans, plans)
def test_plans_of_other_digests_have_a_difference_to_tell(first: Plan, second: Plan) -> None:
    for made in (first, second):
        by_address = {change.address for change in made.changes}
        if len(by_address) != len(made.changes):
            return
    told = list(differences_between(first, second))
    assert bool(told) == (_essential(first) != _essential(second))


def _essential(made: Plan) -> Any:
    plain = [replace(c, reason="", notes=(), facts=None, differences=()) for c in made.effective]
    return made.account_id, sorted(plain, key=lambda change: change.address)


@pytest.mark.parametrize("name", WORLDS)
def test_a_plan_does_not_differ_from_itself(name: str) -> None:
    assert list(differences_between(WORLDS[name](), WORLDS[name]())) == []


def test_another_account_is_told() -> None:
    other = replace(plan(desired()), account_id="other")
    assert list(differences_between(other, plan(desired()))) == ["it was made for account other"]
