"""Colours and width. Only the sixteen colours of the terminal's own theme are used, so that
light and dark both read well, and none carries meaning alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model import Action

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

_ACTION_COLORS = {
    Action.CREATE: "green",
    Action.IMPORT: "cyan",
    Action.UPLOAD: "blue",
    Action.MOVE: "magenta",
    Action.FORGET: "yellow",
    Action.REPLACE: "red",
}


@dataclass(frozen=True, slots=True)
class Style:
    """color: whether to colour. width: columns of the terminal, None where there is none."""

    color: bool = False
    width: int | None = None

    @property
    def columns(self) -> int:
        """The width that prose is folded to."""
        return max(self.width or 80, 20)

    def paint(self, text: str, *styles: str) -> str:
        """Colour a text."""
        if not self.color or not text:
            return text
        codes = ";".join(_CODES[style] for style in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def action(self, action: Action, text: str) -> str:
        """Colour a text as its action."""
        color = _ACTION_COLORS.get(action)
        return self.paint(text, color) if color else text


PLAIN = Style()
