"""Two processes race over every store, thousands of times, and the figures of it."""

from __future__ import annotations

import atexit
import random
import tempfile
from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reconciler.diagnostics import DiagnosticError
from tests.explore.race import Course, Tally, Track, ViolationError
from tests.explore.racer import Pair
from tests.explore.report import Report, shown
from tests.explore.spreading import spread
from tests.faults.server import FaultServer
from tests.stores.places import SERVERS, MissingError

SHARE = 20
"""Races of a task; so many saves each process makes in one."""


@dataclass(frozen=True, slots=True)
class Task:
    course: Course
    seed: int
    races: int = SHARE


def explore_races(seed: int, seconds: float, jobs: int, races: int) -> Report:
    """Race so often over each store: half of it with the lock freed by force where it can be."""
    report = Report("Races")
    with ExitStack() as stack:
        courses, missing = _courses(stack)
        # In turns, so that all stores have had their share when the time is over.
        tasks = [Task(course, seed + n) for n in range(races // SHARE) for course in courses]
        results = shown(spread(run, tasks, jobs, seconds), "races", len(tasks))
        tallies: defaultdict[str, Tally] = defaultdict(Tally)
        done: Counter[str] = Counter()
        for kind, tally in results:
            tallies[kind] += tally
            done[kind] += 1
    for kind, tally in tallies.items():
        report.figures[kind] = _figures(tally)
        report.failures += tally.violations
    report.not_reached = len(tasks) - done.total()
    report.failures += missing
    return report


def run(task: Task) -> tuple[str, Tally]:
    """Run a few races over one store."""
    chance, track, tally = random.Random(task.seed), _track(), Tally()
    for number in range(task.races):
        try:
            if task.course.frees and number % 2:
                tally += track.free(task.course, chance)
            else:
                tally += track.apply(task.course)
        except (ViolationError, DiagnosticError) as error:
            where = f"{task.course.kind}, seed {task.seed}, race {number}"
            tally += Tally(violations=(f"{where}: {error}",))
    try:
        tally += track.count(task.course, task.races)
    except (ViolationError, DiagnosticError) as error:
        tally += Tally(violations=(f"{task.course.kind}, seed {task.seed}, count: {error}",))
    return task.course.kind, tally


def _courses(stack: ExitStack) -> tuple[list[Course], list[str]]:
    courses, missing = [Course("file", "", {})], []
    for kind, start in SERVERS.items():
        try:
            served = stack.enter_context(start())
        except MissingError as error:
            missing.append(f"{kind}: {error}")
            continue
        courses.append(Course(kind, served.prefix, served.environment))
    return courses, missing


@cache
def _track() -> Track:
    """One for each process, as long as the process lives."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="reconciler-races-"))
    server = stack.enter_context(FaultServer())
    return Track(Path(folder), stack.enter_context(Pair()), server)


def _figures(tally: Tally) -> dict[str, int]:
    return {
        "races to apply": tally.applies,
        "races that the server answered to nobody": tally.unanswered,
        "won by the first": tally.won[0],
        "races with freed locks": tally.freed,
        "locks freed": tally.locks_freed,
        "saves": tally.saves,
        "saves refused": tally.refused,
    }
