"""Power cuts: the disk stops at one call of a run, and the run dies with it.

A point is a scenario, a kind of disk, how much of what it had in memory the disk still writes,
and a call. Afterwards the disk is mounted anew. What was acknowledged before the cut has to be
there: every save that returned, an intent for each create that was sent, an id for each file.
Then the command runs until all is done, and its first rerun may lose the power, too.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.explore.blows import Blow
from tests.explore.checks import APPLY, ViolationError, check_run, recorded_state, recover
from tests.explore.crash import new_world
from tests.explore.drives import Disk, Drive, this_drive, usable_disks
from tests.explore.report import Report, shown
from tests.explore.runner import Command, Finished, Runner, this_runner
from tests.explore.spreading import spread
from tests.explore.syscalls import has_effect
from tests.explore.world import SCENARIOS, Fate, Scenario, World

_FLAGS = {0: "wrote all back", 1: "wrote its log alone", 2: "wrote nothing more"}
_FATES = (Fate.ANSWERED, Fate.LOST, Fate.LATE)
_NETWORK = frozenset(("connect", "recvfrom", "sendto"))


@dataclass(frozen=True, slots=True)
class Cut:
    """The number-th call of a name, of those about the project's files where it is of files."""

    call: str
    number: int
    fate: Fate

    @property
    def is_of_files(self) -> bool:
        return self.call not in _NETWORK


@dataclass(frozen=True, slots=True)
class Point:
    """One or two runs that lose the power."""

    scenario: Scenario
    disk: Disk
    flag: int
    cuts: tuple[Cut, ...]

    def __str__(self) -> str:
        cuts = "; then ".join(f"{cut.call} {cut.number} ({cut.fate.value})" for cut in self.cuts)
        return f"{self.scenario.name}, {self.disk}, {_FLAGS[self.flag]}: power cut at {cuts}"


@dataclass(slots=True)
class Result:
    """What became of a point. cuts: how many it came to; lost: how many cost a save that had
    not returned."""

    point: Point
    cuts: int = 0
    lost: int = 0
    violation: str = ""


Counts = dict[tuple[Scenario, Fate], Counter[str]]


def count_calls(scenario: Scenario, fate: Fate, runner: Runner) -> Counter[str]:
    """Count the calls that matter here of an apply that nobody disturbs."""
    with new_world(scenario) as world:
        world.fate = fate
        command = Command(APPLY, str(world.folder), world.environment, traced=True)
        return Counter(
            name
            for _, name, file in runner.run(command).calls
            if name in _NETWORK or (has_effect(name) and file.startswith(str(world.folder)))
        )


def all_points(counts: Counts, disks: Sequence[Disk], seed: int) -> list[Point]:
    """Every call on every disk, in an order chosen by the seed; every other one is cut again."""
    chance = random.Random(seed)
    points = [
        Point(scenario, disk, flag, (Cut(call, number, fate),))
        for (scenario, fate), calls in counts.items()
        for call, most in sorted(calls.items())
        for number in range(1, most + 1)
        for disk in disks
        for flag in _FLAGS
    ]
    chance.shuffle(points)
    for place in range(0, len(points), 2):
        point = points[place]
        fate = chance.choice(_FATES)
        calls = counts[point.scenario, fate]
        call = chance.choice(sorted(calls.elements()))
        again = Cut(call, chance.randint(1, calls[call]), fate)
        points[place] = replace(point, cuts=(*point.cuts, again))
    return points


def explore(point: Point, drive: Drive, runner: Runner) -> Result:
    """Play one point to its end; a broken promise is in the result."""
    result = Result(point)
    with World(drive.folder / "project", point.scenario) as world:
        try:
            for cut in point.cuts:
                _cut(world, cut, point.flag, drive, runner, result)
            world.fate = Fate.ANSWERED
            recover(world, runner)
        except ViolationError as error:
            result.violation = str(error)
    return result


