"""Making adapters for the tests: copies of what PEFT wrote, changed in one way each."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.adapters import Inspection, inspect
from reconciler.diagnostics import Diagnostic
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE, Limits

DATA = Path(__file__).parent / "data"
VERSIONS = ("peft-0.21.2", "peft-0.10.0")
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
GEMMA = "@cf/google/gemma-2b-it-lora"
LLAMA = "@cf/meta-llama/llama-2-7b-chat-hf-lora"
MODELS = {"mistral": MISTRAL, "gemma": GEMMA, "llama": LLAMA}


def fresh(tmp_path: Path, name: str = "mistral", version: str = VERSIONS[0]) -> Path:
    """Copy an adapter just as PEFT wrote it."""
    folder = tmp_path / name
    shutil.copytree(DATA / version / name, folder)
    return folder


def ready(tmp_path: Path, name: str = "mistral", version: str = VERSIONS[0]) -> Path:
    """Copy an adapter and add the model_type that PEFT does not write."""
    folder = fresh(tmp_path, name, version)
    base = config_of(folder)["base_model_name_or_path"].lower()
    edit(folder, model_type=next(family for family in MODELS if family in base))
    return folder


def config_of(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text())
    return config


def edit(folder: Path, **changes: Any) -> None:
    """Change fields of the configuration; ... removes one."""
    config = config_of(folder) | changes
    kept = {key: value for key, value in config.items() if value is not ...}
    (folder / CONFIG_FILE).write_text(json.dumps(kept, indent=2))


def look(folder: Path, model: str = MISTRAL, **options: Any) -> Inspection:
    settings: dict[str, Any] = {"limits": Limits(), "root": None} | options
    return inspect(folder, location="adapters/bot", model=model, **settings)


def codes_of(inspection: Inspection) -> list[str]:
    """List the codes, warnings in lower case."""
    return [d.code if d.is_error else d.code.lower() for d in inspection.diagnostics]


def only(inspection: Inspection, code: str) -> Diagnostic:
    """Return the only finding, which must have this code, a place and a hint."""
    assert codes_of(inspection) == [code], inspection.diagnostics
    (finding,) = inspection.diagnostics
    assert finding.range is not None
    assert finding.hint
    assert finding.detail
    return finding


def safetensors_bytes(header: Mapping[str, Any] | str | bytes, data: bytes | int = b"") -> bytes:
    """Put a file together; data as a number is that many zeros."""
    raw = header if isinstance(header, bytes) else _text(header).encode()
    return struct.pack("<Q", len(raw)) + raw + (bytes(data) if isinstance(data, int) else data)


def _text(header: Mapping[str, Any] | str) -> str:
    return header if isinstance(header, str) else json.dumps(header)


def lora_header(
    tensors: Mapping[str, tuple[str, tuple[int, ...]]], prefix: str = "base_model.model."
) -> tuple[dict[str, Any], int]:
    """Lay tensors (dtype, shape by name) out without a hole; return header and data length."""
    sizes = {"F32": 4, "F16": 2, "BF16": 2, "I8": 1, "F64": 8}
    header: dict[str, Any] = {}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        length = sizes[dtype]
        for dimension in shape:
            length *= dimension
        header[prefix + name] = {
            "dtype": dtype,
            "shape": list(shape),
            "data_offsets": [offset, offset + length],
        }
        offset += length
    return header, offset


def pair(module: str, rank: int = 8, width: int = 16, dtype: str = "F32") -> dict[str, Any]:
    """Make the two halves of a module for lora_header."""
    return {
        f"{module}.lora_A.weight": (dtype, (rank, width)),
        f"{module}.lora_B.weight": (dtype, (width, rank)),
    }


def put_weights(folder: Path, tensors: Mapping[str, Any], **options: Any) -> None:
    header, length = lora_header(tensors, **options)
    (folder / WEIGHTS_FILE).write_bytes(safetensors_bytes(header, length))
