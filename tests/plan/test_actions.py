"""Every action with each of its reasons, one address at a time."""

from __future__ import annotations

import pytest

from reconciler.model import Action, AttributeChange, Attributes, Finetune
from reconciler.state import AssetStatus
from tests.plan.samples import (
    GEMMA,
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
    records,
    remote,
    targets,
)
from tests.state.samples import CONFIG, MISTRAL, WEIGHTS, digest, id_of

BOTH = (CONFIG, WEIGHTS)

# Create


def test_what_is_nowhere_is_created() -> None:
    made = plan(desired(finetune("bot", description="x", public=True, files="one")))
    change = change_of(made, "bot")
    assert change.action is Action.CREATE
    assert change.reason == "neither in the state nor in the account"
    assert (change.id, change.before) == ("", None)
    assert change.after == Attributes("bot", MISTRAL, "x", True)
    assert change.uploads == BOTH
    assert [asset.sha256 for asset in change.assets] == [
        digest("one config"),
        digest("one weights"),
    ]
    assert change.facts is not None
    assert codes(made) == []
    assert made.can_apply


def test_without_an_adapter_nothing_is_uploaded() -> None:
    change = change_of(plan(desired(finetune("bot"))), "bot")
    assert (change.uploads, change.assets, change.facts) == ((), (), None)


def test_a_create_that_was_not_checked_with_the_account_says_so() -> None:
    made = plan(desired(finetune("bot")), account=None)
    assert change_of(made, "bot").reason == "not in the state; the account was not asked"


def test_what_is_gone_from_the_account_is_created_again() -> None:
    made = plan(desired(finetune("bot", files="one")), recorded({"bot": generation(1, "bot")}))
    change = change_of(made, "bot")
    assert change.action is Action.CREATE
    assert change.reason == f"recorded as {id_of(1)}, which is gone from the account"
    assert change.before == Attributes("bot", MISTRAL)
    assert (change.id, change.supersedes) == ("", "")
    assert change.uploads == BOTH
    assert made.superseded == 0


def test_what_is_gone_and_there_under_another_id_is_adopted_and_not_created_again() -> None:
    # Somebody deleted it and made it anew, or an old backup of the state was put back (row 43).
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot")), state, [remote(2, "bot")])
    assert actions(made) == {"bot": "import"}
    assert change_of(made, "bot").id == id_of(2)


def test_what_is_gone_and_there_with_other_attributes_is_not_created_again() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot")), state, [remote(2, "bot", description="x")])
    assert (actions(made), codes(made)) == ({"bot": "replace"}, ["R602"])


def test_row_43_an_old_backup_creates_nothing_that_is_there() -> None:
    wanted = desired(finetune("a"), finetune("b", files="one"))
    made = plan(wanted, recorded({"a": generation(1, "a")}), [remote(1, "a"), remote(2, "b")])
    assert actions(made) == {"a": "no-op", "b": "import"}


# Import


def test_what_the_account_has_with_the_same_attributes_is_adopted() -> None:
    made = plan(
        desired(finetune("bot", description="x")), account=[remote(1, "bot", description="x")]
    )
    change = change_of(made, "bot")
    assert change.action is Action.IMPORT
    assert change.reason == "in the account with the same attributes, not in the state"
    assert change.id == id_of(1)
    assert change.before == Attributes("bot", MISTRAL, "x", None)
    assert change.notes == ()
    assert (codes(made), made.can_apply) == ([], True)


def test_the_files_of_what_is_adopted_are_unverified_and_not_sent() -> None:
    made = plan(desired(finetune("bot", files="one")), account=[remote(1, "bot")])
    change = change_of(made, "bot")
    assert (change.action, change.uploads) == (Action.IMPORT, ())
    assert "unverified" in change.notes[0]
    assert (codes(made), made.can_apply) == (["r609"], True)


def test_what_an_interrupted_run_created_is_taken_over() -> None:
    state = recorded(pending={"bot": intent("bot")})
    made = plan(desired(finetune("bot")), state, [remote(1, "bot")])
    change = change_of(made, "bot")
    assert change.action is Action.IMPORT
    assert change.reason == "created by an interrupted run, found in the account"
    assert (made.unresolved, made.can_apply) == ((), True)


