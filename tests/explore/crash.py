"""Crash exploration: the command is killed at every system call from the lock to its end.

A point is a scenario, a fate of what was sent, and a call: the third fsync. Afterwards the
account lives on, the command runs again, and everything that was promised is checked. A
nested point kills that recovery, too, at a call chosen by the seed, once or twice.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from pathlib import Path

from tests.explore.blows import Blow
from tests.explore.checks import APPLY, ViolationError, check_run, recorded_state, recover
from tests.explore.runner import Command, Finished, Runner
from tests.explore.syscalls import has_effect
from tests.explore.world import SCENARIOS, Fate, Scenario, World

# A kill loses nothing of a file system, so that one in memory does, and its syncs are quick.
_MEMORY = Path("/dev/shm")
_COUNTED = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """One run that is hit at the number-th call of a name; fate: of what it sends.

    Threads that wait for each other make another number of calls in every run, so that a
    number among all calls would hit another one each time.
    """

    call: str
    number: int
    fate: Fate
    with_signal: int = signal.SIGKILL

    @property
    def blow(self) -> Blow:
        return Blow(self.number, self.call, with_signal=self.with_signal)


@dataclass(frozen=True, slots=True)
class Point:
    """A first run and recoveries that are hit, one after the other.

    word: where the first `resolve` is hit, if the recovery comes to one.
    """

    scenario: Scenario
    hits: tuple[Hit, ...]
    word: Hit | None = None
    refuses_existing_assets: bool = False
    exact: bool = False

    @property
    def is_nested(self) -> bool:
        return len(self.hits) > 1

    def __str__(self) -> str:
        hits = "; then ".join(
            f"{signal.Signals(hit.with_signal).name} at {hit.call} {hit.number} ({hit.fate.value})"
            for hit in self.hits
        )
        word = f"; then resolve at {self.word.call} {self.word.number}" if self.word else ""
        return f"{self.scenario.name}: {hits}{word}"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a point. call: where the first run was hit, "" where it ended before."""

    point: Point
    call: str
    states: tuple[str, ...] = ()
    runs: int = 0
    violation: str = ""


Counts = Mapping[tuple[Scenario, Fate], Counter[str]]
"""How many calls of each name an undisturbed apply makes, from the lock on."""


def count_calls(scenario: Scenario, fate: Fate, runner: Runner) -> Counter[str]:
    """Count the calls of an apply that nobody disturbs."""
    with new_world(scenario) as world:
        world.fate = fate
        command = Command(APPLY, str(world.folder), world.environment, traced=True)
        return Counter(name for _, name, _ in runner.run(command).calls)


def explore(point: Point, runner: Runner) -> Result:
    """Play one point to its end; a broken promise is in the result."""
    call, states, runs = "", [], 0
    with new_world(point.scenario) as world:
        world.refuses_existing_assets = point.refuses_existing_assets
        try:
            for hit in point.hits:
                world.fate = hit.fate
                run = struck(world, hit.blow, runner, exact=point.exact)
                call = call or (hit.call if run.fired else "")
                states.append(fingerprint(world, run))
            world.fate = Fate.ANSWERED
            runs = recover(world, runner, point.word.blow if point.word else None)
        except ViolationError as error:
            return Result(point, call, tuple(states), runs, str(error))
    return Result(point, call, tuple(states), runs)


def count_all(runner: Runner, scenarios: Sequence[Scenario] = SCENARIOS) -> Counts:
    """Count every scenario under every fate; of each call the most that any of some runs made."""
    return {
        (scenario, fate): reduce(
            or_, (count_calls(scenario, fate, runner) for _ in range(_COUNTED)), Counter()
        )
        for scenario in scenarios
        for fate in Fate
    }


def all_points(counts: Counts) -> Iterator[Point]:
    """Every call of every scenario under every fate."""
    for (scenario, fate), calls in counts.items():
        for call, most in sorted(calls.items()):
            for number in range(1, most + 1):
                yield Point(scenario, (Hit(call, number, fate),))


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
        hits = [_any_hit(counts, scenario, fate, chance)]
        for _ in range(chance.choice((1, 1, 2))):
            _, fate = chance.choice([key for key in choices if key[0] == scenario])
            hits.append(_any_hit(counts, scenario, fate, chance))
        yield Point(scenario, tuple(hits), _any_word(chance), chance.random() < 0.5)


def _any_word(chance: random.Random) -> Hit | None:
    """Choose a call of a `resolve`; every second time there is none."""
    calls = (("recvfrom", 1), ("write", 2), ("fsync", 4), ("rename", 2), ("close", 8))
    if chance.random() < 0.5:
        return None
    call, most = chance.choice(calls)
    return Hit(call, chance.randint(1, most), Fate.ANSWERED)


def _any_hit(counts: Counts, scenario: Scenario, fate: Fate, chance: random.Random) -> Hit:
    """Choose a call; every second time one that changes something outside."""
    calls = counts[scenario, fate]
    names = sorted(calls)
    if chance.random() < 0.5:
        names = [name for name in names if has_effect(name)]
    (call,) = chance.choices(names, weights=[calls[name] for name in names])
    return Hit(call, chance.randint(1, calls[call]), fate)


@contextmanager
def new_world(scenario: Scenario) -> Iterator[World]:
    """Make a world in a folder of its own, where syncs are quick."""
    fast = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(prefix="explore-", dir=fast) as folder,
        World(Path(folder, "project"), scenario) as world,
    ):
        yield world


def struck(world: World, blow: Blow, runner: Runner, *, exact: bool = False) -> Finished:
    """Apply, deal it a blow, and check what holds at any time."""
    environment = world.environment
    command = Command(APPLY, str(world.folder), environment, blow=blow, exact=exact)
    run = runner.run(command)
    world.settle()
    if world.fate is not Fate.LATER:
        world.execute_late()
    check_run(world, run, blow)
    return run


def fingerprint(world: World, run: Finished) -> str:
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
