"""Uploads: only to what is recorded, acknowledged one by one, the same bytes or none."""

from __future__ import annotations

import pytest

from reconciler.cloudflare.outcomes import AlreadyThere, Ambiguous, Refused
from reconciler.diagnostics.codes import cloudflare as api_codes
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE, Action, Address
from reconciler.state import AssetStatus
from tests.apply.world import World, actions, lose
from tests.plan.samples import finetune

A = Address("a")
LOST = Ambiguous(api_codes.UNCLEAR_UPLOAD.error("No answer."))
REFUSED = Refused(api_codes.REQUEST_REFUSED.error("Too large."), fatal=False, sent=True)
DENIED = Refused(api_codes.ACCESS_DENIED.error("Not with this token."), fatal=True, sent=True)
EXISTS = AlreadyThere(api_codes.ASSET_EXISTS.warning("It is there."))


def world_with(*names: str) -> World:
    world = World()
    world.want(*(finetune(name, files=name) for name in names))
    return world


def statuses(world: World, address: Address = A) -> dict[str, AssetStatus]:
    assets = world.store.state.finetunes[address].current.assets
    return {name: asset.status for name, asset in assets.items()}


def test_the_id_is_durable_before_the_first_byte_and_each_file_before_the_next() -> None:
    world = world_with("a")
    seen: list[dict[str, AssetStatus]] = []
    world.account.before_upload = lambda: seen.append(statuses(world))

    assert world.apply().code == 0

    pending, uploaded = AssetStatus.PENDING, AssetStatus.UPLOADED
    assert seen == [
        {CONFIG_FILE: pending, WEIGHTS_FILE: pending},
        {CONFIG_FILE: uploaded, WEIGHTS_FILE: pending},
    ]
    assert statuses(world) == {CONFIG_FILE: uploaded, WEIGHTS_FILE: uploaded}


@pytest.mark.parametrize(("number", "most"), [(100, 1)])
def test_as_many_files_as_an_account_holds_are_saved_one_by_one(number: int, most: int) -> None:
    world = world_with(*(f"f{index}" for index in range(number)))
    uploads, saves = [], []

    def note() -> None:
        uploads.append(len(world.account.uploads))
        saves.append(world.store.saves)

    world.account.before_upload = note

    assert world.apply(parallelism=1).code == 0
    assert len(uploads) == 2 * number
    unsaved = [len([s for s in saves if s == save]) for save in set(saves)]
    assert max(unsaved) == most


def test_row_32_a_lost_answer_sends_the_same_to_the_same_again() -> None:
    world = world_with("a")
    world.account.upload_reactions.extend([LOST, LOST])

    assert world.apply().code == 0
    id_ = world.account.id_of("a")
    assert world.account.uploads == [(id_, CONFIG_FILE)] * 3 + [(id_, WEIGHTS_FILE)]


def test_row_34_the_answers_are_not_waited_for_without_end() -> None:
    world = world_with("a", "b")
    world.account.upload_reactions.extend([LOST] * 3)

    applied = world.apply(parallelism=1)

    assert applied.code == 1
    assert applied.codes == ["R704"]
    assert [change.address for change in applied.outcome.incomplete] == [A]
    assert actions(world.plan()) == {"a": Action.UPLOAD}
    assert world.apply().code == 0
    assert world.account.sent == ["a", "b"]


def test_row_33_a_refused_file_leaves_the_finetune_incomplete_and_keeps_its_id() -> None:
    world = world_with("a", "b")
    world.account.upload_reactions.append(REFUSED)

    applied = world.apply(parallelism=1)

    assert applied.code == 1
    (id_,) = [g.id for g in world.store.state.finetunes[A].generations]
    assert id_ in applied.outcome.failed[A].detail
    assert len(world.account.files[world.account.id_of("b")]) == 2
    assert world.apply().code == 0
    assert len(world.account.files[id_]) == 2


def test_row_22_a_fatal_no_to_an_upload_holds_all_others_back() -> None:
    names = [f"f{number:03}" for number in range(250)]
    world = world_with(*names)
    world.account.upload_reactions.append(DENIED)

    applied = world.apply(parallelism=1)

    assert applied.code == 1
    assert len(world.account.uploads) == 1
    assert world.account.sent == names[:3]
    assert len(applied.not_attempted()) == 247
    assert [change.address.name for change in applied.outcome.incomplete] == names[:3]
    assert world.apply().code == 0


