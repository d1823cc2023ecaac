"""Changing what can't be changed: another name in the account is another generation."""

from __future__ import annotations

import re

from reconciler.model import Action
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
    remote,
)
from tests.state.samples import CONFIG, WEIGHTS, id_of

OLD = finetune("bot", versioned=True, description="old", files="one")
NEW = finetune("bot", versioned=True, description="new", files="one")
OLD_NAME, NEW_NAME = OLD.remote_name, NEW.remote_name
ONE = generation(1, OLD_NAME, description="old", files="one")
TWO = generation(2, NEW_NAME, description="new", files="one")
LISTED_ONE = remote(1, OLD_NAME, description="old")
LISTED_TWO = remote(2, NEW_NAME, description="new")


def test_a_versioned_name_ends_with_eight_hex_digits_of_the_content() -> None:
    assert re.fullmatch(r"bot-[0-9a-f]{8}", OLD_NAME)


def test_every_part_of_the_content_changes_the_name() -> None:
    names = {
        finetune("bot", versioned=True).remote_name,
        finetune("bot", versioned=True, model=GEMMA).remote_name,
        finetune("bot", versioned=True, description="x").remote_name,
        finetune("bot", versioned=True, public=True).remote_name,
        finetune("bot", versioned=True, files="one").remote_name,
        finetune("bot", versioned=True, files="two").remote_name,
    }
    assert len(names) == 6


def test_the_first_generation_is_created_under_its_versioned_name() -> None:
    made = plan(desired(OLD))
    change = change_of(made, "bot")
    assert change.action is Action.CREATE
    assert change.after is not None
    assert change.after.name == OLD_NAME
    assert (change.supersedes, made.superseded) == ("", 0)


def test_an_unchanged_generation_needs_nothing() -> None:
    made = plan(desired(OLD), recorded({"bot": ONE}), [LISTED_ONE])
    assert actions(made) == {"bot": "no-op"}


def test_changed_content_creates_a_generation_and_supersedes_the_old_one() -> None:
    made = plan(desired(NEW), recorded({"bot": ONE}), [LISTED_ONE])
    change = change_of(made, "bot")
    assert change.action is Action.CREATE
    assert change.reason == (
        f"a new generation, because its content changed; {OLD_NAME} ({id_of(1)}) stays in the "
        "account"
    )
    assert (change.supersedes, change.before) == (id_of(1), ONE.attributes)
    assert change.uploads == (CONFIG, WEIGHTS)
    assert (made.superseded, made.quota.used, made.quota.after) == (1, 1, 2)
    assert (codes(made), made.can_apply) == ([], True)


def test_other_files_are_another_generation_and_not_impossible() -> None:
    wanted = finetune("bot", versioned=True, description="old", files="two")
    made = plan(desired(wanted), recorded({"bot": ONE}), [LISTED_ONE])
    assert (actions(made), made.can_apply) == ({"bot": "create"}, True)


def test_going_back_takes_the_earlier_generation_and_creates_nothing() -> None:
    state = recorded({"bot": record(TWO, ONE)})
    made = plan(desired(OLD), state, [LISTED_ONE, LISTED_TWO])
    change = change_of(made, "bot")
    assert (change.action, change.id, change.supersedes) == (Action.IMPORT, id_of(1), id_of(2))
    assert "earlier generation is wanted again" in change.reason
    assert change.uploads == ()
    assert made.superseded == 1
    assert codes(made) == []


def test_going_back_to_a_generation_that_lacks_files_sends_them() -> None:
    one = generation(1, OLD_NAME, description="old", files="one", status=AssetStatus.PENDING)
    made = plan(desired(OLD), recorded({"bot": record(TWO, one)}), [LISTED_ONE, LISTED_TWO])
    change = change_of(made, "bot")
    assert (change.action, change.id, change.supersedes) == (Action.UPLOAD, id_of(1), id_of(2))


def test_going_back_to_a_generation_that_is_gone_creates_it_again() -> None:
    made = plan(desired(OLD), recorded({"bot": record(TWO, ONE)}), [LISTED_TWO])
    change = change_of(made, "bot")
    assert (change.action, change.supersedes) == (Action.CREATE, id_of(2))


def test_going_back_to_a_generation_that_drifted_is_impossible() -> None:
    drifted = remote(1, OLD_NAME, description="outside")
    made = plan(desired(OLD), recorded({"bot": record(TWO, ONE)}), [drifted, LISTED_TWO])
    assert (actions(made), codes(made)) == ({"bot": "replace"}, ["R601"])
    assert change_of(made, "bot").supersedes == ""


