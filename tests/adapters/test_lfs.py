"""Git LFS pointers: enough to plan, nothing to upload, and never taken for the file."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.adapters import open_asset
from reconciler.diagnostics import DiagnosticError
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE, Asset, Limits
from tests.adapters.support import codes_of, look, only, ready

SHA = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"


def pointer(sha256: str = SHA, size: int | str = 12345) -> str:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"


def test_a_pointer_stands_for_the_weights(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    whole = look(folder).adapter
    assert whole is not None
    raw = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_text(pointer(hashlib.sha256(raw).hexdigest(), len(raw)))

    inspection = look(folder)

    assert codes_of(inspection) == ["r306"]
    assert inspection.adapter is not None
    assert inspection.adapter.assets == whole.assets
    assert inspection.adapter.pointers == (WEIGHTS_FILE,)
    assert whole.pointers == ()


def test_both_files_may_be_pointers(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        (folder / name).write_text(pointer())

    inspection = look(folder)

    assert codes_of(inspection) == ["r306", "r306"]
    assert inspection.adapter is not None
    assert inspection.adapter.assets == (
        Asset(CONFIG_FILE, SHA, 12345),
        Asset(WEIGHTS_FILE, SHA, 12345),
    )


def test_the_configuration_is_inspected_even_where_the_weights_are_elsewhere(
    tmp_path: Path,
) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).write_text(pointer())
    (folder / CONFIG_FILE).write_text('{"peft_type": "LORA", "r": 8}')

    assert "R315" in codes_of(look(folder))


def test_a_pointer_to_weights_that_are_too_large(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).write_text(pointer(size=Limits().max_adapter_bytes))

    assert codes_of(look(folder)) == ["r306", "R308"]


@pytest.mark.parametrize(
    "text",
    [
        "version https://git-lfs.github.com/spec/v1\n",
        pointer(sha256="abc"),
        pointer(size="many"),
        pointer(size=-1),
        pointer() + pointer(),
        pointer().replace("oid", "<<<<<<< HEAD\noid"),
    ],
)
def test_a_damaged_pointer_is_refused(tmp_path: Path, text: str) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).write_text(text)

    finding = only(look(folder), "R309")

    assert "git checkout" in finding.hint


def test_a_pointer_is_never_opened_as_the_file_it_stands_for(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).write_text(pointer())
    adapter = look(folder).adapter
    assert adapter is not None

    with pytest.raises(DiagnosticError):
        open_asset(folder, adapter.assets[1], None)


def test_a_pointer_that_git_lfs_itself_wrote(tmp_path: Path) -> None:
    if shutil.which("git-lfs") is None:
        pytest.skip("git-lfs is not installed (Debian: apt-get install git-lfs)")
    folder = ready(tmp_path)
    weights = folder / WEIGHTS_FILE
    whole = look(folder).adapter
    written = subprocess.run(
        ["git", "lfs", "pointer", f"--file={weights}"], capture_output=True, check=True
    )
    weights.write_bytes(written.stdout)

    pointed = look(folder).adapter

    assert pointed is not None
    assert whole is not None
    assert pointed.assets == whole.assets
