"""The caret stands under what it is about, however wide the letters before it are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reconciler.cli.main import run
from reconciler.diagnostics import Diagnostic, Position, Severity, SourceRange
from reconciler.render.diagnostics import render_diagnostic
from reconciler.render.style import Style

WORDS = ("house style", "家のスタイル", "style\u0301 maison", "🧑 bot")


@pytest.mark.parametrize("words", WORDS)
def test_the_caret_is_below_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    line = f'  bot: {{description: "{words}", model: 12345}}'
    (tmp_path / "finetunes.yaml").write_text(f"version: 1\nfinetunes:\n{line}\n", "utf-8")
    assert run(["-C", str(tmp_path), "validate"]) == 1
    lines = capsys.readouterr().err.splitlines()
    (place,) = [number for number, shown in enumerate(lines) if shown.endswith("model: 12345}")]
    shown, below = lines[place], lines[place + 1]
    assert cell_len(below.partition("^")[0]) == cell_len(shown.partition("12345")[0])
    assert below.count("^") == 5


@given(
    before=st.text("a\tö家🧑\u0301", max_size=80),
    marked=st.text("xö家", min_size=1, max_size=80),
    after=st.text("b 家", max_size=80),
    columns=st.integers(40, 100),
)
def test_line_and_caret_fit_the_terminal(
    before: str, marked: str, after: str, columns: int
) -> None:
    start, end = len(before) + 1, len(before) + len(marked) + 1
    where = SourceRange("a.yaml", Position(1, start), Position(1, end), before + marked + after)
    found = Diagnostic("R104", Severity.ERROR, "Invalid", range=where)
    *_, shown, below = render_diagnostic(found, Style(width=columns)).splitlines()
    assert cell_len(shown) <= columns
    assert cell_len(below) <= columns
    assert "^" in below