def test_what_an_interrupted_run_created_gets_its_files() -> None:
    state = recorded(pending={"bot": intent("bot", files="one")})
    made = plan(desired(finetune("bot", files="one")), state, [remote(1, "bot")])
    change = change_of(made, "bot")
    assert (change.action, change.uploads) == (Action.UPLOAD, BOTH)
    assert change.reason == (
        f"created by an interrupted run, found in the account; {CONFIG} and {WEIGHTS} not uploaded"
    )


def test_what_an_interrupted_run_created_and_nobody_declares_any_more_is_forgotten() -> None:
    made = plan(desired(), recorded(pending={"bot": intent("bot")}), [remote(1, "bot")])
    assert actions(made) == {"bot": "forget"}


# No-op


def test_what_is_as_desired_needs_nothing() -> None:
    state = recorded({"bot": generation(1, "bot", files="one")})
    made = plan(desired(finetune("bot", files="one")), state, [remote(1, "bot")])
    change = change_of(made, "bot")
    assert (change.action, change.reason, change.id) == (Action.NO_OP, "as desired", id_of(1))
    assert (made.has_changes, made.can_apply, made.exit_code) == (False, True, 0)


def test_what_is_not_listed_yet_is_there_and_said_to_be() -> None:
    state = recorded({"bot": generation(1, "bot", seen=False)})
    made = plan(desired(finetune("bot")), state)
    assert (actions(made), codes(made)) == ({"bot": "no-op"}, ["r610"])
    assert made.can_apply


@pytest.mark.parametrize("public", [True, False])
def test_what_the_account_does_not_show_is_unknown_and_not_different(public: bool) -> None:
    state = recorded({"bot": generation(1, "bot", public=None)})
    made = plan(desired(finetune("bot", public=public)), state, [remote(1, "bot")])
    assert actions(made) == {"bot": "no-op"}


def test_unverified_files_are_neither_compared_nor_sent_and_said_every_time() -> None:
    current = generation(1, "bot", files="other", status=AssetStatus.UNVERIFIED)
    made = plan(
        desired(finetune("bot", files="one")), recorded({"bot": current}), [remote(1, "bot")]
    )
    assert (actions(made), codes(made)) == ({"bot": "no-op"}, ["r609"])


def test_files_that_nobody_declares_any_more_are_left_alone() -> None:
    state = recorded({"bot": generation(1, "bot", files="one")})
    made = plan(desired(finetune("bot")), state, [remote(1, "bot")])
    assert (actions(made), codes(made)) == ({"bot": "no-op"}, [])


def test_without_asking_the_account_what_is_recorded_counts() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot")), state, None)
    assert (actions(made), made.scope.refreshed) == ({"bot": "no-op"}, False)


# Upload


def test_files_that_are_not_acknowledged_are_sent() -> None:
    current = generation(1, "bot", files="one", status=AssetStatus.PENDING)
    made = plan(
        desired(finetune("bot", files="one")), recorded({"bot": current}), [remote(1, "bot")]
    )
    change = change_of(made, "bot")
    assert (change.action, change.uploads) == (Action.UPLOAD, BOTH)
    assert change.reason == f"{CONFIG} and {WEIGHTS} not uploaded"


def test_of_two_files_just_the_missing_one_is_sent() -> None:
    current = generation(1, "bot", files="one")
    assets = {**current.assets, WEIGHTS: records("one", AssetStatus.PENDING)[WEIGHTS]}
    state = recorded({"bot": type(current)(current.id, current.attributes, assets, seen=True)})
    change = change_of(
        plan(desired(finetune("bot", files="one")), state, [remote(1, "bot")]), "bot"
    )
    assert (change.uploads, change.reason) == ((WEIGHTS,), f"{WEIGHTS} not uploaded")


def test_files_that_are_declared_later_are_sent_then() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot", files="one")), state, [remote(1, "bot")])
    assert (actions(made), change_of(made, "bot").uploads) == ({"bot": "upload"}, BOTH)


# Move


def test_an_address_that_changed_is_moved() -> None:
    state = recorded({"old": generation(1, "bot")})
    wanted = desired(finetune("new", base_name="bot"), moved={"new": "old"})
    made = plan(wanted, state, [remote(1, "bot")])
    change = change_of(made, "new")
    assert (change.action, change.reason) == (Action.MOVE, "was finetune.old")
    assert str(change.previous_address) == "finetune.old"
    assert actions(made) == {"new": "move"}


# Forget


