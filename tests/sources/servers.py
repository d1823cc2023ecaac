"""https servers with a certificate authority of their own: plain files, and a small hub.

The hub answers as huggingface.co does: the API with commit and LFS digests; small files by a
relative redirect to a cache; large ones by a redirect to another host, with a signed address.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trustme

from reconciler.model import CONFIG_FILE, WEIGHTS_FILE

TOKEN = "hf_hunter2secret"
BLOCK = 1 << 16


@dataclass
class Seen:
    """A request, and how many bytes of the body were answered."""

    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class Answer:
    """What is answered. claimed: the length that is said. cut: bytes after which it breaks off.

    drip: "head" or "body" comes in single bytes, for as long as somebody listens.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | memoryview = b""
    claimed: int | None = None
    cut: int | None = None
    drip: str = ""


class Files:
    """Answers with files, and misbehaves where it is told to."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.statuses: dict[str, list[int]] = {}
        self.cuts: dict[str, list[int]] = {}
        self.claimed: dict[str, int] = {}
        self.drips: dict[str, str] = {}
        self.ranges = True
        self.etags = True
        self.heeds_if_range = True
        self.log: list[Seen] = []

    def put(self, folder: Path, at: str) -> None:
        """Serve an adapter's folder."""
        for name in (CONFIG_FILE, WEIGHTS_FILE):
            self.files[f"/{at}/{name}"] = (folder / name).read_bytes()

    def reads(self, name: str = "") -> list[Seen]:
        """The requests for files, of one name where it is given."""
        return [seen for seen in self.log if name in seen.path]

    def answer(self, seen: Seen) -> Answer:
        path = urlsplit(seen.path).path
        if self.statuses.get(path):
            return Answer(self.statuses[path].pop(0))
        if path in self.redirects:
            return Answer(302, {"Location": self.redirects[path]})
        if path in self.drips:
            return Answer(drip=self.drips[path])
        if path not in self.files:
            return Answer(404)
        return self._file(path, seen)

    def _file(self, path: str, seen: Seen) -> Answer:
        raw = self.files[path]
        etag = f'"{hashlib.sha256(raw).hexdigest()[:32]}"'
        answer = Answer(200, {"ETag": etag} if self.etags else {}, raw, self.claimed.get(path))
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", seen.headers.get("range", ""))
        same = not self.heeds_if_range or seen.headers.get("if-range", etag) == etag
        if self.ranges and wanted and same:
            begin = int(wanted[1])
            if begin >= len(raw):
                return Answer(416, {"Content-Range": f"bytes */{len(raw)}"})
            end = min(int(wanted[2]) + 1 if wanted[2] else len(raw), len(raw))
            answer.status, answer.body = 206, memoryview(raw)[begin:end]
            answer.headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(raw)}"
        if self.cuts.get(path):
            answer.cut = self.cuts[path].pop(0)
        return answer


