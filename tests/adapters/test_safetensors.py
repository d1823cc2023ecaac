"""The header by hand; the `safetensors` library is the second opinion on every one."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

import pytest
import safetensors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.adapters.safetensors import BYTES_OF, MAX_HEADER, Tensor, read_header
from reconciler.diagnostics import Diagnostic
from tests.adapters.support import DATA, VERSIONS, safetensors_bytes

REAL = (DATA / VERSIONS[0] / "mistral" / "adapter_model.safetensors").read_bytes()
BOUNDED = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def ours(content: bytes) -> tuple[tuple[Tensor, ...], list[Diagnostic]]:
    return read_header(io.BytesIO(content), len(content))


def theirs(content: bytes) -> dict[str, tuple[str, tuple[int, ...], int]] | None:
    """What the library reads; None where it refuses."""
    try:
        entries = safetensors.deserialize(content)
    except safetensors.SafetensorError:
        return None
    return {name: (e["dtype"], tuple(e["shape"]), len(e["data"])) for name, e in entries}


def entry(shape: Any = (1,), offsets: Any = (0, 4), dtype: Any = "F32", **more: Any) -> Any:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


def agree(content: bytes) -> None:
    """What we accept, the library accepts too, and reads alike."""
    tensors, findings = ours(content)
    if not findings:
        assert theirs(content) == {t.name: (t.dtype, t.shape, t.end - t.begin) for t in tensors}


ONE = json.dumps(entry())

BOTH_ACCEPT = {
    "one tensor": ({"a": entry()}, 4),
    "padded": (json.dumps({"a": entry()}) + "   \n\t ", 4),
    "scalar": ({"a": entry([], [0, 4])}, 4),
    "empty tensor": ({"a": entry([0, 3], [0, 0]), "b": entry()}, 4),
    "empty tensors at one place": ({"a": entry([0], [0, 0]), "b": entry([0], [0, 0])}, 0),
    "any order": ({"b": entry(offsets=[4, 8]), "a": entry()}, 8),
    "metadata": ({"__metadata__": {"format": "pt"}, "a": entry()}, 4),
    "escaped names": ('{"\\u00e9\\ud83d\\ude00\\n": ' + ONE + "}", 4),
    "huge but empty": ({"a": entry([0, 2**40, 2**40], [0, 0])}, 0),
}

BOTH_REFUSE = {
    "overlap": ({"a": entry(), "b": entry(offsets=[2, 6])}, 6),
    "same place twice": ({"a": entry(), "b": entry()}, 4),
    "hole": ({"a": entry(), "b": entry(offsets=[8, 12])}, 12),
    "hole at the start": ({"a": entry(offsets=[4, 8])}, 8),
    "longer": ({"a": entry()}, 5),
    "shorter": ({"a": entry()}, 3),
    "offsets reversed": ({"a": entry(offsets=[4, 0])}, 4),
    "three offsets": ({"a": entry(offsets=[0, 4, 8])}, 4),
    "one offset": ({"a": entry(offsets=[4])}, 4),
    "negative": ({"a": entry([-1], [0, 4])}, 4),
    "negative zero": ('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}', 0),
    "fraction": ({"a": entry([1.0])}, 4),
    "bool": ({"a": entry([True])}, 4),
    "text": ({"a": entry(["1"])}, 4),
    "shape is no list": ({"a": entry(1)}, 4),
    "null shape": ({"a": entry(None)}, 4),
    "wrong size": ({"a": entry([2])}, 4),
    "overflow": ({"a": entry([2**32, 2**32, 0], [0, 0])}, 0),
    "overflow of bytes": ({"a": entry([2**63], [0, 0])}, 0),
    "too large for 64 bits": ({"a": entry([2**64], [0, 4])}, 4),
    "unknown dtype": ({"a": entry(dtype="F31")}, 4),
    "lower case dtype": ({"a": entry(dtype="f32")}, 4),
    "dtype is a number": ({"a": entry(dtype=32)}, 4),
    "no shape": ({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, 4),
    "entry is a list": ({"a": []}, 0),
    "entry is null": ({"a": None}, 0),
    "metadata of numbers": ({"__metadata__": {"a": 1}, "a": entry()}, 4),
    "metadata is a list": ({"__metadata__": [], "a": entry()}, 4),
    "duplicate field": ('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    "NaN": ('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4),
    "infinity": ('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}', 4),
    "trailing comma": ('{"a":' + ONE + ",}", 4),
    "two objects": (json.dumps({"a": entry()}) + "{}", 4),
    "NUL after it": (json.dumps({"a": entry()}) + "\0", 4),
    "list": ("[]", 0),
    "empty header": ("", 0),
    "raw control character": ('{"a\x1b":' + ONE + "}", 4),
    "lone surrogate": ('{"\\ud800":' + ONE + "}", 4),
    "deep": ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", 0),
    "5000 digits": ('{"a":{"dtype":"F32","shape":[' + "9" * 5000 + '],"data_offsets":[0,4]}}', 4),
    "not UTF-8": (b'{"\xff":' + ONE.encode() + b"}", 4),
    "byte order mark": ("\ufeff" + json.dumps({"a": entry()}), 4),
}

ONLY_WE_REFUSE = {
    "no tensors": ({}, 0),
    "only metadata": ({"__metadata__": {"format": "pt"}}, 0),
    "duplicate tensor": ('{"a":' + ONE + ',"a":' + ONE + "}", 4),
    "duplicate metadata": ('{"__metadata__":{"x":"1","x":"2"},"a":' + ONE + "}", 4),
    "leading space": (" " + json.dumps({"a": entry()}), 4),
    "unknown field": ({"a": entry(extra=1)}, 4),
    "entry as a list": ('{"a":["F32",[1],[0,4]]}', 4),
}


@pytest.mark.parametrize("name", BOTH_ACCEPT)
def test_headers_that_both_accept(name: str) -> None:
    content = safetensors_bytes(*BOTH_ACCEPT[name])

    assert ours(content)[1] == []
    agree(content)


@pytest.mark.parametrize("name", BOTH_REFUSE)
def test_row_59_headers_that_both_refuse(name: str) -> None:
    content = safetensors_bytes(*BOTH_REFUSE[name])

    assert ours(content)[1] != []
    assert theirs(content) is None


@pytest.mark.parametrize("name", ONLY_WE_REFUSE)
def test_row_59_headers_that_are_not_to_be_trusted(name: str) -> None:
    content = safetensors_bytes(*ONLY_WE_REFUSE[name])

    assert ours(content)[1] != []
    assert theirs(content) is not None


@pytest.mark.parametrize("dtype", BYTES_OF)
def test_the_library_knows_every_dtype_with_the_same_size(dtype: str) -> None:
    content = safetensors_bytes({"a": entry([3], [0, 3 * BYTES_OF[dtype]], dtype)}, 24)
    content = content[: len(content) - 24 + 3 * BYTES_OF[dtype]]

    assert ours(content)[1] == []
    agree(content)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("overlap", "R331"),
        ("hole", "R331"),
        ("longer", "R333"),
        ("shorter", "R333"),
        ("no tensors", "R334"),
        ("duplicate tensor", "R331"),
    ],
)
def test_row_59_what_is_wrong_has_its_code(name: str, code: str) -> None:
    content = safetensors_bytes(*(BOTH_REFUSE | ONLY_WE_REFUSE)[name])

    assert [finding.code for finding in ours(content)[1]] == [code]


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 100_000_001, 12_345])
def test_row_59_a_header_longer_than_the_file(length: int) -> None:
    content = struct.pack("<Q", length) + b"{}"

    (finding,) = ours(content)[1]

    assert f"{length:,}" in finding.detail
    assert theirs(content) is None


def test_row_59_a_header_over_the_cap_is_not_read() -> None:
    at_cap = safetensors_bytes(json.dumps({"a": entry()}).ljust(MAX_HEADER), 4)
    over = safetensors_bytes(json.dumps({"a": entry()}).ljust(MAX_HEADER + 1), 4)

    assert ours(at_cap)[1] == []
    assert [finding.code for finding in ours(over)[1]] == ["R332"]


@pytest.mark.parametrize("size", range(9))
def test_a_file_with_hardly_a_prefix(size: int) -> None:
    assert ours(bytes(size))[1] != []
    assert theirs(bytes(size)) is None


def test_every_wrong_entry_is_told_at_once() -> None:
    header = {"a": entry([-1]), "b": entry(dtype="F31"), "c": entry(dtype="F31"), "d": entry()}

    findings = ours(safetensors_bytes(header, 4))[1]

    assert len(findings) == 2
    assert '"b", "c"' in findings[1].detail


@BOUNDED
@given(at=st.integers(0, len(REAL) - 1), byte=st.integers(0, 255))
def test_a_flipped_byte(at: int, byte: int) -> None:
    agree(REAL[:at] + bytes([byte]) + REAL[at + 1 :])


@BOUNDED
@given(st.data())
def test_a_spliced_header(data: st.DataObject) -> None:
    length = struct.unpack("<Q", REAL[:8])[0]
    header = REAL[8 : 8 + length]
    start = data.draw(st.integers(0, length))
    end = data.draw(st.integers(start, min(length, start + 40)))
    pieces = (
        b"",
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"-0",
        b"1e5",
        b"NaN",
        b"\\ud800",
        b"\0",
    )
    new = data.draw(st.sampled_from(pieces)) + data.draw(st.binary(max_size=4))
    changed = header[:start] + new + header[end:]
    prefix = data.draw(st.sampled_from([len(changed), length]))
    agree(struct.pack("<Q", prefix) + changed + REAL[8 + length :])


@BOUNDED
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    agree(content)
    agree(struct.pack("<Q", len(content)) + content)


NUMBERS = st.one_of(
    st.integers(-2, 12), st.sampled_from([2**32, 2**63, 2**64 - 1, 2**64, 1.0, None, "1", True])
)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "F16", "I8", "F4", "x", None]),
        "shape": st.one_of(st.lists(NUMBERS, max_size=3), NUMBERS),
        "data_offsets": st.lists(NUMBERS, max_size=3),
    },
    optional={"extra": st.none()},
)


@BOUNDED
@given(
    header=st.dictionaries(st.sampled_from(["a", "b", "c", "__metadata__"]), ENTRIES, max_size=4),
    size=st.integers(0, 40),
)
def test_any_entries(header: dict[str, Any], size: int) -> None:
    agree(safetensors_bytes(header, size))


@BOUNDED
@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    moves=st.lists(st.integers(-1, 1), min_size=5, max_size=5),
    more=st.integers(-1, 1),
)
def test_any_layout(lengths: list[int], moves: list[int], more: int) -> None:
    """Nearly right: most are accepted by both or refused by both."""
    header: dict[str, Any] = {}
    offset = 0
    for number, (length, move) in enumerate(zip(lengths, moves, strict=False)):
        begin = max(0, offset + (move if number == 2 else 0))
        header[str(number)] = entry([length], [begin, begin + length], "U8")
        offset += length
    content = safetensors_bytes(header, max(0, offset + more))

    assert (ours(content)[1] == []) == (theirs(content) is not None)
    agree(content)
