"""What the parser refuses although YAML would take it, and that it goes on after it."""

from __future__ import annotations

import pytest

from reconciler.diagnostics import Diagnostic
from reconciler.documents import Source, parse
from reconciler.documents.characters import is_hidden_in


def told(text: str) -> list[tuple[str, str]]:
    return [(p.code, str(p.range).removeprefix("a.yaml:")) for p in problems(text)]


def problems(text: str) -> list[Diagnostic]:
    return parse(Source("a.yaml", text))[1]


def plain(text: str) -> list[object]:
    documents, found = parse(Source("a.yaml", text))
    assert not found
    return [document.plain() for document in documents]


def test_a_stream_gives_its_documents_without_the_empty_ones() -> None:
    assert plain("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n") == [{"a": 1}, {"b": 2}]


def test_json_is_read() -> None:
    text = '{\n\t"a": [1, 1.5, true, null, "x"],\n\t"b": {}\n}\n'
    assert plain(text) == [{"a": [1, 1.5, True, None, "x"], "b": {}}]


def test_documents_before_a_syntax_error_are_kept_and_the_broken_one_is_not() -> None:
    documents, found = parse(Source("a.yaml", "a: 1\n---\nb: 2\nc: [\n"))
    assert [document.plain() for document in documents] == [{"a": 1}]
    assert [p.code for p in found] == ["R103"]


def test_each_duplicate_key_is_told_with_the_first_place() -> None:
    text = "a: 1\nb: {x: 1, x: 2}\n'a': 3\n"
    assert told(text) == [("R104", "2:11"), ("R104", "3:1")]
    last = problems(text)[-1]
    assert last.detail == "`a` stands here and in line 1 already."
    assert last.hint == "Remove this one or the one at a.yaml:1:1."


def test_of_duplicate_keys_the_first_one_counts() -> None:
    documents, _ = parse(Source("a.yaml", "a: 1\na: 2\n"))
    assert documents[0].plain() == {"a": 1}


def test_keys_that_only_look_alike_are_two() -> None:
    assert plain("1: a\n0x1: b\n1.0: c\n") == [{"1": "a", "0x1": "b", "1.0": "c"}]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: !!python/object/apply:os.system [ls]\n", "1:4"),
        ("a: !!python/name:os.system\n", "1:4"),
        ("a: !!str 1\n", "1:4"),
        ("a: !local x\n", "1:4"),
        ("a: ! 12\n", "1:4"),
        ("!!map\na: 1\n", "1:1"),
        ("a: !!set {b, c}\n", "1:4"),
        ("a: !!binary aGk=\n", "1:4"),
        ("%TAG ! tag:example.com,2026:\n---\na: !x y\n", "3:4"),
    ],
)
def test_tags_are_refused(text: str, place: str) -> None:
    assert told(text) == [("R113", place)]


def test_merge_keys_are_refused_and_not_merged() -> None:
    text = "a: &a {x: 1}\nb:\n  <<: *a\n  y: 2\n"
    documents, found = parse(Source("a.yaml", text))
    assert [(p.code, str(p.range)) for p in found] == [("R113", "a.yaml:3:3")]
    assert documents[0].plain() == {"a": {"x": 1}, "b": {"y": 2}}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert plain("'<<': 1\n") == [{"<<": 1}]


def test_a_list_or_mapping_as_a_key_is_refused_with_its_value() -> None:
    text = "? [a]\n: {b: c}\n? {d: e}\nf: g\n"
    documents, found = parse(Source("a.yaml", text))
    assert [(p.code, str(p.range)) for p in found] == [
        ("R113", "a.yaml:1:3"),
        ("R113", "a.yaml:3:3"),
    ]
    assert documents[0].plain() == {"f": "g"}


def test_aliases_stand_for_what_they_name() -> None:
    assert plain("a: &x [1]\nb: *x\nc: {d: *x}\n") == [{"a": [1], "b": [1], "c": {"d": [1]}}]


def test_an_anchor_may_be_set_again() -> None:
    assert plain("- &a 1\n- *a\n- &a 2\n- *a\n") == [[1, 1, 2, 2]]


@pytest.mark.parametrize(
    ("text", "place", "detail"),
    [
        ("a: *b\n", "1:4", "The alias *b names nothing in this document."),
        ("a: &a\n  b: *a\n", "2:6", "The alias *a stands inside what it names."),
        ("&a [1, *a]\n", "1:8", "The alias *a stands inside what it names."),
        ("a: &x 1\n---\nb: *x\n", "3:4", "The alias *x names nothing in this document."),
    ],
)
def test_an_alias_that_has_no_value_is_refused(text: str, place: str, detail: str) -> None:
    assert told(text) == [("R113", place)]
    assert problems(text)[0].detail == detail


