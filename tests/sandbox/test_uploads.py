"""Uploading assets, over HTTP."""

from __future__ import annotations

import hashlib
import http.client
import queue
import shutil
import socket
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.sandbox import RequestRecord, Reupload, Sandbox, SandboxSettings
from tests.sandbox.conftest import LORA_MODEL, Client, Serve, errors

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def finetune_id(client: Client) -> str:
    return client.sandbox.account.create("bot", LORA_MODEL).id


def leftovers(client: Client) -> list[str]:
    """Return the names of the files in the account's folder that are no assets."""
    folder = client.sandbox.account.new_asset_file().parent
    return [path.name for path in folder.iterdir() if path.is_file()]


def test_an_upload_is_kept_byte_by_byte(client: Client, finetune_id: str) -> None:
    content = bytes(range(256)) * 1000 + b"\r\n--\r\n"
    response = client.upload(finetune_id, WEIGHTS, content)
    assert (response.status_code, response.json()) == (200, {"success": True})
    (asset,) = client.sandbox.account.assets(finetune_id)
    assert asset.path.read_bytes() == content
    assert (asset.file_name, asset.size) == (WEIGHTS, len(content))
    assert asset.sha256 == hashlib.sha256(content).hexdigest()
    assert leftovers(client) == []


def test_both_assets_belong_to_one_finetune(client: Client, finetune_id: str) -> None:
    for file_name in (WEIGHTS, CONFIG):
        client.upload(finetune_id, file_name, b"x")
    names = [asset.file_name for asset in client.sandbox.account.assets(finetune_id)]
    assert names == [CONFIG, WEIGHTS]


def test_a_finetune_can_be_meant_by_its_name(client: Client) -> None:
    created = client.sandbox.account.create("bot one/two", LORA_MODEL)
    assert client.upload("bot%20one%2Ftwo", CONFIG, b"{}").status_code == 200
    assert len(client.sandbox.account.assets(created.id)) == 1


def test_an_unknown_finetune_is_not_found(client: Client) -> None:
    response = client.upload("nobody", CONFIG, b"{}")
    assert response.status_code == 400
    assert errors(response) == [(3037, "Finetune nobody not found")]


@pytest.mark.parametrize("file_name", ["adapter_model.bin", "../adapter_config.json", "a\x00"])
def test_another_file_name_is_refused(client: Client, finetune_id: str, file_name: str) -> None:
    response = client.upload(finetune_id, file_name, b"x")
    assert response.status_code == 400
    assert [code for code, _ in errors(response)] == [5004]
    assert client.sandbox.account.assets(finetune_id) == ()
    assert leftovers(client) == []


@pytest.mark.parametrize("content", [b"{}", b"other"])
def test_an_asset_that_exists_is_refused(client: Client, finetune_id: str, content: bytes) -> None:
    client.upload(finetune_id, CONFIG, b"{}")
    response = client.upload(finetune_id, CONFIG, content)
    assert response.status_code == 400
    assert errors(response) == [
        (None, "the asset adapter_config.json already exists; assets can't be edited")
    ]
    assert client.sandbox.account.assets(finetune_id)[0].path.read_bytes() == b"{}"


def test_identical_bytes_again_can_be_accepted(serve: Serve) -> None:
    client = serve(reupload=Reupload.ACCEPT_IDENTICAL)
    finetune_id = client.sandbox.account.create("bot", LORA_MODEL).id
    statuses = [
        client.upload(finetune_id, CONFIG, content).status_code
        for content in (b"{}", b"{}", b"other")
    ]
    assert statuses == [200, 200, 400]
    assert client.sandbox.account.assets(finetune_id)[0].path.read_bytes() == b"{}"
    assert leftovers(client) == []


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413), (200_000, 413)])
def test_an_asset_over_the_limit_is_too_large(serve: Serve, size: int, status: int) -> None:
    client = serve(max_adapter_bytes=1000)
    finetune_id = client.sandbox.account.create("bot", LORA_MODEL).id
    assert client.upload(finetune_id, WEIGHTS, b"x" * size).status_code == status
    assert leftovers(client) == []
    assert client.get_list().status_code == 200


@pytest.mark.parametrize(
    ("fields", "files", "what"),
    [
        ({}, {"file": b"x"}, "file_name"),
        ({"file_name": ""}, {"file": b"x"}, "file_name"),
        ({"file_name": CONFIG}, {"other": b"x"}, "file"),
        ({"file_name": CONFIG}, {"file": b""}, "file"),
    ],
)
def test_a_form_that_lacks_a_field_is_incomplete(
    client: Client, finetune_id: str, fields: dict[str, str], files: dict[str, bytes], what: str
) -> None:
    path = f"{client.finetunes_path}/{finetune_id}/finetune-assets"
    # A file name in the form keeps requests from leaving out an empty file.
    named = {name: ("blob", content) for name, content in files.items()}
    response = client.send("POST", path, data=fields, files=named)
    assert response.status_code == 400
    assert errors(response) == [(3003, f"Request is missing headers or body: {what}")]


