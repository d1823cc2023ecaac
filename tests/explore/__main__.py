"""`python -m tests.explore`: the whole exploration, bounded in time, with a seed and a report."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from tests.explore.report import Report, timed, write


def main() -> int:
    """Explore what was asked for; 1 where a promise was broken."""
    options = _options()
    parts = _parts(options)
    chosen = options.part or list(parts)
    reports = [timed(parts[name]) for name in chosen]
    write(reports, options.out, seed=options.seed, jobs=options.jobs)
    return 0 if all(report.is_green for report in reports) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.explore", description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*_PARTS, []], help="all of them by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=30, help="at most, for each part")
    parser.add_argument("--nested", type=int, default=1500, help="points killed more than once")
    parser.add_argument("--stops", type=int, default=500, help="points asked to stop")
    parser.add_argument("--histories", type=int, default=100_000, help="how many to play")
    parser.add_argument("--cuts", type=int, default=0, help="power cuts at most; 0: all")
    parser.add_argument("--races", type=int, default=2000, help="over each store")
    parser.add_argument("--out", type=Path, default=Path("build/explore/report.json"))
    return parser.parse_args()


_PARTS = ("crashes", "faults", "powercut", "histories", "planted", "races")


def _parts(options: argparse.Namespace) -> dict[str, Callable[[], Report]]:
    seed, jobs, seconds = options.seed, options.jobs, options.minutes * 60

    def crashes() -> Report:
        from tests.explore.crash_report import explore_crashes

        return explore_crashes(seed, seconds, jobs, options.nested, options.stops)

    def histories() -> Report:
        from tests.explore.history_report import explore_histories

        return explore_histories(options.histories, seed, seconds, jobs)

    def planted() -> Report:
        from tests.explore.planted.report import explore_planted

        return explore_planted(jobs, seconds)

    def faults() -> Report:
        from tests.explore.faults import explore_faults

        return explore_faults(seed, seconds, jobs)

    def powercut() -> Report:
        from tests.explore.powercut import explore_power_cuts

        return explore_power_cuts(seed, seconds, jobs, options.cuts)

    def races() -> Report:
        from tests.explore.race_report import explore_races

        return explore_races(seed, seconds, jobs, options.races)

    return {
        "crashes": crashes,
        "faults": faults,
        "powercut": powercut,
        "histories": histories,
        "planted": planted,
        "races": races,
    }


if __name__ == "__main__":
    sys.exit(main())