def test_what_nobody_declares_is_forgotten_with_a_warning_and_stays() -> None:
    made = plan(desired(), recorded({"bot": generation(1, "bot")}), [remote(1, "bot")])
    change = change_of(made, "bot")
    assert change.action is Action.FORGET
    assert change.reason == "not declared any more; it stays in the account"
    assert (change.after, change.id) == (None, id_of(1))
    assert (codes(made), made.can_apply) == (["r607"], True)
    assert "removed: [bot]" in made.problems[0].hint


def test_what_is_removed_on_purpose_is_forgotten_without_a_warning() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(removed=["bot"]), state, [remote(1, "bot")])
    assert (actions(made), codes(made)) == ({"bot": "forget"}, [])
    assert change_of(made, "bot").reason == "listed under `removed`; it stays in the account"


def test_what_is_gone_anyway_is_forgotten_without_a_warning() -> None:
    made = plan(desired(), recorded({"bot": generation(1, "bot")}))
    assert (actions(made), codes(made)) == ({"bot": "forget"}, [])
    assert "already gone" in change_of(made, "bot").reason


@pytest.mark.parametrize("removed", [[], ["bot"]])
@pytest.mark.parametrize("account", [(), None], ids=["asked", "offline"])
def test_what_is_not_listed_yet_is_not_forgotten(removed: list[str], account: None) -> None:
    # Who declared it again before it shows would create a second one.
    state = recorded({"bot": generation(1, "bot", seen=False)})
    made = plan(desired(removed=removed), state, account)
    assert (actions(made), codes(made), made.has_changes) == ({"bot": "no-op"}, ["r610"], False)
    assert change_of(made, "bot").reason == "not declared any more; kept until the account lists it"


def test_what_superseded_one_that_is_not_listed_yet_is_not_forgotten() -> None:
    state = recorded({"bot": record(generation(2, "b"), generation(1, "a", seen=False))})
    made = plan(desired(), state, [remote(2, "b")])
    assert (actions(made), codes(made)) == ({"bot": "no-op"}, ["r610"])


def test_removing_what_was_never_there_is_nothing() -> None:
    assert actions(plan(desired(removed=["bot"]))) == {}


# Replace


@pytest.mark.parametrize(
    ("wanted", "difference"),
    [
        (finetune("bot", model=GEMMA), AttributeChange("model", MISTRAL, GEMMA)),
        (finetune("bot", description="new"), AttributeChange("description", "", "new")),
        (finetune("bot", public=True), AttributeChange("public", False, True)),
    ],
    ids=["model", "description", "public"],
)
def test_an_attribute_that_changed_is_impossible(
    wanted: Finetune, difference: AttributeChange
) -> None:
    made = plan(desired(wanted), recorded({"bot": generation(1, "bot")}), [remote(1, "bot")])
    change = change_of(made, "bot")
    assert change.action is Action.REPLACE
    assert change.differences == (difference,)
    assert change.reason == (
        f"{difference.name} changed, and a finetune can be neither changed nor deleted"
    )
    assert (codes(made), made.can_apply, made.exit_code) == (["R601"], False, 1)
    hint = made.problems[0].hint
    assert "name: bot-v2" in hint
    assert "versioned: true" in hint


def test_several_differences_are_told_in_the_order_of_the_attributes() -> None:
    wanted = finetune("bot", model=GEMMA, description="new", public=True, files="two")
    state = recorded({"bot": generation(1, "bot", files="one")})
    made = plan(desired(wanted), state, [remote(1, "bot")])
    assert [d.name for d in change_of(made, "bot").differences] == [
        "model",
        "description",
        "public",
        f"adapter/{CONFIG}",
        f"adapter/{WEIGHTS}",
    ]


def test_what_drifted_in_the_account_is_impossible_to_mend() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot")), state, [remote(1, "bot", description="outside")])
    change = change_of(made, "bot")
    assert change.action is Action.REPLACE
    assert change.reason.startswith("description drifted in the account")
    assert change.differences == (AttributeChange("description", "outside", ""),)
    assert [drift.address.name for drift in made.drift] == ["bot"]


def test_what_drifted_to_what_is_desired_is_as_desired_and_told_as_drift() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(
        desired(finetune("bot", description="x")), state, [remote(1, "bot", description="x")]
    )
    assert actions(made) == {"bot": "no-op"}
    assert len(made.drift) == 1


def test_what_the_account_renamed_is_not_created_again() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot")), state, [remote(1, "renamed")])
    assert actions(made) == {"bot": "replace"}
    assert change_of(made, "bot").differences == (AttributeChange("name", "renamed", "bot"),)
    assert codes(made) == ["R601"]


