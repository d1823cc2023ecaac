"""Section E of the faults: hostile input is an error with a line, soon and in little memory.

Time is not measured but bounded: by the number of events that are taken from libyaml.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from reconciler.documents import Source, parse
from reconciler.documents.limits import MAX_BYTES, MAX_DEPTH, MAX_FINDINGS, MAX_NODES
from tests.manifests.support import (
    MODEL,
    assert_presentable,
    finetune,
    marked,
    only,
    read,
    told,
)

MOST_MEMORY = 100_000_000


@dataclass
class Events:
    """How many events were taken."""

    count: int = 0


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Events:
    counted = Events()
    parse = yaml.parse

    def counting(text: str, Loader: Any) -> Iterator[yaml.Event]:  # noqa: N803 (yaml's own name)
        for event in parse(text, Loader=Loader):
            counted.count += 1
            yield event

    monkeypatch.setattr(yaml, "parse", counting)
    return counted


def laughs(levels: int = 9, width: int = 10) -> str:
    lines = [f"l0: &l0 [{', '.join(['lol'] * width)}]"]
    for level in range(1, levels):
        lines.append(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * width)}]")
    return "\n".join(lines) + "\n"


def test_row_53_duplicate_keys_are_each_an_error() -> None:
    text = finetune("public: true", "public: false", "labels: {a: b, a: c}", f"model: {MODEL}")
    reading = read(text)
    assert told(reading) == [
        ("R104", "1.yaml:6:5"),
        ("R104", "1.yaml:7:20"),
        ("R104", "1.yaml:8:5"),
    ]


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "!!python/object/new:type [a, [], {}]",
        "!!python/name:os.system",
        "!!python/module:os",
        "!<tag:yaml.org,2002:python/object/apply:os.system> [ls]",
    ],
)
def test_row_54_python_tags_are_refused(tag: str) -> None:
    problems = read(finetune(f"description: {tag}")).diagnostics
    assert [(d.code, str(d.range)) for d in problems] == [("R113", "1.yaml:5:18")]


def test_row_54_merge_keys_are_refused() -> None:
    text = finetune("labels: {<<: {a: b}, c: d}")
    assert told(read(text)) == [("R113", "1.yaml:5:14")]


@pytest.mark.parametrize(
    "text", ["&a [*a]", "&a {b: *a}", "finetunes: &a\n  bot: *a\n", "&a\n? *a\n: b\n"]
)
def test_row_54_an_alias_of_itself_is_refused(text: str) -> None:
    codes = [d.code for d in read(text).diagnostics]
    assert "R113" in codes


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "? ", "[{a: ", "&a ["])
def test_row_55_depth_of_100_000_is_refused(piece: str, events: Events) -> None:
    problem = only(read(piece * 100_000))
    assert problem.code == "R113"
    assert problem.detail == f"This is more than {MAX_DEPTH} levels deep."
    assert str(problem.range).startswith("1.yaml:1:")
    assert events.count < 4 * MAX_DEPTH


def test_row_55_depth_by_indent_is_refused(events: Events) -> None:
    text = "".join(f"{' ' * depth}a{depth}:\n" for depth in range(2_000))
    assert [str(only(read(text)).range)] == [f"1.yaml:{MAX_DEPTH + 1}:{MAX_DEPTH + 1}"]
    assert events.count < 4 * MAX_DEPTH


def test_row_55_the_depth_that_is_allowed_is_parsed() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert [d.code for d in read(deep).diagnostics] == ["R107"]


@pytest.mark.parametrize("head", ["", "version: 1\nfinetunes: {}\n"])
def test_row_56_billion_laughs_are_refused_before_they_are_walked(
    head: str, events: Events
) -> None:
    # Parsed and not read, so that a parser that lets it through fails here and not the machine.
    (problem,) = parse(Source("1.yaml", head + laughs()))[1]
    assert problem.code == "R113"
    assert (
        problem.detail
        == f"The file has more than {MAX_NODES:,} values, with every alias written out."
    )
    assert events.count < 120


def test_row_56_many_aliases_of_one_list_are_refused(events: Events) -> None:
    """Quadratic, not exponential."""
    text = "a: &a [" + "x," * 10_000 + "]\nb: [" + "*a," * 10_000 + "]\n"
    (problem,) = parse(Source("1.yaml", text))[1]
    assert problem.code == "R113"
    assert events.count < 10_000 + 50


def test_row_56_aliases_that_stay_small_are_read() -> None:
    text = finetune("labels: &l {team: a}") + f"  cat: {{model: {MODEL}, labels: *l}}\n"
    assert told(read(text)) == []


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ("description", "0x" + "f" * 5_000),
        ("description", "9" * 5_000),
        ("description", "0o" + "7" * 5_000),
        ("description", "9" * 5_000 + ".5"),
        ("description", "1e999999999"),
        ("description", "017"),
        ("name", "0x1F"),
        ("name", "1.10"),
        ("public", "NO"),
        ("public", "1:30"),
        ("versioned", "1"),
    ],
)
def test_row_57_what_is_of_another_type_is_never_turned_into_it(field: str, written: str) -> None:
    text = finetune(f"{field}: {written}")
    problem = only(read(text))
    assert problem.code == "R107"
    assert str(problem.range) == f"1.yaml:5:{len(field) + 7}"
    assert_presentable(problem, text.encode())


@pytest.mark.parametrize("written", ["NO", "1:30", "on", "12:30:45", "0b1"])
def test_row_57_what_is_text_stays_text(written: str) -> None:
    (bot,) = read(finetune(f"description: {written}")).desired.finetunes.values()
    assert bot.description == written


HIDDEN = (
    "\x00\x07\x1b\x7f\x9b\u061c\u200b\u200e\u202a\u202e\u2066\u2069\u2028\ufeff\uffff\U000e0001\r"
)


@pytest.mark.parametrize("character", HIDDEN)
def test_row_58_a_hidden_character_is_refused_and_never_repeated(character: str) -> None:
    text = finetune(f"description: a{character}b")
    problem = only(read(text))
    assert (problem.code, str(problem.range)) == ("R102", "1.yaml:5:19")
    assert_presentable(problem, text.encode())


@pytest.mark.parametrize(
    "escape", ["\\0", "\\a", "\\e", "\\x7f", "\\x9b", "\\u202e", "\\u2066", "\\ufeff", "\\L", "\\P"]
)
@pytest.mark.parametrize("place", ['description: "{}"', '"{}": 1', 'labels: {{"a{}": "b"}}'])
def test_row_58_a_hidden_character_by_its_escape_is_refused(escape: str, place: str) -> None:
    text = finetune(place.format(escape))
    problems = read(text).diagnostics
    assert problems[0].code == "R102"
    for problem in problems:
        assert_presentable(problem, text.encode())


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud83d\\ude00"])
def test_row_58_a_surrogate_by_its_escape_is_refused(escape: str) -> None:
    text = finetune(f'description: "{escape}"')
    problem = only(read(text))
    assert (problem.code, str(problem.range)) == ("R103", "1.yaml:5:21")
    assert_presentable(problem, text.encode())


@pytest.mark.parametrize(
    "raw", [b"\xed\xa0\x80", b"\xff", b"\xc3", b"\xc0\x80", b"\xf4\x90\x80\x80"]
)
def test_row_58_what_is_no_utf_8_is_refused(raw: bytes) -> None:
    text = finetune().encode() + b"    description: " + raw + b"\n"
    problem = only(read(text))
    assert (problem.code, str(problem.range)) == ("R102", "1.yaml:5:18")
    assert_presentable(problem, text)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_row_58_utf_16_is_refused(encoding: str) -> None:
    assert {d.code for d in read(finetune().encode(encoding)).diagnostics} == {"R102"}


def test_row_58_a_byte_order_mark_is_taken() -> None:
    assert told(read(b"\xef\xbb\xbf" + finetune().encode())) == []


@pytest.mark.parametrize(
    "field",
    [
        *(
            "url",
            "base_url",
            "api_url",
            "base_uri",
            "endpoint",
            "api_host",
            "CLOUDFLARE_API_BASE_URL",
        ),
        *("CLOUDFLARE_BASE_URL", "server", "https_proxy", "gateway", "api_base"),
    ],
)
def test_row_61_an_address_of_the_api_is_refused_with_the_reason(field: str) -> None:
    top = f"version: 1\n{field}: https://evil.example\n"
    for text, place in ((top, "2:1"), (finetune(f"{field}: https://evil.example"), "5:5")):
        problem = only(read(text))
        assert (problem.code, str(problem.range), marked(problem)) == (
            "R105",
            f"1.yaml:{place}",
            field,
        )
        assert "send a token elsewhere" in problem.detail
        assert problem.hint == "Remove it."


@pytest.mark.parametrize(
    "field",
    [
        *(
            "token",
            "api_token",
            "apiToken",
            "CLOUDFLARE_API_TOKEN",
            "cf_token",
            "secret",
            "password",
        ),
        *("passwd", "api_key", "apikey", "CLOUDFLARE_API_KEY", "key", "X-Auth-Key", "credentials"),
        *("authorization", "auth", "CLOUDFLARE_EMAIL", "email"),
    ],
)
def test_row_61_a_credential_is_refused_with_the_reason(field: str) -> None:
    for text in (f"version: 1\n{field}: hunter2\n", finetune(f"{field}: hunter2")):
        problem = only(read(text))
        assert (problem.code, marked(problem)) == ("R105", field)
        assert "It comes from the environment." in problem.detail


@pytest.mark.parametrize("field", ["author", "security", "tags", "rank", "maturity", "keyword"])
def test_row_61_other_unknown_fields_are_not_called_a_credential(field: str) -> None:
    assert "is not a field here" in only(read(finetune(f"{field}: x"))).detail


def test_an_unquoted_at_is_told_to_be_quoted_among_other_mistakes() -> None:
    text = "version: 1\nfinetunes:\n  bot:\n    model: @cf/mistral/x\n    publik: 1\n"
    at, unknown = read(text).diagnostics
    assert (at.code, at.hint) == ("R112", 'Put it in quotes: "@cf/mistral/x"')
    assert unknown.code == "R105"


LARGE = {
    "row 55, brackets": "[" * (MAX_BYTES - 1),
    "row 55, dashes": "- " * (MAX_BYTES // 2 - 1),
    "row 56, laughs": laughs(200, 100),
    "row 56, aliases": "- &a x\n" + "- *a\n" * 700_000,
    "row 57, digits": finetune("public: " + "9" * 3_900_000),
    "row 57, hex": finetune("description: 0x" + "f" * 3_900_000),
    "row 58, escapes": "\x1b\n" * 1_900_000,
    "row 58, one line of escapes": 'a: "' + "\\e" * 1_900_000 + '"',
    "row 53, the same key": "a: 1\n" * 790_000,
    "too large": "a" * 20_000_000,
    "line ends": "\n" * (MAX_BYTES - 1),
    "line ends and a mistake": "\n" * (MAX_BYTES - 100) + "public: 1\n",
    "comments": "#\n" * (MAX_BYTES // 2 - 1),
    "items": "-\n" * (MAX_BYTES // 2 - 1),
    "documents": "---\na\n" * 660_000,
    "unknown fields": finetune() + "".join(f"    k{n}: 1\n" for n in range(90_000)),
    "bad values": finetune("labels:") + "".join(f"      k{n}: 1\n" for n in range(90_000)),
    "bad names": "version: 1\nfinetunes:\n" + "".join(f"  -{n}: 1\n" for n in range(90_000)),
    "unquoted @": "- @\n" * 990_000,
    "tags": "- !!python/name:os.system x\n" * 140_000,
    "open quotes": '"' + '\\"' * 1_990_000,
    "open brackets before quotes": 'a: ["' + '\\"' * 1_990_000,
    "a line of spaces": finetune("description: x" + " " * 3_900_000 + ": y"),
    "a long key": '"' + "k" * 3_900_000 + '": 1\n',
    "a long path": finetune("adapter: " + "a/" * 1_900_000),
    "names of one kind": "version: 1\nfinetunes:\n"
    + "".join(f"  k{n}: {{model: {MODEL}, name: x}}\n" for n in range(20_000)),
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE.keys())
def test_whatever_is_read_takes_less_than_100_mb_and_few_words(text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.manifests.measure"],
        input=text.encode(),
        capture_output=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    assert measured["peak"] < MOST_MEMORY
    assert 1 <= len(measured["told"]) <= MAX_FINDINGS + 1
    assert all(place != "None" for code, place in measured["told"] if code != "R119")
