"""However a run ends, the calls under way are recorded and a rerun converges."""

from __future__ import annotations

import pytest

from reconciler.apply.events import Event
from reconciler.model import Address
from tests.apply.busy import busy_world, check_end
from tests.apply.world import World, lose


def count_events() -> int:
    return len(busy_world().apply(parallelism=2).events)


EVENTS = count_events()


@pytest.mark.parametrize("number", range(1, EVENTS + 1))
def test_row_9_stopped_at_every_event(number: int) -> None:
    world = busy_world()
    at(number, world, world.stop.set)

    applied = world.apply(parallelism=2)

    assert applied.error is None
    assert applied.code == 130
    assert not world.store.pending
    world.is_remembered()
    done = {address.name for address in applied.outcome.done}
    left = {*applied.not_attempted(), *(c.address.name for c in applied.outcome.incomplete)}
    assert done | left >= {change.address.name for change in applied.plan.effective}

    assert world.apply(parallelism=2).code == 0
    check_end(world)


@pytest.mark.parametrize("number", range(1, EVENTS + 1))
def test_broken_off_at_every_event(number: int) -> None:
    world = busy_world()

    def fail() -> None:
        raise ZeroDivisionError("planted")

    at(number, world, fail)

    applied = world.apply(parallelism=2)

    assert isinstance(applied.error, ZeroDivisionError)
    world.is_remembered()
    assert world.store.pending <= {a.name for a in applied.outcome.in_doubt}
    assert world.store.pending <= {"c"}

    world.on_event = lambda event: None
    assert world.apply(parallelism=2).code == 0
    check_end(world)


def at(number: int, world: World, do: object) -> None:
    """Do something at the number-th event."""
    seen: list[Event] = []
    assert callable(do)

    def react(event: Event) -> None:
        seen.append(event)
        if len(seen) == number:
            do()

    world.on_event = react


def test_a_lost_answer_that_nobody_looked_for_is_in_doubt() -> None:
    world = World()
    world.want("a")
    world.account.reactions["a"].append(lose)

    def fail(event: Event) -> None:
        raise ZeroDivisionError("planted")

    world.on_event = fail

    applied = world.apply()

    assert list(applied.outcome.in_doubt) == [Address("a")]
    assert applied.outcome.exit_code == 3
    assert world.store.pending == {"a"}


def test_what_waits_for_its_turn_is_not_sent_once_a_run_is_broken_off() -> None:
    world = World()
    world.want(*(f"f{number:03}" for number in range(300)))

    def fail(event: Event) -> None:
        raise ZeroDivisionError("planted")

    world.on_event = fail
    world.account.before_create = lambda name: assert_stops(world)

    applied = world.apply(parallelism=1)

    assert world.account.sent == ["f000"]
    assert len(applied.not_attempted()) == 299
    assert not world.store.pending


def assert_stops(world: World) -> None:
    assert world.stop.wait(30)
