"""Every value with the place where it was written, whatever is around it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.diagnostics import SourceRange
from reconciler.documents import Mapping, Node, Scalar, Sequence, Source, decode, parse


def document(text: str) -> Mapping:
    (found,), problems = parse(Source("a.yaml", text))
    assert not problems
    assert isinstance(found, Mapping)
    return found


def value(text: str, key: str = "k") -> Node:
    found = document(text).get(key)
    assert found is not None
    return found


def slice_of(text: str, where: SourceRange) -> str:
    return text.encode()[where.start.byte : where.end.byte].decode()


@pytest.mark.parametrize(
    ("text", "place", "written"),
    [
        ("k: one\n", (1, 4), "one"),
        ("k: 'it''s'\n", (1, 4), "'it''s'"),
        ('k: "a\\tb" # note\n', (1, 4), '"a\\tb"'),
        ("ünï: ä\nk: ö # ß\n", (2, 4), "ö"),
        ('\U0001f600: "\U0001f600"\nk: "\U0001f600é"\n', (2, 4), '"\U0001f600é"'),
        ("# note\r\nk: one\r\nz: 1\r\n", (2, 4), "one"),
        ("k:\tone\n", (1, 4), "one"),
        ("z: {a: [1, 2], b: x}\nk: [a, {b: c}]\n", (2, 4), "[a, {b: c}]"),
        ('{"z": 1, "k": {"a":\n  "b"}}', (1, 15), '{"a":\n  "b"}'),
        ("k: one\n  two\n  three\nz: 1\n", (1, 4), "one\n  two\n  three"),
        ('k: "one\n\n  two"\nz: 1\n', (1, 4), '"one\n\n  two"'),
        ("k: |\n  one\n  two\n\nz: 1\n", (1, 4), "|\n  one\n  two\n"),
        ("k: >-\n  one\n\n\n", (1, 4), ">-\n  one"),
        ("k:\n  a: 1\n  b: two\n\nz: 1\n", (2, 3), "a: 1\n  b: two"),
        ("k:\n- 1\n- two # note\nz: 1\n", (2, 1), "- 1\n- two"),
        ("k:\n  - a:\n      - b\n  - c: {d: e}\nz: 1\n", (2, 3), "- a:\n      - b\n  - c: {d: e}"),
        ("k:\nz: 1\n", (1, 3), ""),
        ("k: &a one\nz: *a\n", (1, 4), "&a one"),
    ],
)
def test_a_value_has_its_place(text: str, place: tuple[int, int], written: str) -> None:
    where = value(text).range
    assert (where.start.line, where.start.column) == place
    assert slice_of(text, where).rstrip("\n") == written.rstrip("\n")
    assert where.text == text.splitlines()[place[0] - 1]


def test_the_value_of_an_alias_has_the_place_where_it_was_written() -> None:
    text = "z: &a one\nk: *a\n"
    assert slice_of(text, value(text).range) == "&a one"


def test_keys_have_places_too() -> None:
    text = "é:\r\n  'two words': 1\r\n"
    inner = value(text, "é")
    assert isinstance(inner, Mapping)
    assert str(inner.entries["two words"].key.range) == "a.yaml:2:3"
    assert slice_of(text, inner.entries["two words"].key.range) == "'two words'"


def test_a_byte_order_mark_moves_bytes_and_not_columns() -> None:
    source, _ = decode(b"\xef\xbb\xbfk: one\n", "a.yaml")
    assert source is not None
    (found,), _ = parse(source)
    assert isinstance(found, Mapping)
    key = found.entries["k"].key.range
    assert (key.start.column, key.start.byte) == (1, 3)


def test_documents_of_a_stream_count_lines_from_its_beginning() -> None:
    documents, _ = parse(Source("a.yaml", "a: 1\n---\nb: 2\n...\n---\nc: 3\n"))
    assert [str(d.range) for d in documents] == ["a.yaml:1:1", "a.yaml:3:1", "a.yaml:6:1"]


def scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from scalars(item)
    elif isinstance(node, Mapping):
        for entry in node.entries.values():
            yield entry.key
            yield from scalars(entry.value)


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "So"]), min_size=1, max_size=5)
FILL = st.sampled_from(["", " ", "  "])


@given(
    st.lists(st.tuples(WORDS, WORDS, FILL), min_size=1, max_size=6, unique_by=lambda x: x[0]),
    st.sampled_from(["\n", "\r\n", "\n\n", " # é\n"]),
    st.booleans(),
)
def test_what_lies_at_a_place_is_what_was_read(
    entries: list[tuple[str, str, str]], end: str, flow: bool
) -> None:
    """Quoted words between other ones, in block and in flow style."""
    pairs = [f"'{key}': {fill}\"{word}\"" for key, word, fill in entries]
    text = "{" + ", ".join(pairs) + "}" + end if flow else end.join(pairs) + end
    (found,), problems = parse(Source("a.yaml", text))
    assert not problems
    assert isinstance(found, Mapping)
    assert found.plain() == {key: word for key, word, _ in entries}
    for scalar in scalars(found):
        assert slice_of(text, scalar.range)[1:-1] == scalar.text
