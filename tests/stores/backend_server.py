"""A small server of Terraform's HTTP backend protocol that behaves as GitLab's does.

Basic authentication, one lock a state, 423 with the holder's JSON, 409 to a save under another
lock's id, Content-MD5 verified and sent. GitLab's own methods (POST and DELETE on /lock) work,
too.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.stores.listener import Answering, Listener

USER, PASSWORD = "ada", "hunter2"
_BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
_ACTIONS = {
    ("LOCK", True): "lock",
    ("POST", True): "lock",
    ("UNLOCK", True): "unlock",
    ("DELETE", True): "unlock",
    ("GET", False): "get",
    ("POST", False): "post",
    # Methods that a server of one's own may want instead.
    ("PUT", True): "lock",
    ("PATCH", True): "unlock",
    ("PUT", False): "post",
}


@dataclass(slots=True)
class Backend:
    """terse: it does not say who holds a lock, which the protocol leaves open.

    authorization: what a request has to bring along. digests: what it sends as the digest of
    a body.
    """

    url: str
    terse: bool = False
    authorization: str = _BASIC
    digests: Callable[[bytes], str] = lambda body: digest(body)
    states: dict[str, bytes] = field(default_factory=dict)
    locks: dict[str, bytes] = field(default_factory=dict)
    log: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def told(self, held: bytes) -> bytes:
        return b"locked" if self.terse else held

    def answer(self, action: str, path: str, query: str, body: bytes) -> tuple[int, bytes]:
        """Do it; one request at a time, as a database would."""
        with self.guard:
            held = self.locks.get(path, b"")
            holder = json.loads(held)["ID"] if held else ""
            if action == "get":
                return (200, self.states[path]) if path in self.states else (404, b"")
            if action == "post":
                if parse_qs(query).get("ID", [""]) != [holder]:
                    return 409, self.told(held)
                self.states[path] = body
                return 200, b""
            if action == "lock":
                if held:
                    return 423, self.told(held)
                self.locks[path] = body
                return 200, b""
            if body and held and json.loads(body)["ID"] != holder:
                return 409, self.told(held)
            self.locks.pop(path, None)
            return 200, b""


@contextmanager
def backend() -> Iterator[Backend]:
    class Handler(Answering):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            server.log.append((self.command, self.path, dict(self.headers)))
            locking = parts.path.endswith("/lock")
            action = _ACTIONS.get((self.command, locking))
            if self.headers.get("Authorization") != server.authorization:
                self.reply(401, b"")
            elif action is None:
                self.reply(405, b"")
            elif self.headers.get("Content-MD5", digest(body)) != digest(body):
                self.reply(400, b"")
            else:
                path = parts.path.removesuffix("/lock")
                self.reply(*server.answer(action, path, parts.query, body))

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 200:
                self.send_header("Content-MD5", server.digests(body))
            self.end_headers()
            self.wfile.write(body)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "LOCK", "UNLOCK"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    listener = Listener(("127.0.0.1", 0), Handler)
    server = Backend(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


def digest(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
