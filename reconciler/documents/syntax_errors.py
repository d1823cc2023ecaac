"""YAML syntax errors as the mistakes that people make.

libyaml says where it could not go on; the mistake is often a line above, and the mend is
seldom what its message says. Each function here knows one mistake by what the lines look
like, and tells it at its own place with the line as it should be; the first that knows wins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import yaml

from reconciler.diagnostics import Diagnostic, SourceRange
from reconciler.diagnostics.codes import manifests as codes
from reconciler.documents.nodes import Scalar
from reconciler.documents.source import Source
from reconciler.documents.wording import quoted, shorten

_KEY = r"""(?:[\w.@/-]+|"[^"]*"|'[^']*')"""
_TIGHT_COLON = re.compile(rf"\s*(?:- +)*(?P<key>{_KEY}):(?P<value>[^\s/:].*)")
_ENTRY = re.compile(rf"\s*(?:- +)*(?P<key>{_KEY})[ \t]*:[ \t]+(?P<value>\S.*)")
_LAST_WORD = re.compile(rf"{_KEY}\Z")
_COMMENT = re.compile(r"\s+#.*|\s+\Z")
_CONFLICT = re.compile(r"^(?:<{7}|>{7}) .*$", re.MULTILINE)
_BRACKETS = re.compile(r"""([\[\]{}])|"(?:\\.|[^"\\])*"|'[^']*'|(?<!\S)\#.*""")
_BLOCK_TEXT = re.compile(r":\s+[|>][-+0-9]*\s*\Z")
_LOOK_AROUND = 20_000
"""Characters that are searched for a bracket."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """What libyaml said, and where; line and column from 0, those of context -1 without one."""

    source: Source
    problem: str
    context: str
    line: int
    column: int
    context_line: int
    context_column: int
    last: Scalar | None

    @property
    def text(self) -> str:
        """The line, as it may be shown."""
        return self.source.shown(self.line)

    @property
    def indent(self) -> int:
        """Spaces before the line, -1 where the failure is not at its first word."""
        before = self.text[: self.column]
        return self.column if self.text and not before.strip(" ") else -1

    def lines_above(self) -> Iterator[tuple[int, str]]:
        """Walk up the lines that hold more than a comment."""
        for number in range(self.line - 1, -1, -1):
            text = self.source.shown(number)
            if text.strip() and not text.lstrip().startswith("#"):
                yield number, text


@dataclass(frozen=True, slots=True)
class _Mistake:
    detail: str
    hint: str
    range: SourceRange


def explain(source: Source, error: yaml.MarkedYAMLError, last: Scalar | None) -> Diagnostic:
    """Turn a syntax error into a diagnostic; last: the value that was read before it."""
    failure = _failure(source, error, last)
    for recognise in _MISTAKES:
        mistake = recognise(failure)
        if mistake is not None:
            break
    else:
        mistake = _unknown(failure)
    return codes.YAML_SYNTAX.error(mistake.detail, hint=mistake.hint, range=mistake.range)


def _failure(source: Source, error: yaml.MarkedYAMLError, last: Scalar | None) -> _Failure:
    mark, context = error.problem_mark or error.context_mark, error.context_mark
    return _Failure(
        source,
        error.problem or "",
        error.context or "",
        mark.line if mark else 0,
        mark.column if mark else 0,
        context.line if context else -1,
        context.column if context else -1,
        last,
    )


def _unknown(failure: _Failure) -> _Mistake:
    said = f"{failure.problem} {failure.context}".strip() or "the text cannot be read"
    return _Mistake(
        f"{said[:1].upper()}{said[1:]}.",
        "Compare the indent, the quotes and the brackets with the lines above.",
        failure.source.within(failure.line, failure.column, failure.column + 1),
    )


def _merge_conflict(failure: _Failure) -> _Mistake | None:
    found = _CONFLICT.search(failure.source.text)
    if found is None:
        return None
    line, _ = failure.source.line_of(found.start())
    return _Mistake(
        "The file has an unresolved merge conflict.",
        "Decide between the two versions, and remove the lines <<<<<<<, ======= and >>>>>>>.",
        failure.source.within(line, 0, len(found[0])),
    )


def _tab(failure: _Failure) -> _Mistake | None:
    before = failure.text[: failure.column + 1]
    if before.strip() or "\t" not in before:
        return None
    indent = len(failure.text) - len(failure.text.lstrip())
    return _Mistake(
        "The line is indented with a tab, which YAML does not allow.",
        "Indent with spaces.",
        failure.source.within(failure.line, before.index("\t"), indent),
    )


def _open_quote(failure: _Failure) -> _Mistake | None:
    """Recognise a quote that reaches further than it should, or to the end."""
    if "quoted scalar" in failure.context and "escape" not in failure.problem:
        line, column = failure.context_line, failure.context_column
    elif failure.last is not None and not failure.last.plain_style and failure.indent < 0:
        line, column = failure.last.line, failure.last.column
        if line == failure.line or failure.last.end_line != failure.line:
            return None
    else:
        return None
    text = failure.source.shown(line)
    value = text[column:].rstrip()
    return _Mistake(
        f"The quote that opens here is not closed in line {line + 1}.",
        f"Close it: {shorten(text[:column].strip() + ' ' + value + value[:1])}",
        failure.source.within(line, column, column + max(1, len(value))),
    )


def _tight_colon(failure: _Failure) -> _Mistake | None:
    """Recognise `public:true` in the line or one shortly above it."""
    near = [(failure.line, failure.text), *islice(failure.lines_above(), 3)]
    for number, text in near if failure.problem.startswith(_NO_KEY) else ():
        found = _TIGHT_COLON.match(text)
        if found:
            return _Mistake(
                f"There is no space after the colon of `{shorten(found['key'])}`.",
                f"Write: {shorten(found['key'] + ': ' + found['value'])}",
                failure.source.within(number, found.start("key"), found.end("key") + 1),
            )
    return None


def _bracket(failure: _Failure) -> _Mistake | None:
    """Recognise a list or mapping in brackets that is not closed, or lacks a comma or a value."""
    opened = _open_bracket(failure)
    if opened is None:
        return None
    source, (line, column) = failure.source, opened
    rest = source.text_from(line, column, _LOOK_AROUND)
    pair = "[]" if rest[:1] == "[" else "{}"
    bare = "".join(found[1] or "" for found in _BRACKETS.finditer(rest))
    if bare.count(pair[0]) > bare.count(pair[1]):
        return _Mistake(
            f"The {pair[0]} that opens here is never closed.",
            f"Put {pair[1]} at its end.",
            source.within(line, column, column + 1),
        )
    if "node content" in failure.problem:
        return _Mistake(
            "Before this there is no value.",
            "Write one, or remove the comma.",
            source.within(failure.line, failure.column, failure.column + 1),
        )
    word = _LAST_WORD.search(failure.text[: failure.column])
    begin = word.start() if word else failure.column
    return _Mistake(
        f"Before this there is no comma, and no {pair[1]} that closes the {pair[0]} in line "
        f"{line + 1}.",
        "Put a comma between two entries. A text with : , [ ] { or } in it needs quotes.",
        source.within(failure.line, begin, max(failure.column, begin + 1)),
    )


def _open_bracket(failure: _Failure) -> tuple[int, int] | None:
    """Find the bracket that the failure is in, None where it is in none."""
    if failure.context.endswith(("flow sequence", "flow mapping")):
        return failure.context_line, failure.context_column
    if not failure.context.endswith("flow node"):
        return None
    before = failure.source.text_before(failure.line, failure.column)
    begin = max(0, len(before) - _LOOK_AROUND)
    opened: list[int] = []
    for found in _BRACKETS.finditer(before, begin):
        if found[1] in ("[", "{"):
            opened.append(found.start())
        elif found[1] and opened:
            opened.pop()
    return failure.source.line_of(opened[-1]) if opened else None


def _colon_in_value(failure: _Failure) -> _Mistake | None:
    """Recognise `description: Note: see below`."""
    if not failure.problem.startswith("mapping values are not allowed"):
        return None
    found = _ENTRY.match(failure.text)
    if found is None or found.start("value") > failure.column or found["value"][0] in "\"'":
        return None
    return _needs_quotes(failure, found, "The value has a colon in it, which begins another field.")


def _colon_missing(failure: _Failure) -> _Mistake | None:
    """Recognise a line that should be a field and has no colon."""
    if failure.problem.startswith("could not find expected ':'"):
        number, text = failure.context_line, failure.source.shown(failure.context_line)
    elif failure.problem.startswith("mapping values are not allowed"):
        number, text = next(failure.lines_above(), (-1, ""))
    else:
        return None
    bare = _COMMENT.sub("", text).strip()
    if not bare or ": " in bare or bare.endswith(":"):
        return None
    above = next((line for other, line in failure.lines_above() if other < number), "")
    if _BLOCK_TEXT.search(above):
        return _Mistake(
            "The text of a | or > is indented deeper than its field, and this is not.",
            "Indent it with more spaces.",
            failure.source.within(number, text.index(bare), len(text.rstrip())),
        )
    key, _, value = bare.partition(" ")
    begin = text.index(bare)
    mended = f"{key}: {value.lstrip('= ')}".rstrip()
    missing = "colon"
    if bare.startswith("-"):
        missing, mended = "space after the -", f"- {bare[1:]}"
    return _Mistake(
        f"There is no {missing} in line {number + 1}.",
        f"Write: {shorten(mended)}",
        failure.source.within(number, begin, begin + len(bare)),
    )


def _wrong_indent(failure: _Failure) -> _Mistake | None:
    """Recognise a line that begins in a column where nothing above it does."""
    indent = failure.indent
    if indent < 0 and failure.problem.startswith("mapping values are not allowed"):
        indent = len(failure.text) - len(failure.text.lstrip(" "))
    if indent < 0:
        return None
    open_columns: dict[int, int] = {}
    for number, text in failure.lines_above():
        column = len(text) - len(text.lstrip(" "))
        if column < min(open_columns, default=1_000_000):
            open_columns[column] = number
    deeper = max(open_columns, default=-1) < indent
    if indent in open_columns or not open_columns:
        return None
    near = sorted(open_columns, key=lambda column: abs(column - indent))[: 1 if deeper else 2]
    places = [f"column {column + 1} (as line {open_columns[column] + 1})" for column in near]
    end = len(failure.text.rstrip())
    return _Mistake(
        f"The line begins in column {indent + 1}, where no block that is open begins.",
        f"Begin it in {' or '.join(places)}.",
        failure.source.within(failure.line, indent, max(end, indent + 1)),
    )


def _text_after_value(failure: _Failure) -> _Mistake | None:
    """Recognise `description: "x" and more` and `description: [beta] and more`."""
    found = _ENTRY.match(failure.text)
    if found is None or failure.indent >= 0 or "did not find expected key" not in failure.problem:
        return None
    extra = failure.text[failure.column : failure.column + 1]
    if extra in ("]", "}"):
        return _Mistake(
            f"The {extra} closes nothing.",
            "Remove it.",
            failure.source.within(failure.line, failure.column, failure.column + 1),
        )
    closing = failure.text[: failure.column].rstrip()[-1:]
    return _needs_quotes(failure, found, f"Text follows after the {closing} that ends the value.")


def _bad_beginning(failure: _Failure) -> _Mistake | None:
    """Recognise a value that begins with a character that YAML has another use for."""
    special = ("cannot start any token", "alphabetic or numeric", "scanning a tag", "a block node")
    said = f"{failure.problem} {failure.context}"
    found = _ENTRY.match(failure.text)
    if found is None or not any(part in said for part in special):
        return None
    return _needs_quotes(failure, found, f"A value cannot begin with {found['value'][0]} as it is.")


def _needs_quotes(failure: _Failure, found: re.Match[str], detail: str) -> _Mistake:
    value = _COMMENT.sub("", found["value"])
    begin = found.start("value")
    meant = value[1:-1] if value[0] in "\"'" and value[0] == value[-1] else value
    return _Mistake(
        detail,
        f"Put the whole value in quotes: {shorten(found['key'])}: {quoted(meant)}",
        failure.source.within(failure.line, begin, begin + max(1, len(value))),
    )


def _escape(failure: _Failure) -> _Mistake | None:
    if "escape" not in failure.problem and "hexdecimal" not in failure.problem:
        return None
    return _Mistake(
        "In double quotes a \\ begins an escape, and there is none like this.",
        "Use single quotes, in which \\ means itself; write other characters as they are.",
        failure.source.within(failure.line, failure.column, failure.column + 2),
    )


_NO_KEY = (
    "did not find expected",
    "mapping values are not allowed",
    "could not find expected ':'",
)
_ONE_KIND = "In a block all lines are `name: value`, or all begin with -."
_HINTS = (
    ("incompatible YAML document", "Remove the line that begins with %YAML."),
    ("directive", "Remove the line that begins with %."),
    ("<document start>", "A document has one mapping at its top; begin another with ---."),
    ("block sequence entries", "Begin a list on a line of its own, or use [a, b]."),
    ("comment or line break", "After | or > the text begins on the next line."),
    ("'-' indicator", _ONE_KIND),
    ("did not find expected key", _ONE_KIND),
)


def _by_message(failure: _Failure) -> _Mistake | None:
    hint = next((hint for part, hint in _HINTS if part in failure.problem), "")
    if not hint:
        return None
    known = _unknown(failure)
    return _Mistake(known.detail, hint, known.range)


_MISTAKES: tuple[Callable[[_Failure], _Mistake | None], ...] = (
    _merge_conflict,
    _tab,
    _escape,
    _open_quote,
    _tight_colon,
    _bracket,
    _colon_in_value,
    _bad_beginning,
    _colon_missing,
    _wrong_indent,
    _text_after_value,
    _by_message,
)
