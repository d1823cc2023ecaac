"""A raw-socket server that misbehaves on demand: one account, one scripted fault a request.

    with FaultServer() as server:
        server.script("create", execute_then(reset), html(502))
        ... POST to server.base_url ...
        assert server.count("create") == 1
        assert len(server.account.finetunes) == 1

Operations are "list", "create", "upload", "run" and "other". Each request takes the next reaction
that was scripted for its operation; where there is none left, `default` decides, which
answers as Cloudflare would. Every request is recorded as it was received.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

ACCOUNT_ID = "023e105f4ecef8ad9ca31a8372d0c353"
TIMESTAMP = "2026-01-01T00:00:00Z"

_FINETUNES = re.compile(r"/accounts/[^/]+/ai/finetunes")
_ASSETS = re.compile(r"/accounts/[^/]+/ai/finetunes/([^/]+)/finetune-assets")
_RUN = re.compile(r"/accounts/[^/]+/ai/run/.")
_HEAD_LIMIT = 64 * 1024


@dataclass(slots=True)
class Received:
    """One request. body: what was read of it; complete: whether that is all it announced."""

    method: str
    target: str
    headers: dict[str, str]
    connection: int
    body: bytes = b""
    complete: bool = False

    @property
    def operation(self) -> str:
        path = self.target.partition("?")[0]
        if self.method == "POST" and _ASSETS.search(path):
            return "upload"
        if _FINETUNES.search(path):
            return {"GET": "list", "POST": "create"}.get(self.method, "other")
        if self.method == "POST" and _RUN.search(path):
            return "run"
        return "other"

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Account:
    """What the emulated account holds. lag: lists that do not show a new finetune yet."""

    finetunes: list[dict[str, Any]] = field(default_factory=list)
    assets: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    lag: int = 0
    polls: int = 0
    late: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            return self._create(body)

    def create_at_poll(self, number: int, body: dict[str, Any]) -> None:
        """Execute a create right before the number-th list from now on is answered."""
        with self.lock:
            self.late.append((self.polls + number, body))

    def listed(self) -> list[dict[str, Any]]:
        with self.lock:
            self.polls += 1
            for number, body in [entry for entry in self.late if entry[0] <= self.polls]:
                self.late.remove((number, body))
                self._create(body)
            shown = [f for f in self.finetunes if f["shown_from"] <= self.polls]
            return [
                {k: v for k, v in f.items() if k not in ("public", "shown_from")} for f in shown
            ]

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        number = len(self.finetunes) + 1
        finetune = {
            "id": f"00000000-0000-4000-8000-{number:012d}",
            "created_at": TIMESTAMP,
            "modified_at": TIMESTAMP,
            "public": False,
            **body,
        }
        self.finetunes.append({**finetune, "shown_from": self.polls + self.lag + 1})
        return finetune


class Exchange:
    """One request under way, as a reaction sees it."""

    def __init__(self, sock: socket.socket, account: Account, request: Received, rest: bytes):
        self.sock = sock
        self.account = account
        self.request = request
        self._rest = rest
        self._left = int(request.headers.get("content-length", "0"))

    def read_body(self, at_most: int | None = None) -> None:
        """Read the body, or no more than so many bytes of it."""
        wanted = self._left if at_most is None else min(at_most, self._left)
        parts = [self.request.body]
        while wanted > 0:
            block = self._rest[:wanted] or self.sock.recv(min(wanted, 256 * 1024))
            self._rest = self._rest[len(block) :]
            if not block:
                break
            parts.append(block)
            wanted -= len(block)
            self._left -= len(block)
        self.request.body = b"".join(parts)
        self.request.complete = self._left == 0

    def execute(self) -> bytes:
        """Do what was asked, and return the whole answer that belongs to it."""
        self.read_body()
        if not self.request.complete:
            return http_answer(400, envelope_error(3003, "incomplete request"))
        match self.request.operation:
            case "list":
                return http_answer(200, envelope(self.account.listed()))
            case "create":
                return http_answer(200, envelope(self.account.create(self.request.json)))
            case "upload":
                self._store()
                return http_answer(200, {"success": True})
            case "run":
                return http_answer(200, envelope({"response": "Hi"}))
        return http_answer(404, envelope_error(7003, "Could not route to that address"))

    def _store(self) -> None:
        match = _ASSETS.search(self.request.target)
        name = re.search(rb'name="file_name"\r\n\r\n([^\r]*)\r\n', self.request.body)
        file = re.search(rb'name="file";[^\r]*\r\n[^\r]*\r\n\r\n', self.request.body)
        assert match is not None
        assert name is not None
        assert file is not None
        end = self.request.body.rindex(b"\r\n--")
        content = self.request.body[file.end() : end]
        self.account.assets[match[1]][name[1].decode()] = content


Reaction = Callable[[Exchange], bool]
"""Reacts to a request; True keeps the connection for the next one."""


def answer_truly(exchange: Exchange) -> bool:
    """Do what was asked, and say so."""
    exchange.sock.sendall(exchange.execute())
    return True


class FaultServer:
    """Serves on 127.0.0.1 from threads of its own. tls: serve https with this context."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.account = Account()
        self.requests: list[Received] = []
        self.connections = 0
        self.default: Reaction = answer_truly
        self._tls = tls
        self._scripts: dict[str, deque[Reaction]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._ended = threading.Condition()
        self._ends = 0
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    @property
    def origin(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/client/v4"

    def script(self, operation: str, *reactions: Reaction) -> None:
        """Queue the reactions to the next requests of an operation."""
        with self._lock:
            self._scripts[operation].extend(reactions)

    def count(self, operation: str) -> int:
        """Requests of an operation so far, however they ended."""
        return len(self.received(operation))

    def received(self, operation: str) -> list[Received]:
        with self._lock:
            return [r for r in self.requests if r.operation == operation]

    def refuse(self) -> None:
        """Accept no further connection: whoever tries from now on is refused."""
        shut(self._listener)
        self._listener.close()

    def wait_for_end(self, connections: int = 1) -> None:
        """Wait until so many connections have been served to their end."""
        with self._ended:
            assert self._ended.wait_for(lambda: self._ends >= connections, 30)

    def __enter__(self) -> FaultServer:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closing alone does not wake a thread that is blocked on the socket.
        with self._lock:
            socks = [self._listener, *self._socks]
        for sock in socks:
            shut(sock)
        for thread in self._threads:
            thread.join(10)
        for sock in socks:
            sock.close()

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._socks.append(sock)
                self.connections += 1
            self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        wrapped = sock
        try:
            if self._tls is not None:
                wrapped = self._tls.wrap_socket(sock, server_side=True)
            while self._answer_one(wrapped, number):
                pass
        except OSError:
            pass
        finally:
            shut(wrapped)
            wrapped.close()
            with self._ended:
                self._ends += 1
                self._ended.notify_all()

    def _answer_one(self, sock: socket.socket, number: int) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            block = sock.recv(_HEAD_LIMIT)
            if not block:
                return False
            data += block
        head, _, rest = data.partition(b"\r\n\r\n")
        request = _received(head.decode("latin-1"), number)
        with self._lock:
            self.requests.append(request)
            queue = self._scripts[request.operation]
            reaction = queue.popleft() if queue else self.default
        return reaction(Exchange(sock, self.account, request, rest))


def _received(head: str, number: int) -> Received:
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    return Received(method, target, {k.lower(): v for k, v in headers.items()}, number)


def shut(sock: socket.socket) -> None:
    """Wake whoever is blocked on the socket; it may be closed already."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def reset_socket(sock: socket.socket) -> None:
    """Close so that the other side gets a reset instead of an orderly end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def envelope(result: Any, **more: Any) -> dict[str, Any]:
    """A success as Cloudflare writes it."""
    return {"result": result, "success": True, "errors": [], "messages": [], **more}


def envelope_error(code: int | None, message: str) -> dict[str, Any]:
    """An error as Cloudflare writes it."""
    error = {"message": message} if code is None else {"code": code, "message": message}
    return {"result": None, "success": False, "errors": [error], "messages": []}


def http_answer(status: int, body: Any, headers: dict[str, str] | None = None) -> bytes:
    """A whole answer; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {
        "Content-Type": "text/html" if isinstance(body, bytes) else "application/json",
        "Content-Length": str(len(content)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Whatever\r\n{head}\r\n".encode("latin-1") + content
