"""Creates: one request an intent, whatever the account answers."""

from __future__ import annotations

import pytest

from reconciler.apply.events import CreateDone, Settling
from reconciler.cloudflare.outcomes import Ambiguous, Created, CreateOutcome, Refused
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import cloudflare as api_codes
from reconciler.model import Action, Address, Attributes
from tests.apply.world import (
    Account,
    Reaction,
    World,
    answer,
    crash,
    ignore,
    lose,
    refuse,
    refuse_all,
)
from tests.plan.samples import finetune
from tests.state.samples import MISTRAL


def world_with(*names: str) -> World:
    world = World()
    world.want(*names)
    return world


def test_creates_are_recorded() -> None:
    world = world_with("a", "b", "c")

    applied = world.apply()

    assert applied.code == 0
    assert world.account.names == ["a", "b", "c"]
    assert applied.outcome.counts == {Action.CREATE: 3}
    assert not world.store.state.pending


def test_row_1_every_intent_is_durable_before_its_request() -> None:
    world = world_with(*(f"f{number}" for number in range(300)))
    seen: list[str] = []

    def look(name: str) -> None:
        assert name in world.store.pending
        seen.append(name)

    world.account.before_create = look

    assert world.apply(parallelism=2).code == 0
    assert len(seen) == 300


