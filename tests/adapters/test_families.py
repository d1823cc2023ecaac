"""What a model's name tells."""

from __future__ import annotations

import pytest

from reconciler.adapters.families import ModelName, read_name, width_of


@pytest.mark.parametrize(
    ("name", "expected", "width"),
    [
        ("@cf/meta-llama/llama-2-7b-chat-hf-lora", ModelName("llama", "2", "7"), 4096),
        ("@cf/mistral/mistral-7b-instruct-v0.2-lora", ModelName("mistral", "0.2", "7"), 4096),
        ("@cf/google/gemma-2b-it-lora", ModelName("gemma", "", "2"), 2048),
        ("@cf/google/gemma-7b-it-lora", ModelName("gemma", "", "7"), 3072),
        ("@cf/google/gemma-3-12b-it", ModelName("gemma", "3", "12"), 3840),
        ("@cf/meta/llama-3.3-70b-instruct-fp8-fast", ModelName("llama", "3.3", "70"), 8192),
        ("@cf/mistralai/mistral-small-3.1-24b-instruct", ModelName("mistral", "", "24"), 5120),
        ("@cf/meta/llama-3.1-8b-instruct-awq", ModelName("llama", "3.1", "8", "awq"), 4096),
        ("@cf/qwen/qwq-32b", ModelName("", "", "32"), 0),
        ("google/gemma-2-2b-it", ModelName("gemma", "2", "2"), 2304),
        ("google/recurrentgemma-2b", ModelName("gemma", "", "2"), 0),
        ("meta-llama/Meta-Llama-3-8B-Instruct", ModelName("llama", "3", "8"), 4096),
        ("mistralai/Mistral-7B-v0.1", ModelName("mistral", "0.1", "7"), 4096),
        ("TheBloke/Llama-2-7B-GPTQ", ModelName("llama", "2", "7", "gptq"), 4096),
        ("unsloth/mistral-7b-bnb-4bit", ModelName("mistral", "", "7", "bnb"), 4096),
        ("meta-llama/merged/", ModelName(), 0),
        ("mistral-llama-merge", ModelName(), 0),
        ("", ModelName(), 0),
    ],
)
def test_names(name: str, expected: ModelName, width: int) -> None:
    assert read_name(name) == expected
    assert width_of(name) == width
