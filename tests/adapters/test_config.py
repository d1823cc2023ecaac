"""adapter_config.json, read strictly and with places."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters.config import MAX_CONFIG
from reconciler.diagnostics import SourceRange
from reconciler.model import CONFIG_FILE
from tests.adapters.support import codes_of, config_of, edit, look, only, ready


def replace(folder: Path, old: str, new: str) -> None:
    config = folder / CONFIG_FILE
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))


def place(finding_range: SourceRange | None) -> tuple[str, int, int]:
    assert finding_range is not None
    return finding_range.filename, finding_range.start.line, finding_range.start.column


def test_a_finding_points_at_its_key(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, peft_type="LORA", r=0)
    lines = (folder / CONFIG_FILE).read_text().split("\n")
    line = next(number for number, text in enumerate(lines, 1) if '"r":' in text)

    where = only(look(folder), "R312").range

    assert place(where) == ("adapters/bot/adapter_config.json", line, 3)
    assert where is not None
    assert where.text == '  "r": 0,'
    assert (where.end.line, where.end.column) == (line, 6)
    assert where.start.byte == (folder / CONFIG_FILE).read_bytes().index(b'"r"')


def test_findings_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, use_dora=True, r=99, model_type="gpt2", peft_type="IA3")

    places = [place(d.range) for d in look(folder).diagnostics if "config" in str(d.range)]

    assert len(places) == 4
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "begins with {"),
        ("[]", "begins with {"),
        ("null", "begins with {"),
        ("{", "double quotes"),
        ('{"r"', "colon"),
        ('{"r": ', "Expecting value"),
        ('{"r": 8', "comma or the closing brace"),
        ('{"r": 8}x', "follows"),
        ('{"r": 8} {}', "follows"),
        ('{"r": 8 "a": 1}', "comma"),
        ('{"r": 8,}', "no comma"),
        ("{'r': 8}", "double quotes"),
        ('{"r": 8, // rank\n}', "double quotes"),
        ('{"r": 8, "r": 8}', '"r" is written twice'),
        ('{"rank_pattern": {"q": 1, "q": 2}}', '"q" is written twice'),
        ('{"lora_alpha": NaN}', "NaN"),
        ('{"lora_alpha": -Infinity}', "-Infinity"),
        ('{"x": [[Infinity]]}', "Infinity"),
        ('{"lora_alpha": 1e999}', "too large"),
        ('{"r": ' + "9" * 5000 + "}", "5000 digits"),
        ('{"x": ' + "[" * 100_000, "nested too deeply"),
        ('{"x": ' + '{"a":' * 100_000, "nested too deeply"),
        ('{"x": "\\ud800"}', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('{"x": "a\x00b"}', "control character"),
        ('{"x": "a\x1bb"}', "control character"),
        ('{"x": "\\x"}', "escape"),
        ("\ufeff{}", "byte order mark"),
        ('{"r": 08}', "comma"),
        ('{"r": +8}', "Expecting value"),
        ('{"r": .8}', "Expecting value"),
        ('{"r":\xa08}', "Expecting value"),
    ],
)
def test_text_that_two_readers_could_read_differently(tmp_path: Path, text: str, says: str) -> None:
    folder = ready(tmp_path)
    (folder / CONFIG_FILE).write_text(text)

    finding = only(look(folder), "R311")

    assert says in finding.detail
    assert finding.range is not None
    assert finding.range.text.replace("\t", "").isprintable()


@pytest.mark.parametrize("raw", [b"\xff\xfe{\x00}\x00", b'{"a": "\xed\xa0\x80"}', b'{"a": "\xe9"}'])
def test_bytes_that_are_not_utf8(tmp_path: Path, raw: bytes) -> None:
    folder = ready(tmp_path)
    (folder / CONFIG_FILE).write_bytes(raw)

    assert "UTF-8" in only(look(folder), "R311").detail


def test_surrogate_pairs_and_negative_zero_are_harmless(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    replace(folder, "{", '{"x": "\\ud83d\\ude00", "y": -0, "z": "\\\\ud800",')

    assert look(folder).diagnostics == ()


def test_a_configuration_over_the_size_cap(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    text = (folder / CONFIG_FILE).read_text().rstrip()

    (folder / CONFIG_FILE).write_text(text.ljust(MAX_CONFIG))
    assert look(folder).diagnostics == ()

    (folder / CONFIG_FILE).write_text(text.ljust(MAX_CONFIG + 1))
    assert "1,000,000" in only(look(folder), "R311").detail


def test_everything_on_one_long_line_has_a_place_without_the_line(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, r=0)
    config = json.dumps(config_of(folder))
    (folder / CONFIG_FILE).write_text(config)

    where = only(look(folder), "R312").range

    assert where is not None
    assert where.start.column == config.index('"r"') + 1
    assert where.text == ""


def test_a_line_with_invisible_characters_is_shown_without_them(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, r=0)
    replace(folder, '  "r": 0,', '  "\u202e": 1, "r": 0,')

    where = only(look(folder), "R312").range

    assert where is not None
    assert where.text == '  "\ufffd": 1, "r": 0,'
    assert where.start.column == 11


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("r", 0),
        ("r", -1),
        ("r", True),
        ("r", 8.0),
        ("r", "8"),
        ("r", None),
        ("r", ...),
        ("lora_alpha", "16"),
        ("lora_alpha", True),
        ("lora_alpha", ...),
        ("target_modules", ...),
        ("target_modules", []),
        ("target_modules", ""),
        ("target_modules", None),
        ("target_modules", [1]),
        ("rank_pattern", []),
        ("rank_pattern", {"q_proj": 0}),
        ("rank_pattern", {"q_proj": True}),
    ],
)
def test_a_field_of_the_wrong_kind(tmp_path: Path, key: str, value: Any) -> None:
    folder = ready(tmp_path)
    edit(folder, **{key: value})

    assert key in only(look(folder), "R312").detail


@pytest.mark.parametrize("peft_type", [..., None, 1, "", "lora", ["LORA"]])
def test_a_peft_type_that_is_not_lora(tmp_path: Path, peft_type: Any) -> None:
    folder = ready(tmp_path)
    edit(folder, peft_type=peft_type)

    only(look(folder), "R313")


def test_a_rank_pattern_over_the_limit(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, rank_pattern={"k_proj": 64})

    assert "rank_pattern is 64" in only(look(folder), "R314").detail


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("bias", "all", "R320"),
        ("bias", "lora_only", "R320"),
        ("modules_to_save", ["lm_head"], "R320"),
        ("use_dora", True, "R320"),
        ("lora_bias", True, "r320"),
        ("layer_replication", [[0, 4], [2, 5]], "r320"),
        ("alora_invocation_tokens", [1, 2], "r320"),
        ("trainable_token_indices", [5], "r320"),
    ],
)
def test_what_is_more_than_plain_lora(tmp_path: Path, key: str, value: Any, code: str) -> None:
    folder = ready(tmp_path)
    edit(folder, **{key: value})

    assert key in only(look(folder), code).detail


@pytest.mark.parametrize("value", [None, False, [], ...])
def test_what_is_off_is_no_finding(tmp_path: Path, value: Any) -> None:
    folder = ready(tmp_path)
    edit(folder, modules_to_save=value, use_dora=False, bias="none", lora_bias=value)

    assert look(folder).diagnostics == ()


def test_a_name_that_would_colour_the_terminal_is_escaped(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, base_model_name_or_path="x\x1b[31m\u202e" + "y" * 500)

    detail = only(look(folder), "r318").detail

    assert "\\x1b[31m\\u202e" in detail
    assert detail.isprintable()
    assert len(detail) < 400


def test_every_kind_of_value_in_every_field_is_a_finding_at_worst(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    keys = list(config_of(folder))
    values: list[Any] = [
        None,
        True,
        0,
        -1,
        1.5,
        "",
        "x",
        [],
        [None],
        {},
        {"a": {}},
        [[1]],
        "9" * 99,
    ]
    for key in keys:
        for value in values:
            edit(folder, **dict.fromkeys([key], value))
            codes_of(look(folder, digest=False))
        edit(folder, **config_of(ready(tmp_path / key)))
