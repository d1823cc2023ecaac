"""Rows 1, 2, 4 and 5 where the power is cut: what was acknowledged is on the disk.

Each cut is one that a missing sync would lose something by. `make explore` has all the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.explore.drives import DISKS, Disk, Drive, DriveError
from tests.explore.powercut import Cut, Point, explore
from tests.explore.runner import Runner
from tests.explore.world import SCENARIOS, Fate

NOTHING_MORE = 2
CUTS = {
    "row 1, the intent is not saved": Cut("rename", 1, Fate.ANSWERED),
    "row 1, its name is not synced": Cut("fsync", 2, Fate.ANSWERED),
    "row 2, the request is not sent": Cut("sendto", 2, Fate.ANSWERED),
    "row 3, the request is half sent": Cut("sendto", 3, Fate.ANSWERED),
    "row 4, the answer is not read": Cut("recvfrom", 2, Fate.LOST),
    "row 5, the id is not saved": Cut("rename", 2, Fate.ANSWERED),
    "row 6, a file is not sent": Cut("sendto", 4, Fate.ANSWERED),
}


@pytest.fixture(scope="module", params=DISKS, ids=str)
def drive(request: pytest.FixtureRequest) -> Iterator[tuple[Disk, Drive]]:
    try:
        made = Drive(request.param)
    except (DriveError, OSError) as error:
        pytest.skip(f"no file system of one's own can be mounted here: {error}")
    yield request.param, made
    made.close()


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_rows_1_to_6_the_power_is_cut(drive: tuple[Disk, Drive], runner: Runner, cut: Cut) -> None:
    disk, mounted = drive
    result = explore(Point(SCENARIOS[2], disk, NOTHING_MORE, (cut,)), mounted, runner)

    assert not result.violation
    assert result.cuts == 1


def test_row_8_the_power_is_cut_again_in_the_recovery(
    drive: tuple[Disk, Drive], runner: Runner
) -> None:
    disk, mounted = drive
    cuts = (Cut("recvfrom", 2, Fate.ANSWERED), Cut("fsync", 4, Fate.ANSWERED))
    result = explore(Point(SCENARIOS[2], disk, NOTHING_MORE, cuts), mounted, runner)

    assert not result.violation
    assert result.cuts == 2
