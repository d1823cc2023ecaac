"""The streaming form reader, against forms that urllib3 writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from reconciler.sandbox.multipart import MAX_HEAD, MultipartError, MultipartReader


def reader(body: bytes, size: int, boundary: str = "b") -> MultipartReader:
    """Return a reader that is fed `size` bytes at a time."""
    pieces = iter([body[start : start + size] for start in range(0, len(body), size)])
    return MultipartReader(lambda: next(pieces, b""), boundary)


CONTENT = st.one_of(
    st.binary(), st.lists(st.sampled_from([b"\r", b"\n", b"-", b"b"])).map(b"".join)
)


@given(
    st.lists(st.tuples(st.text("abc", min_size=1), CONTENT), min_size=1, max_size=3),
    st.integers(1, 40),
)
def test_what_is_written_is_read_however_it_is_cut(
    fields: list[tuple[str, bytes]], size: int
) -> None:
    boundary = "b" * 20
    # A boundary that the content holds is no boundary.
    fields = [(name, content.replace(boundary.encode(), b"")) for name, content in fields]
    body, _ = encode_multipart_formdata(
        [(name, ("file", content)) for name, content in fields], boundary
    )
    found = [(part.name, b"".join(part.chunks)) for part in reader(body, size, boundary).parts()]
    assert found == fields


@given(st.binary(), st.integers(1, 40))
def test_any_bytes_are_read_or_refused(body: bytes, size: int) -> None:
    try:
        for part in reader(b"--b\r\n" + body, size).parts():
            b"".join(part.chunks)
    except MultipartError:
        pass


def test_parts_that_nobody_reads_are_skipped() -> None:
    body, _ = encode_multipart_formdata([("a", "1" * 100), ("b", "2")], "b")
    assert [part.name for part in reader(body, 7).parts()] == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body ends before its closing boundary"),
        (b"no form at all", "the body ends before its closing boundary"),
        (b"--b\r\n\r\ncontent\r\n--b--", "a part has no name"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--", "a part has no name"),
        (b"--b\r\nX: " + b"x" * MAX_HEAD, "a part has more than 16384 bytes of headers"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(MultipartError, match=message):
        list(reader(body, 100_000).parts())


def test_a_form_of_countless_parts_is_refused() -> None:
    body, _ = encode_multipart_formdata([("a", "")] * 10_000, "b")
    with pytest.raises(MultipartError, match="the form has 16 parts or more"):
        list(reader(body, 100_000).parts())


def test_a_text_over_its_limit_is_refused() -> None:
    body, _ = encode_multipart_formdata([("a", "12345")], "b")
    with pytest.raises(MultipartError, match="the field a is longer than 4 bytes"):
        [part.text(limit=4) for part in reader(body, 100).parts()]


def test_a_text_that_is_not_utf8_is_refused() -> None:
    body, _ = encode_multipart_formdata([("a", ("f", b"\xff"))], "b")
    with pytest.raises(MultipartError, match="the field a is not UTF-8"):
        [part.text(limit=4) for part in reader(body, 100).parts()]
