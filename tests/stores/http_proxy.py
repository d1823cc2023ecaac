"""A reverse proxy that tampers: it drops conditions, answers itself, or cuts connections."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.stores.listener import Answering, Listener

Before = Callable[[str, int], str]
"""(method, number of the request from 1) -> "" pass on, "ignore" without its conditions,
"cut" close before it is executed, "swallow" execute and close, "keep" refuse to delete as S3
does, which is a 200 with an error for each object, or "STATUS CODE" to answer."""
_UNDELETED = (
    '<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Error><Key>{key}</Key>'
    "<Code>AccessDenied</Code><Message>Access Denied</Message></Error></DeleteResult>"
)


@dataclass(slots=True)
class Proxy:
    url: str
    decide: Before = field(default=lambda method, number: "")
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


def _own_answer(what: str, body: bytes) -> tuple[int, bytes]:
    if what == "keep":
        key = body.partition(b"<Key>")[2].partition(b"</Key>")[0].decode()
        return 200, _UNDELETED.format(key=key).encode()
    status, _, code = what.partition(" ")
    return int(status), f"<Error><Code>{code}</Code></Error>".encode()


def _is_condition(header: str) -> bool:
    return header.lower().startswith(("if-", "x-goog-if-"))


@contextmanager
def tampering(upstream: str) -> Iterator[Proxy]:
    target = urlsplit(upstream)

    class Handler(Answering):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers)
            proxy.requests.append((self.command, self.path, headers))
            what = proxy.decide(self.command, len(proxy.requests))
            if what == "cut":
                self.close_connection = True
                return
            if what and what not in ("swallow", "ignore"):
                status, content = _own_answer(what, body)
                self.answer(status, {}, content)
                return
            if what == "ignore":
                headers = {k: v for k, v in headers.items() if not _is_condition(k)}
            connection = http.client.HTTPConnection(target.hostname or "", target.port)
            connection.request(self.command, self.path, body, headers)
            response = connection.getresponse()
            content = response.read()
            connection.close()
            if what == "swallow":
                self.close_connection = True
                return
            self.answer(response.status, dict(response.getheaders()), content)

        def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            length = headers.get("Content-Length") or headers.get("content-length")
            self.send_header("Content-Length", length if length else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "LOCK", "UNLOCK"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    server = Listener(("127.0.0.1", 0), Handler)
    proxy = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