@pytest.mark.parametrize("parallelism", [1, 4, 64])
@pytest.mark.parametrize("number", [1, 3, 99, 100, 101, 1000])
def test_windows_are_as_wide_as_the_parallelism_or_one_per_cent(
    number: int, parallelism: int
) -> None:
    world = world_with(*(f"f{index}" for index in range(number)))
    pending: list[int] = []
    world.account.before_create = lambda _: pending.append(len(world.store.pending))

    assert world.apply(parallelism).code == 0

    widest = max(parallelism, -(-number // 100))
    assert max(pending) == min(widest, number)
    # One save a window, the results of the last one, and what the last listing shows.
    assert world.store.saves <= -(-number // widest) + 2


def test_row_22_a_no_to_one_does_not_stop_the_others() -> None:
    world = world_with("a", "b", "c")
    world.account.reactions["b"].append(refuse)

    applied = world.apply(parallelism=1)

    assert applied.code == 1
    assert world.account.names == ["a", "c"]
    assert list(applied.outcome.failed) == [Address("b")]
    assert not world.store.state.pending
    assert world.apply().code == 0


def test_row_22_a_fatal_no_is_not_asked_for_twice_not_even_by_what_was_queued() -> None:
    names = [f"f{number:03}" for number in range(500)]
    world = world_with(*names)
    world.account.reactions["f000"].append(refuse_all)

    applied = world.apply(parallelism=1)

    assert world.account.sent == ["f000"]
    assert applied.code == 1
    assert applied.not_attempted() == names[1:]
    assert not world.store.state.pending
    assert world.apply().code == 0


def test_row_12_what_could_not_be_sent_halts_the_rest() -> None:
    world = world_with(*(f"f{number:03}" for number in range(300)))

    def unreachable(account: Account, attributes: Attributes) -> CreateOutcome:
        return Refused(api_codes.UNREACHABLE.error("Refused."), fatal=True, sent=False)

    world.account.reactions["f000"].append(unreachable)

    applied = world.apply(parallelism=1)

    assert list(applied.outcome.failed) == [Address("f000")]
    assert len(applied.not_attempted()) == 299
    assert not world.store.state.pending


def test_row_23_what_exists_already_is_no_intent_any_more() -> None:
    world = world_with("a")

    def exists(account: Account, attributes: Attributes) -> CreateOutcome:
        account.add("a", MISTRAL)
        return Ambiguous(api_codes.ALREADY_EXISTS.error("It exists."), exists=True)

    world.account.reactions["a"].append(exists)

    assert world.apply().code == 1
    assert not world.store.state.pending
    applied = world.apply()
    assert applied.code == 0
    assert applied.outcome.counts == {Action.IMPORT: 1}
    assert world.account.sent == ["a"]


@pytest.mark.parametrize("reaction", [lose, crash])
def test_rows_4_and_13_a_lost_answer_is_looked_for_and_adopted(reaction: Reaction) -> None:
    world = world_with("a", "b")
    world.account.reactions["a"].append(reaction)

    applied = world.apply()

    assert applied.code == 0
    assert world.account.sent.count("a") == 1
    assert any(isinstance(e, Settling) and e.address == Address("a") for e in applied.events)
    adopted = [e for e in applied.events if isinstance(e, CreateDone) and e.adopted]
    assert [(e.address, e.id) for e in adopted] == [(Address("a"), world.account.id_of("a"))]


def test_row_13_what_leaves_no_trace_stays_in_doubt_and_stops_the_rest() -> None:
    world = world_with("a", "b", "c")
    world.account.reactions["a"].append(ignore)

    applied = world.apply(parallelism=1)

    assert applied.code == 3
    assert world.account.sent == ["a"]
    assert applied.not_attempted() == ["b", "c"]
    assert list(world.store.state.pending) == [Address("a")]
    assert world.plan().exit_code == 3


def test_row_28_of_two_that_may_be_the_result_none_is_chosen() -> None:
    world = world_with("a")

    def twice(account: Account, attributes: Attributes) -> CreateOutcome:
        answer(account, attributes)
        return lose(account, attributes)

    world.account.reactions["a"].append(twice)

    assert world.apply().code == 3
    assert list(world.store.state.pending) == [Address("a")]
    assert not world.store.state.finetunes


def test_one_with_other_attributes_is_no_evidence() -> None:
    world = world_with("a")

    def other(account: Account, attributes: Attributes) -> CreateOutcome:
        account.add("a", MISTRAL, "Somebody else's.")
        return ignore(account, attributes)

    world.account.reactions["a"].append(other)

    assert world.apply().code == 3
    assert not world.store.state.finetunes


def test_row_31_a_list_that_lags_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with("a")
    monkeypatch.setattr("reconciler.apply.settling.FIRST_PAUSE", 0.001)

    def late(account: Account, attributes: Attributes) -> CreateOutcome:
        lost = lose(account, attributes)
        account.list_errors.extend(_unwell() for _ in range(3))
        return lost

    world.account.reactions["a"].append(late)

    assert world.apply(settle=60).code == 0
    assert world.account.sent == ["a"]


def _unwell() -> DiagnosticError:
    return DiagnosticError(api_codes.NO_ANSWER.error("The API is unwell."))


def test_a_listing_that_breaks_while_settling_leaves_the_create_in_doubt() -> None:
    world = world_with("a")

    def lose_and_break(account: Account, attributes: Attributes) -> CreateOutcome:
        account.list_errors.append(ZeroDivisionError("planted"))
        return lose(account, attributes)

    world.account.reactions["a"].append(lose_and_break)

    applied = world.apply()

    assert isinstance(applied.error, ZeroDivisionError)
    assert list(applied.outcome.in_doubt) == [Address("a")]
    assert list(world.store.state.pending) == [Address("a")]
    assert world.apply().code == 0
    assert world.account.sent == ["a"]


def test_row_9_a_lost_answer_while_stopping_is_looked_for_once() -> None:
    world = world_with("a", "b")

    def stop_and(reaction: Reaction) -> Reaction:
        def react(account: Account, attributes: Attributes) -> CreateOutcome:
            world.stop.set()
            return reaction(account, attributes)

        return react

    world.account.reactions["a"].append(stop_and(lose))
    applied = world.apply(parallelism=1, settle=3600)
    assert applied.code == 130
    assert applied.not_attempted() == ["b"]
    assert Address("a") in world.store.state.finetunes

    world.account.reactions["b"].append(stop_and(ignore))
    applied = world.apply(parallelism=1, settle=3600)
    assert applied.code == 3
    assert list(world.store.state.pending) == [Address("b")]


def test_a_create_that_waits_when_it_is_stopped_is_not_attempted() -> None:
    world = world_with("a", "b")

    def interrupted(account: Account, attributes: Attributes) -> CreateOutcome:
        world.stop.set()
        return Refused(api_codes.INTERRUPTED_WAIT.error("Told to stop."), fatal=True, sent=False)

    world.account.reactions["a"].append(interrupted)

    applied = world.apply(parallelism=1)

    assert applied.code == 130
    assert applied.not_attempted() == ["a", "b"]
    assert not world.store.state.pending


def test_an_answer_with_the_id_of_something_else_is_not_believed() -> None:
    world = world_with("a", "b")

    def replayed(account: Account, attributes: Attributes) -> CreateOutcome:
        answer(account, attributes)
        return Created(account.finetunes[0])

    world.account.reactions["b"].append(replayed)

    assert world.apply(parallelism=1).code == 0
    state = world.store.state
    assert state.finetunes[Address("a")].current.id == world.account.id_of("a")
    assert state.finetunes[Address("b")].current.id == world.account.id_of("b")


def test_what_the_server_recorded_otherwise_is_recorded_so_and_told() -> None:
    world = world_with("a")

    def otherwise(account: Account, attributes: Attributes) -> CreateOutcome:
        made = account.add("a", MISTRAL, "Not what was sent.")
        return Created(made, (api_codes.CREATED_DIFFERENTLY.warning("Otherwise."),))

    world.account.reactions["a"].append(otherwise)

    applied = world.apply()

    assert applied.code == 3
    assert applied.codes == ["R520"]
    assert applied.outcome.remarks[0].address == "finetune.a"
    current = world.store.state.finetunes[Address("a")].current
    assert current.attributes.description == "Not what was sent."


def test_row_51_a_second_one_of_the_name_is_found_by_the_last_listing() -> None:
    world = world_with("a")

    def beside(account: Account, attributes: Attributes) -> CreateOutcome:
        account.add("a", MISTRAL)
        return answer(account, attributes)

    world.account.reactions["a"].append(beside)

    applied = world.apply()

    assert applied.code == 3
    assert applied.codes == ["R703"]
    assert all(there.id in applied.outcome.remarks[0].detail for there in world.account.finetunes)
    assert world.plan().exit_code == 1


def test_a_last_listing_that_fails_is_a_warning() -> None:
    world = world_with("a")

    def unwell_afterwards(account: Account, attributes: Attributes) -> CreateOutcome:
        account.list_errors.append(_unwell())
        return answer(account, attributes)

    world.account.reactions["a"].append(unwell_afterwards)

    applied = world.apply()

    assert applied.code == 0
    assert applied.codes == ["R706"]


def test_what_no_list_shows_yet_is_not_created_again() -> None:
    world = world_with("a")

    def hide(account: Account, attributes: Attributes) -> CreateOutcome:
        created = answer(account, attributes)
        assert isinstance(created, Created)
        account.hidden.add(created.remote.id)
        return created

    world.account.reactions["a"].append(hide)

    assert world.apply().code == 0
    assert not world.store.state.finetunes[Address("a")].current.seen
    world.account.hidden.clear()
    assert world.apply().code == 0
    assert world.account.sent == ["a"]


def test_a_plan_that_cannot_be_applied_is_not() -> None:
    world = world_with("a")
    world.account.add("a", MISTRAL, "Another.")

    with pytest.raises(ValueError, match="cannot be applied"):
        world.apply()
    assert not world.account.sent


def test_a_system_without_threads_to_spare_is_no_hindrance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with("a", "b", "c")

    def refuse_to_start(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse_to_start)

    assert world.apply().code == 0
    assert world.account.names == ["a", "b", "c"]


def test_what_moved_and_was_deleted_outside_leaves_no_generation_behind() -> None:
    world = world_with("a")
    world.apply()
    world.account.remove("a")
    world.want(finetune("b", base_name="a"))
    moved = {Address("b"): Address("a")}
    world.desired = type(world.desired)(world.desired.finetunes, moved)

    assert world.apply().code == 0
    assert world.store.state.finetunes[Address("b")].superseded == ()
