"""A sample of `make explore`: calls about the project's files fail, once or from then on."""

from __future__ import annotations

import errno
import random

import pytest

from tests.explore.blows import can_fail_calls
from tests.explore.faults import Point, all_points, count_calls, explore
from tests.explore.runner import Runner
from tests.explore.world import SCENARIOS, Fate, Scenario

SEED = 20
ONE = SCENARIOS[0]

pytestmark = pytest.mark.skipif(
    not can_fail_calls(), reason="calls can be made to fail on x86_64 alone"
)


def play(runner: Runner, call: str, number: int, result: int, *, lasting: bool = False) -> int:
    """Let a call fail in an apply of one create; returns the exit code."""
    played = explore(Point(ONE, Fate.ANSWERED, call, number, result, lasting), runner)
    assert not played.violation
    assert played.fired
    return played.status


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_rows_36_to_40_any_call_fails(scenario: Scenario, runner: Runner) -> None:
    calls = count_calls(scenario, Fate.ANSWERED, runner)
    points = list(all_points(scenario, Fate.ANSWERED, calls))
    results = [explore(point, runner) for point in random.Random(SEED).sample(points, 4)]
    broken = [f"{result.point}\n{result.violation}" for result in results if result.violation]
    assert not broken, broken[0]
    assert sum(result.fired for result in results) >= 2


# The first write is that of the intent, the second that of the id.
INTENT, ID = 1, 2


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["write", "fsync", "close"])
def test_row_36_the_intent_cannot_be_written(runner: Runner, call: str, error: int) -> None:
    # The second close of a file in the project: before it, the folder's own.
    number = {"write": INTENT, "fsync": 1, "close": 2}[call]
    assert play(runner, call, number, -error, lasting=True) == 1


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_row_37_the_id_cannot_be_written(runner: Runner, error: int) -> None:
    assert play(runner, "write", ID, -error, lasting=True) == 3


@pytest.mark.parametrize("number", [INTENT, ID])
def test_row_39_a_short_write(runner: Runner, number: int) -> None:
    assert play(runner, "write", number, 1) == 1


@pytest.mark.parametrize("wrote", [0, 1])
def test_rows_37_and_39_no_write_writes_what_it_should_any_more(runner: Runner, wrote: int) -> None:
    # Neither an end that does not come, nor a rescue file that is not whole.
    assert play(runner, "write", ID, wrote, lasting=True) == 3