def test_following_what_the_account_renamed_is_possible() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot", base_name="renamed")), state, [remote(1, "renamed")])
    assert (actions(made), made.can_apply) == ({"bot": "no-op"}, True)


@pytest.mark.parametrize("status", [AssetStatus.UPLOADED, AssetStatus.PENDING])
def test_other_files_are_impossible(status: AssetStatus) -> None:
    state = recorded({"bot": generation(1, "bot", files="one", status=status)})
    made = plan(desired(finetune("bot", files="two")), state, [remote(1, "bot")])
    change = change_of(made, "bot")
    assert (change.action, change.uploads) == (Action.REPLACE, ())
    assert change.differences[0] == AttributeChange(
        f"adapter/{CONFIG}", digest("one config"), digest("two config")
    )
    can_go_back = "as they were" in made.problems[0].hint
    assert can_go_back == (status is AssetStatus.PENDING)


def test_a_name_that_another_finetune_has_is_taken() -> None:
    made = plan(desired(finetune("bot")), account=[remote(1, "bot", model=GEMMA, description="x")])
    change = change_of(made, "bot")
    assert change.action is Action.REPLACE
    assert [d.name for d in change.differences] == ["model", "description"]
    assert (codes(made), made.can_apply) == (["R602"], False)
    assert "another model and another description" in made.problems[0].detail


# Duplicates


def test_two_of_the_name_in_the_account_are_a_duplicate() -> None:
    made = plan(desired(finetune("bot")), account=[remote(2, "bot"), remote(1, "bot")])
    assert (actions(made), codes(made), made.can_apply) == ({"bot": "replace"}, ["R603"], False)
    assert f"{id_of(1)}, {id_of(2)}" in made.problems[0].detail


def test_row_51_a_second_one_beside_the_recorded_one_is_a_duplicate() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot")), state, [remote(1, "bot"), remote(2, "bot")])
    assert (codes(made), made.can_apply) == (["R603"], False)


def test_row_51_another_one_while_ours_is_not_listed_yet_is_a_duplicate() -> None:
    state = recorded({"bot": generation(1, "bot", seen=False)})
    made = plan(desired(finetune("bot")), state, [remote(2, "bot")])
    assert codes(made) == ["R603"]
    assert f"{id_of(1)}, {id_of(2)}" in made.problems[0].detail


def test_duplicates_of_what_nobody_declares_do_not_matter() -> None:
    made = plan(desired(finetune("bot")), account=[remote(1, "x"), remote(2, "x")])
    assert (actions(made), made.can_apply) == ({"bot": "create"}, True)


# Unresolved


def test_an_unresolved_create_blocks_the_whole_plan() -> None:
    state = recorded(pending={"bot": intent("bot")})
    made = plan(desired(finetune("bot"), finetune("other")), state)
    assert actions(made) == {"other": "create"}
    assert (codes(made), made.can_apply, made.exit_code) == (["R605"], False, 3)
    assert "reconciler resolve finetune.bot --retry" in made.problems[0].hint


def test_an_unresolved_create_names_its_candidates_and_a_command_for_each() -> None:
    state = recorded(pending={"bot": intent("bot")})
    listed = [remote(1, "bot"), remote(2, "bot"), remote(3, "bot", description="x")]
    (problem,) = plan(desired(finetune("bot")), state, listed).problems
    assert 'has 3 new finetunes named "bot": ' in problem.detail
    assert f"{id_of(1)}, created an unknown time, with the same attributes" in problem.detail
    assert f"{id_of(3)}, created an unknown time, with another description" in problem.detail
    for number in (1, 2):
        assert f"reconciler resolve finetune.bot --adopt {id_of(number)}" in problem.hint
    assert id_of(3) not in problem.hint


def test_a_single_candidate_that_differs_is_not_offered() -> None:
    state = recorded(pending={"bot": intent("bot")})
    made = plan(desired(finetune("bot")), state, [remote(1, "bot", description="x")])
    assert "--adopt" not in made.problems[0].hint
    assert "another `name:`" in made.problems[0].hint


def test_an_unresolved_create_says_what_was_sent_and_when() -> None:
    state = recorded(pending={"bot": intent("bot")})
    (problem,) = plan(desired(finetune("bot")), state).problems
    sent = state.pending[finetune("bot").address]
    assert f"(model {sent.attributes.model}, no description)" in problem.detail
    assert f"at {sent.created_at} (attempt {sent.attempt_id})" in problem.detail
    assert 'The account has no new finetune named "bot".' in problem.detail


