"""Plain scalars against the YAML 1.2.2 core schema, as its own tables and examples have it."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.documents import Mapping, Source, parse
from reconciler.documents.scalars import resolve

# The table of 10.3.2, copied; what none of them matches is text.
NULL = r"null|Null|NULL|~|"
BOOL = r"true|True|TRUE|false|False|FALSE"
INT = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
FLOAT = (
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN"
)


def kind(text: str) -> type:
    table = ((NULL, type(None)), (BOOL, bool), (INT, int), (FLOAT, float))
    return next((t for pattern, t in table if re.fullmatch(pattern, text, re.ASCII)), str)


def same(a: object, b: object) -> bool:
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or (type(a) is type(b) and a == b)


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No", "NO", "yes", "on", "off", "y", "n", "12:30", "190:20:30", "1_000", "0b101"),
        *("2026-11-23", "0o8", "0xG", "+0x1F", "-0o7", "1.2.3", "1e", ".", "+", "-", "nUll"),
        *("Infinity", "nan", "+.nan", "TRue", "=", "<", "0x", "0o", "\u0661\u0662", "\uff11"),
    ],
)
def test_what_yaml_1_2_reads_as_text_stays_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        *(("0", 0), ("0777", 777), ("+12", 12), ("-19", -19), ("0o17", 15), ("0x1F", 31)),
        *(("0o7", 7), ("0x3A", 58)),
        *(("1.10", 1.1), ("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12000.0)),
        *(("-2E+05", -200000.0), ("1e3", 1000.0), (".inf", math.inf), ("-.Inf", -math.inf)),
        *(("+.INF", math.inf), (".NAN", math.nan), (".nan", math.nan), (".NaN", math.nan)),
    ],
)
def test_the_examples_of_the_specification(text: str, value: object) -> None:
    assert same(resolve(text), value)


@given(st.from_regex(f"(?:{NULL}|{BOOL}|{INT}|{FLOAT})", fullmatch=True))
def test_each_text_is_of_the_type_that_the_table_says(text: str) -> None:
    if len(text) <= 100:
        assert type(resolve(text)) is kind(text)


@given(st.text(alphabet="0123456789abcdefxonulrtysi.eE+-~_: ", max_size=12))
def test_no_other_text_becomes_a_number_or_a_word(text: str) -> None:
    assert type(resolve(text)) is kind(text)


@pytest.mark.parametrize(
    "text", ["9" * 5000, "0x" + "f" * 5000, "0o" + "7" * 5000, "9" * 200 + ".5"]
)
def test_a_number_of_thousands_of_digits_is_infinite(text: str) -> None:
    assert resolve(text) == math.inf


@pytest.mark.parametrize("text", ["1e999999999", "-1e999999999"])
def test_a_huge_exponent_is_infinite_at_once(text: str) -> None:
    value = resolve(text)
    assert isinstance(value, float)
    assert math.isinf(value)


@pytest.mark.parametrize(
    "written", ["'no'", '"1"', "'0x1F'", '"null"', "|-\n  true", ">-\n  1.10", "'~'", '""']
)
def test_what_is_quoted_or_a_block_is_text(written: str) -> None:
    (document,), problems = parse(Source("a.yaml", f"key: {written}\n"))
    assert not problems
    assert isinstance(document, Mapping)
    assert isinstance(document.plain()["key"], str)


@pytest.mark.parametrize("key", ["no", "1", "1.10", "0x1F", "~", "null", "true", "12:30", "0777"])
def test_a_key_is_the_text_that_was_written(key: str) -> None:
    (document,), _ = parse(Source("a.yaml", f"{key}: x\n"))
    assert document.plain() == {key: "x"}
