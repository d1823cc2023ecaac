"""How much is read, and how much memory that takes: counted, not timed."""

from __future__ import annotations

import io
import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.adapters import digest_file, open_asset
from reconciler.adapters import inspection as inspection_module
from reconciler.adapters.files import open_regular
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE, Asset
from tests.adapters.support import (
    codes_of,
    edit,
    look,
    lora_header,
    pair,
    put_weights,
    ready,
    safetensors_bytes,
)

MB = 1_000_000
BASE = "model.layers"


class Counter:
    """Counts the bytes that are read from the adapter's files."""

    def __init__(self) -> None:
        self.bytes = 0

    def open(self, path: Path, name: str, root: Path | None) -> io.BufferedReader:
        outer = self

        class Counting(io.FileIO):
            def readinto(self, buffer: Any, /) -> int:
                length = super().readinto(buffer)
                outer.bytes += length
                return length

        with open_regular(path, name, root) as real:
            return io.BufferedReader(Counting(os.dup(real.fileno()), "rb"))


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    counter = Counter()
    monkeypatch.setattr(inspection_module, "open_regular", counter.open)
    return counter


def peak(action: Callable[[], object]) -> int:
    """Bytes of memory that Python took at most meanwhile."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def large(tmp_path: Path) -> Path:
    """An adapter of 290 MB: all linear layers of a 7B model, with rank 32 and more width."""
    folder = ready(tmp_path)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    edit(folder, r=32, target_modules=targets)
    tensors: dict[str, Any] = {}
    for layer in range(32):
        for module in targets:
            tensors |= pair(f"{BASE}.{layer}.mlp.{module}", rank=32, width=10_112, dtype="BF16")
    header, length = lora_header(tensors)
    content = safetensors_bytes(header)
    with (folder / WEIGHTS_FILE).open("wb") as file:
        file.write(content)
        file.truncate(len(content) + length)  # a sparse file: it takes no space
    assert 289 * MB < (folder / WEIGHTS_FILE).stat().st_size < 300 * MB
    return folder


def test_a_large_adapter_is_hardly_read(tmp_path: Path, counter: Counter) -> None:
    folder = large(tmp_path)

    inspection = look(folder, digest=False)

    assert inspection.diagnostics == ()
    assert 0 < counter.bytes < 2 * 1024 * 1024


def test_the_digest_takes_constant_memory(tmp_path: Path, counter: Counter) -> None:
    folder = large(tmp_path)
    size = (folder / WEIGHTS_FILE).stat().st_size

    assert peak(lambda: look(folder)) < 8 * MB
    assert counter.bytes < size + 2 * 1024 * 1024


def test_the_most_that_is_read_of_two_files_at_their_caps(tmp_path: Path, counter: Counter) -> None:
    folder = ready(tmp_path)
    (folder / CONFIG_FILE).write_text((folder / CONFIG_FILE).read_text().ljust(2 * MB))
    header, length = lora_header(pair("q_proj") | pair("v_proj"))
    (folder / WEIGHTS_FILE).write_bytes(safetensors_bytes(json.dumps(header).ljust(MB), length))

    look(folder)

    assert counter.bytes < 2 * 1024 * 1024


def test_a_header_of_100_mb_is_not_read(tmp_path: Path, counter: Counter) -> None:
    folder = ready(tmp_path)
    with (folder / WEIGHTS_FILE).open("wb") as file:
        file.write(struct.pack("<Q", 100 * MB) + b"{")
        file.truncate(120 * MB)

    assert peak(lambda: look(folder)) < 4 * MB
    assert codes_of(look(folder)) == ["R332"]
    assert counter.bytes < 100_000


def test_weights_over_the_limit_are_not_digested(tmp_path: Path, counter: Counter) -> None:
    folder = ready(tmp_path)
    with (folder / WEIGHTS_FILE).open("r+b") as file:
        file.truncate(50_000 * MB)

    assert codes_of(look(folder)) == ["R308", "R333"]
    assert counter.bytes < 100_000


HOSTILE = {
    "empty lists": '{"a":[' + "[]," * 333_000 + "[]]}",
    "nested": '{"a":' + "[" * 999_000,
    "many keys": "{" + ",".join(f'"{n}":0' for n in range(90_000)) + "}",
    "many entries": "{"
    + ",".join(f'"{n}":{{"dtype":"F4","shape":[],"data_offsets":[0,0]}}' for n in range(17_000))
    + "}",
    "a shape of large numbers": '{"a":{"dtype":"F32","data_offsets":[0,4],"shape":['
    + ",".join(["18446744073709551615"] * 45_000)
    + "]}}",
    "a shape of ones": '{"a":{"dtype":"F32","data_offsets":[0,4],"shape":['
    + ",".join(["1"] * 490_000)
    + "]}}",
    "a long name": '{"' + "\x7f" * 990_000 + '":{}}',
    "many names": "{"
    + ",".join(
        f'"base_model.model.{"a." * 20}{n}.lora_A.weight":'
        '{"dtype":"F32","shape":[0,0],"data_offsets":[0,0]}'
        for n in range(7_500)
    )
    + "}",
    "one name of many parts": '{"base_model.model.'
    + "a." * 470_000
    + 'b.lora_A.weight":{"dtype":"F32","shape":[8,1],"data_offsets":[0,32]}}',
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("file_name", [CONFIG_FILE, WEIGHTS_FILE])
def test_hostile_json_stays_under_100_mb(tmp_path: Path, file_name: str, name: str) -> None:
    folder = ready(tmp_path)
    raw = HOSTILE[name].encode()
    assert len(raw) <= MB
    (folder / file_name).write_bytes(
        raw if file_name == CONFIG_FILE else safetensors_bytes(raw, 32)
    )
    inspections = []

    memory = peak(lambda: inspections.append(look(folder)))

    findings = inspections[0].diagnostics
    assert 0 < len(findings) < 20
    assert all(len(finding.detail) < 1000 for finding in findings)
    assert memory < 100 * MB


def test_many_patterns_and_many_tensors_are_not_multiplied(tmp_path: Path) -> None:
    """A megabyte of each: were every pattern tried on every name, this would take minutes."""
    folder = ready(tmp_path)
    names = [f"layers.{number}" for number in range(3_500)]
    edit(
        folder,
        target_modules=[f"t{number}" for number in range(20_000)] + names,
        rank_pattern={f"p{number}": 4 for number in range(20_000)} | {"layers.7": 4},
    )
    assert (folder / CONFIG_FILE).stat().st_size < MB
    put_weights(folder, {n: spec for name in names for n, spec in pair(name).items()})

    assert codes_of(look(folder, digest=False)) == ["R337", "r338"]


def test_sending_takes_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / WEIGHTS_FILE
    with path.open("wb") as file:
        file.truncate(64 * MB)
    with path.open("rb") as file:
        asset = Asset(WEIGHTS_FILE, digest_file(file), 64 * MB)

    def send() -> None:
        with open_asset(tmp_path, asset, None) as body:
            while body.read(65_536):
                pass

    assert peak(send) < 4 * MB
