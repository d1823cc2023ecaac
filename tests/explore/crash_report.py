"""The whole crash exploration, spread over processes, and its figures."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter

from tests.explore.crash import (
    Point,
    Result,
    all_points,
    count_all,
    explore,
    nested_points,
    stop_points,
)
from tests.explore.report import Report, shown
from tests.explore.runner import Runner, this_runner
from tests.explore.spreading import spread
from tests.explore.syscalls import has_effect


def explore_crashes(seed: int, seconds: float, jobs: int, nested: int, stops: int) -> Report:
    """Kill at every call of every scenario, then at so many nested and orderly ends.

    Calls that change something outside come first, and all kinds of points at any time, so
    that little is lost where the time is over before the end.
    """
    chance = random.Random(seed)
    with Runner() as runner:
        counts = count_all(runner)
    single = list(all_points(counts))
    chance.shuffle(single)
    single.sort(key=lambda point: not has_effect(point.hits[0].call))
    again = list(islice(nested_points(counts, seed), nested))
    orderly = chance.sample(list(stop_points(counts)), stops)
    planned = [*mixed(single, again, orderly)]
    results = list(shown(spread(_work, planned, jobs, seconds), "crashes", len(planned)))
    report = Report("Crashes", _figures(results, planned))
    report.failures = [f"{r.point}\n{r.violation}" for r in results if r.violation]
    played = {result.point for result in results}
    left = [point for point in planned if point not in played]
    report.not_reached = len(left)
    report.figures["not reached, at calls with an outside effect"] = sum(
        has_effect(point.hits[0].call) for point in left if _kind(point) == "once"
    )
    return report


def mixed(*kinds: Sequence[Point]) -> Iterator[Point]:
    """Interleave, each kind in its order and spread evenly over the whole."""
    places = (
        ((number + 0.5) / len(points), point)
        for points in kinds
        for number, point in enumerate(points)
    )
    return (point for _, point in sorted(places, key=itemgetter(0)))


def _work(point: Point) -> Result:
    return explore(point, this_runner())


def _figures(results: list[Result], planned: list[Point]) -> dict[str, object]:
    kinds = Counter(_kind(result.point) for result in results)
    calls = Counter(result.call for result in results if result.call)
    states = {state for result in results for state in result.states}
    scenarios = Counter(result.point.scenario.name for result in results)
    return {
        "points planned": len(planned),
        "system calls to be killed at": sum(_kind(point) == "once" for point in planned),
        "killed once": kinds["once"],
        "killed again in the recovery": kinds["nested"],
        "asked to stop (SIGINT, SIGTERM)": kinds["stopped"],
        "at calls with an outside effect": sum(n for c, n in calls.items() if has_effect(c)),
        "runs hit before their end": sum(calls.values()),
        "different states left behind": len(states),
        "by scenario": dict(sorted(scenarios.items())),
        "by call": dict(calls.most_common(20)),
    }


def _kind(point: Point) -> str:
    if point.is_nested:
        return "nested"
    return "once" if point.hits[0].with_signal == 9 else "stopped"
