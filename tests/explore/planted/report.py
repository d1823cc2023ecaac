"""Plants every bug, one at a time, and reports which test caught which."""

from __future__ import annotations

from collections import Counter

from tests.explore.planted import in_apply, in_client, in_plan, in_stores
from tests.explore.planted.bug import Bug, Caught, catch, copied, run_tests
from tests.explore.report import Report, shown
from tests.explore.spreading import spread

BUGS: tuple[Bug, ...] = (*in_apply.BUGS, *in_plan.BUGS, *in_client.BUGS, *in_stores.BUGS)
_CONTROL = "nothing (the control)"


def explore_planted(jobs: int, seconds: float) -> Report:
    """Plant all; a bug that one of its tests does not catch is a failure."""
    found: list[Caught] = []
    tasks = (None, *BUGS)
    for caught in shown(spread(work, tasks, jobs, seconds), "planted bugs", len(tasks)):
        found += caught
    return summed_up(found)


def work(bug: Bug | None) -> list[Caught]:
    """Plant one, or nothing: without a bug every one of the tests must pass."""
    if bug is not None:
        return catch(bug)
    tests = sorted({test for planted in BUGS for test in planted.caught_by})
    with copied() as folder:
        code, failed, output = run_tests(folder, *tests)
    return [Caught(_CONTROL, "all", failed or (f"exit code {code}",), output)] if code else []


def summed_up(found: list[Caught]) -> Report:
    """Make the report; found: what each test said of each bug."""
    failures = [
        f"{caught.bug}: {', '.join(caught.by)}\n{caught.output[-2000:]}"
        for caught in found
        if caught.bug == _CONTROL
    ]
    failures += [
        f"{caught.bug}: not caught by {caught.asked}\n{caught.output[-2000:]}"
        for caught in found
        if not caught.by
    ]
    by: dict[str, list[str]] = {bug.name: [] for bug in BUGS}
    for caught in found:
        if caught.by and caught.bug in by:
            by[caught.bug].append(caught.asked)
    asked = {caught.bug for caught in found}
    rooms = Counter(test.split("/")[1] for tests in by.values() for test in set(tests))
    figures = {
        "bugs planted": len(BUGS),
        "caught by every test that should": sum(
            len(by[bug.name]) == len(bug.caught_by) for bug in BUGS
        ),
        "caught by tests in": dict(rooms.most_common()),
        **{name: ", ".join(map(_short, tests)) for name, tests in by.items()},
    }
    return Report("Planted bugs", figures, failures, not_reached=len(by.keys() - asked))


def _short(test: str) -> str:
    return test.removeprefix("tests/").replace(".py::", ": ")
