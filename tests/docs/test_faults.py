"""The page of the faults names every row, and every test that is named after one."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_faults.py"))


def test_the_table_has_the_tests_as_they_are_named_now(made: dict[str, Any]) -> None:
    assert made["PAGE"].read_text() == made["page"](), "run: python docs/make_faults.py"


def test_every_row_has_a_test_of_its_name(made: dict[str, Any]) -> None:
    by_row = made["tests_by_row"]()
    assert [row for row in made["NAMED"] if not by_row[row]] == []


def test_every_row_that_a_test_is_named_after_is_in_the_table(made: dict[str, Any]) -> None:
    shown = {row for rows in made["SECTIONS"].values() for row in rows}
    assert set(made["NAMED"]) <= shown
    assert {row for row, tests in made["tests_by_row"]().items() if tests} <= shown


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("test_row_7_killed", [7]),
        ("test_row_55_depth_of_100_000_is_refused", [55]),
        ("test_rows_9_and_10_once", [9, 10]),
        ("test_rows_36_37_and_40_a_save", [36, 37, 40]),
        ("test_rows_13_to_16_and_20_lost", [13, 14, 15, 16, 20]),
        ("test_rows_are_read", []),
        ("test_row", []),
    ],
)
def test_rows_are_read_from_names(made: dict[str, Any], name: str, rows: list[int]) -> None:
    assert made["rows_of"](name) == rows
