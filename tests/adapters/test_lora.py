"""The tensors against their configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model import WEIGHTS_FILE
from tests.adapters.support import (
    codes_of,
    edit,
    look,
    lora_header,
    only,
    pair,
    put_weights,
    ready,
    safetensors_bytes,
)

LAYER = "model.layers.0.self_attn"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return ready(tmp_path)


def pairs(*modules: str, **options: Any) -> dict[str, Any]:
    return {name: spec for module in modules for name, spec in pair(module, **options).items()}


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32"])
def test_the_dtypes_that_inference_takes(folder: Path, dtype: str) -> None:
    put_weights(folder, pairs(f"{LAYER}.q_proj", f"{LAYER}.v_proj", dtype=dtype))

    assert look(folder).diagnostics == ()


def test_halves_of_different_rank(folder: Path) -> None:
    tensors = pairs(f"{LAYER}.q_proj", f"{LAYER}.v_proj")
    tensors[f"{LAYER}.v_proj.lora_B.weight"] = ("F32", (16, 4))
    put_weights(folder, tensors)

    assert "different ranks" in only(look(folder), "R337").detail


def test_many_modules_make_one_finding(folder: Path) -> None:
    edit(folder, r=4)
    put_weights(folder, pairs(*(f"layers.{n}.q_proj" for n in range(40)), "layers.0.v_proj"))

    assert "and 38 more" in only(look(folder), "R337").detail


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"v_proj": 4}, True),
        ({f"{LAYER}.v_proj": 4}, True),
        ({f"^{LAYER}.v_proj": 4}, True),
        ({"self_attn.v_proj": 4, "v_proj": 2}, True),
        ({"v_proj": 2, "self_attn.v_proj": 4}, False),
        ({"proj": 4}, False),
        ({"q_proj": 4}, False),
        ({r".*\.layers\.0\..*v_proj": 4}, True),
        ({r"(a+)+$": 4}, True),
    ],
)
def test_rank_pattern_as_peft_reads_it(folder: Path, pattern: dict[str, int], fits: bool) -> None:
    edit(folder, rank_pattern=pattern)
    put_weights(folder, pairs(f"{LAYER}.q_proj") | pairs(f"{LAYER}.v_proj", rank=4))

    assert (codes_of(look(folder)) == []) == fits


@pytest.mark.parametrize(
    "targets",
    [
        ["q_proj", "v_proj"],
        ["self_attn.q_proj", f"{LAYER}.v_proj"],
        "all-linear",
        r".*\.(q|v)_proj",
        "(a+)+$",
    ],
)
def test_target_modules_as_peft_reads_them(folder: Path, targets: Any) -> None:
    edit(folder, target_modules=targets)
    put_weights(folder, pairs(f"{LAYER}.q_proj", f"{LAYER}.v_proj"))

    assert look(folder).diagnostics == ()


def test_part_of_a_name_is_no_target(folder: Path) -> None:
    edit(folder, target_modules=["proj", "q_proj"])
    put_weights(folder, pairs(f"{LAYER}.q_proj", f"{LAYER}.v_proj"))

    assert codes_of(look(folder)) == ["R338", "r338"]


def test_a_target_that_the_model_does_not_have_is_a_warning(folder: Path) -> None:
    edit(folder, target_modules=["q_proj", "v_proj", "c_attn"])

    assert "c_attn" in only(look(folder), "r338").detail


def test_a_tensor_that_is_no_lora_weight(folder: Path) -> None:
    tensors = pairs(f"{LAYER}.q_proj", f"{LAYER}.v_proj")
    put_weights(folder, tensors | {"lm_head.weight": ("F32", (4, 4))})

    assert "lm_head.weight" in only(look(folder), "R335").detail


def test_a_lora_weight_with_other_than_two_dimensions(folder: Path) -> None:
    tensors = pairs(f"{LAYER}.q_proj", f"{LAYER}.v_proj")
    tensors[f"{LAYER}.v_proj.lora_A.weight"] = ("F32", (8, 16, 3, 3))
    put_weights(folder, tensors)

    assert "must be matrices" in only(look(folder), "R335").detail


@pytest.mark.parametrize("shape", [(0, 16), (8, 0), ()])
def test_empty_lora_weights(folder: Path, shape: tuple[int, ...]) -> None:
    put_weights(
        folder,
        {
            f"{LAYER}.q_proj.lora_A.weight": ("F32", shape),
            f"{LAYER}.q_proj.lora_B.weight": ("F32", tuple(reversed(shape))),
            **pairs(f"{LAYER}.v_proj"),
        },
    )

    assert "not empty" in only(look(folder), "R335").detail


def test_names_with_control_characters_are_escaped(folder: Path) -> None:
    header, length = lora_header(pairs("q_proj", "v_proj", "evil\x1b]0;x\x07\u202e\nproj"))
    (folder / WEIGHTS_FILE).write_bytes(safetensors_bytes(header, length))

    finding = only(look(folder), "R338")

    assert "\\x1b" in finding.detail
    assert finding.detail.isprintable()


def test_weights_are_checked_by_themselves_where_the_configuration_is_broken(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{")
    tensors = pairs("q_proj")
    del tensors["q_proj.lora_A.weight"]
    put_weights(folder, tensors)

    assert codes_of(look(folder)) == ["R311", "R336"]


def test_a_width_that_no_known_model_has_is_left_alone(folder: Path) -> None:
    put_weights(folder, pairs("q_proj", "v_proj", width=24))

    assert look(folder).diagnostics == ()


def test_the_width_of_the_output_projection_says_nothing(folder: Path) -> None:
    edit(folder, target_modules=["o_proj", "down_proj"])
    put_weights(folder, pairs("o_proj", width=2048) | pairs("down_proj", width=5120))

    assert look(folder).diagnostics == ()
