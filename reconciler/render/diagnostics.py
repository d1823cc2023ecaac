"""Diagnostics for people: code, place, the line with a caret, what, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.diagnostics import Diagnostic, SourceRange
from reconciler.diagnostics.text import PASTE
from reconciler.render.style import Style
from reconciler.render.text import columns_of, count, fold, head, inert, safe, tail

_TAB = "  "


def render_diagnostics(diagnostics: Iterable[Diagnostic], style: Style) -> str:
    """Render all of them, a blank line between two; "" for none."""
    return "\n\n".join(render_diagnostic(diagnostic, style) for diagnostic in diagnostics)


def render_diagnostic(diagnostic: Diagnostic, style: Style) -> str:
    """Render one."""
    color = "red" if diagnostic.is_error else "yellow"
    label = f"{diagnostic.severity.value}[{diagnostic.code}]"
    lines = [f"{style.paint(label, color, 'bold')}: {style.paint(diagnostic.summary, 'bold')}"]
    if diagnostic.range:
        lines.extend(_place(diagnostic.range, style, color))
    elif diagnostic.address:
        lines.append(style.paint(f"  --> {diagnostic.address}", "dim"))
    if diagnostic.detail:
        lines.append(fold(diagnostic.detail, style.columns, "  "))
    if diagnostic.hint:
        shown = "\n".join(_hint(diagnostic.hint, style))
        lines.append(shown.replace("hint:", style.paint("hint:", "cyan", "bold"), 1))
    return "\n".join(lines)


def _hint(hint: str, style: Style) -> Iterator[str]:
    """Fold what is to be read, and leave whole what is to be copied."""
    for line in f"hint: {hint}".split("\n"):
        if line.startswith((PASTE, "reconciler ")):
            yield inert(f"    {line.removeprefix(PASTE)}")
        else:
            yield fold(line, style.columns, "  ")


def summarize(diagnostics: Iterable[Diagnostic], style: Style) -> str:
    """Render "2 errors, 1 warning", or "" for none."""
    found = list(diagnostics)
    errors = sum(diagnostic.is_error for diagnostic in found)
    warnings = len(found) - errors
    parts = []
    if errors:
        parts.append(style.paint(count(errors, "error"), "red", "bold"))
    if warnings:
        parts.append(style.paint(count(warnings, "warning"), "yellow", "bold"))
    return ", ".join(parts)


def _place(where: SourceRange, style: Style, color: str) -> list[str]:
    arrow = style.paint("  -->", "blue", "bold")
    lines = [f"{arrow} {safe(str(where))}"]
    if not where.text.strip():
        return lines
    number = str(where.start.line)
    gutter = style.paint(f" {' ' * len(number)} |", "blue", "bold")
    line, start, length = _excerpt(where, style.columns - len(number) - 5)
    lines.append(gutter)
    lines.append(f"{style.paint(f' {number} |', 'blue', 'bold')} {line}")
    lines.append(f"{gutter} {' ' * start}{style.paint('^' * length, color, 'bold')}")
    return lines


def _excerpt(where: SourceRange, room: int) -> tuple[str, int, int]:
    """Return the part of the line that fits, and in which of its columns the caret stands."""
    start = where.start.column - 1
    ends_here = where.end.line == where.start.line
    end = where.end.column - 1 if ends_here else len(where.text.rstrip())
    before = safe(where.text[:start].replace("\t", _TAB))
    marked = safe(where.text[start : max(end, start + 1)].replace("\t", _TAB)) or " "
    after = safe(where.text[max(end, start + 1) :].replace("\t", _TAB))
    if columns_of(before) > room // 2:
        before = f"...{tail(before, room // 2 - 3)}"
    line = f"{before}{marked}{after}".rstrip()
    if columns_of(line) > room:
        line = f"{head(line, room - 3)}..."
    indent = columns_of(before)
    return line, indent, max(1, min(columns_of(marked), room - indent))
