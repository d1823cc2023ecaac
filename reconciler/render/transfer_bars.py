"""Transfers as bars, drawn by `rich`. Imported only when there is a terminal to draw on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reconciler.render.style import Style
from reconciler.render.text import count, size
from reconciler.render.transfers import Standing, Transfers

_GAP = 2
_SHORTEST_BAR = 12
_FILE_NAME_FROM = 110
_SPEED_FROM = 72
_BAR_FROM = 48


class BarRenderer:
    """Draws for one stream, whose encoding decides of what the bars are made."""

    def __init__(self, stream: TextIO, style: Style) -> None:
        self._console = Console(
            file=stream,
            force_terminal=True,
            force_jupyter=False,
            color_system="standard" if style.color else None,
            no_color=not style.color,
            highlight=False,
            legacy_windows=False,
        )

    def draw(self, transfers: Transfers, columns: int, lines: int) -> list[str]:
        """Return the lines: a bar each and one for the whole, at most so many, so wide."""
        under_way = transfers.under_way
        shown = under_way[: max(lines - 2, 1)]
        rows = [(str(file[0]), file[1], transfers.standing(file)) for file in shown]
        finished, planned = transfers.counted
        what = f"all {transfers.way.noun}"
        rows.append((what, f"({finished} of {count(planned, 'file')})", transfers.whole))
        text = self._print(_grid(rows, columns), columns)
        left_out = len(under_way) - len(shown)
        if left_out:
            text.insert(-1, f"and {left_out} more"[:columns])
        return text

    def _print(self, grid: Table, columns: int) -> list[str]:
        self._console.width = columns
        with self._console.capture() as captured:
            self._console.print(grid)
        return captured.get().splitlines()


def _grid(rows: list[tuple[str, str, Standing]], columns: int) -> Table:
    names = [f"{name} {more}" if columns >= _FILE_NAME_FROM else name for name, more, _ in rows]
    facts = [list(_facts(standing, columns)) for _, _, standing in rows]
    widths = [max(map(len, column)) for column in zip(*facts, strict=True)]
    bar = _SHORTEST_BAR if columns >= _BAR_FROM else 0
    room = columns - sum(widths) - _GAP * (len(widths) + bool(bar))
    name = max(min(max(map(len, names)), room - bar, columns // 2), 1)
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_column(width=name, no_wrap=True, overflow="crop")
    if bar:
        grid.add_column(width=room - name)
    for width in widths:
        grid.add_column(width=width, no_wrap=True, justify="right")
    for text, cells, (_, _, standing) in zip(names, facts, rows, strict=True):
        bars = [_bar(standing, room - name)] if bar else []
        grid.add_row(Text(_shortened(text, name)), *bars, *map(Text, cells))
    return grid


def _shortened(name: str, width: int) -> str:
    return name if len(name) <= width else f"{name[: max(width - 3, 0)]}..."


def _bar(standing: Standing, width: int) -> ProgressBar:
    return ProgressBar(
        total=max(standing.size, 1),
        completed=standing.sent,
        width=width,
        style="bright_black",
        complete_style="blue",
        finished_style="green",
    )


def _facts(standing: Standing, columns: int) -> Iterator[str]:
    if columns < _SPEED_FROM:
        yield f"{standing.percent:>3}%"
    else:
        yield _bytes(standing)
        speed = "" if standing.rate is None else f"{size(int(standing.rate))}/s"
        yield f"{speed:>10}"
    if columns >= _BAR_FROM:
        yield f"{_left(standing):>9}"


def _bytes(standing: Standing) -> str:
    sent, unit = size(standing.sent).split()
    whole, whole_unit = size(standing.size).split()
    text = f"{sent}/{whole} {unit}" if unit == whole_unit else f"{sent} {unit}/{whole} {whole_unit}"
    # As wide as it gets, so that the columns beside it stand still.
    return f"{text:>{2 * len(whole) + 2 + len(whole_unit)}}"


def _left(standing: Standing) -> str:
    if standing.sent >= standing.size:
        return "all sent"
    if standing.seconds_left is None:
        return ""
    minutes, seconds = divmod(round(standing.seconds_left), 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02} left"
    return f"{minutes // 60}:{minutes % 60:02} h left" if minutes < 6000 else ""
