"""An upload of 290 MB against `curl -F` plus one pass of sha256: time, and peak memory."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests

from reconciler.adapters import inspect
from reconciler.model import Limits
from tests.benchmarks.projects import MODEL, account
from tests.benchmarks.report import COMMAND, Row, environment, run

RANK, WIDTH, LAYERS = 32, 4096, 138
"""Two modules a layer, F32: 289 MB."""


def measure() -> Iterator[Row]:
    curl = shutil.which("curl")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = write_adapter(folder / "adapter")
        yield Row("adapter", weights.stat().st_size / 1e6, "MB")
        yield Row("read by an inspection, without the digest", _read(folder) / 2**20, "MiB", 2)
        ours, used = _ours(folder)
        yield Row("upload, peak memory", used / 2**20, "MiB", 64)
        if curl:
            theirs = min(_theirs(curl, weights) for _ in range(2))
            yield Row("upload / (curl -F + sha256sum)", ours / theirs, "x", 1.5)


def write_adapter(folder: Path, layers: int = LAYERS) -> Path:
    """Write an adapter, by default of the largest useful size; the weights are noise."""
    folder.mkdir(parents=True)
    header, offset = {}, 0
    for layer in range(layers):
        for module in ("q_proj", "v_proj"):
            for side, shape in (("A", [RANK, WIDTH]), ("B", [WIDTH, RANK])):
                size = RANK * WIDTH * 4
                key = f"base_model.model.model.layers.{layer}.self_attn.{module}.lora_{side}.weight"
                header[key] = {
                    "dtype": "F32",
                    "shape": shape,
                    "data_offsets": [offset, offset + size],
                }
                offset += size
    text = json.dumps(header).encode()
    weights = folder / "adapter_model.safetensors"
    block = os.urandom(1 << 20)
    with weights.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for start in range(0, offset, len(block)):
            file.write(block[: offset - start])
    config = {
        "peft_type": "LORA",
        "model_type": "mistral",
        "base_model_name_or_path": "mistralai/Mistral-7B-Instruct-v0.2",
        "r": RANK,
        "lora_alpha": 64,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
        "task_type": "CAUSAL_LM",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return weights


def _read(folder: Path) -> int:
    """Bytes that an inspection reads, as the kernel counts them."""
    before = _characters_read()
    found = inspect(
        folder / "adapter",
        location="adapter",
        model=MODEL,
        limits=Limits(),
        root=None,
        digest=False,
    )
    if found.diagnostics:
        raise RuntimeError(f"{found.diagnostics}")
    return _characters_read() - before


def _characters_read() -> int:
    """`rchar` of proc(5): what read and pread returned, from the cache or the disk."""
    return int(Path("/proc/self/io").read_text().split()[1])


def _ours(folder: Path) -> tuple[float, int]:
    """Seconds and peak bytes of the whole command: inspect, digest, create, upload."""
    manifest = f'version: 1\nfinetunes:\n  bot:\n    model: "{MODEL}"\n    adapter: adapter\n'
    (folder / "finetunes.yaml").write_text(manifest)
    found = []
    for _ in range(2):
        (folder / "reconciler.state.json").unlink(missing_ok=True)
        with account() as (_, env):
            began = time.perf_counter()
            used = peak([*COMMAND, "apply", "--auto-approve"], folder, env)
            found.append((time.perf_counter() - began, used))
    return min(found)


def peak(arguments: Sequence[str], folder: Path, env: dict[str, str]) -> int:
    """Run a command and return its peak bytes.

    Looked up while it runs: the figure that wait4 gives begins with the memory of whoever
    started the command.
    """
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            arguments, cwd=folder, env=environment(env), stdout=told, stderr=told
        )
        highest = 0
        while process.poll() is None:
            highest = max(highest, _high_water(process.pid))
            time.sleep(0.01)
        if process.returncode:
            told.seek(0)
            raise RuntimeError(f"{arguments}: {told.read()[-2000:].decode()}")
        return highest


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 if found else 0


def _theirs(curl: str, weights: Path) -> float:
    with account() as (box, env):
        url = f"{box.base_url}/accounts/{env['CLOUDFLARE_ACCOUNT_ID']}/ai/finetunes"
        header = f"Authorization: Bearer {env['CLOUDFLARE_API_TOKEN']}"
        name, value = header.split(": ")
        answer = requests.post(
            url, json={"model": MODEL, "name": "bot"}, headers={name: value}, timeout=30
        )
        finetune = answer.json()["result"]["id"]
        form = ["-F", "file_name=adapter_model.safetensors", "-F", f"file=@{weights}"]
        began = time.perf_counter()
        run(["sha256sum", str(weights)])
        target = f"{url}/{finetune}/finetune-assets"
        run([curl, "--silent", "--show-error", "--fail", "-H", header, *form, target])
        return time.perf_counter() - began