def test_fields_may_come_in_any_order(client: Client, finetune_id: str) -> None:
    path = f"{client.finetunes_path}/{finetune_id}/finetune-assets"
    form = [("file", ("blob", b"{}")), ("more", (None, b"?")), ("file_name", (None, CONFIG))]
    assert client.send("POST", path, files=form).status_code == 200


def test_an_upload_that_is_no_form_is_incomplete(client: Client, finetune_id: str) -> None:
    path = f"{client.finetunes_path}/{finetune_id}/finetune-assets"
    response = client.send("POST", path, data=b"x" * 1000)
    assert response.status_code == 400
    assert [code for code, _ in errors(response)] == [3003]


def test_a_form_without_its_end_is_invalid(client: Client, finetune_id: str) -> None:
    path = f"{client.finetunes_path}/{finetune_id}/finetune-assets"
    form = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = client.send("POST", path, data=form, headers=headers)
    assert response.status_code == 400
    assert errors(response) == [
        (5004, "the form can't be read: the body ends before its closing boundary")
    ]
    assert leftovers(client) == []


def test_removing_a_finetune_removes_its_files(client: Client, finetune_id: str) -> None:
    client.upload(finetune_id, CONFIG, b"{}")
    (asset,) = client.sandbox.account.assets(finetune_id)
    client.sandbox.account.remove(finetune_id)
    assert not asset.path.exists()
    assert client.sandbox.account.assets(finetune_id) == ()


def test_a_folder_that_vanishes_is_the_sandboxs_own_failure(
    client: Client, finetune_id: str, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(client.sandbox.account.new_asset_file().parent)
    response = client.upload(finetune_id, CONFIG, b"{}")
    assert response.status_code == 500
    assert errors(response) == [(None, "the sandbox itself failed")]
    assert capfd.readouterr() == ("", "")


def form_around(size: int) -> tuple[bytes, bytes, dict[str, str]]:
    """Return what comes before and after a file of that size, and the headers."""
    head = (
        b'--b\r\nContent-Disposition: form-data; name="file_name"\r\n\r\n'
        b"adapter_model.safetensors\r\n--b\r\n"
        b'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    )
    tail = b"\r\n--b--\r\n"
    headers = {
        "Authorization": f"Bearer {SandboxSettings().token}",
        "Content-Type": "multipart/form-data; boundary=b",
        "Content-Length": str(len(head) + size + len(tail)),
    }
    return head, tail, headers


def test_fifty_megabytes_stream_through_in_constant_memory(
    client: Client, finetune_id: str
) -> None:
    block, blocks = b"\r\n--" * 16384, 800
    head, tail, headers = form_around(len(block) * blocks)

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(blocks):
            yield block
        yield tail

    url = urlsplit(client.sandbox.base_url)
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    target = f"{url.path}{client.finetunes_path}/{finetune_id}/finetune-assets"
    tracemalloc.start()
    try:
        connection.request("POST", target, body=body(), headers=headers)
        status = connection.getresponse().status
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        connection.close()
    assert status == 200
    assert client.sandbox.account.assets(finetune_id)[0].size == 52_428_800
    assert peak < 8_000_000


@pytest.mark.parametrize(
    "linger", [pytest.param(False, id="closed"), pytest.param(True, id="reset")]
)
def test_a_client_that_goes_away_leaves_no_asset(tmp_path: Path, linger: bool) -> None:
    ended: queue.Queue[RequestRecord] = queue.Queue()
    with Sandbox(tmp_path / "sandbox", on_request=ended.put) as sandbox:
        finetune_id = sandbox.account.create("bot", LORA_MODEL).id
        url = urlsplit(sandbox.base_url)
        account_id = sandbox.settings.account_id
        target = f"{url.path}/accounts/{account_id}/ai/finetunes/{finetune_id}/finetune-assets"
        head, _, headers = form_around(1_000_000)
        lines = [f"POST {target} HTTP/1.1", *(f"{key}: {text}" for key, text in headers.items())]
        with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + head + b"x" * 500_000)
            if linger:  # for 0 seconds: closing resets the connection
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        record = ended.get(timeout=30)
        assert (record.status, record.outcome) == (0, "the client went away")
        assert sandbox.account.assets(finetune_id) == ()
        assert list((tmp_path / "sandbox/assets").iterdir()) == []