def test_yaml_1_1_cannot_be_asked_for() -> None:
    assert told("%YAML 1.1\n---\na: no\n") == [("R113", "1:1")]


def test_yaml_1_2_can_be_asked_for() -> None:
    assert plain("%YAML 1.2\n---\na: no\n") == [{"a": "no"}]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a: @b\n", ["1:4"]),
        ("a: @b\nc: @d # note\ne: [@f, @g]\nh: {i: @j}\n", ["1:4", "2:4", "3:5", "3:9", "4:8"]),
        ("- @a\n-   @b\n", ["1:3", "2:5"]),
        ("@a: 1\n", ["1:1"]),
        ("a: @\n", ["1:4"]),
        ("a: @ b\n", ["1:4"]),
        ('{"a":@b}', ["1:6"]),
        ("a:\n  @b\n", ["2:3"]),
        ("a: @b\n  c\n", ["1:4"]),
    ],
)
def test_each_unquoted_at_is_told_and_the_rest_is_read(text: str, places: list[str]) -> None:
    assert told(text) == [("R112", place) for place in places]


@pytest.mark.parametrize(
    "text",
    [
        "a: '@b'\n",
        'a: "@b @c"\n',
        "a: b @c\n",
        "a: b@c, @d\n",
        "a: 1 # @b\n",
        "# @b\na: 1\n",
        "a: |\n  @b\n  [@c, @d]\n",
        "a: >-\n  x\n  @b\n",
        "a@b: c\n",
        "a: b\n  @c\n",
    ],
)
def test_an_at_elsewhere_means_itself(text: str) -> None:
    import yaml

    assert plain(text) == [yaml.safe_load(text)]


def test_the_hint_for_an_at_is_the_value_in_quotes() -> None:
    (problem,) = problems("model: @cf/mistral/mistral-7b-instruct-v0.2-lora # the base\n")
    assert problem.hint == 'Put it in quotes: "@cf/mistral/mistral-7b-instruct-v0.2-lora"'


def test_a_secret_that_begins_with_an_at_is_not_repeated() -> None:
    (problem,) = problems("password: @hunter2\n")
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize(
    "escape", ["\\x1b", "\\0", "\\e", "\\u202e", "\\u2066", "\\L", "\\N", "\\r"]
)
def test_a_hidden_character_by_its_escape_is_refused(escape: str) -> None:
    text = f'a: 1\nb: "x{escape}y"\n'
    documents, (problem,) = parse(Source("a.yaml", text))
    assert (problem.code, str(problem.range)) == ("R102", "a.yaml:2:4")
    assert documents[0].plain() == {"a": 1, "b": "x\ufffdy"}


@pytest.mark.parametrize("escape", ["\\n", "\\t", "\\xe9", "\\u00e9", "\\U0001F600", "\\/", "\\\\"])
def test_other_escapes_are_taken(escape: str) -> None:
    assert not problems(f'a: "x{escape}y"\n')


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff", "\\ud83d\\ude00", "\\U00110000"])
def test_surrogates_by_their_escape_are_refused(escape: str) -> None:
    (problem,) = problems(f'a: "{escape}"\n')
    assert (problem.code, str(problem.range)) == ("R103", "a.yaml:1:7")
    assert "write other characters as they are" in problem.hint


def test_the_loader_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    from reconciler.documents import parser

    text = 'a: @b\nc: [1, {d: "é"}]\ne: |\n  f\n---\n- &x no\n- *x\n'
    with_it = parse(Source("a.yaml", text))
    monkeypatch.setattr(parser, "_LOADER", yaml.SafeLoader)
    without = parse(Source("a.yaml", text))
    assert with_it == without


def test_every_character_that_is_taken_can_be_parsed() -> None:
    """PyYAML's readers raise errors without a place for characters they do not like."""
    planes = (*range(0xD800), *range(0xE000, 0x110000))
    taken = [chr(n) for n in planes if not is_hidden_in(chr(n)) and chr(n) != "\n"]
    assert len(taken) > 1_100_000
    for start in range(0, len(taken), 10_000):
        text = "".join(taken[start : start + 10_000])
        documents, found = parse(Source("a.yaml", f"- |\n  x{text}\n"))
        assert not found
        assert documents[0].plain() == [f"x{text}\n"]
