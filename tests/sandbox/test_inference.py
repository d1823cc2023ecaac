"""The emulated inference: it answers for whole and valid adapters, on the model they are for."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

import cloudflare
import pytest
import requests

from reconciler.sandbox.loading import BLOCK, UnloadableError, load_adapter
from tests.adapters.support import (
    CONFIG_FILE,
    GEMMA,
    WEIGHTS_FILE,
    edit,
    lora_header,
    ready,
    safetensors_bytes,
)
from tests.sandbox.conftest import LORA_MODEL, Client, Serve

HELLO = {"messages": [{"role": "user", "content": "Hello"}], "raw": True, "max_tokens": 1}


def run(client: Client, lora: object, model: str = LORA_MODEL, **more: Any) -> requests.Response:
    path = f"/accounts/{client.sandbox.settings.account_id}/ai/run/{model}"
    return client.send("POST", path, json=HELLO | {"lora": lora} | more)


def number_of(answer: requests.Response) -> tuple[int, int]:
    body = answer.json()
    assert (body["success"], body["result"]) == (False, None)
    return answer.status_code, body["errors"][0]["code"]


def put(client: Client, folder: Path, name: str = "bot", model: str = LORA_MODEL) -> str:
    finetune_id: str = client.create(name, model=model).json()["result"]["id"]
    for file_name in (CONFIG_FILE, WEIGHTS_FILE):
        content = (folder / file_name).read_bytes()
        assert client.upload(finetune_id, file_name, content).status_code == 200
    return finetune_id


def test_a_whole_adapter_answers_by_id_and_by_name(client: Client, tmp_path: Path) -> None:
    finetune_id = put(client, ready(tmp_path))

    for lora in (finetune_id, "bot"):
        answer = run(client, lora)
        assert answer.status_code == 200
        assert answer.json()["result"] == {"response": "Hello"}
    assert len(run(client, "bot", max_tokens=4).json()["result"]["response"].split()) == 3
    assert run(client, "bot", LORA_MODEL.replace("/", "%2F")).status_code == 200


def test_the_sdk_runs_it(client: Client, tmp_path: Path) -> None:
    finetune_id = put(client, ready(tmp_path))
    settings = client.sandbox.settings
    with cloudflare.Cloudflare(
        api_token=settings.token, base_url=client.sandbox.base_url, max_retries=0
    ) as sdk:
        result: Any = sdk.ai.run(
            LORA_MODEL, account_id=settings.account_id, prompt="Hello", lora=finetune_id
        )
    assert result["response"].startswith("Hello")


def test_without_both_files_it_lacks_one(client: Client, tmp_path: Path) -> None:
    folder = ready(tmp_path)
    finetune_id = client.create("bot").json()["result"]["id"]
    assert number_of(run(client, finetune_id)) == (400, 3039)
    client.upload(finetune_id, CONFIG_FILE, (folder / CONFIG_FILE).read_bytes())
    assert number_of(run(client, finetune_id)) == (400, 3039)


def test_who_is_not_there_is_not_found(client: Client, tmp_path: Path) -> None:
    put(client, ready(tmp_path))
    assert number_of(run(client, "other")) == (400, 3037)
    assert number_of(run(client, "bot", GEMMA)) == (400, 3037)


def test_models_are_those_of_the_catalogue(client: Client) -> None:
    assert number_of(run(client, "bot", "@cf/no/such")) == (400, 5007)
    assert number_of(run(client, None, "@cf/no/such")) == (400, 5007)
    assert number_of(run(client, "bot", "@cf/openai/gpt-oss-20b")) == (405, 5005)
    assert run(client, None, "@cf/openai/gpt-oss-20b").status_code == 200


def test_a_fresh_adapter_is_not_known_before_the_delay(serve: Serve, tmp_path: Path) -> None:
    client = serve(adapter_delay=3600.0)
    finetune_id = put(client, ready(tmp_path))

    assert number_of(run(client, finetune_id)) == (400, 3037)
    assert "not known yet" in client.sandbox.account.requests()[-1].outcome
    for asset in client.sandbox.account.assets(finetune_id):
        os.utime(asset.path, (time.time() - 3601,) * 2)
    assert run(client, finetune_id).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"lora": 5},
        {"max_tokens": 0},
        {"max_tokens": "1"},
        {"messages": []},
        {"messages": None},
    ],
)
def test_a_wrong_request_is_invalid(client: Client, changes: dict[str, Any]) -> None:
    assert number_of(run(client, **({"lora": None} | changes))) == (400, 5004)


def test_it_needs_the_token(client: Client) -> None:
    client.session.headers["Authorization"] = "Bearer wrong"
    assert number_of(run(client, "bot")) == (401, 10000)


# What cannot be loaded


def test_a_malformed_adapter_is_not_found(client: Client, tmp_path: Path) -> None:
    folder = ready(tmp_path)
    edit(folder, model_type="gemma")
    put(client, folder)
    assert number_of(run(client, "bot")) == (400, 3037)
    assert "model_type is gemma" in client.sandbox.account.requests()[-1].outcome


@pytest.mark.parametrize(
    "changes",
    [{"model_type": ...}, {"model_type": "qwen"}, {"peft_type": "IA3"}, {"model_type": ["llama"]}],
)
def test_a_configuration_that_cannot_be_used(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = ready(tmp_path)
    load(folder)
    edit(folder, **changes)
    with pytest.raises(UnloadableError):
        load(folder)


WRONG_WEIGHTS = [
    b"",
    b"PK\x03\x04" * 9,
    safetensors_bytes("[]"),
    safetensors_bytes("{"),
    safetensors_bytes({}),
    safetensors_bytes({"a": 1}),
    safetensors_bytes({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}, 4),
    safetensors_bytes({"a": {"dtype": "I8", "shape": [4], "data_offsets": [0, 4]}}, 4),
    safetensors_bytes({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, 8),
    safetensors_bytes({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, 3),
    safetensors_bytes({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, 5),
]


@pytest.mark.parametrize("weights", WRONG_WEIGHTS)
def test_weights_that_are_no_safetensors(tmp_path: Path, weights: bytes) -> None:
    folder = ready(tmp_path)
    (folder / WEIGHTS_FILE).write_bytes(weights)
    with pytest.raises(UnloadableError):
        load(folder)


INFINITE = {
    "F32": struct.pack("<f", float("inf")),
    "F16": struct.pack("<e", float("nan")),
    "BF16": struct.pack("<f", float("-inf"))[2:],
    "F64": struct.pack("<d", float("nan")),
}
LARGEST = {
    "F32": bytes.fromhex("ffff7fff"),
    "F16": struct.pack("<e", 65504.0),
    "BF16": bytes.fromhex("7f7f"),
    "F64": bytes.fromhex("ffffffffffffefff"),
}


@pytest.mark.parametrize("dtype", INFINITE)
@pytest.mark.parametrize("place", [0, 1, -1])
def test_weights_that_are_no_numbers(tmp_path: Path, dtype: str, place: int) -> None:
    folder = ready(tmp_path)
    # The first tensor is longer than a block, and neither ends where one does.
    size = len(LARGEST[dtype])
    header, length = lora_header({"a": (dtype, (BLOCK // size + 3,)), "b": (dtype, (5,))})
    numbers = [LARGEST[dtype]] * (length // size)
    (folder / WEIGHTS_FILE).write_bytes(safetensors_bytes(header, b"".join(numbers)))
    load(folder)

    numbers[place] = INFINITE[dtype]
    (folder / WEIGHTS_FILE).write_bytes(safetensors_bytes(header, b"".join(numbers)))
    with pytest.raises(UnloadableError, match="finite"):
        load(folder)


def test_a_model_without_a_family_takes_any(tmp_path: Path) -> None:
    load(ready(tmp_path), "@cf/qwen/qwq-32b")


def load(folder: Path, model: str = LORA_MODEL) -> None:
    load_adapter(folder / CONFIG_FILE, folder / WEIGHTS_FILE, model)
