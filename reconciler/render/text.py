"""Small texts: safe, measured, folded, counted.

Names, descriptions and messages come from whoever opened the pull request, from an account and
from servers. Shown by a terminal, a CI log, a comment or a page they must be seen as they are
and do nothing: a terminal obeys control characters, a CI log reads some lines as commands.
Escapes are written as JSON writes them, so that a value stays readable.

What is folded is measured in the columns of a terminal, not in characters: a wide character
(East Asian Width W or F, Unicode TR 11) takes two, a combining one none. Emoji that a terminal
draws as one are counted apart, so that a line can come out narrower than it had to, and never
wider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache

_SPACES = "\u00a0\u3000"
# Letters and marks that are drawn as nothing: fillers, selectors of what is not there.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U000e0100-\U000e01ef]"
)
# Commands of CI systems (GitHub's runner, ActionCommand.cs; Azure's; TeamCity's): these are
# obeyed anywhere in a line, ##[group], ##vso[task.setvariable], and `::name::` at its beginning.
_ANYWHERE = re.compile(r"#(?=#\w*\[)")
_AT_BEGINNING = re.compile(r"\A(\s*):(?=:)")
_NARROWEST = 10


def safe(text: str) -> str:
    """Write what would steer a terminal or a CI system, or is not to be seen, as escapes.

    `::` at the beginning of a line is for `inert`: only who writes the line knows where it is.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in _SPACES else _escape(c) for c in text)
    if not text.isascii():
        text = _INVISIBLE.sub(lambda found: _escape(found[0]), text)
    return _ANYWHERE.sub(r"\\u0023", text)


def inert(line: str) -> str:
    """Write a whole line so that it is safe, and no command at its beginning."""
    return _unheeded(safe(line))


def _unheeded(line: str) -> str:
    return _AT_BEGINNING.sub(r"\1\\u003a", line)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def quoted(value: object, longest: int | None = None) -> str:
    """Write a value as JSON would, safe and on one line; None is what cannot be known.

    longest: how many characters of a text are shown; of a longer one, how many it has.
    """
    if value is None:
        return "(unknown)"
    if longest is not None and isinstance(value, str) and len(value) > longest:
        shown = json.dumps(value[:longest], ensure_ascii=False)
        return safe(f"{shown}... ({len(value):,} characters)")
    return safe(json.dumps(value, ensure_ascii=False))


def columns_of(text: str) -> int:
    """Count the columns that a terminal gives a safe text."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def head(text: str, columns: int) -> str:
    """Cut a safe text to what fits into so many columns, from its beginning on."""
    if text.isascii():
        return text[: max(columns, 0)]
    used = 0
    for place, character in enumerate(text):
        used += _columns_of(character)
        if used > columns:
            return text[:place]
    return text


def tail(text: str, columns: int) -> str:
    """Cut a safe text to what fits into so many columns before its end."""
    return head(text[::-1], columns)[::-1]


@lru_cache(maxsize=4096)
def _columns_of(character: str) -> int:
    from unicodedata import category, east_asian_width

    if category(character) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def fold(text: str, columns: int | None, indent: str = "") -> str:
    """Fold prose to inert lines of at most so many columns; None folds nothing.

    Words longer than a line are broken.
    """
    room = None if columns is None else max(columns - len(indent), _NARROWEST)
    paragraphs = (inert(paragraph) for paragraph in text.split("\n"))
    lines = [line for paragraph in paragraphs for line in _wrapped(paragraph, room, room)]
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def fold_value(text: str, columns: int | None, indent: int) -> str:
    """Fold a safe value that begins in column `indent`, further lines hanging below it.

    columns: of the terminal; None folds nothing. Where too little room is left beside what
    stands before the value, it begins on a line of its own.
    """
    if columns is None or columns_of(text) + indent <= columns:
        return text
    beside = columns - indent
    hanging = indent if beside >= 2 * _NARROWEST else min(indent, columns // 4)
    room = max(columns - hanging, _NARROWEST)
    lines = _wrapped(text, beside if beside >= _NARROWEST else 0, room)
    return ("\n" + " " * hanging).join(lines)


def _wrapped(text: str, first: int | None, room: int | None) -> Iterator[str]:
    """Break a text into lines: after a blank where there is one, else anywhere.

    first: the columns of the first line, 0 to leave it empty; room: those of the others, which
    are inert.
    """
    if first is None or room is None:
        yield text
        return
    line, used, left = "", 0, first
    for found in re.findall(r" *[^ ]+| +\Z", text) or [""]:
        word = found
        if used + columns_of(word) > left and (used or not left):
            yield line
            line, used, left = "", 0, room
            word = _unheeded(word.lstrip(" "))
        if columns_of(word) > left:
            *full, word = _pieces(word.replace("::", ":\\u003a"), left, room)
            yield from full
            left = room
        line, used = line + word, used + columns_of(word)
    yield line


def _pieces(word: str, first: int, room: int) -> Iterator[str]:
    """Break a word into pieces of so many columns, at least a character."""
    if word.isascii():
        yield word[:first]
        yield from (word[start : start + room] for start in range(first, len(word), room))
        return
    piece: list[str] = []
    used, left = 0, first
    for character in word:
        width = _columns_of(character)
        if used + width > left and piece:
            yield "".join(piece)
            piece, used, left = [], 0, room
        piece.append(character)
        used += width
    yield "".join(piece)


def count(number: int, noun: str, plural: str = "") -> str:
    """Write "1 finetune", "2 finetunes"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(number: int | None) -> str:
    """Write bytes in decimal units, as Cloudflare's limits are; None is "unknown"."""
    if number is None:
        return "unknown"
    if number < 1000:
        return f"{number} B"
    value = float(number)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 999.95 or unit == "GB":
            break
    return f"{value:.1f} {unit}"
