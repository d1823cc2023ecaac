"""A server on loopback that answers as a code host's API does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, urlsplit

Answer = Callable[[str, str, dict[str, str], Any], Any]


class Host(Protocol):
    """What is served; it learns its own address."""

    url: str


Served = TypeVar("Served", bound=Host)


@dataclass(slots=True)
class Server:
    """answer: of (method, path, query, body). credential: the header that must be there."""

    answer: Answer
    credential: tuple[str, str]


@contextmanager
def a_server(server: Server, host: Served) -> Iterator[Served]:
    """Serve until the end of the block."""
    handler = type("Handler", (_Handler,), {"api": server})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        host.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield host
        finally:
            listening.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    api: Server

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(self.path)
        name, value = self.api.credential
        status, document = 401, None
        if self.headers[name] == value:
            body = json.loads(raw) if raw else None
            document = self.api.answer(self.command, url.path, dict(parse_qsl(url.query)), body)
            status = 503 if document is None else 200
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
