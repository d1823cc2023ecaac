"""Texts of other people: seen, folded, and without effect on a terminal or in a log."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.text import columns_of, fold, fold_value, inert, quoted, safe
from tests.render.formats.hostility import hostile_texts

SPACES = "\u00a0\u3000"


def is_command(line: str) -> bool:
    """Tell what GitHub's runner obeys: `::` after blanks, `##[` anywhere."""
    return line.lstrip().startswith("::") or re.search(r"##\w*\[", line) is not None


@given(text=st.text())
def test_everything_invisible_is_escaped(text: str) -> None:
    assert all(c.isprintable() or c in SPACES for c in safe(text))


def test_what_is_drawn_as_nothing_is_escaped() -> None:
    assert safe("a\u3164b\u115fc\U000e0101d") == "a\\u3164b\\u115fc\\U000e0101d"


def test_letters_marks_and_spaces_of_every_language_stay() -> None:
    text = "Größe — 価格\u3000表, कीमत, fin\u00a0?"
    assert safe(text) == text


@given(text=st.text())
def test_a_value_reads_back_as_what_it_was(text: str) -> None:
    shown = quoted(text)
    if "\\U" not in shown:
        assert json.loads(shown) == text


def test_a_long_value_tells_how_long_it_is() -> None:
    assert quoted("x" * 5_000, 10) == '"xxxxxxxxxx"... (5,000 characters)'


def test_what_is_unknown_is_called_so() -> None:
    assert quoted(None) == "(unknown)"


def test_row_62_commands_of_a_log_are_broken() -> None:
    assert inert("  ::add-mask::x") == "  \\u003a:add-mask::x"
    assert inert("a ##[group]") == "a \\u0023#[group]"
    assert inert("##vso[x]") == "\\u0023#vso[x]"


@given(text=hostile_texts())
def test_a_line_is_no_command(text: str) -> None:
    assert not is_command(inert(text))


@given(text=hostile_texts(), columns=st.integers(1, 90), indent=st.sampled_from(["", "    "]))
def test_prose_is_folded_to_lines_that_fit_and_command_nothing(
    text: str, columns: int, indent: str
) -> None:
    for line in fold(text, columns, indent).split("\n"):
        assert columns_of(line) <= max(columns, len(indent) + 10)
        assert not is_command(line)


@given(text=hostile_texts(), columns=st.integers(20, 90), indent=st.integers(2, 60))
def test_a_value_is_folded_to_lines_that_fit_and_command_nothing(
    text: str, columns: int, indent: int
) -> None:
    value = quoted(text)
    first, *others = fold_value(value, columns, indent).split("\n")
    assert columns_of(first) + indent <= max(columns, indent)
    assert all(columns_of(line) <= columns and not is_command(line) for line in others)


@pytest.mark.parametrize("columns", [20, 80])
def test_nothing_is_lost_where_a_text_is_folded(columns: int) -> None:
    text = f"{'word ' * 40}{'w' * 200} {'価' * 100}"
    assert "".join(fold(text, columns).split()) == "".join(text.split())


def test_a_value_breaks_after_a_blank() -> None:
    assert fold_value('"one two three four five"', 26, 14) == '"one two' + "\n" + " " * 6 + (
        'three four five"'
    )


def test_none_folds_nothing() -> None:
    assert fold("word " * 50 + "end", None) == "word " * 50 + "end"
    assert fold_value("x" * 500, None, 10) == "x" * 500
