"""Adapters that PEFT itself wrote: data/make_fixtures.py made them, data/ keeps them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import safetensors

from reconciler.adapters.safetensors import read_header
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE
from tests.adapters.support import (
    DATA,
    LLAMA,
    MISTRAL,
    MODELS,
    VERSIONS,
    codes_of,
    fresh,
    look,
    only,
    ready,
)

EVERY_FILE = sorted(DATA.glob(f"*/*/{WEIGHTS_FILE}"))


def test_both_versions_are_kept() -> None:
    assert len(EVERY_FILE) == 16


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("family", MODELS)
def test_an_adapter_with_its_model_type_has_no_findings(
    tmp_path: Path, family: str, version: str
) -> None:
    inspection = look(ready(tmp_path, family, version), MODELS[family])

    assert inspection.diagnostics == ()
    assert inspection.adapter is not None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("family", MODELS)
def test_an_adapter_fresh_from_peft_lacks_just_the_line_that_the_hint_gives(
    tmp_path: Path, family: str, version: str
) -> None:
    folder = fresh(tmp_path, family, version)
    finding = only(look(folder, MODELS[family]), "R315")
    line = finding.hint.partition("brace: ")[2]
    assert line == f'"model_type": "{family}",'

    config = folder / CONFIG_FILE
    config.write_text(config.read_text().replace("{\n", "{\n  " + line + "\n", 1))

    assert look(folder, MODELS[family]).diagnostics == ()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["rank-pattern", "rslora"])
def test_variants_of_plain_lora_are_taken(tmp_path: Path, name: str, version: str) -> None:
    assert look(ready(tmp_path, name, version)).diagnostics == ()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "key"), [("dora", "use_dora"), ("modules-to-save", "modules_to_save")]
)
def test_more_than_plain_lora_is_refused_once_at_its_field(
    tmp_path: Path, name: str, key: str, version: str
) -> None:
    finding = only(look(ready(tmp_path, name, version)), "R320")

    assert key in finding.detail
    assert finding.range is not None
    assert f'"{key}"' in finding.range.text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_copy_of_the_embeddings_is_a_warning(tmp_path: Path, version: str) -> None:
    finding = only(look(ready(tmp_path, "embedding", version), LLAMA), "r335")

    assert "save_embedding_layers=False" in finding.hint


def test_assets_have_the_digests_and_sizes_of_the_files(tmp_path: Path) -> None:
    folder = ready(tmp_path)

    adapter = look(folder).adapter

    assert adapter is not None
    assert adapter.location == "adapters/bot"
    for asset, name in zip(adapter.assets, (CONFIG_FILE, WEIGHTS_FILE), strict=True):
        content = (folder / name).read_bytes()
        assert asset.file_name == name
        assert asset.sha256 == hashlib.sha256(content).hexdigest()
        assert asset.size == len(content)


def test_without_digest_sizes_are_still_known(tmp_path: Path) -> None:
    adapter = look(ready(tmp_path), digest=False).adapter

    assert adapter is not None
    assert [asset.sha256 for asset in adapter.assets] == ["", ""]
    assert all(asset.size > 0 for asset in adapter.assets)


def test_facts_tell_what_the_adapter_is(tmp_path: Path) -> None:
    adapter = look(ready(tmp_path, "mistral", "peft-0.10.0")).adapter

    assert adapter is not None
    facts = adapter.facts
    assert facts.base_model == "mistralai/Mistral-7B-Instruct-v0.2"
    assert (facts.model_type, facts.task_type) == ("mistral", "CAUSAL_LM")
    assert (facts.rank, facts.alpha) == (8, 16.0)
    assert facts.modules == ("q_proj", "v_proj")
    assert (facts.tensors, facts.dtypes, facts.parameters) == (8, {"BF16": 8}, 896)


def test_without_a_model_the_adapter_is_checked_by_itself(tmp_path: Path) -> None:
    assert look(ready(tmp_path), model="").diagnostics == ()
    finding = only(look(fresh(tmp_path, "gemma"), model=""), "R315")
    assert '"model_type": "gemma"' in finding.hint


@pytest.mark.parametrize("path", EVERY_FILE, ids=lambda p: f"{p.parts[-3]}/{p.parts[-2]}")
def test_the_safetensors_library_reads_the_same_header(path: Path) -> None:
    with path.open("rb") as file:
        tensors, findings = read_header(file, path.stat().st_size)
    theirs = {
        name: (entry["dtype"], tuple(entry["shape"]), len(entry["data"]))
        for name, entry in safetensors.deserialize(path.read_bytes())
    }

    assert findings == []
    assert {t.name: (t.dtype, t.shape, t.end - t.begin) for t in tensors} == theirs


def test_every_finding_comes_at_once(tmp_path: Path) -> None:
    folder = fresh(tmp_path, "llama", "peft-0.10.0")
    (folder / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes()[:-4])

    assert codes_of(look(folder, MISTRAL)) == ["R315", "R317", "R333"]
