"""An environment that leads to a cloud, each way to sign in; the cloud refuses everything."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.stores import object_client
from tests.internal import failed_internally
from tests.stores.places import R2_ACCOUNT

AWS_KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "hunter2-secret",
    "AWS_REGION": "us-east-1",
}
ADDRESSES = {
    "s3": "s3://team-state/prod",
    "r2": f"r2://{R2_ACCOUNT}/team-state/prod",
    "gs": "gs://team-state/prod",
    "az": "az://team-state/prod",
}
SIGNING_IN = {
    "s3 with keys": AWS_KEYS,
    "r2 with keys": AWS_KEYS,
    "s3 by a token": {
        "AWS_ENDPOINT_URL_STS": "@URL@",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/ci",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "@FILE@",
    },
    "s3 in a container": {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "@URL@/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "@FILE@",
    },
    "s3 on a machine": {"AWS_METADATA_ENDPOINT": "@URL@"},
    "gs with a token": {"GOOGLE_BEARER_TOKEN": "ya29.hunter2"},
    "gs on a machine": {"GCE_METADATA_HOST": "@HOST@", "GCE_METADATA_IP": "@HOST@"},
    "az with a key": {"AZURE_STORAGE_ACCOUNT_KEY": "aHVudGVyMg=="},
    "az with a token": {"AZURE_STORAGE_TOKEN": "hunter2"},
    "az with a signature": {"AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=hunter2"},
    "az with a secret": {
        "AZURE_CLIENT_ID": "c",
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_SECRET": "hunter2",
        "AZURE_AUTHORITY_HOST": "@URL@",
    },
    "az by a token": {
        "AZURE_CLIENT_ID": "c",
        "AZURE_TENANT_ID": "t",
        "AZURE_FEDERATED_TOKEN_FILE": "@FILE@",
        "AZURE_AUTHORITY_HOST": "@URL@",
    },
    "az on a machine": {"AZURE_MSI_ENDPOINT": "@URL@/token"},
}
ENDPOINTS = {
    "s3": {"AWS_ENDPOINT_URL": "@URL@"},
    "r2": {"AWS_ENDPOINT_URL": "@URL@"},
    "gs": {"GOOGLE_BASE_URL": "@URL@"},
    "az": {"AZURE_STORAGE_ENDPOINT": "@URL@", "AZURE_STORAGE_ACCOUNT_NAME": "acme"},
}
SUMMARY = "A variable of a cloud that cannot be used"


class _Refusing(BaseHTTPRequestHandler):
    def refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


for _method in ("GET", "HEAD", "PUT", "POST"):
    setattr(_Refusing, f"do_{_method}", _Refusing.refuse)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that refuses whatever it is asked."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Machine:
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    url: str

    def set(self, environment: dict[str, str]) -> None:
        file = Path.cwd() / "token"
        if not file.exists():
            file.write_text("hunter2")
        for name, value in environment.items():
            filled = value.replace("@URL@", self.url).replace("@FILE@", str(file))
            self.patch.setenv(name, filled.replace("@HOST@", self.url.removeprefix("http://")))

    def run(self, *arguments: str) -> Said:
        self.capture.readouterr()
        code = run(arguments)
        return Said(code, " ".join("".join(self.capture.readouterr()).split()))

    def refuses(self, *arguments: str, panics: bool = False) -> str:
        said = self.run(*arguments)
        assert said.code == 1
        assert "error[R" in said.text
        assert not failed_internally(said.text)
        assert panics or "panicked" not in said.text
        assert "hunter2" not in said.text
        assert "AKIA" not in said.text
        return said.text


@pytest.fixture
def machine(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    # Of the file descriptors: a panic is printed past Python.
    capfd: pytest.CaptureFixture[str],
    url: str,
) -> Machine:
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "GCE_")) or name.lower().endswith(
            "_proxy"
        ):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "10000")
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.001)
    return Machine(monkeypatch, capfd, url)