def test_what_is_known_of_the_current_generation_is_not_said_of_the_earlier_one() -> None:
    two = generation(2, NEW_NAME, description="new", files="one", seen=False)
    made = plan(desired(OLD), recorded({"bot": record(two, ONE)}), [LISTED_ONE])
    assert (actions(made), codes(made)) == ({"bot": "import"}, [])
    state = recorded({"bot": ONE}, {"bot": intent(NEW_NAME, description="new", files="one")})
    made = plan(desired(OLD), state, [LISTED_ONE, LISTED_TWO])
    assert "earlier generation" in change_of(made, "bot").reason


def test_a_generation_that_the_account_has_already_is_adopted() -> None:
    made = plan(desired(NEW), recorded({"bot": ONE}), [LISTED_ONE, LISTED_TWO])
    change = change_of(made, "bot")
    assert (change.action, change.id, change.supersedes) == (Action.IMPORT, id_of(2), id_of(1))
    assert (made.superseded, codes(made)) == (1, ["r609"])


def test_a_current_generation_that_is_gone_is_superseded_by_nothing() -> None:
    made = plan(desired(NEW), recorded({"bot": ONE}))
    change = change_of(made, "bot")
    assert (change.action, change.supersedes, made.superseded) == (Action.CREATE, "", 0)
    assert f"{OLD_NAME} ({id_of(1)}) is gone from the account" in change.reason


def test_turning_versions_on_creates_the_first_versioned_one() -> None:
    plain = generation(1, "bot", description="old", files="one")
    made = plan(desired(OLD), recorded({"bot": plain}), [remote(1, "bot", description="old")])
    change = change_of(made, "bot")
    assert (change.action, change.supersedes) == (Action.CREATE, id_of(1))


def test_turning_versions_off_creates_the_plain_one() -> None:
    plain = finetune("bot", description="old", files="one")
    made = plan(desired(plain), recorded({"bot": ONE}), [LISTED_ONE])
    change = change_of(made, "bot")
    assert (change.action, change.supersedes) == (Action.CREATE, id_of(1))
    assert "it has another name now" in change.reason


def test_another_declared_name_is_another_generation() -> None:
    state = recorded({"bot": generation(1, "bot")})
    made = plan(desired(finetune("bot", base_name="bot-v2")), state, [remote(1, "bot")])
    change = change_of(made, "bot")
    assert (change.action, change.supersedes, made.superseded) == (Action.CREATE, id_of(1), 1)


def test_another_declared_name_that_is_taken_is_refused() -> None:
    state = recorded({"bot": generation(1, "bot")})
    account = [remote(1, "bot"), remote(2, "bot-v2", description="x")]
    made = plan(desired(finetune("bot", base_name="bot-v2")), state, account)
    assert (codes(made), change_of(made, "bot").supersedes) == (["R602"], "")


def test_offline_a_new_generation_is_planned_from_the_state() -> None:
    made = plan(desired(NEW), recorded({"bot": ONE}), None)
    assert (actions(made), made.superseded) == ({"bot": "create"}, 1)


def test_several_superseded_generations_are_counted_once_each() -> None:
    zero = generation(9, "bot-00000000", description="zero")
    state = recorded(
        {"bot": record(ONE, zero), "x": record(generation(4, "x"), generation(5, "y"))}
    )
    account = [
        LISTED_ONE,
        remote(9, "bot-00000000", description="zero"),
        remote(4, "x"),
        remote(5, "y"),
    ]
    made = plan(desired(NEW, finetune("x")), state, account)
    assert made.superseded == 3


def test_an_unresolved_create_of_a_generation_blocks_the_next_one() -> None:
    state = recorded({"bot": ONE}, {"bot": intent(NEW_NAME, description="new")})
    made = plan(desired(finetune("bot", versioned=True)), state, [LISTED_ONE])
    assert (actions(made), made.exit_code) == ({}, 3)


def test_a_versioned_name_that_another_one_has_by_chance_is_told() -> None:
    made = plan(desired(OLD, finetune("other", base_name=OLD_NAME)))
    assert (codes(made), made.can_apply) == (["R614"], False)
    assert f'would both be named "{OLD_NAME}"' in made.problems[0].detail
