from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.cloudflare import AccountClient, Credentials, RateLimiter, Timeouts
from reconciler.model import Attributes
from tests.faults.server import ACCOUNT_ID, FaultServer

TOKEN = "v1.0-secret-token-0123456789abcdef"
SUPPORT_BOT = Attributes("support-bot", "@cf/mistral/mistral-7b-instruct-v0.2-lora", "Answers.")


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


ClientFactory = Callable[..., AccountClient]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def make_client(time: FakeTime) -> Iterator[ClientFactory]:
    """Clients that never really wait, closed at the end."""
    clients: list[AccountClient] = []

    def make(base_url: str, **options: Any) -> AccountClient:
        options.setdefault("credentials", Credentials(token=TOKEN))
        options.setdefault("limiter", RateLimiter(clock=time.clock, sleep=time.sleep))
        options.setdefault("timeouts", Timeouts(connect=5, total=20, stall=20, answer=20))
        credentials = options.pop("credentials")
        client = AccountClient(ACCOUNT_ID, credentials, base_url, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(server: FaultServer, make_client: ClientFactory) -> AccountClient:
    return make_client(server.base_url)


@pytest.fixture
def hasty(server: FaultServer, make_client: ClientFactory) -> AccountClient:
    """A client whose deadlines pass at once, for servers that never come to an end."""
    return make_client(
        server.base_url, timeouts=Timeouts(connect=5, total=0.3, stall=0.3, answer=0.3)
    )


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not on this machine")
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), *subject, "-keyout", key, "-out", cert],
        check=True,
        capture_output=True,
    )
    both.write_text(cert.read_text() + key.read_text())
    return both


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[FaultServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with FaultServer(context) as server:
        yield server
