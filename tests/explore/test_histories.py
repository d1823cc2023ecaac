"""A sample of the histories; `python -m tests.explore histories` plays the whole."""

from __future__ import annotations

import pytest

from reconciler.apply import Ledger
from tests.explore.histories.generate import generate
from tests.explore.histories.play import play
from tests.explore.histories.steps import (
    Apply,
    Declare,
    Drop,
    ExecuteLate,
    History,
    Lag,
    OutsideCreate,
    OutsideDelete,
    OutsideRename,
    Rename,
    Resolve,
    RestoreBackup,
    Review,
)
from tests.explore.history_report import Block, explain, play_block, problem_of

SAMPLE = 200
_A = Declare("a", "a")
_WITH_FILES = Declare("a", "a", adapter=True)


@pytest.mark.parametrize("first", range(0, 5 * SAMPLE, SAMPLE))
def test_no_history_breaks_a_promise(first: int) -> None:
    played = play_block(Block(first, SAMPLE))

    assert not played.failures, "\n".join(played.failures)
    assert played.counts["histories played"] == SAMPLE


@pytest.mark.parametrize(
    "steps",
    [
        (_A, Apply(creates=("late",)), Apply(), ExecuteLate(), Apply()),
        (_A, Lag(20), Apply(creates=("lost",), crash_at=9), Apply(), Apply()),
        (_A, Apply(during=((5, Apply(1)),)), Apply(1)),
        (_A, Apply(), RestoreBackup(), Apply()),
        (_A, Apply(creates=("late",)), Resolve(hasty=True), Apply(), ExecuteLate()),
        # The hints that follow on another must not lead in a circle.
        (_A, Declare("b", "b"), Apply(), Drop("b"), Rename("a", "b", moved=True)),
        (_A, Declare("b", "b"), Apply(), Drop("b"), Rename("a", "b", moved=False)),
        # What is deleted before any list showed it is there for ever, as far as one can see.
        (
            _WITH_FILES,
            Declare("b", "b"),
            Apply(creates=("answered", "late"), during=((37, OutsideDelete("a")),), order=2),
        ),
        (_A, OutsideCreate("a", alike=False)),
        (_A, Review(), Declare("b", "b"), Apply(reviewed=True)),
        # What the account calls otherwise is no change of the manifest.
        (_A, Apply(creates=("renamed",)), Apply(), Apply()),
        (_A, Apply(), OutsideRename("a"), Declare("b", "b"), Apply(target="b"), Apply(), Apply()),
        (_A, Declare("b", "b"), Apply(), OutsideRename("a"), Apply(target="b"), Apply()),
        # Somebody else's is taken for ours, is deleted, and ours comes to be after that.
        (
            _A,
            Apply(creates=("late",), during=((12, OutsideCreate("a", alike=True)),)),
            OutsideDelete("a"),
            Apply(),
            ExecuteLate(),
        ),
    ],
)
@pytest.mark.parametrize("lock", [True, False])
def test_what_once_was_or_could_be_wrong(steps: tuple[object, ...], lock: bool) -> None:
    assert problem_of(History(steps, shared_lock=lock)) == ""  # type: ignore[arg-type]


def test_a_history_is_made_by_its_seed_alone() -> None:
    assert generate(7) == generate(7)
    assert generate(7) != generate(8)
    assert play(generate(7)).exit_codes == play(generate(7)).exit_codes


def test_a_create_without_an_intent_is_found_and_replayed_by_a_short_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A harness that finds nothing proves nothing."""
    monkeypatch.setattr(Ledger, "save", lambda self: None)
    monkeypatch.setattr(Ledger, "is_dirty", False)

    played = play_block(Block(0, 5))

    assert played.failed == 5
    script = explain(generate(0))
    assert len(script.splitlines()) < 8
    with pytest.raises(BaseException, match="without a durable intent"):
        exec(script, {})