def _cut(world: World, cut: Cut, flag: int, drive: Drive, runner: Runner, result: Result) -> None:
    # What the project consists of is on the disk, and so is what the run before has left.
    drive.remount()
    before = _serial(world)
    world.fate = cut.fate
    blow = Blow(
        cut.number,
        cut.call,
        str(world.folder) if cut.is_of_files else "",
        cut=str(drive.folder),
        flag=flag,
    )
    command = Command(APPLY, str(world.folder), world.environment, blow=blow)
    run = runner.run(command)
    # What still waits to be taken in looks for its intent on the disk as it is now.
    world.settle()
    drive.remount()
    _check_acknowledged(world, run, before, result)
    world.execute_late()
    check_run(world, run)
    result.cuts += run.fired


def _check_acknowledged(world: World, run: Finished, before: int, result: Result) -> None:
    """Compare what the disk has with what the run and the account may rely on."""
    renamed, acknowledged = _saves(run, has_backup=before > 0)
    there = _serial(world) - before
    if not acknowledged <= there <= renamed:
        raise ViolationError(
            f"{renamed} saves, {acknowledged} of them acknowledged; the disk has {there} of them"
        )
    result.lost += there < renamed
    state = recorded_state(world)
    names = {intent.attributes.name for intent in state.pending.values()} if state else set()
    generations = list(state.generations()) if state else []
    names |= {generation.attributes.name for generation in generations}
    ids = {generation.id for generation in generations}
    for operation, subject in world.requests:
        if operation == "create" and subject not in names:
            raise ViolationError(f"{subject} was sent, and the disk has no intent\n{run.text}")
        if operation == "upload" and subject.partition("/")[0] not in ids:
            raise ViolationError(f"{subject} was sent, and the disk has no id\n{run.text}")


def _saves(run: Finished, *, has_backup: bool) -> tuple[int, int]:
    """Count the saves that were renamed into place, and those that returned.

    A save ends with a rename and a sync of the folder; one that saves over an older state renames
    a backup first. Only the main thread saves. Its last call was not executed where it was hit,
    and may not have returned where another thread was.
    """
    main = [name for thread, name, _ in run.calls if thread == 0]
    returned = main[:-1] if run.fired else main
    begun = returned if run.fired and run.calls[-1][0] == 0 else main
    return _ends(begun, has_backup)[0], _ends(returned, has_backup)[1]


def _ends(calls: list[str], has_backup: bool) -> tuple[int, int]:
    told = [name for name in calls if name.startswith("rename") or name == "fsync"]
    renames = [place for place, name in enumerate(told) if name != "fsync"][has_backup:]
    synced = [place for place in renames if "fsync" in told[place + 1 : place + 2]]
    return len(renames), len(synced)


def _serial(world: World) -> int:
    state = recorded_state(world)
    return state.serial if state else 0


def explore_power_cuts(seed: int, seconds: float, jobs: int, most: int) -> Report:
    """Cut the power at the calls that matter, on every disk that this machine has to offer."""
    disks, reasons = usable_disks()
    if not disks:
        return Report("Power cuts", skipped="; ".join(reasons))
    with Runner() as runner:
        counts = {
            (scenario, fate): count_calls(scenario, fate, runner)
            for scenario in SCENARIOS
            for fate in _FATES
        }
    points = all_points(counts, disks, seed)[: most or None]
    results = list(shown(spread(_work, points, jobs, seconds), "powercut", len(points)))
    report = Report("Power cuts", _figures(results, points, reasons))
    report.failures = [f"{r.point}\n{r.violation}" for r in results if r.violation]
    report.not_reached = len(points) - len(results)
    return report


def _work(point: Point) -> Result:
    # The runner is started after the drive: it has to see what is mounted in this process.
    drive = this_drive(point.disk)
    return explore(point, drive, this_runner())


def _figures(results: list[Result], points: list[Point], reasons: list[str]) -> dict[str, object]:
    by_disk: Counter[str] = Counter()
    by_flag: Counter[str] = Counter()
    for result in results:
        by_disk[str(result.point.disk)] += result.cuts
        by_flag[f"the disk {_FLAGS[result.point.flag]}"] += result.cuts
    figures: dict[str, object] = {
        "points planned": len(points),
        "power cuts": sum(result.cuts for result in results),
        "of them in a recovery": sum(result.cuts == 2 for result in results),
        "that cost a save which had not returned": sum(result.lost for result in results),
        "by disk": dict(sorted(by_disk.items())),
        "by what it still did": dict(sorted(by_flag.items())),
    }
    if reasons:
        figures["disks that could not be had"] = "; ".join(reasons)
    return figures
