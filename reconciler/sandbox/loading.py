"""Loads an adapter as an inference server would, as far as that can be done without a model.

Whether Cloudflare refuses weights that are no numbers is not documented. Servers that sample
from what such weights come to fail, so here they do, too: it is the one defect of a trained
adapter that neither its configuration nor the header of its weights shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

MODEL_TYPES = ("mistral", "gemma", "llama")
"""What `model_type` may be (Cloudflare's page on LoRA adapters)."""

MAX_HEADER = 100_000_000
"""The most bytes of a header that the safetensors format allows."""

BLOCK = 1024 * 1024
"""Bytes; a multiple of every number's length."""

_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


class UnloadableError(Exception):
    """The adapter cannot be loaded; the text says why."""


def load_adapter(config: Path, weights: Path, model: str) -> None:
    """Read both files; raises UnloadableError where inference could not use them."""
    _check_config(_object(config.read_bytes(), "the configuration"), model)
    with weights.open("rb") as file:
        for dtype, length in _tensors(file, weights.stat().st_size):
            for block in _blocks(file, length):
                if not _is_finite(block, dtype):
                    raise UnloadableError("a weight is not a finite number")


def _check_config(config: Mapping[str, object], model: str) -> None:
    model_type = config.get("model_type")
    if model_type not in MODEL_TYPES:
        raise UnloadableError("model_type is not mistral, gemma or llama")
    named = [family for family in MODEL_TYPES if family in model.rsplit("/", 1)[-1]]
    if len(named) == 1 and model_type != named[0]:
        raise UnloadableError(f"model_type is {model_type}, and the model is of {named[0]}")
    if config.get("peft_type") != "LORA":
        raise UnloadableError("peft_type is not LORA")


def _tensors(file: BinaryIO, size: int) -> Iterator[tuple[str, int]]:
    """Read the header; yield dtype and bytes of each tensor in the order of the file."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(MAX_HEADER, size - 8):
        raise UnloadableError("the weights are no safetensors")
    header = _object(file.read(length), "the header of the weights")
    header.pop("__metadata__", None)
    place = 0
    for begin, end, dtype in sorted(_entry(entry) for entry in header.values()):
        if begin != place:
            raise UnloadableError("the tensors overlap, or leave a hole")
        place = end
        yield dtype, end - begin
    if place == 0 or place != size - 8 - length:
        raise UnloadableError("the tensors are not as long as the file")


def _entry(entry: object) -> tuple[int, int, str]:
    try:
        dtype, (begin, end) = entry["dtype"], entry["data_offsets"]  # type: ignore[index]
        if dtype in _SIZES and 0 <= begin < end and (end - begin) % _SIZES[dtype] == 0:
            return begin, end, dtype
    except (KeyError, TypeError, ValueError) as error:
        raise UnloadableError("a tensor has no dtype or no place") from error
    raise UnloadableError("a tensor has another dtype, or another place, than weights have")


def _blocks(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length:
        block = file.read(min(BLOCK, length))
        if not block:
            raise UnloadableError("the weights are cut short")
        length -= len(block)
        yield block


def _is_finite(block: bytes, dtype: str) -> bool:
    """Tell whether no number has an exponent of ones alone, which is infinity or NaN.

    Of little-endian numbers the last byte has the sign and the first bits of the exponent,
    the byte before it the rest; looked up for all of a block at once.
    """
    size = _SIZES[dtype]
    high = block[size - 1 :: size]
    if dtype == "F16":
        return not high.translate(None, _WITHOUT_FULL_F16)
    low = block[size - 2 :: size]
    full_low = _FULL_LOW_F64 if dtype == "F64" else _FULL_LOW
    flags = int.from_bytes(high.translate(_FULL_HIGH)) & int.from_bytes(low.translate(full_low))
    return not flags


def _table(mask: int) -> bytes:
    return bytes(byte & mask == mask for byte in range(256))


_WITHOUT_FULL_F16 = bytes(byte for byte in range(256) if byte & 0x7C != 0x7C)
_FULL_HIGH = _table(0x7F)
_FULL_LOW = _table(0x80)
_FULL_LOW_F64 = _table(0xF0)


def _object(data: bytes, what: str) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnloadableError(f"{what} is no JSON") from error
    if not isinstance(value, dict):
        raise UnloadableError(f"{what} is no JSON object")
    return value
