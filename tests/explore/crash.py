"""Crash exploration: the command is killed at every system call from the lock to its end.

A point is a scenario, a fate of what was sent, and the number of the call. Afterwards the
account lives on, the command runs again, and everything that was promised is checked. A
nested point kills that recovery, too, at a call chosen by the seed, once or twice.
"""

from __future__ import annotations

import random
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.explore.checks import APPLY, ViolationError, check_run, recorded_state, recover
from tests.explore.runner import Command, Finished, Runner
from tests.explore.world import SCENARIOS, Fate, Scenario, World


@dataclass(frozen=True, slots=True)
class Hit:
    """One run that is hit. at: the call's number; fate: of what it sends."""

    at: int
    fate: Fate
    with_signal: int = signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Point:
    """A first run and recoveries that are hit, one after the other."""

    scenario: Scenario
    hits: tuple[Hit, ...]
    refuses_existing_assets: bool = False
    exact: bool = False

    @property
    def is_nested(self) -> bool:
        return len(self.hits) > 1

    def __str__(self) -> str:
        hits = "; then ".join(
            f"{signal.Signals(hit.with_signal).name} at call {hit.at} ({hit.fate.value})"
            for hit in self.hits
        )
        return f"{self.scenario.name}: {hits}"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a point. call: where the first run was hit, "" where it ended before."""

    point: Point
    call: str
    states: tuple[str, ...] = ()
    runs: int = 0
    violation: str = ""


Counts = dict[tuple[Scenario, Fate], int]


def count_calls(scenario: Scenario, fate: Fate, runner: Runner) -> int:
    """Count the calls of an apply that nobody disturbs."""
    with _world(scenario) as world:
        world.fate = fate
        command = Command(APPLY, str(world.folder), world.environment, traced=True)
        return len(runner.run(command).calls)


def explore(point: Point, runner: Runner) -> Result:
    """Play one point to its end; a broken promise is in the result."""
    call, states, runs = "", [], 0
    with _world(point.scenario) as world:
        world.refuses_existing_assets = point.refuses_existing_assets
        try:
            for hit in point.hits:
                run = _hit(world, hit, runner, exact=point.exact)
                call = call or (run.calls[-1][1] if run.fired else "")
                states.append(_fingerprint(world, run))
            world.fate = Fate.ANSWERED
            runs = recover(world, runner)
        except ViolationError as error:
            return Result(point, call, tuple(states), runs, str(error))
    return Result(point, call, tuple(states), runs)


def count_all(runner: Runner) -> Counts:
    """Count the calls of every scenario under every fate."""
    return {
        (scenario, fate): count_calls(scenario, fate, runner)
        for scenario in SCENARIOS
        for fate in Fate
    }


def all_points(counts: Counts) -> Iterator[Point]:
    """Every call of every scenario under every fate; one more, for a run that is not hit."""
    for (scenario, fate), calls in counts.items():
        for at in range(1, calls + 2):
            yield Point(scenario, (Hit(at, fate),))


def stop_points(counts: Counts) -> Iterator[Point]:
    """The same with the signals that ask for an orderly end."""
    for point in all_points(counts):
        for number in (signal.SIGINT, signal.SIGTERM):
            yield replace(point, hits=(replace(point.hits[0], with_signal=number),))


def nested_points(counts: Counts, seed: int) -> Iterator[Point]:
    """Without end: two or three hits at calls chosen by the seed."""
    chance = random.Random(seed)
    choices = sorted(counts, key=lambda key: (key[0].name, key[1].value))
    while True:
        scenario, fate = chance.choice(choices)
        hits = [Hit(chance.randint(1, counts[scenario, fate]), fate)]
        for _ in range(chance.choice((1, 1, 2))):
            fate = chance.choice(list(Fate))
            hits.append(Hit(chance.randint(1, counts[scenario, fate]), fate))
        yield Point(scenario, tuple(hits), refuses_existing_assets=chance.random() < 0.5)


def _world(scenario: Scenario) -> World:
    return World(Path(tempfile.mkdtemp(prefix="explore-"), "project"), scenario)


def _hit(world: World, hit: Hit, runner: Runner, *, exact: bool) -> Finished:
    world.fate = hit.fate
    command = Command(
        APPLY,
        str(world.folder),
        world.environment,
        at=hit.at,
        with_signal=hit.with_signal,
        exact=exact,
    )
    run = runner.run(command)
    world.settle()
    world.execute_late()
    check_run(world, run)
    return run


def _fingerprint(world: World, run: Finished) -> str:
    """Name the state that the world was left in, apart from ids and times."""
    state = recorded_state(world)
    recorded = "none"
    if state is not None:
        finetunes = [
            f"{address.name}{int(r.current.seen)}"
            + "".join(asset.status.value[:2] for asset in r.current.assets.values())
            for address, r in sorted(state.finetunes.items())
        ]
        recorded = f"{finetunes}{[address.name for address in sorted(state.pending)]}"
    files = sorted("tmp" if name.endswith(".tmp") else name for name, _ in world.texts())
    stored = sorted(len(files) for files in world.server.account.assets.values())
    ended = "hit" if run.fired else str(run.status)
    executed = sorted(world.executed().items())
    return f"{world.scenario.name}|{recorded}|{executed}|{stored}|{files}|{ended}"
