"""Manifests that are right become Desired; those that are wrong say everything at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifests import ManifestFile, read_manifests
from reconciler.model import Address
from tests.manifests.support import MODEL, assert_presentable, finetune, marked, only, read, told

WHOLE = f"""\
# yaml-language-server: $schema=manifest.v1.schema.json
version: 1
finetunes:
  support-bot:
    model: {MODEL}
    description: Answers support tickets in the house style.
    public: true
    adapter: adapters/support-bot
    name: support bot
    versioned: true
    labels: {{team: support, "on": "1.10"}}
  plain:
    model: {MODEL}
moved:
  - {{from: support, to: support-bot}}
removed: [old-bot]
"""


def test_every_field_is_read() -> None:
    reading = read(WHOLE)
    assert reading.diagnostics == ()
    bot = reading.desired.finetunes[Address("support-bot")]
    assert (bot.base_name, bot.model) == ("support bot", MODEL.strip('"'))
    assert bot.description == "Answers support tickets in the house style."
    assert (bot.public, bot.versioned, bot.adapter_path) == (True, True, "adapters/support-bot")
    assert bot.labels == {"team": "support", "on": "1.10"}
    assert reading.desired.moved == {Address("support-bot"): Address("support")}
    assert reading.desired.removed == {Address("old-bot")}


def test_what_is_left_out_has_its_default() -> None:
    plain = read(WHOLE).desired.finetunes[Address("plain")]
    assert (plain.base_name, plain.description, plain.adapter_path) == ("plain", "", "")
    assert (plain.public, plain.versioned, plain.labels) == (False, False, {})
    assert plain.attributes.name == "plain"


def test_every_field_knows_its_place() -> None:
    bot = read(WHOLE).desired.finetunes[Address("support-bot")]
    assert {name: str(where) for name, where in bot.ranges.items()} == {
        "": "1.yaml:4:3",
        "model": "1.yaml:5:12",
        "description": "1.yaml:6:18",
        "public": "1.yaml:7:13",
        "adapter": "1.yaml:8:14",
        "name": "1.yaml:9:11",
        "versioned": "1.yaml:10:16",
        "labels": "1.yaml:11:13",
    }
    assert len(bot.ranges) == 8


def test_a_field_that_was_not_written_has_the_place_of_its_finetune() -> None:
    plain = read(WHOLE).desired.finetunes[Address("plain")]
    assert str(plain.range_of("description")) == "1.yaml:12:3"


def test_finetunes_are_in_the_order_of_their_addresses_whatever_the_files() -> None:
    one, two = finetune().replace("bot", "zebra"), finetune().replace("bot", "ant")
    assert list(read(one, two).desired.finetunes) == [Address("ant"), Address("zebra")]
    assert list(read(two, one).desired.finetunes) == [Address("ant"), Address("zebra")]


def test_files_and_documents_are_put_together() -> None:
    other = (
        f"---\nversion: 1\nfinetunes: {{a: {{model: {MODEL}}}}}\n---\nversion: 1\nremoved: [x]\n"
    )
    desired = read(finetune(), other).desired
    assert set(desired.finetunes) == {Address("a"), Address("bot")}
    assert desired.removed == {Address("x")}


def test_each_finetune_knows_the_folder_of_its_file() -> None:
    one = ManifestFile("a/1.yaml", Path("a"), finetune().encode())
    two = ManifestFile("b/2.yaml", Path("b"), finetune().replace("bot", "cat").encode())
    assert read_manifests([one, two]).folders == {
        Address("bot"): Path("a"),
        Address("cat"): Path("b"),
    }


def test_windows_line_ends_and_a_byte_order_mark_read_the_same() -> None:
    raw = b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode()
    assert read(raw).diagnostics == ()
    assert read(raw).desired.finetunes.keys() == read(WHOLE).desired.finetunes.keys()


def test_json_is_a_manifest_too() -> None:
    text = f'{{"version": 1, "finetunes": {{"bot": {{"model": {MODEL}, "public": true}}}}}}'
    assert read(text).desired.finetunes[Address("bot")].public


def test_no_finetune_at_all_can_be_meant() -> None:
    for text in ("version: 1\n", "version: 1\nfinetunes: {}\n"):
        reading = read(text)
        assert (reading.diagnostics, reading.desired.finetunes) == ((), {})


@pytest.mark.parametrize(
    "text", ["", "\n\n", "# all gone\n", "---\n", "---\n...\n---\n", "\ufeff", "~"]
)
def test_an_empty_manifest_is_a_slip(text: str) -> None:
    problem = only(read(text))
    assert (problem.code, str(problem.range)) == ("R118", "1.yaml:1:1")
    assert "version: 1" in problem.hint


@pytest.mark.parametrize("text", ["hello", "- a\n- b\n", "42", "'version: 1'"])
def test_what_is_no_mapping_is_no_manifest(text: str) -> None:
    problem = only(read(text))
    assert (problem.code, str(problem.range)) == ("R107", "1.yaml:1:1")
    assert problem.hint == "Begin the file with: version: 1"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2026-11-23", "2026-11-23"),
    ],
)
def test_scalars_that_look_like_text_are_text(written: str, text: str) -> None:
    bot = read(finetune(f"description: {written}")).desired.finetunes[Address("bot")]
    assert bot.description == text


@pytest.mark.parametrize(
    "written", ["0777", "1.10", "0o17", "0x1F", "~", "null", "true", "1e3", ".inf", ".nan", "-1"]
)
def test_scalars_that_look_like_something_else_are_not_turned_into_text(written: str) -> None:
    problem = only(read(finetune(f"description: {written}")))
    assert (problem.code, str(problem.range), marked(problem)) == ("R107", "1.yaml:5:18", written)


@pytest.mark.parametrize("written", ["no", "on", "0777", "0x1F", "null", "true", "1"])
def test_logical_names_are_text_whatever_they_look_like(written: str) -> None:
    text = f"version: 1\nfinetunes:\n  {written}: {{model: {MODEL}}}\n"
    assert list(read(text).desired.finetunes) == [Address(written)]


FIVE_MISTAKES = """\
version: 1
finetunes:
  cf-public-bot:
    model: @cf/mistral/mistral-7b-instruct-v0.2-lora
    publik: true
  support:
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    public: yes
    public: no
  other:
    name: support
