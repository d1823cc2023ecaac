"""What users got wrong (cloudflare-docs issues 14757, 20395 and 23272, and their like).

In each the upload said "ready to use", and inference answered "Finetune not found".
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.diagnostics import Severity
from reconciler.model import CONFIG_FILE, WEIGHTS_FILE, Limits
from tests.adapters.support import (
    GEMMA,
    LLAMA,
    MISTRAL,
    codes_of,
    config_of,
    edit,
    fresh,
    look,
    lora_header,
    only,
    pair,
    put_weights,
    ready,
    safetensors_bytes,
)


def test_the_configuration_of_issue_23272(tmp_path: Path) -> None:
    folder = fresh(tmp_path, "mistral", "peft-0.10.0")
    edit(folder, base_model_name_or_path="mistralai/Mistral-7B-v0.1")

    inspection = look(folder, MISTRAL)

    assert codes_of(inspection) == ["R315", "r318"]
    assert '"model_type": "mistral",' in inspection.diagnostics[0].hint
    assert "Mistral-7B-v0.1" in inspection.diagnostics[1].detail


def test_the_configuration_of_issue_14757_is_fine_once_it_is_valid(tmp_path: Path) -> None:
    folder = fresh(tmp_path, "gemma")
    edit(folder, model_type="gemma")

    assert look(folder, GEMMA).diagnostics == ()


def test_the_trailing_comma_of_the_documentations_example(tmp_path: Path) -> None:
    folder = fresh(tmp_path)
    text = (folder / CONFIG_FILE).read_text().rstrip().removesuffix("}").rstrip()
    (folder / CONFIG_FILE).write_text(text + ',\n  "model_type": "mistral",\n}\n')

    finding = only(look(folder), "R311")

    assert "Remove this comma" in finding.hint
    assert finding.range is not None
    assert finding.range.text[finding.range.start.column - 1] == ","


@pytest.mark.parametrize(
    ("missing", "instead", "hint"),
    [
        (WEIGHTS_FILE, "adapter_model.bin", "safe_serialization=True"),
        (WEIGHTS_FILE, "adapter_model.safetensor", f"to exactly {WEIGHTS_FILE}"),
        (WEIGHTS_FILE, "Adapter_Model.safetensors", f"to exactly {WEIGHTS_FILE}"),
        (WEIGHTS_FILE, "adapter_model.safetensors.txt", f"to exactly {WEIGHTS_FILE}"),
        (WEIGHTS_FILE, "my-lora.safetensors", f"to exactly {WEIGHTS_FILE}"),
        (WEIGHTS_FILE, "model.safetensors", "whole or merged model"),
        (WEIGHTS_FILE, "model-00001-of-00003.safetensors", "whole or merged model"),
        (WEIGHTS_FILE, "pytorch_model.bin", "whole or merged model"),
        (WEIGHTS_FILE, "adapter_model-00001-of-00002.safetensors", "one file"),
        (WEIGHTS_FILE, "adapters.safetensors", "another tool"),
        (WEIGHTS_FILE, "model.gguf", "another tool"),
        (CONFIG_FILE, "adapter_model.config", f"to exactly {CONFIG_FILE}"),
        (CONFIG_FILE, "ADAPTER_CONFIG.JSON", f"to exactly {CONFIG_FILE}"),
        (CONFIG_FILE, "config.json", "whole or merged model"),
    ],
)
def test_a_file_under_another_name_is_named_in_the_hint(
    tmp_path: Path, missing: str, instead: str, hint: str
) -> None:
    folder = ready(tmp_path)
    (folder / missing).rename(folder / instead)

    inspection = look(folder)

    finding = only(inspection, "R303")
    assert instead in finding.hint
    assert hint in finding.hint
    assert inspection.adapter is None


def test_files_in_a_subfolder_are_found(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    (folder / "checkpoint-500").mkdir()
    for name in (CONFIG_FILE, WEIGHTS_FILE):
        (folder / name).rename(folder / "checkpoint-500" / name)

    inspection = look(folder)

    assert codes_of(inspection) == ["R303", "R303"]
    assert all('"checkpoint-500"' in d.hint for d in inspection.diagnostics)


def test_an_empty_folder_gets_the_general_hint(tmp_path: Path) -> None:
    inspection = look(tmp_path)

    assert codes_of(inspection) == ["R303", "R303"]
    assert all("save_pretrained" in d.hint for d in inspection.diagnostics)


def test_a_name_with_control_characters_is_escaped(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).rename(folder / "lora\x1b[2J.safetensors")

    hint = only(look(folder), "R303").hint

    assert "\x1b" not in hint


def test_a_rank_over_the_limit(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, r=64)
    put_weights(folder, pair("q_proj", rank=64) | pair("v_proj", rank=64))

    finding = only(look(folder), "R314")

    assert "64" in finding.detail
    assert "32" in finding.detail


@pytest.mark.parametrize(("rank", "codes"), [(32, []), (33, ["R314"])])
def test_the_rank_limit_is_the_highest_rank_that_is_taken(
    tmp_path: Path, rank: int, codes: list[str]
) -> None:
    folder = ready(tmp_path)
    edit(folder, r=rank)
    put_weights(folder, pair("q_proj", rank=rank) | pair("v_proj", rank=rank))

    assert codes_of(look(folder)) == codes


def test_a_project_can_raise_the_rank_limit(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, r=64)
    put_weights(folder, pair("q_proj", rank=64) | pair("v_proj", rank=64))

    assert look(folder, limits=Limits(max_rank=64)).diagnostics == ()


def test_a_rank_that_was_only_edited_in_the_configuration(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, r=4)

    finding = only(look(folder), "R337")

    assert "says rank 4; the weights have 8" in finding.detail


def test_weights_at_the_limit_are_too_large_and_just_below_are_not(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    size = (folder / WEIGHTS_FILE).stat().st_size

    only(look(folder, limits=Limits(max_adapter_bytes=size)), "R308")
    assert look(folder, limits=Limits(max_adapter_bytes=size + 1)).diagnostics == ()


@pytest.mark.parametrize(
    ("model_type", "code"),
    [
        ("llama", "R316"),
        ("qwen2", "R316"),
        ("Mistral", "R316"),
        ("", "R316"),
        (7, "R316"),
        (None, "R315"),
    ],
)
def test_a_model_type_that_does_not_fit(tmp_path: Path, model_type: object, code: str) -> None:
    folder = fresh(tmp_path)
    edit(folder, model_type=model_type)

    assert '"model_type": "mistral"' in only(look(folder), code).hint


def test_an_adapter_of_another_family(tmp_path: Path) -> None:
    assert codes_of(look(ready(tmp_path, "gemma"), LLAMA)) == ["R317", "R316"]


def test_an_adapter_of_another_size(tmp_path: Path) -> None:
    folder = ready(tmp_path, "gemma")
    finding = only(look(folder, "@cf/google/gemma-7b-it-lora"), "R317")

    assert "sizes" in finding.detail


def test_weights_as_wide_as_another_model(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, base_model_name_or_path="mistralai/Mistral-7B-Instruct-v0.2")
    put_weights(folder, pair("layers.0.q_proj", width=3072) | pair("layers.0.v_proj", width=3072))

    finding = only(look(folder), "R317")

    assert "3,072" in finding.detail
    assert "gemma-7b" in finding.detail


def test_a_base_model_on_the_trainers_disk_is_a_warning(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, base_model_name_or_path="/content/merged")

    only(look(folder), "r318")


@pytest.mark.parametrize("base", [None, "", ..., 3])
def test_a_missing_base_model_is_a_warning(tmp_path: Path, base: object) -> None:
    folder = ready(tmp_path)
    edit(folder, base_model_name_or_path=base)

    only(look(folder), "r318")


def test_training_on_a_quantized_base_is_a_warning(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, base_model_name_or_path="unsloth/mistral-7b-instruct-v0.2-bnb-4bit")

    assert "bnb" in only(look(folder), "r319").detail


def test_a_quantized_model_is_an_error_about_the_model(tmp_path: Path) -> None:
    inspection = look(ready(tmp_path), "@hf/mistral/mistral-7b-instruct-v0.2-awq")

    (finding,) = inspection.diagnostics
    assert finding.code == "R319"
    assert finding.severity is Severity.ERROR
    assert finding.range is None


def test_a_model_of_no_known_family_is_a_warning(tmp_path: Path) -> None:
    inspection = look(ready(tmp_path), "@cf/qwen/qwq-32b")

    assert "r318" in codes_of(inspection)
    assert inspection.adapter is not None


def test_the_same_unknown_model_needs_no_warning_about_the_base(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, base_model_name_or_path="Qwen/QwQ-32B")

    assert "model_type" in only(look(folder, "@cf/qwen/qwq-32b"), "r318").detail


def test_the_whole_model_instead_of_the_adapter(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    put_weights(
        folder,
        {"model.embed_tokens.weight": ("BF16", (32, 16)), "lm_head.weight": ("BF16", (32, 16))},
        prefix="",
    )

    finding = only(look(folder), "R334")

    assert "peft_model.save_pretrained" in finding.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("base_model.model.q_proj.lora_A.default.weight", "save_pretrained"),
        ("model.layers.0.q_proj.lora_a", "MLX"),
        ("lora_unet_q.lora_down.weight", "kohya"),
    ],
)
def test_weights_that_another_writer_named(tmp_path: Path, name: str, hint: str) -> None:
    folder = ready(tmp_path)
    put_weights(folder, {name: ("F32", (8, 16))}, prefix="")

    assert hint in only(look(folder), "R334").hint


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04" + bytes(100), "PyTorch"),
        (b"\x80\x02}q\x00X\x04\x00\x00\x00" + bytes(100), "pickle"),
        (b"<!DOCTYPE html><html>" + bytes(100), "web page"),
        (b"GGUF\x03\x00\x00\x00" + b"\xff" * 100, "GGUF"),
        (b"", "0 bytes"),
        (b"\x00" * 7, "7 bytes"),
    ],
)
def test_another_kind_of_file_under_the_right_name(
    tmp_path: Path, content: bytes, says: str
) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).write_bytes(content)

    assert says in only(look(folder), "R331").detail


def test_a_broken_download(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    content = (folder / WEIGHTS_FILE).read_bytes()

    (folder / WEIGHTS_FILE).write_bytes(content[:-100])
    assert "lacks the last 100 bytes" in only(look(folder), "R333").detail

    (folder / WEIGHTS_FILE).write_bytes(content + b"\n")
    assert "1 byte after its last tensor" in only(look(folder), "R333").detail


def test_the_configuration_of_another_training(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, target_modules=["k_proj", "o_proj"])

    assert codes_of(look(folder)) == ["R338", "r338"]


def test_a_distributed_save_that_lost_one_half(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    tensors = pair("layers.0.q_proj") | pair("layers.0.v_proj")
    del tensors["layers.0.v_proj.lora_B.weight"]
    put_weights(folder, tensors)

    assert "layers.0.v_proj: lora_B" in only(look(folder), "R336").detail


def test_another_peft_method(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, peft_type="IA3")

    assert '"IA3"' in only(look(folder), "R313").detail


def test_the_models_config_under_the_adapters_name(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    (folder / CONFIG_FILE).write_text(
        '{"architectures": ["MistralForCausalLM"], "hidden_size": 4096, "model_type": "mistral"}'
    )

    codes = codes_of(look(folder))

    assert codes == ["R313", "R312", "R312", "R312", "r318"]


def test_a_classifier(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, task_type="SEQ_CLS")

    only(look(folder), "r312")


def test_no_digest_is_given_where_there_is_an_error(tmp_path: Path) -> None:
    adapter = look(fresh(tmp_path)).adapter

    assert adapter is not None
    assert adapter.digests == {CONFIG_FILE: "", WEIGHTS_FILE: ""}
    assert adapter.facts.rank == config_of(tmp_path / "mistral")["r"]


def test_an_int8_adapter(tmp_path: Path) -> None:
    folder = ready(tmp_path)
    header, length = lora_header(pair("q_proj", dtype="I8") | pair("v_proj", dtype="F64"))
    (folder / WEIGHTS_FILE).write_bytes(safetensors_bytes(header, length))

    assert "F64, I8" in only(look(folder), "R339").detail
