"""Every planted bug can still be planted; `python -m tests.explore planted` asks the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explore.planted.bug import ROOT, Bug, Edit, NotPlantedError, catch
from tests.explore.planted.report import BUGS, summed_up

_NAMES = {bug.name: bug for bug in BUGS}
_REALLY_ASKED = (
    "no intent is saved",
    "a 500 closes the intent",
    "no compare-and-swap",
)


def test_there_are_many_and_no_two_are_one() -> None:
    assert len(_NAMES) == len(BUGS) >= 24
    assert all(bug.caught_by for bug in BUGS)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_it_changes_just_one_place_that_is_still_there(bug: Bug, tmp_path: Path) -> None:
    for edit in bug.edits:
        path = tmp_path / edit.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((ROOT / "reconciler" / edit.file).read_text())

    bug.plant(tmp_path)

    assert any(
        (tmp_path / edit.file).read_text() != (ROOT / "reconciler" / edit.file).read_text()
        for edit in bug.edits
    )


def test_the_tests_that_should_catch_them_are_there() -> None:
    text = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    for bug in BUGS:
        for test in bug.caught_by:
            path, _, name = test.partition("[")[0].partition("::")
            assert (ROOT / path).is_file()
            assert f"def {name.rpartition('::')[2]}(" in text


def test_a_text_that_is_not_there_once_is_refused() -> None:
    with pytest.raises(NotPlantedError, match="2 times"):
        Edit("x.py", "a", "b").of("a a")


@pytest.mark.parametrize("name", _REALLY_ASKED)
def test_some_are_really_planted_and_caught(name: str) -> None:
    bug = _NAMES[name]

    found = catch(Bug(bug.name, bug.caught_by[:1], bug.edits))

    assert found[0].by, found[0].output


def test_what_is_no_mistake_is_caught_by_nothing_and_reported() -> None:
    harmless = Bug(
        "no intent is saved",
        ("tests/apply/test_creates.py::test_row_1_every_intent_is_durable_before_its_request",),
        (Edit("apply/ledger.py", "class Ledger:\n", "class Ledger:  # Nothing is wrong.\n"),),
    )

    found = catch(harmless)

    assert [caught.by for caught in found] == [()]
    assert "not caught" in summed_up(found).failures[0]
