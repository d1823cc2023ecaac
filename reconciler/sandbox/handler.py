"""HTTP: reads requests from a connection, has them answered and logged, writes the answers."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

from reconciler.sandbox.account import Account, RequestRecord, now
from reconciler.sandbox.answers import Answer, ApiError, refused
from reconciler.sandbox.body import CHUNK, Body, BodyCutError, content_length
from reconciler.sandbox.routes import dispatch
from reconciler.sandbox.settings import SandboxSettings

METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

MAX_DISCARDED = 1024 * 1024 * 1024
"""The most bytes of a refused body that are read to keep the connection usable."""

LINGER_SECONDS = 1.0
"""How long a client may be silent before a connection with unread bytes is closed."""

log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())  # else Python would print what goes wrong


@dataclass(frozen=True, slots=True)
class Service:
    """What all connections share; `stopping` cuts the latency short."""

    account: Account
    settings: SandboxSettings
    on_request: Callable[[RequestRecord], None] | None
    stopping: threading.Event


class Handler(BaseHTTPRequestHandler):
    """One connection, HTTP/1.1 with keep-alive. What is not HTTP gets an HTML error, as from an
    edge; every other request an answer in JSON.
    """

    protocol_version = default_request_version = "HTTP/1.1"
    server_version = "reconciler-sandbox"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: head and body of an answer leave in one write

    def __init__(self, service: Service, *connection: Any) -> None:
        self._service = service
        super().__init__(*connection)

    def serve(self) -> None:
        """Answer a request of any of METHODS; the routes know which mean something."""
        if self._service.settings.latency:
            self._service.stopping.wait(self._service.settings.latency)
        body = Body(self.rfile, content_length(self.command, self.headers))
        try:
            answer = self._answer(body)
        except BodyCutError:
            self._note(Answer(0, {}, outcome="the client went away"))
            self.close_connection = True
            return
        whole = body.discard(MAX_DISCARDED)
        self.close_connection = self.close_connection or not whole
        self._note(answer)
        self._send(answer)
        if not whole:
            self._linger()

    def handle_expect_100(self) -> bool:
        """Tell the client to go on, at once: it waits for that."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def log_message(self, *_: Any) -> None:
        """Print nothing; `Account.requests` is the log."""

    def _answer(self, body: Body) -> Answer:
        try:
            return dispatch(
                self.command,
                self.path,
                self.headers,
                body,
                account=self._service.account,
                settings=self._service.settings,
            )
        except ApiError as error:
            return error.answer()
        except BodyCutError:
            raise
        except Exception:
            log.exception("the sandbox failed to answer %s %s", self.command, self.path)
            return refused(500, "the sandbox itself failed").answer()

    def _note(self, answer: Answer) -> None:
        record = RequestRecord(
            now(), self.command, self.path, answer.status, answer.finetune, answer.outcome
        )
        self._service.account.log(record)
        if self._service.on_request is not None:
            self._service.on_request(record)

    def _send(self, answer: Answer) -> None:
        data = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _linger(self) -> None:
        """Read on for a while: closing with bytes unread would take the answer from the client."""
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(LINGER_SECONDS)
            for _ in range(MAX_DISCARDED // CHUNK):
                if not self.connection.recv(CHUNK):
                    return


# http.server looks for a `do_` of each method.
for method in METHODS:
    setattr(Handler, f"do_{method}", Handler.serve)
