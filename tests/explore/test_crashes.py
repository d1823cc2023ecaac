"""A sample of `make explore`: killed at calls chosen by a seed, once, again, or asked to stop."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from tests.explore.crash import (
    Counts,
    Point,
    all_points,
    count_calls,
    explore,
    nested_points,
    stop_points,
)
from tests.explore.runner import Runner
from tests.explore.syscalls import has_effect
from tests.explore.world import SCENARIOS, Fate, Scenario

SEED = 20

each_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


def counted(scenario: Scenario, runner: Runner, *, about: str) -> Counts:
    """Count under two of the fates, chosen for each test, for the sake of time."""
    fates = random.Random(f"{SEED} {scenario.name} {about}").sample(list(Fate), 2)
    return {(scenario, fate): count_calls(scenario, fate, runner) for fate in fates}


def play(points: list[Point], runner: Runner) -> None:
    results = [explore(point, runner) for point in points]
    broken = [f"{result.point}\n{result.violation}" for result in results if result.violation]
    assert not broken, broken[0]
    hit = [result for result in results if result.call]
    assert len(hit) >= len(points) // 2, "too few runs were hit for this to prove much"


@each_scenario
def test_rows_1_to_5_killed_at_any_call(scenario: Scenario, runner: Runner) -> None:
    points = list(all_points(counted(scenario, runner, about="kill")))
    outside = [point for point in points if has_effect(point.hits[0].call)]
    chance = random.Random(f"{SEED} {scenario.name}")
    play([*chance.sample(outside, 5), *chance.sample(points, 2)], runner)


@each_scenario
def test_row_8_killed_again_in_the_recovery(scenario: Scenario, runner: Runner) -> None:
    play(list(islice(nested_points(counted(scenario, runner, about="again"), SEED), 2)), runner)


@each_scenario
def test_rows_9_and_10_asked_to_stop_at_any_call(scenario: Scenario, runner: Runner) -> None:
    points = list(stop_points(counted(scenario, runner, about="stop")))
    play(random.Random(f"{SEED} {scenario.name}").sample(points, 2), runner)
