from __future__ import annotations

import pytest

from reconciler.model import Action, Address
from tests.plan.samples import (
    actions,
    change_of,
    codes,
    desired,
    finetune,
    generation,
    intent,
    plan,
    record,
    recorded,
    remote,
    targets,
)
from tests.state.samples import id_of


def test_a_move_of_what_is_not_recorded_is_nothing() -> None:
    made = plan(desired(finetune("new"), moved={"new": "old"}))
    assert actions(made) == {"new": "create"}
    assert change_of(made, "new").previous_address is None


def test_a_move_that_was_done_is_nothing_more() -> None:
    state = recorded({"new": generation(1, "bot")})
    wanted = desired(finetune("new", base_name="bot"), moved={"new": "old"})
    made = plan(wanted, state, [remote(1, "bot")])
    assert (actions(made), made.can_apply) == ({"new": "no-op"}, True)


def test_a_move_onto_what_is_recorded_is_refused() -> None:
    state = recorded({"old": generation(1, "a"), "new": generation(2, "b")})
    wanted = desired(finetune("new", base_name="b"), moved={"new": "old"})
    made = plan(wanted, state, [remote(1, "a"), remote(2, "b")])
    assert codes(made) == ["R606", "r607"]
    assert actions(made) == {"new": "no-op", "old": "forget"}
    assert not made.can_apply


def test_a_chain_of_recorded_addresses_is_refused_and_none_is_lost() -> None:
    state = recorded({"a": generation(1, "x"), "b": generation(2, "y")})
    wanted = desired(
        finetune("b", base_name="x"), finetune("c", base_name="y"), moved={"b": "a", "c": "b"}
    )
    made = plan(wanted, state, [remote(1, "x"), remote(2, "y")])
    assert "R606" in codes(made)
    assert not made.can_apply


@pytest.mark.parametrize(("first", "middle", "last"), ["abc", "cba", "bac"])
def test_a_chain_through_what_nobody_declares_moves_nothing_by_accident(
    first: str, middle: str, last: str
) -> None:
    wanted = desired(finetune(last), moved={middle: first, last: middle})
    made = plan(wanted, recorded({first: generation(1, first)}), [remote(1, first)])
    assert actions(made) == {first: "forget", last: "create"}
    assert all(change.previous_address is None for change in made.changes)


def test_an_exchange_of_two_recorded_addresses_is_refused() -> None:
    state = recorded({"a": generation(1, "x"), "b": generation(2, "y")})
    wanted = desired(
        finetune("a", base_name="y"), finetune("b", base_name="x"), moved={"a": "b", "b": "a"}
    )
    made = plan(wanted, state, [remote(1, "x"), remote(2, "y")])
    assert codes(made)[:2] == ["R606", "R606"]
    assert not made.can_apply


def test_a_move_to_what_nobody_declares_is_nothing() -> None:
    state = recorded({"old": generation(1, "bot")})
    made = plan(desired(moved={"new": "old"}), state, [remote(1, "bot")])
    assert actions(made) == {"old": "forget"}


def test_what_moved_and_is_gone_is_created_at_its_new_address() -> None:
    state = recorded({"old": generation(1, "bot")})
    made = plan(desired(finetune("new", base_name="bot"), moved={"new": "old"}), state)
    change = change_of(made, "new")
    assert (change.action, change.previous_address) == (Action.CREATE, Address("old"))
    assert "gone from the account" in change.reason


def test_what_moved_and_is_not_listed_yet_is_not_created() -> None:
    state = recorded({"old": generation(1, "bot", seen=False)})
    made = plan(desired(finetune("new", base_name="bot"), moved={"new": "old"}), state)
    assert (actions(made), codes(made)) == ({"new": "move"}, ["r610"])


def test_what_moved_and_lacks_files_gets_them() -> None:
    state = recorded({"old": generation(1, "bot")})
    wanted = desired(finetune("new", base_name="bot", files="one"), moved={"new": "old"})
    change = change_of(plan(wanted, state, [remote(1, "bot")]), "new")
    assert (change.action, change.previous_address) == (Action.UPLOAD, Address("old"))


def test_what_moved_and_changed_is_impossible() -> None:
    state = recorded({"old": generation(1, "bot")})
    wanted = desired(finetune("new", base_name="bot", description="x"), moved={"new": "old"})
    made = plan(wanted, state, [remote(1, "bot")])
    assert (actions(made), codes(made)) == ({"new": "replace"}, ["R601"])


def test_what_moved_and_drifted_is_told_so() -> None:
    state = recorded({"old": generation(1, "bot")})
    wanted = desired(finetune("new", base_name="bot"), moved={"new": "old"})
    made = plan(wanted, state, [remote(1, "bot", description="outside")])
    assert "drifted" in change_of(made, "new").reason


def test_what_moved_and_was_recovered_is_told_so() -> None:
    state = recorded(pending={"old": intent("bot")})
    wanted = desired(finetune("new", base_name="bot"), moved={"new": "old"})
    change = change_of(plan(wanted, state, [remote(1, "bot")]), "new")
    assert (change.action, change.previous_address) == (Action.IMPORT, Address("old"))


def test_what_moved_keeps_what_it_superseded() -> None:
    state = recorded({"old": record(generation(2, "bot"), generation(1, "bot-1"))})
    wanted = desired(finetune("new", base_name="bot"), moved={"new": "old"})
    made = plan(wanted, state, [remote(2, "bot"), remote(1, "bot-1")])
    assert (actions(made), made.superseded) == ({"new": "move"}, 1)


def test_a_move_whose_default_name_makes_another_finetune_is_warned_of() -> None:
    state = recorded({"support": generation(1, "support")})
    wanted = desired(finetune("support-bot"), moved={"support-bot": "support"})
    made = plan(wanted, state, [remote(1, "support")])
    change = change_of(made, "support-bot")
    assert (change.action, change.supersedes) == (Action.CREATE, id_of(1))
    assert (codes(made), made.can_apply) == (["r615"], True)
    assert made.problems[0].hint.endswith("name: support")


def test_a_versioned_move_whose_default_name_makes_another_finetune_is_warned_of() -> None:
    name = finetune("support", versioned=True).remote_name
    state = recorded({"support": generation(1, name)})
    wanted = desired(finetune("support-bot", versioned=True), moved={"support-bot": "support"})
    assert codes(plan(wanted, state, [remote(1, name)])) == ["r615"]


def test_a_move_to_another_name_on_purpose_is_not_warned_of() -> None:
    state = recorded({"support": generation(1, "support")})
    wanted = desired(finetune("b", base_name="brand-new"), moved={"b": "support"})
    made = plan(wanted, state, [remote(1, "support")])
    assert (actions(made), codes(made)) == ({"b": "create"}, [])


def test_a_move_in_which_the_content_changed_too_is_not_warned_of() -> None:
    name = finetune("old", versioned=True).remote_name
    wanted = desired(finetune("new", versioned=True, description="x"), moved={"new": "old"})
    made = plan(wanted, recorded({"old": generation(1, name)}), [remote(1, name)])
    assert (actions(made), codes(made)) == ({"new": "create"}, [])


def test_a_move_out_of_scope_is_not_carried_out() -> None:
    state = recorded({"old": generation(1, "bot")})
    wanted = desired(finetune("new", base_name="bot"), finetune("x"), moved={"new": "old"})
    made = plan(wanted, state, [remote(1, "bot")], scope=targets("x"))
    assert actions(made) == {"x": "create"}
