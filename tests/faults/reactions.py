"""The faults of the matrix, as reactions to script a FaultServer with."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import Any

from tests.faults.server import (
    Exchange,
    Reaction,
    envelope,
    envelope_error,
    http_answer,
    reset_socket,
)

HTML = b"<!doctype html><html><body><h1>Bad gateway</h1><script>alert(1)</script></body></html>"
_PAUSE = 0.02


def answer_with(status: int, body: Any, headers: dict[str, str] | None = None) -> Reaction:
    """Answer this, without executing anything."""

    def react(exchange: Exchange) -> bool:
        exchange.read_body()
        exchange.sock.sendall(http_answer(status, body, headers))
        return True

    return react


def api_error(status: int, code: int | None, message: str = "no", **headers: str) -> Reaction:
    """An error in Cloudflare's envelope."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer_with(status, envelope_error(code, message), named)


def html(status: int) -> Reaction:
    """An edge's error page."""
    return answer_with(status, HTML, {"cf-ray": "8a1b2c3d4e5f-FRA"})


def result(value: Any, **more: Any) -> Reaction:
    """A success with this `result`."""
    return answer_with(200, envelope(value, **more))


def redirect(status: int, location: str) -> Reaction:
    return answer_with(status, HTML, {"Location": location})


def execute_then(reaction: Reaction) -> Reaction:
    """Execute the request, then answer like this."""

    def react(exchange: Exchange) -> bool:
        exchange.execute()
        return reaction(exchange)

    return react


def execute_at_poll(number: int, reaction: Reaction) -> Reaction:
    """Answer like this; the create is executed before the number-th list afterwards."""

    def react(exchange: Exchange) -> bool:
        exchange.read_body()
        exchange.account.create_at_poll(number, exchange.request.json)
        return reaction(exchange)

    return react


def reset(exchange: Exchange) -> bool:
    """Read the request, and reset the connection."""
    exchange.read_body()
    reset_socket(exchange.sock)
    return False


def close(exchange: Exchange) -> bool:
    """Read the request, and close the connection in good order."""
    exchange.read_body()
    return False


def reset_unread(exchange: Exchange) -> bool:
    """Reset the connection without reading the body."""
    reset_socket(exchange.sock)
    return False


def hang(exchange: Exchange) -> bool:
    """Say nothing until the client gives up."""
    exchange.read_body()
    exchange.sock.recv(1)
    return False


def cut_after(body_bytes: int) -> Reaction:
    """Read so many bytes of the body, and reset the connection."""

    def react(exchange: Exchange) -> bool:
        exchange.read_body(body_bytes)
        reset_socket(exchange.sock)
        return False

    return react


def early(status: int, body: Any, read: int = 0) -> Reaction:
    """Answer after so many bytes of the body, and close."""

    def react(exchange: Exchange) -> bool:
        exchange.read_body(read)
        exchange.sock.sendall(http_answer(status, body, {"Connection": "close"}))
        # Taking in the rest keeps the answer from being lost to a reset.
        exchange.read_body()
        return False

    return react


def truncated(exchange: Exchange) -> bool:
    """Execute, then send half of the answer and close."""
    answer = exchange.execute()
    exchange.sock.sendall(answer[: len(answer) - 40])
    return False


def truncated_head(exchange: Exchange) -> bool:
    """Execute, then close in the middle of the headers."""
    exchange.sock.sendall(exchange.execute()[:30])
    return False


def drip_body(exchange: Exchange) -> bool:
    """Execute, then send the body of the answer one byte at a time, for ever."""
    head, _, _ = exchange.execute().partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    exchange.sock.sendall(b"\r\n".join(lines) + b"\r\nContent-Length: 1000000\r\n\r\n")
    return _drip(exchange, lambda: b" ")


def drip_head(exchange: Exchange) -> bool:
    """Execute, then send the headers of the answer one byte at a time, for ever."""
    exchange.execute()
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    return _drip(exchange, lambda: b"x")


def continue_for_ever(exchange: Exchange) -> bool:
    """Execute, then send one interim answer after the other."""
    exchange.execute()
    return _drip(exchange, lambda: b"HTTP/1.1 100 Continue\r\n\r\n")


def _drip(exchange: Exchange, piece: Callable[[], bytes]) -> bool:
    pause = threading.Event()
    while not pause.wait(_PAUSE):
        exchange.sock.sendall(piece())
    return False


def gzip_bomb(exchange: Exchange) -> bool:
    """Execute, then answer with 30 MB of spaces in 30 KB of gzip."""
    exchange.execute()
    body = _bomb()
    exchange.sock.sendall(http_answer(200, body, {"Content-Encoding": "gzip"}))
    return True


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * 30_000_000, 6)


def endless_body(exchange: Exchange) -> bool:
    """Execute, then send a chunked answer that never ends."""
    exchange.execute()
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    while True:
        exchange.sock.sendall(chunk)


def endless_headers(exchange: Exchange) -> bool:
    """Execute, then send headers that never end."""
    exchange.execute()
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        exchange.sock.sendall(b"X-More: and more\r\n" * 100)


def lying_length(offset: int) -> Reaction:
    """Execute, then announce so many bytes more (or fewer) than are sent."""

    def react(exchange: Exchange) -> bool:
        answer = exchange.execute()
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        lines.append(f"Content-Length: {len(body) + offset}".encode())
        exchange.sock.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        return offset <= 0

    return react


def no_http(exchange: Exchange) -> bool:
    """Execute, then answer with something that is not HTTP."""
    exchange.execute()
    exchange.sock.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    return False


def answer_twice(answer: Callable[[Exchange], bytes]) -> Reaction:
    """Answer, and once more as soon as the next request begins on the connection."""

    def react(exchange: Exchange) -> bool:
        content = answer(exchange)
        exchange.sock.sendall(content)
        exchange.sock.settimeout(30)
        with suppress(OSError):
            exchange.sock.recv(1, socket.MSG_PEEK)
            exchange.sock.sendall(content)
        exchange.sock.settimeout(None)
        return True

    return react


def refusal(exchange: Exchange) -> bytes:
    """Take the request in, execute nothing, and make the answer of a definite no."""
    exchange.read_body()
    return http_answer(400, envelope_error(5004, "no"))


def answer_then_reset_next(exchange: Exchange) -> bool:
    """Answer, and reset the connection as soon as the next request begins on it."""
    exchange.sock.sendall(exchange.execute())
    exchange.sock.recv(1)
    reset_socket(exchange.sock)
    return False
