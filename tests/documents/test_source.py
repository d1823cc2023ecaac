"""Bytes to text: what is refused, where, and what is never shown."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import Diagnostic
from reconciler.documents import Source, decode, parse


def refused(raw: bytes) -> list[Diagnostic]:
    source, problems = decode(raw, "a.yaml")
    assert source is None
    assert problems
    return problems


def test_plain_utf_8_is_taken_as_it_is() -> None:
    source, problems = decode("version: 1\nname: Zoë \U0001f600\n".encode(), "a.yaml")
    assert not problems
    assert source is not None
    assert source.text == "version: 1\nname: Zoë \U0001f600\n"


def test_a_utf_8_byte_order_mark_is_dropped_and_counted() -> None:
    source, _ = decode(codecs.BOM_UTF8 + b"a: 1\nb: 2\n", "a.yaml")
    assert source is not None
    assert source.text == "a: 1\nb: 2\n"
    assert source.within(0, 0, 1).start.byte == 3
    assert source.within(1, 0, 1).start.byte == 8


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32"])
def test_utf_16_and_32_are_refused_by_name(encoding: str) -> None:
    raw = "version: 1\n".encode(encoding)
    marks = {"utf-16-be": codecs.BOM_UTF16_BE, "utf-16-le": codecs.BOM_UTF16_LE}
    problem = refused(marks.get(encoding, b"") + raw)[0]
    assert problem.code == "R102"
    assert "UTF-16" in problem.detail
    assert problem.hint == "Save the file as UTF-8."


def test_utf_16_without_a_mark_is_guessed_from_its_nul() -> None:
    problem = refused("version: 1\n".encode("utf-16-le"))[0]
    assert "U+0000 NUL" in problem.detail
    assert "UTF-16" in problem.hint


def test_a_byte_of_another_encoding_is_shown_in_its_line() -> None:
    (problem,) = refused("a: 1\nname: Zo\u00eb\n".encode("latin-1"))
    assert problem.detail == "The byte 0xeb is no part of a UTF-8 text."
    assert problem.range is not None
    assert str(problem.range) == "a.yaml:2:9"
    assert problem.range.start.byte == 13
    assert problem.range.text == "name: Zo\ufffd"


def test_a_lone_surrogate_is_no_utf_8() -> None:
    (problem,) = refused(b"name: \xed\xa0\x80\n")
    assert problem.code == "R102"
    assert str(problem.range) == "a.yaml:1:7"


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\x00", "U+0000 NUL"),
        ("\x1b", "U+001B ESCAPE"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085"),
        ("\x9b", "U+009B"),
        ("\u2028", "U+2028 LINE SEPARATOR"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\u200f", "U+200F RIGHT-TO-LEFT MARK"),
        ("\u061c", "U+061C ARABIC LETTER MARK"),
        ("\u200b", "U+200B ZERO WIDTH SPACE"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\ue000", "U+E000"),
        ("\U000e0041", "U+E0041 TAG LATIN CAPITAL LETTER A"),
        ("\r", "U+000D CARRIAGE RETURN"),
    ],
)
def test_a_hidden_character_is_named_at_its_place_and_not_repeated(
    character: str, name: str
) -> None:
    (problem,) = refused(f"a: 1\nb: é{character}x\n".encode())
    assert problem.code == "R102"
    assert f"holds {name}, " in problem.detail
    assert problem.range is not None
    assert str(problem.range) == "a.yaml:2:5"
    assert problem.range.start.byte == 10
    assert problem.range.text == "b: é\ufffdx"


def test_each_line_with_a_hidden_character_is_told_up_to_ten() -> None:
    problems = refused(b"a\x1b\x1b\n" * 20)
    assert [str(p.range) for p in problems] == [f"a.yaml:{n}:2" for n in range(1, 11)]


def test_a_return_at_the_very_end_is_told() -> None:
    (problem,) = refused(b"a: 1\r")
    assert str(problem.range) == "a.yaml:1:5"


def test_characters_that_languages_need_are_taken() -> None:
    text = "a: می‌خواهم, 👩‍💻, Ünïcode, 日本語\tx\n"
    source, problems = decode(text.encode(), "a.yaml")
    assert not problems
    assert source is not None


def test_a_file_that_is_too_large_is_not_decoded() -> None:
    (problem,) = refused(b"a" * 4_000_001)
    assert "4,000,000 bytes" in problem.detail
    assert str(problem.range) == "a.yaml:1:1"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_shown_without_their_ends(end: str) -> None:
    source = Source("a.yaml", end.join(["one", "", "three", ""]))
    assert [source.line(number) for number in range(-1, 5)] == ["", "one", "", "three", "", ""]


def test_bytes_are_counted_from_the_beginning_of_the_file() -> None:
    text = "a: é\r\nb: \U0001f600x\r\n"
    source = Source("a.yaml", text)
    where = source.within(1, 4, 5)
    assert where.start.byte == text.encode().index(b"x")
    assert where.end.byte == where.start.byte + 1


def test_a_range_past_the_end_ends_with_the_text() -> None:
    where = Source("a.yaml", "abc").within(5, 0, 1)
    assert (where.start.line, where.start.column, where.start.byte) == (1, 4, 3)


def test_a_very_long_line_is_not_shown() -> None:
    assert Source("a.yaml", "a" * 1_001).within(0, 5, 6).text == ""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("api_token: hunter2", "api_token: ***"),
        ("  CLOUDFLARE_API_TOKEN:  'hunter2'", "  CLOUDFLARE_API_TOKEN:  ***"),
        ('{"token":"hunter2", "a": 1}', '{"token":***'),
        ("Password = hunter2", "Password = ***"),
        ("CLOUDFLARE_API_KEY: hunter2", "CLOUDFLARE_API_KEY: ***"),
        ("X-Auth-Key: hunter2", "X-Auth-Key: ***"),
        ("- client_secret: hunter2", "- client_secret: ***"),
        ("Authorization: Bearer hunter2", "Authorization: ***"),
        ("secret: [hunter2]", "secret: ***"),
        ("description: counts tokens", "description: counts tokens"),
        ("monkey: hunter2", "monkey: hunter2"),
        ("key: hunter2", "key: ***"),
        ("auth: hunter2", "auth: ***"),
        ("author: somebody", "author: somebody"),
    ],
)
def test_the_value_of_a_secret_is_never_shown(line: str, shown: str) -> None:
    assert Source("a.yaml", f"x: 1\n{line}\n").within(1, 0, 1).text == shown


def test_a_secret_that_cannot_be_decoded_is_not_shown_either() -> None:
    (problem,) = refused(b"token: hunter2\xff\n")
    assert problem.range is not None
    assert problem.range.text == "token: ***"


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_every_position_agrees_with_the_bytes(text: str) -> None:
    source, problems = decode(text.encode(), "a.yaml")
    if source is None or problems:
        return
    for line in range(text.count("\n") + 1):
        for column in range(len(source.line(line)) + 1):
            where = source.within(line, column, column).start
            before = text.encode()[: where.byte].decode()
            assert (where.line, where.column) == (
                before.count("\n") + 1,
                len(before.rpartition("\n")[2]) + 1,
            )


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_to_be_told_about(raw: bytes) -> None:
    source, problems = decode(raw, "a.yaml")
    assert (source is None) == bool(problems)
    if source is not None:
        parse(source)
