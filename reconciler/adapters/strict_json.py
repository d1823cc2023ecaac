"""One JSON object, read so that no two readers could read it differently, with places.

`json` keeps the last of duplicate keys, takes NaN, Infinity, 1e999 and lone surrogates, and
tells no places. Here all of that is a problem, and every key of the object has a place.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from reconciler.adapters.text import shown
from reconciler.diagnostics import Position, SourceRange

_SPACE = re.compile(r"[ \t\n\r]*")
_LINE_END = re.compile("\r\n|\r|\n")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_MOST_DIGITS = 20
_LONGEST_LINE = 300


class StrictJsonError(Exception):
    """Why a text is no such object; offset counts characters from 0."""

    def __init__(self, message: str, offset: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint


@dataclass(frozen=True, slots=True)
class JsonObject:
    """The values by key, and where in the text each key of the object itself is written."""

    values: dict[str, Any]
    places: dict[str, tuple[int, int]]
    start: int


def parse_object(text: str) -> JsonObject:
    """Read a text that is one JSON object; raise StrictJsonError where it is not."""
    start = _skip(text, 0)
    if text[start : start + 1] != "{":
        raise StrictJsonError("A JSON object begins with {.", start)
    parsed = JsonObject({}, {}, start)
    index = _skip(text, start + 1)
    if text[index : index + 1] != "}":
        index = _entries(text, index, parsed)
    rest = _skip(text, index + 1)
    if rest != len(text):
        raise StrictJsonError("Something follows the end of the object.", rest)
    if _SURROGATE_ESCAPE.search(text):
        _refuse_lone_surrogates(parsed.values, text)
    return parsed


def source_range(filename: str, text: str, start: int, end: int) -> SourceRange:
    """Make the range of text[start:end], which lies on one line."""
    before = _LINE_END.split(text[:start])
    line = before[-1] + _LINE_END.split(text[start:], maxsplit=1)[0]
    first = Position(len(before), len(before[-1]) + 1, len(text[:start].encode()))
    last = Position(
        first.line, first.column + end - start, first.byte + len(text[start:end].encode())
    )
    return SourceRange(filename, first, last, _printable(line))


def _printable(line: str) -> str:
    # Each invisible character becomes one visible, so that a caret still stands right.
    if len(line) > _LONGEST_LINE:
        return ""
    return "".join(c if c == "\t" or c.isprintable() else "\ufffd" for c in line)


def _entries(text: str, index: int, parsed: JsonObject) -> int:
    """Read the entries from the first key on; return where the closing brace is."""
    while True:
        if text[index : index + 1] != '"':
            raise StrictJsonError("A key in double quotes is expected here.", index)
        key, end = _value(text, index)
        if key in parsed.values:
            raise StrictJsonError(
                f"The key {shown(key)} is written twice.", index, "Keep one of them."
            )
        colon = _skip(text, end)
        if text[colon : colon + 1] != ":":
            raise StrictJsonError("A colon is expected here.", colon)
        parsed.values[key], after = _value(text, _skip(text, colon + 1))
        parsed.places[key] = (index, end)
        closing = _skip(text, after)
        if text[closing : closing + 1] == "}":
            return closing
        if text[closing : closing + 1] != ",":
            raise StrictJsonError(
                "A comma or the closing brace is expected here.",
                closing,
                f"Put a comma after the entry {shown(key)}.",
            )
        index = _skip(text, closing + 1)
        if text[index : index + 1] == "}":
            raise StrictJsonError(
                "JSON takes no comma after the last entry.",
                closing,
                "Remove this comma (the example in Cloudflare's documentation has one too many).",
            )


def _skip(text: str, index: int) -> int:
    found = _SPACE.match(text, index)
    return found.end() if found else index


def _value(text: str, index: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, index)
    except json.JSONDecodeError as error:
        raise StrictJsonError(f"{error.msg}.", error.pos) from None
    except StrictJsonError as problem:
        raise StrictJsonError(problem.message, index, problem.hint) from None
    except RecursionError:
        raise StrictJsonError("The value is nested too deeply.", index) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise StrictJsonError(
                    f"The key {shown(key)} is written twice in this value.", hint="Keep one."
                )
            seen.add(key)
    return values


def _constant(name: str) -> NoReturn:
    raise StrictJsonError(f"{name} is no JSON value.", hint="Replace it by a number.")


def _integer(digits: str) -> int | float:
    if len(digits) > _MOST_DIGITS:
        raise StrictJsonError(f"A number of {len(digits)} digits is too long.")
    # Readers in other languages take -0 for a floating point number.
    return -0.0 if digits == "-0" else int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise StrictJsonError(f"The number {shown(digits)} is too large.")
    return value


def _refuse_lone_surrogates(values: dict[str, Any], text: str) -> None:
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        found = _SURROGATE_ESCAPE.search(text)
        raise StrictJsonError(
            "A \\u escape is half of a surrogate pair, which is no character.",
            found.start() if found else 0,
        ) from None


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_constant, parse_int=_integer, parse_float=_real
)