class Hub(Files):
    """Model repositories: files by (repository, commit), branches, and who may read."""

    def __init__(self) -> None:
        super().__init__()
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        self.branches: dict[tuple[str, str], str] = {}
        self.private: set[str] = set()
        self.cdn = ""
        self.says: dict[str, object] | None = None

    def commit(
        self, repository: str, folder: Path, subfolder: str = "", branch: str = "main"
    ) -> str:
        """Put an adapter's folder into a new commit of a branch; returns the commit."""
        prefix = f"{subfolder}/" if subfolder else ""
        files = {
            f"{prefix}{name}": (folder / name).read_bytes() for name in (CONFIG_FILE, WEIGHTS_FILE)
        }
        text = json.dumps({name: hashlib.sha1(raw).hexdigest() for name, raw in files.items()})
        sha = hashlib.sha1(text.encode()).hexdigest()
        self.repositories.setdefault(repository, {})[sha] = files
        self.branches[repository, branch] = sha
        return sha

    def answer(self, seen: Seen) -> Answer:
        path = urlsplit(seen.path).path
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            return self._info(found[1], found[2], seen)
        if found := re.fullmatch(r"/api/resolve-cache/models/([^/]+/[^/]+)/([^/]+)/(.+)", path):
            raw = self.repositories[found[1]][found[2]][found[3]]
            self.files[path] = raw
            answer = self._file(path, seen)
            answer.headers["X-Repo-Commit"] = found[2]
            return answer
        if found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._resolve(found[1], found[2], found[3], seen)
        if path.startswith("/xet-bridge/"):
            if "Signature" not in parse_qs(urlsplit(seen.path).query):
                return Answer(403)
            return self._file(path, seen)
        return super().answer(seen)

    def _find(
        self, repository: str, revision: str, seen: Seen
    ) -> tuple[str, dict[str, bytes]] | Answer:
        commits = self.repositories.get(repository)
        allowed = seen.headers.get("authorization") == f"Bearer {TOKEN}"
        if commits is None or (repository in self.private and not allowed):
            return Answer(401, {"X-Error-Code": "RepoNotFound"})
        sha = self.branches.get((repository, revision), revision)
        if sha not in commits:
            return Answer(404, {"X-Error-Code": "RevisionNotFound"})
        return sha, commits[sha]

    def _info(self, repository: str, revision: str, seen: Seen) -> Answer:
        found = self._find(repository, revision, seen)
        if isinstance(found, Answer):
            return found
        sha, files = found
        siblings = []
        for name, raw in files.items():
            sibling: dict[str, object] = {
                "rfilename": name,
                "size": len(raw),
                "blobId": hashlib.sha1(raw).hexdigest(),
            }
            if name.endswith(".safetensors"):
                digest = hashlib.sha256(raw).hexdigest()
                sibling["lfs"] = {"sha256": digest, "size": len(raw), "pointerSize": 134}
            siblings.append(sibling)
        text: dict[str, object] = {
            "id": repository,
            "modelId": repository,
            "sha": sha,
            "siblings": siblings,
        }
        text.update(self.says or {})
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(text).encode())

    def _resolve(self, repository: str, revision: str, name: str, seen: Seen) -> Answer:
        found = self._find(repository, revision, seen)
        if isinstance(found, Answer):
            return found
        sha, files = found
        if name not in files:
            return Answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
        raw = files[name]
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if not name.endswith(".safetensors"):
            headers["ETag"] = f'"{hashlib.sha1(raw).hexdigest()}"'
            headers["Location"] = f"/api/resolve-cache/models/{repository}/{sha}/{name}"
            return Answer(307, headers)
        digest = hashlib.sha256(raw).hexdigest()
        self.files[f"/xet-bridge/{digest}"] = raw
        headers["X-Linked-Size"] = str(len(raw))
        headers["X-Linked-ETag"] = f'"{digest}"'
        headers["Location"] = f"{self.cdn}/xet-bridge/{digest}?Signature=abc&Expires=1"
        return Answer(302, headers)


def _drip(file: BufferedIOBase, where: str) -> None:
    """Answer for a minute, in single bytes."""
    head = "HTTP/1.1 200 OK\r\n"
    head += "X-Slow: " if where == "head" else "Content-Length: 3000\r\n\r\n"
    with suppress(OSError):
        file.write(head.encode())
        for _ in range(3000):
            file.write(b"a")
            time.sleep(0.02)


def _handler(site: Files) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(body=True)

        def do_HEAD(self) -> None:
            self._serve(body=False)

        def _serve(self, *, body: bool) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers)
            site.log.append(seen)
            answer = site.answer(seen)
            if answer.drip:
                self.close_connection = True
                _drip(self.wfile, answer.drip)
                return
            raw = answer.body
            seen.status = answer.status
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            length = len(raw) if answer.claimed is None else answer.claimed
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if not body:
                return
            end = len(raw) if answer.cut is None else min(answer.cut, len(raw))
            for start in range(0, end, BLOCK):
                block = raw[start : min(start + BLOCK, end)]
                try:
                    self.wfile.write(block)
                except OSError:
                    break
                seen.sent += len(block)
            if end < length:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Proxy:
    """A proxy that wants a password. asked: the hosts of the tunnels that it opened."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.asked: list[str] = []

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve on loopback, where all tunnels lead, too; yields HOST:PORT."""
        server = _Server(("127.0.0.1", 0), _tunneller(self))
        with _running(server):
            yield f"127.0.0.1:{server.server_address[1]}"


def _tunneller(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    expected = "Basic " + b64encode(proxy.password.encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            if self.headers.get("Proxy-Authorization") != expected:
                self.send_error(407)
                return
            proxy.asked.append(self.path)
            port = int(self.path.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as there, suppress(OSError):
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_carry, args=(there, self.connection), daemon=True)
                back.start()
                _carry(self.connection, there)
                back.join()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(BLOCK):
            target.sendall(block)
        target.shutdown(socket.SHUT_WR)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Clients that go away are meant to."""


@contextmanager
def serving_plainly(site: Files) -> Iterator[str]:
    """Serve over http on loopback; yields the base URL."""
    server = _Server(("127.0.0.1", 0), _handler(site))
    with _running(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def serving(site: Files, authority: trustme.CA, host: str = "localhost") -> Iterator[str]:
    """Serve over https on loopback; yields the base URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", "models.example").configure_cert(context)
    server = _Server(("127.0.0.1", 0), _handler(site))
    # The handshake belongs to the thread of the connection.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    with _running(server):
        yield f"https://{host}:{server.server_address[1]}"


@contextmanager
def _running(server: _Server) -> Iterator[None]:
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