"""

MENDED = """\
version: 1
finetunes:
  bot:
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    public: true
  support:
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    public: true
  other:
    name: other
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
"""


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    reading = read(FIVE_MISTAKES)
    assert told(reading) == [
        ("R111", "1.yaml:3:3"),
        ("R112", "1.yaml:4:12"),
        ("R105", "1.yaml:5:5"),
        ("R107", "1.yaml:8:13"),
        ("R104", "1.yaml:9:5"),
        ("R106", "1.yaml:10:3"),
        ("R110", "1.yaml:11:11"),
    ]
    assert [marked(d) for d in reading.diagnostics] == [
        "cf-public-bot",
        "@cf/mistral/mistral-7b-instruct-v0.2-lora",
        "publik",
        "yes",
        "public",
        "other",
        "support",
    ]
    for problem in reading.diagnostics:
        assert_presentable(problem, FIVE_MISTAKES.encode())
    assert reading.desired.finetunes == {}


def test_what_the_hints_say_mends_it() -> None:
    assert read(MENDED).diagnostics == ()


def test_the_mistakes_of_every_file_are_told_in_the_order_of_files_and_lines() -> None:
    reading = read("version: 2\n", "a: [\n", "\x1b\n", finetune("public: no"), "")
    assert told(reading) == [
        ("R117", "1.yaml:1:10"),
        ("R103", "2.yaml:1:4"),
        ("R102", "3.yaml:1:1"),
        ("R107", "4.yaml:5:13"),
        ("R118", "5.yaml:1:1"),
    ]


def test_every_document_of_a_stream_is_checked() -> None:
    text = "version: 1\nfoo: 1\n---\nversion: 1\nbar: 1\n---\nbaz\n---\nfinetunes: {}\n"
    assert told(read(text)) == [
        ("R105", "1.yaml:2:1"),
        ("R105", "1.yaml:5:1"),
        ("R107", "1.yaml:7:1"),
        ("R106", "1.yaml:9:1"),
    ]


def test_past_a_hundred_mistakes_it_says_that_there_are_more() -> None:
    reading = read("version: 1\n" + "".join(f"f{n}: 1\n" for n in range(150)))
    assert len(reading.diagnostics) == 101
    assert reading.diagnostics[-1].code == "R119"
    assert told(reading)[99] == ("R105", "1.yaml:101:1")


def test_a_hundred_mistakes_are_told_without_saying_so() -> None:
    reading = read("version: 1\n" + "".join(f"f{n}: 1\n" for n in range(100)))
    assert [d.code for d in reading.diagnostics] == ["R105"] * 100


def test_reading_the_same_twice_says_the_same() -> None:
    assert read(FIVE_MISTAKES).diagnostics == read(FIVE_MISTAKES).diagnostics
