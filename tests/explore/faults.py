"""I/O faults: each call about the project's files fails, once or from then on.

A point is a scenario, the fate of what is sent, a call (the second fsync of a file in the
project) and what it returns instead of being executed. The run is told the truth by nothing
else; afterwards the disk is well again and the command runs until all is done.
"""

from __future__ import annotations

import errno
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.explore.blows import Blow, can_fail_calls
from tests.explore.checks import APPLY, ViolationError, recorded_state, recover
from tests.explore.crash import new_world, struck
from tests.explore.report import Report, shown
from tests.explore.runner import Command, Finished, Runner, this_runner
from tests.explore.spreading import spread
from tests.explore.world import SCENARIOS, Fate, Scenario, World

_UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EDQUOT)
_RENAMES = (errno.EXDEV, errno.EACCES, errno.EROFS, errno.EIO)
ERRORS: Mapping[str, tuple[int, ...]] = {
    "openat": (errno.EACCES, errno.ENOSPC, errno.EMFILE, errno.EROFS, errno.EIO),
    "read": (errno.EIO,),
    "write": _UNWRITABLE,
    "pwrite64": _UNWRITABLE,
    "ftruncate": (errno.EIO,),
    "fsync": (errno.EIO, errno.ENOSPC),
    "close": (errno.EIO, errno.ENOSPC),
    "rename": _RENAMES,
    "renameat": _RENAMES,
    "renameat2": _RENAMES,
    "unlink": (errno.EACCES, errno.EROFS),
    "unlinkat": (errno.EACCES, errno.EROFS),
    "newfstatat": (errno.EIO,),
}
_SHORT = 1
_FATES = (Fate.ANSWERED, Fate.LOST)


@dataclass(frozen=True, slots=True)
class Point:
    """The number-th call of a name about the project's files returns this instead."""

    scenario: Scenario
    fate: Fate
    call: str
    number: int
    result: int
    lasting: bool

    def __str__(self) -> str:
        name = errno.errorcode[-self.result] if self.result < 0 else f"{self.result} byte"
        end = " and all that follow" if self.lasting else ""
        return f"{self.scenario.name}: {self.call} {self.number}{end}: {name} ({self.fate.value})"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a point. status: the exit code of the run that it hit."""

    point: Point
    fired: bool
    status: int = 0
    violation: str = ""


def count_calls(scenario: Scenario, fate: Fate, runner: Runner) -> Counter[str]:
    """Count the calls about the project's files of an apply that nobody disturbs."""
    with new_world(scenario) as world:
        world.fate = fate
        command = Command(APPLY, str(world.folder), world.environment, traced=True)
        calls = runner.run(command).calls
        return Counter(name for _, name, file in calls if file.startswith(str(world.folder)))


def all_points(scenario: Scenario, fate: Fate, calls: Counter[str]) -> Iterator[Point]:
    """Every call, every error that it may end with, and short writes."""
    for call, most in sorted(calls.items()):
        results = [-number for number in ERRORS.get(call, ())]
        results += [_SHORT, 0] if call == "write" else []
        for number in range(1, most + 1):
            for result in results:
                for lasting in (False, True):
                    yield Point(scenario, fate, call, number, result, lasting)


def explore(point: Point, runner: Runner) -> Result:
    """Play one point to its end; a broken promise is in the result."""
    fired, status = False, 0
    with new_world(point.scenario) as world:
        world.fate = point.fate
        try:
            blow = Blow(
                point.number,
                point.call,
                str(world.folder),
                result=point.result,
                lasting=point.lasting,
            )
            run = struck(world, blow, runner)
            fired, status = run.fired, run.status
            _check_told(world, run)
            world.fate = Fate.ANSWERED
            recover(world, runner)
        except ViolationError as error:
            return Result(point, fired, status, str(error))
    return Result(point, fired, status)


def _check_told(world: World, run: Finished) -> None:
    """An id that was answered and is not in the state is told, and is in a rescue file."""
    if run.status not in (0, 1, 3):
        raise ViolationError(f"it ended with {run.status}\n{run.text}")
    state = recorded_state(world)
    recorded = {generation.id for generation in state.generations()} if state else set()
    lost = {finetune["id"] for finetune in world.finetunes} - recorded
    if not lost:
        return
    if run.status != 3:
        raise ViolationError(f"{lost} is not recorded, and it ended with {run.status}\n{run.text}")
    if world.fate is not Fate.ANSWERED:
        return
    rescued = [
        path.read_text()
        for folder in (world.folder, world.folder.parent)
        for path in folder.glob("reconciler.state.rescue.*")
    ]
    for id_ in lost:
        if id_ not in run.err or not any(id_ in text for text in rescued):
            raise ViolationError(f"{id_} is neither recorded nor told and rescued\n{run.text}")


def explore_faults(seed: int, seconds: float, jobs: int) -> Report:
    """Let every call about the project's files fail, in an order chosen by the seed."""
    if not can_fail_calls():
        return Report("I/O faults", skipped="calls can be made to fail on x86_64 alone")
    with Runner() as runner:
        points = [
            point
            for scenario in SCENARIOS
            for fate in _FATES
            for point in all_points(scenario, fate, count_calls(scenario, fate, runner))
        ]
    random.Random(seed).shuffle(points)
    results = list(shown(spread(_work, points, jobs, seconds), "faults", len(points)))
    hit = [result for result in results if result.fired]
    report = Report(
        "I/O faults",
        {
            "points planned": len(points),
            "calls that failed": len(hit),
            "by call": dict(Counter(result.point.call for result in hit).most_common()),
            "by exit code": dict(sorted(Counter(result.status for result in hit).items())),
        },
    )
    report.failures = [f"{r.point}\n{r.violation}" for r in results if r.violation]
    report.not_reached = len(points) - len(results)
    return report


def _work(point: Point) -> Result:
    return explore(point, this_runner())
