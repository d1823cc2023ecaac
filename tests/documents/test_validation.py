"""Findings of a schema: what is wrong, where, and what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.documents import Source, check, load_schema, parse, without_echoes
from reconciler.documents.limits import MAX_FINDINGS


def findings(text: str, schema: str | dict[str, Any] = "manifest") -> list[Diagnostic]:
    (document,), problems = parse(Source("a.yaml", text))
    assert not problems
    return check(document, load_schema(schema) if isinstance(schema, str) else schema)


def bot(field: str) -> str:
    return f'version: 1\nfinetunes:\n  bot:\n    model: "@cf/a/b"\n    {field}\n'


FIELDS = "The fields are adapter, description, labels, model, name, public, versioned."
WINDOW = "The fields are finetunes, moved, removed, version."
MODEL_HINT = (
    "Write a model as Cloudflare's catalogue names it, in quotes: "
    '"@cf/mistral/mistral-7b-instruct-v0.2-lora".'
)
LABEL_HINT = "A label's value is a text of letters, digits, ., _, / and -, at most 63 of them."

# code, place, detail, hint
CASES = {
    "a misspelt field": (
        bot("publik: true"),
        ("R105", "5:5", f"`publik` is not a field here. {FIELDS}", "Did you mean `public`?"),
    ),
    "an upper-case field": (
        bot("Public: true"),
        ("R105", "5:5", f"`Public` is not a field here. {FIELDS}", "Did you mean `public`?"),
    ),
    "a shortened field": (
        bot("desc: x"),
        ("R105", "5:5", f"`desc` is not a field here. {FIELDS}", "Did you mean `description`?"),
    ),
    "a field of the top in a finetune": (
        bot("removed: [x]"),
        (
            "R105",
            "5:5",
            f"`removed` is not a field here. {FIELDS}",
            "`removed` is a field of `finetune manifest`; move it there.",
        ),
    ),
    "a field that is nowhere": (
        bot("quantization: int8"),
        (
            "R105",
            "5:5",
            f"`quantization` is not a field here. {FIELDS}",
            "Remove it, or indent it below the field it belongs to.",
        ),
    ),
    "finetune instead of finetunes": (
        "version: 1\nfinetune: {}\n",
        ("R105", "2:1", f"`finetune` is not a field here. {WINDOW}", "Did you mean `finetunes`?"),
    ),
    "a field without its space in braces": (
        'version: 1\nfinetunes: {bot: {model: "@cf/a/b", public:true}}\n',
        (
            "R105",
            "2:37",
            f"`public:true` is not a field here. {FIELDS}",
            "Put a space after the colon: public: true",
        ),
    ),
    "a field without its space": (
        'version: 1\nfinetunes:\n  bot:\n    model:"@cf/a/b"\n',
        (
            "R107",
            "4:5",
            '`bot` must be a mapping, but `model:"@cf/a/b"` is text.',
            'Put a space after the colon: model: "@cf/a/b"',
        ),
    ),
    "no model": (
        "version: 1\nfinetunes:\n  bot:\n    public: true\n",
        (
            "R106",
            "3:3",
            "`bot` has no `model`.",
            'Add model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"',
        ),
    ),
    "no version": (
        "finetunes: {}\n",
        ("R106", "1:1", "The document has no `version`.", "Add version: 1"),
    ),
    "a move without its end": (
        "version: 1\nmoved: [{from: a}]\n",
        ("R106", "2:9", "`moved[0]` has no `to`.", 'Add to: "support-bot"'),
    ),
    "a list of finetunes": (
        "version: 1\nfinetunes:\n  - name: bot\n",
        (
            "R107",
            "3:3",
            "`finetunes` must be a mapping, but it is a list.",
            (
                "Write each finetune as its logical name, and its fields indented below it: "
                "{support-bot: {model: ...}}. For none at all, write {}."
            ),
        ),
    ),
    "finetunes with nothing below": (
        "version: 1\nfinetunes:\n",
        (
            "R107",
            "2:11",
            "`finetunes` must be a mapping, but it is empty.",
            "Indent what belongs to `finetunes` deeper than `finetunes` itself.",
        ),
    ),
    "fields beside the name": (
        'version: 1\nfinetunes:\n  model: "@cf/a/b"\n',
        (
            "R107",
            "3:10",
            "`model` must be a mapping, but `@cf/a/b` is text.",
            "`model` belongs to a finetune: indent it below the name of its own.",
        ),
    ),
    "a number for a text": (
        bot("description: 1.10"),
        (
            "R107",
            "5:18",
            "`description` must be text, but `1.10` is a number.",
            'Put it in quotes: "1.10"',
        ),
    ),
    "true for a text": (
        bot("name: true"),
        (
            "R107",
            "5:11",
            "`name` must be text, but `true` is a boolean.",
            'Put it in quotes: "true"',
        ),
    ),
    "null for a text": (
        bot("description: ~"),
        (
            "R107",
            "5:18",
            "`description` must be text, but `~` is nothing.",
            'Write a text, or "" for an empty one.',
        ),
    ),
    "nothing for a text": (
        bot("description:"),
        (
            "R107",
            "5:17",
            "`description` must be text, but it is empty.",
            'Write a text, or "" for an empty one.',
        ),
    ),
    "a text that begins with a hash": (
        bot("description: #1 in support"),
        (
            "R107",
            "5:17",
            "`description` must be text, but it is empty.",
            "A # begins a comment; put the text in quotes.",
        ),
    ),
    "yes for true": (
        bot("public: yes"),
        (
            "R107",
            "5:13",
            "`public` must be true or false, but `yes` is text.",
            "Write true; in YAML 1.2 `yes` is text.",
        ),
    ),
    "0 for false": (
        bot("public: 0"),
        (
            "R107",
            "5:13",
            "`public` must be true or false, but `0` is a number.",
            "Write false; in YAML 1.2 `0` is a number.",
        ),
    ),
    "true in quotes": (
        bot('public: "true"'),
        (
            "R107",
            "5:13",
            "`public` must be true or false, but `true` is text.",
            "Write true or false.",
        ),
    ),
    "a label that is a number": (
        bot("labels: {team: 7}"),
        ("R107", "5:20", "`team` must be text, but `7` is a number.", 'Put it in quotes: "7"'),
    ),
    "a label with a space": (
        bot("labels: {team: a b}"),
        ("R108", "5:20", "`team` is `a b`, which is not of the form it must have.", LABEL_HINT),
    ),
    "labels as a list": (
        bot("labels: [team]"),
        (
            "R107",
            "5:13",
            "`labels` must be a mapping, but it is a list.",
            "Write labels as a mapping: {team: support}.",
        ),
    ),
    "a model of another form": (
        'version: 1\nfinetunes:\n  bot: {model: "mistral-7b"}\n',
        (
            "R108",
            "3:16",
            "`model` is `mistral-7b`, which is not of the form it must have.",
            MODEL_HINT,
        ),
    ),
    "a model that ends with a line break": (
        "version: 1\nfinetunes:\n  bot:\n    model: |\n      @cf/a/b\n",
        (
            "R108",
            "4:12",
            "`model` is `@cf/a/b\\n`, which is not of the form it must have.",
            MODEL_HINT,
        ),
    ),
    "a name with a space": (
        "version: 1\nfinetunes:\n  my bot: {model: '@cf/a/b'}\n",
        (
            "R108",
            "3:3",
            "`my bot` cannot be a name here.",
            (
                "Use letters, digits, - and _, at most 64, beginning with no -. The `name` field "
                "can hold another name for the account."
            ),
        ),
    ),
    "version 2": (
        "version: 2\n",
        ("R117", "1:10", "This release reads version 1; here it is `2`.", "Write version: 1"),
    ),
    "a version in quotes": (
        "version: '1'\n",
        (
            "R107",
            "1:10",
            "`version` must be a number, but `1` is text.",
            "Remove the quotes: version: 1",
        ),
    ),
    "a version that is true": (
        "version: true\n",
        ("R117", "1:10", "This release reads version 1; here it is `true`.", "Write version: 1"),
    ),
    "an empty name": (
        bot('name: ""'),
        (
            "R108",
            "5:11",
            "`name` must not be empty.",
            (
                "Write a name of one line, at most 200 characters, that neither begins nor ends "
                "with a space."
            ),
        ),
    ),
    "a removed name with its type": (
        "version: 1\nremoved: [finetune.old]\n",
        (
            "R108",
            "2:11",
            "`removed[0]` is `finetune.old`, which is not of the form it must have.",
            "Write a logical name: letters, digits, - and _, without `finetune.` in front.",
        ),
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_a_finding_says_what_where_and_how_to_mend_it(
    text: str, expected: tuple[str, str, str, str]
) -> None:
    found = next(f for f in findings(text) if f.code == expected[0])
    place = str(found.range).removeprefix("a.yaml:")
    assert (found.code, place, found.detail, found.hint) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parallelism: 0", "`parallelism` is `0`; it must be at least 1."),
        ("parallelism: 65", "`parallelism` is `65`; it must be at most 64."),
        ("manifests: []", "`manifests` must not be empty."),
        ("state: ''", "`state` must not be empty."),
        ("parallelism: 1.5", "`parallelism` must be a whole number, but `1.5` is a number."),
        ("limits: {max_rank: .inf}", "`max_rank` must be a whole number, but `.inf` is a number."),
        ("limits: {max_rank: 0x0}", "`max_rank` is `0x0`; it must be at least 1."),
    ],
)
def test_numbers_out_of_bounds_are_told_with_the_bound(text: str, expected: str) -> None:
    (found,) = findings(f"version: 1\n{text}\n", "project")
    assert found.detail == expected


def test_a_number_out_of_bounds_has_its_default_for_a_hint() -> None:
    (found,) = findings("version: 1\nparallelism: 0\n", "project")
    assert found.hint == "Leave it out for the default, 4."


def test_a_whole_number_in_quotes_is_told_to_lose_them() -> None:
    (found,) = findings("version: 1\nparallelism: '8'\n", "project")
    assert found.hint == "Remove the quotes: 8"


def test_a_field_of_a_part_below_is_told_where_it_belongs() -> None:
    (found,) = findings("version: 1\nmax_rank: 64\n", "project")
    assert found.hint == "`max_rank` is a field of `limits`; move it there."


def test_findings_come_in_the_order_of_the_text() -> None:
    text = "removed: 1\nversion: 2\nfoo: 1\nfinetunes:\n  bot: {public: no, model: 1, bar: 2}\n"
    places = [(f.range.start.line, f.range.start.column) for f in findings(text) if f.range]
    assert places == [(1, 10), (2, 10), (3, 1), (5, 17), (5, 28), (5, 31)]


def test_the_caret_marks_the_whole_wrong_value() -> None:
    (found,) = findings(bot("labels: {team: one two}"))
    assert found.range is not None
    assert found.range.text[found.range.start.column - 1 : found.range.end.column - 1] == "one two"


def test_a_long_or_many_lined_value_is_shortened_to_one_line() -> None:
    (found,) = findings(bot("labels:\n      team: |\n        one\n        two" + "x" * 100))
    assert "\n" not in found.detail
    assert len(found.detail) < 140


def test_of_very_many_findings_the_first_in_the_text_are_returned() -> None:
    many = "\n".join(f"f{n}: 1" for n in range(500))
    found = findings(f"version: 1\n{many}\n")
    assert len(found) == MAX_FINDINGS + 1
    assert [f.range.start.line for f in found if f.range] == list(range(2, MAX_FINDINGS + 3))


def test_of_very_many_bad_values_the_first_in_the_text_are_returned() -> None:
    many = "\n".join(f"  f{n}: 1" for n in range(500))
    found = findings(f"version: 1\nfinetunes:\n{many}\n")
    assert [f.range.start.line for f in found if f.range] == list(range(3, MAX_FINDINGS + 4))


def test_a_finding_where_the_text_was_refused_already_is_an_echo() -> None:
    (document,), problems = parse(Source("a.yaml", "version: 1\nremoved: [@a, 5]\n"))
    found = check(document, load_schema("manifest"))
    assert len(found) == 2
    assert [f.detail for f in without_echoes(found, problems)] == [
        "`removed[1]` must be text, but `5` is a number."
    ]


def test_other_schemas_work_too() -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}, "b": {"maxItems": 1}}}
    found = findings("a: z\nb: [1, 2]\n", schema)
    assert [f.detail for f in found] == [
        '`a` must be one of ["x", "y"].',
        "`b` is what is written, which is not of the form it must have.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\napi_token: hunter2\n",
        "version: 1\nbot: {password:hunter2}\n",
        "version: 1\nfinetunes:\n  bot:\n    token:hunter2\n",
        "version: 1\nfinetunes: {bot: {model: x, labels: {token: hunter2 x, a: hunter2 y}}}\n",
        "version: 1\nfinetunes: {bot: {model: x, labels: {api_key: 1}, secret: hunter2}}\n",
        "version: 1\npassword=hunter2: x\n",
    ],
)
def test_the_value_of_a_secret_is_in_no_part_of_a_finding(text: str) -> None:
    found = findings(text)
    assert found
    assert "hunter2" not in repr(found)
