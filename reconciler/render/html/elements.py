"""HTML elements, built so that no text can become markup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from reconciler.render.text import safe

_VOID = frozenset({"meta", "rect", "path", "br"})


@dataclass(frozen=True, slots=True)
class Markup:
    """Text that is HTML already; made by `element` and `raw` alone."""

    html: str


Child = Markup | str | None | Iterable["Markup | str | None"]


def element(tag: str, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """Write an element; texts and attributes are escaped, and invisible characters shown.

    An attribute's trailing underscore is dropped and others become hyphens: class_,
    aria_label. False and None leave it out, True writes its name alone.
    """
    opening = "".join([tag, *(_attribute(name, value) for name, value in attributes.items())])
    if tag in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{''.join(map(_written, children))}</{tag}>")


def raw(html: str) -> Markup:
    """Take a text of our own as HTML: a style sheet, a script."""
    return Markup(html)


def _written(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child.html
    if isinstance(child, str):
        return escape(safe(child))
    return "".join(map(_written, child))


def _attribute(name: str, value: str | int | bool | None) -> str:
    key = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {key}" if value is True else f' {key}="{escape(safe(str(value)))}"'
