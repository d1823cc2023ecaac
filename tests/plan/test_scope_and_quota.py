from __future__ import annotations

import subprocess
import sys

import pytest

from reconciler.model import Limits
from reconciler.plan import Scope
from tests.plan.samples import (
    actions,
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

# Scope


def test_targets_leave_everything_else_out() -> None:
    state = recorded({"gone": generation(1, "gone"), "kept": generation(2, "kept")})
    wanted = desired(finetune("a"), finetune("b"), finetune("kept"))
    made = plan(wanted, state, [remote(1, "gone"), remote(2, "kept")], scope=targets("a"))
    assert (actions(made), codes(made)) == ({"a": "create"}, [])


def test_a_target_that_nobody_declares_any_more_is_forgotten() -> None:
    state = recorded({"x": generation(1, "x"), "y": generation(2, "y")})
    made = plan(desired(), state, [remote(1, "x"), remote(2, "y")], scope=targets("x"))
    assert actions(made) == {"x": "forget"}


def test_a_target_gets_around_what_is_impossible() -> None:
    state = recorded({"bot": generation(1, "bot")})
    wanted = desired(finetune("bot", description="x"), finetune("other"))
    assert not plan(wanted, state, [remote(1, "bot")]).can_apply
    assert plan(wanted, state, [remote(1, "bot")], scope=targets("other")).can_apply


def test_a_selector_chooses_by_all_of_its_labels_and_forgets_nothing() -> None:
    wanted = desired(
        finetune("a", labels={"team": "x", "env": "prod"}),
        finetune("b", labels={"team": "x"}),
        finetune("c"),
    )
    scope = Scope(selector={"team": "x", "env": "prod"})
    made = plan(wanted, recorded({"d": generation(1, "d")}), [remote(1, "d")], scope=scope)
    assert actions(made) == {"a": "create"}


def test_targets_and_selector_narrow_together() -> None:
    wanted = desired(
        finetune("a", labels={"t": "x"}), finetune("b", labels={"t": "x"}), finetune("c")
    )
    scope = Scope(targets("b", "c").targets, {"t": "x"})
    assert actions(plan(wanted, scope=scope)) == {"b": "create"}


def test_drift_out_of_scope_is_left_out() -> None:
    state = recorded({"a": generation(1, "a"), "b": generation(2, "b")})
    account = [remote(1, "a", description="x"), remote(2, "b", description="x")]
    wanted = desired(finetune("a"), finetune("b"))
    made = plan(wanted, state, account, scope=targets("b"))
    assert [drift.address.name for drift in made.drift] == ["b"]


def test_drift_of_what_moved_is_in_the_scope_of_its_new_address() -> None:
    state = recorded({"old": generation(1, "bot")})
    wanted = desired(finetune("new", base_name="bot"), moved={"new": "old"})
    account = [remote(1, "bot", description="x")]
    made = plan(wanted, state, account, scope=targets("new"))
    assert [drift.address.name for drift in made.drift] == ["old"]


def test_a_target_gets_around_the_blocked_move_of_another() -> None:
    state = recorded({"a": generation(1, "a"), "b": generation(2, "b")})
    wanted = desired(finetune("b"), finetune("x"), moved={"b": "a"})
    account = [remote(1, "a"), remote(2, "b")]
    assert codes(plan(wanted, state, account, scope=targets("b"))) == ["R606"]
    assert plan(wanted, state, account, scope=targets("x")).can_apply


# Quota


@pytest.mark.parametrize(("limit", "fits"), [(3, True), (2, False)])
def test_creates_must_fit_into_what_the_account_may_have(limit: int, fits: bool) -> None:
    wanted = desired(finetune("a"), finetune("b"))
    made = plan(wanted, account=[remote(1, "other")], limits=Limits(max_finetunes=limit))
    assert (made.quota.used, made.quota.after, made.quota.limit) == (1, 3, limit)
    assert (codes(made), made.can_apply) == (([], True) if fits else (["R604"], False))


def test_what_is_over_the_limit_is_said_in_numbers() -> None:
    made = plan(desired(finetune("a")), account=[remote(1, "x")], limits=Limits(max_finetunes=1))
    assert made.problems[0].detail == (
        "The account has 1 of at most 1 finetunes; 1 more would make it 2."
    )


def test_an_account_over_its_limit_is_no_error_where_nothing_is_created() -> None:
    state = recorded({"a": generation(1, "a")})
    limits = Limits(max_finetunes=1)
    made = plan(desired(finetune("a")), state, [remote(1, "a"), remote(2, "b")], limits=limits)
    assert (codes(made), made.can_apply) == ([], True)


def test_what_is_not_listed_yet_counts() -> None:
    old = record(generation(2, "b2", seen=False), generation(1, "b1", seen=False))
    made = plan(desired(finetune("a"), finetune("b", base_name="b2")), recorded({"b": old}))
    assert (made.quota.used, made.quota.after) == (2, 3)


def test_offline_what_is_recorded_counts_and_what_the_account_has_is_unknown() -> None:
    state = recorded({"b": record(generation(2, "b"), generation(1, "b-old"))})
    limits = Limits(max_finetunes=2)
    made = plan(desired(finetune("a"), finetune("b")), state, None, limits=limits)
    assert (made.quota.used, made.quota.after) == (None, 3)
    assert codes(made) == ["R604"]
    assert made.problems[0].detail.startswith("The state records 2 of at most 2 finetunes")


def test_a_target_creates_what_fits() -> None:
    wanted = desired(finetune("a"), finetune("b"))
    limits = Limits(max_finetunes=1)
    assert not plan(wanted, limits=limits).can_apply
    assert plan(wanted, limits=limits, scope=targets("a")).can_apply


# What the plan was made from


def test_a_state_that_was_never_saved_leaves_no_random_lineage_in_the_plan() -> None:
    made = plan(desired(finetune("a")))
    assert (made.lineage, made.serial) == ("", 0)


def test_problems_are_in_the_order_of_the_addresses_within_their_kind() -> None:
    state = recorded(
        {name: generation(i, name) for i, name in enumerate("zma")},
        {name: intent(name) for name in ("y", "b")},
    )
    account = [remote(i, name, description="x") for i, name in enumerate("zma")]
    wanted = desired(*(finetune(name) for name in "zma"))
    made = plan(wanted, state, account)
    assert [problem.address[-1] for problem in made.problems] == ["a", "m", "z", "b", "y"]


@pytest.mark.parametrize(
    ("description", "imported"), [("same", False), ("other", True)], ids=["no-op", "differs"]
)
def test_deepdiff_is_imported_only_where_something_differs(
    description: str, imported: bool
) -> None:
    program = (
        "import sys\n"
        "from tests.plan.samples import *\n"
        "state = recorded({'bot': generation(1, 'bot', description='same', files='one')})\n"
        f"wanted = finetune('bot', description={description!r}, files='one')\n"
        "made = plan(desired(wanted, finetune('new')), state,"
        " [remote(1, 'bot', description='same')])\n"
        "print('deepdiff' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(imported)
