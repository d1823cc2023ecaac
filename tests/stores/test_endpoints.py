"""Which host each address really leads to, as a proxy on the way is told."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.stores import object_client, open_store
from tests.stores.conformance import refused

ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "AWS_REGION": "eu-central-1",
    "GOOGLE_BEARER_TOKEN": "ya29.hunter2",
    "AZURE_STORAGE_ACCOUNT_NAME": "acme",
    "AZURE_STORAGE_ACCOUNT_KEY": "aHVudGVyMg==",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Be the proxy, refuse everything; yields the first line of each request."""
    lines: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            lines.append(self.rfile.readline().decode().strip())
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        yield lines
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("s3://acme-state/prod", "s3.eu-central-1.amazonaws.com"),
        (f"r2://{ACCOUNT}/acme-state/prod", f"{ACCOUNT}.r2.cloudflarestorage.com"),
        (f"r2://{ACCOUNT}.eu/acme-state/prod", f"{ACCOUNT}.eu.r2.cloudflarestorage.com"),
        ("gs://acme-state/prod", "storage.googleapis.com"),
        ("az://acme-state/prod", "acme.blob.core.windows.net"),
    ],
)
def test_an_address_leads_to_the_host_of_its_service_and_over_tls(
    address: str, host: str, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_client, "ATTEMPTS", 1)
    assert refused(open_store(address, tmp_path).load) == "R413"
    assert asked == [f"CONNECT {host}:443 HTTP/1.1"]
