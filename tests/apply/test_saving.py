"""A save may fail at any point: nothing is created twice, and nothing is lost or made up."""

from __future__ import annotations

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import cloudflare as api_codes
from tests.apply.busy import busy_world, check_end
from tests.apply.world import Applied, Fault, World, lose, refuse

SAVES = 14
"""How often a busy run saves, with two calls at once."""


def test_a_busy_run_saves_so_often() -> None:
    world = busy_world()

    assert world.apply(parallelism=2).code == 0

    assert world.store.saves == SAVES
    check_end(world)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from_then_on"])
@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name.lower())
@pytest.mark.parametrize("number", range(1, SAVES + 1))
def test_rows_36_37_and_40_a_save_that_fails(number: int, fault: Fault, lasting: bool) -> None:
    world = busy_world()
    last = 1000 if lasting else number
    world.store.faults = dict.fromkeys(range(number, last + 1), fault)

    applied = world.apply(parallelism=2)

    assert isinstance(applied.error, DiagnosticError)
    assert "R407" in applied.codes
    world.is_remembered()
    check_told(world, applied)
    sent = set(world.account.sent)
    assert world.store.pending <= sent
    assert all(i.attributes.name in sent for s in world.rescued for i in s.pending.values())

    world.store.faults = {}
    assert world.apply(parallelism=2).code == 0
    check_end(world)


def check_told(world: World, applied: Applied) -> None:
    """Assert that what was created and is not recorded is told: in words, and in the rescue."""
    recorded = {generation.id for generation in world.store.state.generations()}
    lost = {
        there.name: there.id
        for there in world.account.finetunes
        if there.id not in recorded and there.name in applied.created()
    }
    assert applied.code == (3 if lost else 1)
    text = str(applied.error)
    for name, id_ in lost.items():
        assert f"finetune.{name} is {id_}" in text
        assert any(id_ in {g.id for g in state.generations()} for state in world.rescued)
    assert bool(lost) == ("R702" in applied.codes)


def test_row_36_nothing_is_sent_where_the_intents_are_not_durable() -> None:
    world = World()
    world.want("a", "b")
    world.store.faults = {1: Fault.WRITTEN}

    applied = world.apply()

    assert not world.account.sent
    assert applied.code == 1
    assert not world.store.pending
    assert applied.not_attempted() == ["a", "b"]


def test_row_49_nothing_more_is_sent_once_the_lock_is_lost() -> None:
    world = World()
    world.want("a", "b", "c")

    def lose_lock(name: str) -> None:
        world.store.lock_is_lost = True

    world.account.before_create = lose_lock

    applied = world.apply(parallelism=1)

    assert world.account.sent == ["a"]
    assert applied.code == 3
    assert {"R410", "R702"} <= set(applied.codes)
    assert world.account.id_of("a") in str(applied.error)
    world.store.lock_is_lost = False
    world.account.before_create = lambda name: None
    assert world.apply().code == 0
    assert sorted(world.account.sent) == ["a", "b", "c"]


def test_a_state_that_moved_on_is_not_overwritten() -> None:
    world, other = World(), World()
    other.want("x")
    other.apply()
    world.want("a", "b")

    def replace_state(name: str) -> None:
        world.store.raw = other.store.raw

    world.account.before_create = replace_state

    applied = world.apply(parallelism=1)

    assert applied.code == 3
    assert world.store.raw == other.store.raw
    assert {"R405", "R702"} <= set(applied.codes)


def test_in_doubt_outweighs_a_save_that_fails_afterwards() -> None:
    world = World()
    world.want("a", "b")

    def lose_and_break(name: str) -> None:
        world.store.faults = {2: Fault.NOT_WRITTEN, 3: Fault.NOT_WRITTEN}
        unwell = api_codes.NO_ANSWER.error("The API is unwell.")
        world.account.list_errors.append(DiagnosticError(unwell))

    world.account.reactions["a"].append(lose)
    world.account.before_create = lose_and_break

    assert world.apply(parallelism=1).code == 3
    world.is_remembered()


def test_intents_that_are_there_although_their_save_failed_are_named() -> None:
    """Renamed into place, and from then on no file can be opened: nobody knows what is there."""
    world = World()
    world.want("a")
    world.store.faults = dict.fromkeys(range(1, 9), Fault.WRITTEN)
    world.store.breaks_down = True

    applied = world.apply()

    assert applied.code == 3
    assert "R709" in applied.codes
    assert not world.account.sent
    assert world.store.pending == {"a"}
    world.store.is_unreadable = False
    assert world.plan().exit_code == 3


def test_an_intent_of_which_nothing_came_and_that_cannot_be_closed_is_named() -> None:
    world = World()
    world.want("a", "b")
    world.account.reactions["a"].append(refuse)
    world.store.faults = dict.fromkeys(range(2, 9), Fault.NOT_WRITTEN)

    applied = world.apply(parallelism=1)

    assert applied.code == 3
    assert "R709" in applied.codes
    assert "R702" not in applied.codes
    assert "finetune.a was certainly not created" in str(applied.error)
    assert world.store.pending == {"a"}
    assert world.plan().exit_code == 3