def test_row_32_a_file_that_is_there_is_unverified_and_not_sent_again() -> None:
    world = world_with("a")
    world.account.upload_reactions.append(EXISTS)

    applied = world.apply()

    assert applied.code == 0
    assert applied.codes == ["R705"]
    assert statuses(world)[CONFIG_FILE] is AssetStatus.UNVERIFIED
    assert statuses(world)[WEIGHTS_FILE] is AssetStatus.UPLOADED


def test_a_client_that_breaks_leaves_the_file_pending() -> None:
    world = world_with("a")

    def fail() -> None:
        raise ZeroDivisionError("planted")

    world.account.before_upload = fail

    applied = world.apply()

    assert applied.error is None
    assert applied.code == 1
    assert "ZeroDivisionError" in applied.outcome.failed[A].detail
    assert statuses(world)[CONFIG_FILE] is AssetStatus.PENDING


def test_row_45_nothing_is_created_without_the_files_to_send() -> None:
    world = world_with("a", "b")
    world.missing_files = {A}

    applied = world.apply()

    assert applied.code == 1
    assert applied.outcome.failed[A].address == "finetune.a"
    assert world.account.sent == ["b"]
    assert not world.store.pending


def test_row_45_a_file_that_vanishes_after_the_create_leaves_it_incomplete() -> None:
    world = world_with("a")
    world.account.before_create = lambda name: world.missing_files.add(A)

    applied = world.apply()

    assert applied.code == 1
    assert [change.address for change in applied.outcome.incomplete] == [A]
    assert not world.account.uploads
    world.missing_files.clear()
    assert world.apply().code == 0


def test_a_recovered_create_gets_its_files() -> None:
    world = world_with("a")
    crash_after_create(world)

    assert actions(world.plan()) == {"a": Action.UPLOAD}
    assert world.apply().code == 0
    assert world.account.sent == ["a"]


def crash_after_create(world: World) -> None:
    """Leave what a kill between the request and the next save leaves."""
    durable: list[bytes] = []

    def keep(name: str) -> None:
        assert world.store.raw is not None
        durable.append(world.store.raw)

    world.account.before_create = keep
    world.account.reactions["a"].append(lose)
    world.account.before_upload = world.stop.set
    world.apply()
    world.account.before_create = lambda name: None
    world.account.before_upload = lambda: None
    world.account.files.clear()
    world.account.uploads.clear()
    world.store.raw = durable[0]


def test_row_45_a_recovered_create_whose_files_changed_meanwhile_is_refused_not_mixed() -> None:
    world = world_with("a")
    crash_after_create(world)
    world.want(finetune("a", files="other"))

    plan = world.plan()

    assert not plan.can_apply
    assert actions(plan) == {"a": Action.REPLACE}
    with pytest.raises(ValueError, match="cannot be applied"):
        world.apply()
    assert not world.account.uploads


def generation(text: str) -> World:
    world = World()
    world.want(finetune("a", versioned=True, files=text))
    return world


def test_an_earlier_generation_that_is_wanted_again_gets_just_what_it_lacks() -> None:
    world = generation("one")
    first = world.desired
    world.account.upload_reactions.extend([None, REFUSED])
    assert world.apply().code == 1
    (id_,) = world.account.files
    world.want(finetune("a", versioned=True, files="two"))
    assert world.apply().code == 0
    world.account.uploads.clear()

    world.desired = first
    assert actions(world.plan()) == {"a": Action.UPLOAD}
    assert world.apply().code == 0

    assert world.account.uploads == [(id_, WEIGHTS_FILE)]
    record = world.store.state.finetunes[A]
    assert record.current.id == id_
    assert len(record.superseded) == 1
    assert len(world.account.sent) == 2


def test_a_superseded_generation_gets_nothing_any_more() -> None:
    world = generation("one")
    world.account.upload_reactions.append(REFUSED)
    assert world.apply().code == 1
    world.want(finetune("a", versioned=True, files="two"))

    assert world.apply().code == 0

    current = world.store.state.finetunes[A].current.id
    assert {id_ for id_, _ in world.account.uploads[1:]} == {current}
