"""Who is asked again, for how long, and whose verdict is kept."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler import verification
from reconciler.cloudflare.outcomes import Answered, InferenceOutcome, NoVerdict, Silent
from reconciler.diagnostics.codes import verification as codes
from reconciler.model import Address, Verification
from reconciler.state import AssetStatus, State
from reconciler.verification import (
    Subject,
    Verified,
    Waiting,
    recorded,
    subjects_of,
    unanswered,
    verify,
)
from tests.plan.samples import generation, record
from tests.plan.samples import recorded as state_of

EARLY = Silent(codes.NOT_FOUND.error("Not found."), may_be_early=True)
NEVER = Silent(codes.NO_LORA.error("No LoRA."), may_be_early=False)
LOST = NoVerdict(codes.NO_VERDICT.error("Lost."), retry_after=0.0)
DENIED = NoVerdict(codes.NO_VERDICT.error("Denied."), retry_after=None)


@dataclass
class Script:
    """An account that says one outcome after the other to each id, the last one for ever."""

    outcomes: dict[str, Sequence[InferenceOutcome]]
    asked: Counter[str] = field(default_factory=Counter)
    before: Callable[[], None] = lambda: None

    def ask(self, finetune_id: str, model: str) -> InferenceOutcome:
        self.before()
        said = self.outcomes[finetune_id]
        number = self.asked[finetune_id]
        self.asked[finetune_id] += 1
        return said[min(number, len(said) - 1)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "FIRST_PAUSE", 0.001)


def subject(name: str, *, is_whole: bool = True) -> Subject:
    return Subject(Address(name), name, "model", is_whole)


def run(
    script: Script, *subjects: Subject, seconds: float = 60, stop: threading.Event | None = None
) -> tuple[list[Verified], list[Waiting]]:
    events = list(verify(script, subjects, seconds, 4, stop or threading.Event()))
    return (
        [event for event in events if isinstance(event, Verified)],
        [event for event in events if isinstance(event, Waiting)],
    )


def ends_of_one_at_a_time(
    script: Script, names: str, *, seconds: float, stop: Any = None
) -> list[Verified]:
    events = verify(script, [*map(subject, names)], seconds, 1, stop or threading.Event())
    return [event for event in events if isinstance(event, Verified)]


def test_an_early_one_is_asked_until_it_answers_and_said_once() -> None:
    script = Script({"a": [EARLY, LOST, EARLY, Answered()], "b": [Answered()]})

    ends, waiting = run(script, subject("a"), subject("b"))

    assert script.asked == {"a": 4, "b": 1}
    assert [event.address.name for event in waiting] == ["a"]
    assert all(end.verification and end.verification.answered for end in ends)
    assert all(end.diagnostic is None for end in ends)


@pytest.mark.parametrize("outcome", [NEVER, DENIED])
def test_what_waiting_cannot_mend_is_asked_once(outcome: Silent | NoVerdict) -> None:
    script = Script({"a": [outcome, Answered()]})

    (end,), waiting = run(script, subject("a"))

    assert script.asked["a"] == 1
    assert not waiting
    assert end.diagnostic == outcome.diagnostic.about("finetune.a")
    assert (end.verification is None) == isinstance(outcome, NoVerdict)


def test_one_that_lacks_a_file_by_the_state_is_not_waited_for() -> None:
    script = Script({"a": [EARLY, Answered()]})
    (end,), _ = run(script, subject("a", is_whole=False))
    assert end.verification
    assert end.verification.code == "R801"
    assert script.asked["a"] == 1


def each_question_takes_a_second(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: float(script.asked.total()))
    monkeypatch.setattr(verification, "time", clock)


def test_the_time_is_one_for_all_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script({name: [EARLY] for name in "abc"})
    each_question_takes_a_second(script, monkeypatch)

    ends = ends_of_one_at_a_time(script, "abc", seconds=5)

    assert [end.verification and end.verification.outcome for end in ends] == ["silent"] * 3
    assert [script.asked[name] for name in "abc"] == [2, 2, 1]


def test_after_the_time_nobody_is_asked_in_the_middle_of_a_round_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Script({name: [Answered()] for name in "abcde"} | {"b": [NEVER]})
    each_question_takes_a_second(script, monkeypatch)

    ends = ends_of_one_at_a_time(script, "abcde", seconds=3)

    assert script.asked.total() == 3
    codes_of = [end.diagnostic and end.diagnostic.code for end in ends]
    assert codes_of == [None, "R803", None, "R804", "R804"]
    # Nothing is recorded of those that had no turn.
    assert [end.verification is not None for end in ends] == [True] * 3 + [False] * 2
    assert ends[4].diagnostic
    assert "finetune.e was not asked: the 3 seconds were over" in ends[4].diagnostic.detail


def test_the_last_round_is_begun_in_time_to_be_through(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script({"a": [EARLY] * 2 + [Answered()]})
    passed = [0.0]
    stop = SimpleNamespace(is_set=lambda: False, wait=lambda s: passed.append(s))
    clock = SimpleNamespace(monotonic=lambda: sum(passed) + script.asked.total())
    monkeypatch.setattr(verification, "time", clock)
    monkeypatch.setattr(verification, "FIRST_PAUSE", 4.0)

    (end,) = ends_of_one_at_a_time(script, "a", seconds=10, stop=stop)

    assert passed == [0.0, 4.0, 3.0]
    assert end.seconds == 10
    assert end.diagnostic is None


def test_without_time_each_is_asked_once() -> None:
    script = Script({"a": [EARLY], "b": [LOST]})
    ends, waiting = run(script, subject("a"), subject("b"), seconds=0)
    assert len(ends) == 2
    assert not waiting
    assert script.asked == {"a": 1, "b": 1}


def test_a_pause_beyond_the_time_ends_it() -> None:
    script = Script({"a": [replace(LOST, retry_after=300.0)]})
    (end,), _ = run(script, subject("a"), seconds=60)
    assert end.verification is None
    assert script.asked["a"] == 1


def test_told_to_stop_it_keeps_verdicts_and_leaves_the_rest_open() -> None:
    stop = threading.Event()
    script = Script({"a": [Answered()], "b": [EARLY], "c": [NEVER], "d": [DENIED]})
    subjects = [subject(name) for name in "abcd"]
    # Stopped while all four are under way.
    barrier = threading.Barrier(4, stop.set)
    script.before = lambda: barrier.wait(10) and None

    ends, _ = run(script, *subjects, stop=stop)

    assert [end.subject.id for end in ends] == ["a", "c"]
    assert set(script.asked.values()) == {1}


# The state


def state() -> State:
    whole = generation(1, "whole", files="one")
    answered = replace(whole, verification=Verification("t"))
    silent = replace(whole, verification=Verification("t", "R801"))
    partial = generation(2, "partial", files="two", status=AssetStatus.PENDING)
    return state_of(
        {"answered": answered, "fresh": whole, "partial": partial, "silent": record(silent, whole)}
    )


def test_subjects_are_the_current_generations() -> None:
    found = subjects_of(state(), map(Address, ("silent", "partial", "unknown")))
    assert [(s.address.name, s.is_whole) for s in found] == [("silent", True), ("partial", False)]


def test_unanswered_are_those_that_never_answered_since() -> None:
    found = unanswered(state(), map(Address, ("answered", "fresh", "partial", "silent", "unknown")))
    assert [address.name for address in found] == ["fresh", "partial", "silent"]


def test_a_verdict_is_recorded_for_the_finetune_that_was_asked_only() -> None:
    before = state()
    asked = subjects_of(before, before.finetunes)
    verdict = Verification("later", "R801")
    ends = [Verified(each, verdict, None, 0.0) for each in asked]
    ends[0] = replace(ends[0], verification=None)
    ends[1] = replace(ends[1], subject=replace(asked[1], id="another since"))
    ends.append(Verified(subject("gone"), verdict, None, 0.0))

    after = recorded(before, ends)

    kept = {address.name: item.current.verification for address, item in after.items()}
    assert kept == {
        "answered": Verification("t"),
        "fresh": None,
        "partial": verdict,
        "silent": verdict,
    }
    assert after[Address("silent")].superseded == before.finetunes[Address("silent")].superseded
