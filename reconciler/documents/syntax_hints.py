"""What usually causes a YAML syntax error, by libyaml's own message."""

from __future__ import annotations

from reconciler.diagnostics import SourceRange

_BY_MESSAGE = (
    ("mapping values are not allowed", "Quote the value if it contains ': ', or mend the indent."),
    ("could not find expected ':'", "A key needs ': ' and a value behind it."),
    ("found unexpected end of stream", "A quote that was opened is never closed."),
    ("expected <block end>", "Lines of one block must begin in the same column."),
    ("did not find expected key", "Lines of one block must begin in the same column."),
    ("',' or ']'", "A list in brackets needs ',' between its items and ']' at its end."),
    ("',' or '}'", "A mapping in braces needs ',' between its fields and '}' at its end."),
    ("unknown escape character", "In double quotes \\ begins an escape; use single quotes."),
    ("did not find expected alphabetic or numeric", "Quote a value that begins with * or &."),
)


def hint_for(problem: str, where: SourceRange | None) -> str:
    """Return the likely mend, or a general one."""
    if where is not None and "cannot start any token" in problem:
        character = where.text[where.start.column - 1 : where.start.column]
        if character == "\t" or "\t" in where.text[: where.start.column]:
            return "Indent with spaces; YAML does not allow tabs."
        return f"Quote a value that begins with {character or 'this character'}."
    for part, hint in _BY_MESSAGE:
        if part in problem:
            return hint
    return "Compare the indent and the quotes with the lines above."
