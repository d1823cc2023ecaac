"""The servers behind the shared stores, one of each a test process, started where used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from reconciler.stores import http_exchange
from tests.stores import backend_server
from tests.stores.backend_server import Backend
from tests.stores.places import SERVERS, MissingError, Served

Serve = Callable[[str], Served]
SHARED = [
    pytest.param(kind, marks=[pytest.mark.needs_system] if kind == "az" else []) for kind in SERVERS
]
"""Every shared store as a parameter; the server of Azure's is not among what pip installs."""


@pytest.fixture(scope="session")
def _started() -> Iterator[Serve]:
    """Start a server where it is first used, and keep it for this test process."""
    with ExitStack() as stack:
        started: dict[str, Served] = {}

        def start(kind: str) -> Served:
            if kind not in started:
                try:
                    started[kind] = stack.enter_context(SERVERS[kind]())
                except MissingError as error:
                    pytest.skip(str(error))
            return started[kind]

        yield start


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once, in this process."""
    monkeypatch.setattr(http_exchange, "WAIT_SECONDS", (0.0, 0.0))


@pytest.fixture
def serve(_started: Serve, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Start the server of a store, and point the environment, and so the processes, to it."""

    def start(kind: str) -> Served:
        served = _started(kind)
        for name, value in served.environment.items():
            monkeypatch.setenv(name, value)
        return served

    return start


@pytest.fixture
def s3(serve: Serve) -> str:
    """The endpoint of an S3 server that the environment points to."""
    return serve("s3").endpoint


@pytest.fixture
def postgresql(serve: Serve) -> str:
    """The address of a database, whose password is in the environment."""
    return serve("postgresql").endpoint


@pytest.fixture
def http_backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """A server of the HTTP backend protocol of its own, to look into."""
    monkeypatch.setenv("TF_HTTP_USERNAME", backend_server.USER)
    monkeypatch.setenv("TF_HTTP_PASSWORD", backend_server.PASSWORD)
    with backend_server.backend() as server:
        yield server