def test_an_unresolved_create_of_what_nobody_declares_any_more_blocks_too() -> None:
    made = plan(desired(), recorded(pending={"bot": intent("bot")}))
    assert (actions(made), codes(made), made.exit_code) == ({}, ["R605"], 3)


def test_a_target_gets_around_the_unresolved_create_of_another() -> None:
    state = recorded(pending={"bot": intent("bot")})
    made = plan(desired(finetune("bot"), finetune("other")), state, scope=targets("other"))
    assert (actions(made), made.unresolved, made.can_apply) == ({"other": "create"}, (), True)


def test_no_target_gets_around_the_unresolved_create_of_its_own_name() -> None:
    # The logical name changed while the outcome is unknown: it may be there already.
    state = recorded(pending={"old": intent("bot")})
    wanted = desired(finetune("new", base_name="bot"))
    made = plan(wanted, state, scope=targets("new"))
    assert (actions(made), made.can_apply, made.exit_code) == ({}, False, 3)


def test_no_target_gets_around_the_unresolved_create_that_it_was_moved_from() -> None:
    state = recorded({"old": generation(1, "old")}, {"old": intent("x")})
    wanted = desired(finetune("new"), moved={"new": "old"})
    made = plan(wanted, state, [remote(1, "old")], scope=targets("new"))
    assert (actions(made), made.exit_code) == ({}, 3)


# Recorded elsewhere


def test_what_another_address_records_is_not_adopted_a_second_time() -> None:
    state = recorded({"old": generation(1, "bot")})
    made = plan(desired(finetune("new", base_name="bot")), state, [remote(1, "bot")])
    assert actions(made) == {"new": "replace", "old": "forget"}
    assert codes(made) == ["R613", "r607"]
    assert "moved: [{from: old, to: new}]" in made.problems[0].hint


def test_the_hint_leads_to_a_move_that_is_possible() -> None:
    state = recorded({"old": generation(1, "bot"), "new": generation(2, "other")})
    wanted = desired(finetune("new", base_name="bot"))
    made = plan(wanted, state, [remote(1, "bot"), remote(2, "other")])
    assert codes(made) == ["R613", "r607"]
    first = "If old became new, first:\n  reconciler state rm new\nthen say so in a manifest:\n"
    assert f"{first}  moved: [{{from: old, to: new}}]\n" in made.problems[0].hint

    wanted = desired(finetune("new", base_name="bot"), moved={"new": "old"})
    blocked = plan(wanted, state, [remote(1, "bot"), remote(2, "other")])
    hint = next(p.hint for p in blocked.problems if p.code == "R606")
    assert "reconciler state rm new" in hint
    after = recorded({"old": generation(1, "bot")})
    made = plan(wanted, after, [remote(1, "bot"), remote(2, "other")])
    assert (actions(made), made.can_apply) == ({"new": "move"}, True)


def test_what_another_address_records_is_not_created_offline() -> None:
    state = recorded({"old": generation(1, "bot")})
    made = plan(desired(finetune("new", base_name="bot")), state, None)
    assert (change_of(made, "new").action, made.can_apply) == (Action.REPLACE, False)


def test_what_another_address_records_and_is_gone_may_be_created() -> None:
    state = recorded({"old": generation(1, "bot")})
    made = plan(desired(finetune("new", base_name="bot")), state)
    assert actions(made) == {"new": "create", "old": "forget"}
    assert made.can_apply


def test_exchanging_names_between_addresses_is_refused() -> None:
    state = recorded({"a": generation(1, "x"), "b": generation(2, "y")})
    wanted = desired(finetune("a", base_name="y"), finetune("b", base_name="x"))
    made = plan(wanted, state, [remote(1, "x"), remote(2, "y")])
    assert (codes(made), made.can_apply) == (["R613", "R613"], False)


def test_a_name_that_another_address_superseded_can_be_adopted() -> None:
    state = recorded({"a": record(generation(2, "a2"), generation(1, "a"))})
    wanted = desired(finetune("a", base_name="a2"), finetune("b", base_name="a"))
    made = plan(wanted, state, [remote(1, "a"), remote(2, "a2")])
    assert actions(made) == {"a": "no-op", "b": "import"}
