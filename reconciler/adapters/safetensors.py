"""The header of a safetensors file, read by hand within strict bounds.

Format (safetensors README): 8 bytes of length N, little endian; N bytes of JSON that maps
each tensor's name to its dtype, shape and data_offsets, with an optional __metadata__ of
texts; then the data, which the tensors cover without a hole. What is accepted here is
accepted by the `safetensors` library too, but not the other way round: duplicate keys,
unknown fields and an empty file are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from reconciler.adapters.strict_json import StrictJsonError, parse_object
from reconciler.adapters.text import count, shown, some
from reconciler.diagnostics import Code, Diagnostic
from reconciler.diagnostics.codes import adapters as codes

MAX_HEADER = 1_000_000
"""Bytes. The format allows 100 MB; a LoRA adapter of a 70B model has about 200 kB."""

MAX_NAME = 500
"""Characters; PEFT's names have about a hundred, and checking one takes its length squared."""

_LENGTH_BYTES = 8
_LARGEST = 2**64
_AGAIN = "Save the adapter with PEFT again: model.save_pretrained(FOLDER)."
_COPY_AGAIN = "Copy or download it again, and compare its sha256 with the original's."

BYTES_OF = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 1),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 2),
    **dict.fromkeys(("I32", "U32", "F32"), 4),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 8),
}
"""Bytes of one number by dtype (safetensors 0.8.0; types below a byte are left out)."""

_LOOKS_LIKE = (
    (b"PK\x03\x04", "It looks like a PyTorch .bin file under another name.", _AGAIN),
    (b"\x80\x02", "It looks like a Python pickle under another name.", _AGAIN),
    (b"GGUF", "It looks like a GGUF file under another name.", _AGAIN),
    (b"\x1f\x8b", "It looks like a gzip archive.", "Unpack it."),
    (b"<", "It looks like a web page.", "Download the file itself: the link led to a page."),
    (b"{", "It looks like JSON; its length prefix is missing.", _AGAIN),
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One entry of the header; begin and end are bytes, counted from the start of the data."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return (self.end - self.begin) // BYTES_OF[self.dtype]


class _RefusedError(Exception):
    """Carries the one finding after which reading makes no sense."""

    def __init__(self, detail: str, hint: str = _AGAIN, code: Code = codes.NOT_SAFETENSORS) -> None:
        super().__init__(detail)
        self.finding = code.error(detail, hint=hint)


def read_header(file: BinaryIO, size: int) -> tuple[tuple[Tensor, ...], list[Diagnostic]]:
    """Read the tensors of a file of `size` bytes; at most MAX_HEADER + 8 bytes are read.

    Returns them by their place in the file, and every finding about the format. Where
    nothing can be known there are none.
    """
    try:
        entries = _parse(_header_text(file, size))
    except _RefusedError as refused:
        return (), [refused.finding]
    tensors, findings = _tensors(entries)
    if not findings:
        header = _LENGTH_BYTES + int.from_bytes(_prefix(file), "little")
        findings = list(_layout(tensors, size - header))
    return tensors, findings


def _prefix(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(_LENGTH_BYTES)


def _header_text(file: BinaryIO, size: int) -> str:
    prefix = _prefix(file)
    if len(prefix) < _LENGTH_BYTES:
        raise _RefusedError(f"The file has only {count(size, 'byte')}.", _COPY_AGAIN)
    length = int.from_bytes(prefix, "little")
    if length > size - _LENGTH_BYTES:
        for start, looks, hint in _LOOKS_LIKE:
            if prefix.startswith(start[:_LENGTH_BYTES]):
                raise _RefusedError(looks, hint)
        raise _RefusedError(
            f"Its header should have {length:,} bytes, but the file has only {size:,}.", _COPY_AGAIN
        )
    if length > MAX_HEADER:
        raise _RefusedError(
            f"Its header has {length:,} bytes; {MAX_HEADER:,} is the most that is read.",
            "Check that it is an adapter: one of a 70B model has a header of about 200 kB.",
            codes.HEADER_TOO_LARGE,
        )
    try:
        return file.read(length).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _RefusedError(f"Its header is not UTF-8 at byte {error.start}.") from None


def _parse(text: str) -> Mapping[str, Any]:
    if not text.startswith("{"):
        raise _RefusedError("Its header does not begin with {.")
    try:
        entries = parse_object(text).values
    except StrictJsonError as problem:
        raise _RefusedError(
            f"Its header is not valid JSON at character {problem.offset}: {problem.message}"
        ) from None
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _RefusedError("Its __metadata__ must map texts to texts.")
    return entries


def _tensors(entries: Mapping[str, Any]) -> tuple[tuple[Tensor, ...], list[Diagnostic]]:
    tensors: list[Tensor] = []
    problems: dict[str, list[str]] = {}
    for name, entry in entries.items():
        try:
            tensors.append(_tensor(name, entry))
        except ValueError as error:
            problems.setdefault(str(error), []).append(name)
    tensors.sort(key=lambda tensor: (tensor.begin, tensor.end))
    findings = [
        codes.NOT_SAFETENSORS.error(f"{problem}: {some(names)}.", hint=_AGAIN)
        for problem, names in problems.items()
    ]
    if not entries:
        findings.append(codes.NO_TENSORS.error("Its header names no tensors.", hint=_AGAIN))
    return tuple(tensors), findings


def _tensor(name: str, entry: Any) -> Tensor:
    """Check one entry by itself; ValueError says what is wrong with it."""
    if len(name) > MAX_NAME:
        raise ValueError(f"A name has more than {MAX_NAME} characters")
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError("An entry needs exactly dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BYTES_OF:
        raise ValueError(f"The dtype {shown(str(dtype))} is not known")
    if not _are_sizes(shape):
        raise ValueError("A shape must be a list of whole numbers from 0 to 2^64 - 1")
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError("data_offsets must be two whole numbers, the smaller first")
    length = BYTES_OF[dtype]
    for dimension in shape:
        length *= dimension
        if length >= _LARGEST:
            raise ValueError("The product of a shape is larger than any file")
    if length != offsets[1] - offsets[0]:
        raise ValueError("Shape and dtype need another number of bytes than data_offsets give")
    return Tensor(name, dtype, tuple(shape), offsets[0], offsets[1])


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < _LARGEST for value in values
    )


def _layout(tensors: tuple[Tensor, ...], data: int) -> Iterator[Diagnostic]:
    """Check that the tensors cover `data` bytes: no overlap, no hole, nothing over."""
    overlapping: list[str] = []
    after_hole: list[str] = []
    covered = 0
    for tensor in tensors:
        if tensor.begin < covered:
            overlapping.append(tensor.name)
        elif tensor.begin > covered:
            after_hole.append(tensor.name)
        covered = max(covered, tensor.end)
    if overlapping:
        detail = f"Tensors begin before the one in front of them ends: {some(overlapping)}."
        yield codes.NOT_SAFETENSORS.error(detail, hint=_AGAIN)
    if after_hole:
        detail = f"Bytes that belong to no tensor lie in front of {some(after_hole)}."
        yield codes.NOT_SAFETENSORS.error(detail, hint=_AGAIN)
    if covered > data:
        detail = f"The file lacks the last {count(covered - data, 'byte')} of {covered:,}."
        yield codes.WRONG_LENGTH.error(detail, hint=_COPY_AGAIN)
    elif tensors and covered < data:
        detail = f"The file has {count(data - covered, 'byte')} after its last tensor."
        yield codes.WRONG_LENGTH.error(detail, hint=_COPY_AGAIN)
