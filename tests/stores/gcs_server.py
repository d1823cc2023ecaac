"""A small server of Cloud Storage's XML API, as far as a state needs it, with its preconditions.

No emulator on PyPI or npm honours `x-goog-if-generation-match` on the XML API's PUT, which is
what obstore sends, so this one is our own. What it does is what Google documents: a generation
that grows with every write, 0 for "no object", 412 where the precondition does not hold, the
MD5 as ETag, 401 without a known token, 404 that tells a bucket from an object.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from urllib.parse import unquote, urlsplit

from tests.stores.listener import Answering, Listener

TOKEN = "ya29.hunter2-token"
Answer = tuple[int, dict[str, str], bytes]


@dataclass(slots=True)
class Bucket:
    """Objects by name: content and generation."""

    url: str
    name: str
    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    generations: Iterator[int] = field(default_factory=lambda: count(1_700_000_000_000_000))
    guard: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, path: str, condition: str | None, body: bytes) -> Answer:
        bucket, _, name = path.removeprefix("/").partition("/")
        if bucket != self.name:
            return error(404, "NoSuchBucket")
        with self.guard:
            content, generation = self.objects.get(name, (b"", 0))
            if condition is not None and condition != str(generation):
                return error(412, "PreconditionFailed")
            if method == "PUT":
                generation = next(self.generations)
                self.objects[name] = body, generation
                return 200, described(body, generation), b""
            if not generation:
                return error(404, "NoSuchKey")
            if method == "DELETE":
                del self.objects[name]
                return 204, {}, b""
            return 200, described(content, generation), content


def described(content: bytes, generation: int) -> dict[str, str]:
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return {
        "ETag": f'"{digest}"',
        "x-goog-generation": str(generation),
        "Last-Modified": formatdate(usegmt=True),
    }


def ranged(answer: Answer, wanted: str) -> Answer:
    """Return the part of an object that was asked for, as RFC 9110 has it."""
    status, headers, body = answer
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if status != 200 or asked is None:
        return answer
    begin = int(asked[1])
    end = min(int(asked[2]) + 1, len(body)) if asked[2] else len(body)
    if begin >= len(body):
        return error(416, "InvalidRange")
    told = {"Content-Range": f"bytes {begin}-{end - 1}/{len(body)}"}
    return 206, {**headers, **told}, body[begin:end]


def error(status: int, code: str) -> Answer:
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>"
    return status, {"Content-Type": "application/xml"}, text.encode()


@contextmanager
def serving(bucket: str) -> Iterator[Bucket]:
    class Handler(Answering):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.reply(*error(401, "AuthenticationRequired"))
                return
            path = unquote(urlsplit(self.path).path)
            condition = self.headers.get("x-goog-if-generation-match")
            answer = server.answer(self.command, path, condition, body)
            self.reply(*ranged(answer, self.headers.get("Range", "")))

        def reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    for method in ("GET", "HEAD", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.handle_any)
    listener = Listener(("127.0.0.1", 0), Handler)
    server = Bucket(f"http://127.0.0.1:{listener.server_address[1]}", bucket)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
