"""The wire: one request out, one complete answer back, or a TransportError that says why not.

What `requests` lacks and a caller that must never send twice needs:

- whether a byte of the request was sent (`TransportError.sent`), noted by the connection
  right before it hands the first bytes to the socket;
- a total deadline: every single wait on the socket gets no more than what is left of it,
  so that an answer dripped byte by byte ends in time, headers and TLS records included;
- a cap on the bytes of an answer, and no inflating: identity is asked for, anything else
  is refused;
- a connection of its own for each request, so that an answer can belong to no other one:
  on a kept connection, an answer that is repeated late would be taken for the next one's;
- interim answers (RFC 9110, 15.2) are skipped, which http.client does with 100 alone;
- nothing from the environment. The adapter is used without a `requests.Session`, because
  the session is where netrc, proxies, cookies and redirects come from.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from contextvars import ContextVar
from typing import Any, TypeVar, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from reconciler.cloudflare.exchange import Answer, Failure, Request, TransportError
from reconciler.cloudflare.network import Network
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.text import printable

_BLOCK = 64 * 1024
# Without 101, after which another protocol is spoken, and 100, which http.client skips.
_INTERIM = frozenset(range(102, 200))


class _Call:
    """What the connection notes about the request under way in this thread."""

    def __init__(self, request: Request) -> None:
        self.sent = False
        self._request = request
        self._expires = time.monotonic() + request.total

    def time_to_send(self) -> float:
        """Seconds the next block may take."""
        return min(self._left(), self._request.stall)

    def time_to_read(self) -> float:
        """Seconds the next read may take."""
        return self._left()

    def begin_answer(self) -> None:
        """From here on the limit for the answer holds, too."""
        self._expires = min(self._expires, time.monotonic() + self._request.answer)

    def _left(self) -> float:
        left = self._expires - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


_call: ContextVar[_Call] = ContextVar("_call")


class _Reader(io.RawIOBase):
    """The reading side of a socket, with the call's deadline on every read."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, call: _Call) -> None:
        self._sock = sock
        self._raw = raw
        self._call = call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._call.time_to_read())
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        # The raw file holds the socket open: http.client closes its own handle early.
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Reads status line, headers and body through a _Reader."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        call = _call.get()
        # Before the request was sent, this is a proxy's answer to CONNECT.
        if call.sent:
            call.begin_answer()
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Reader(sock, raw, call))

    # Private to http.client, and so unknown to mypy; it has no public place for this.
    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        while status in _INTERIM:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason


class _Connection(HTTPConnection):
    """Notes when the first byte leaves, and keeps every send within the deadline."""

    response_class = _Response
    _connecting = False

    def connect(self) -> None:
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        # http.client would connect by itself further down, when it is noted as sent.
        if self.sock is None:
            self.connect()
        call = _call.get()
        self.sock.settimeout(call.time_to_send())
        # While connecting, what is sent is the CONNECT to a proxy, not the request.
        if not self._connecting:
            call.sent = True
        super().send(data)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(urllib3.HTTPConnectionPool):
    """Closes each connection after its answer, whatever the server says of it."""

    ConnectionCls = _Connection

    def _put_conn(self, conn: Any) -> None:
        # Not put back either: a pool that is empty makes a new one.
        if conn is not None:
            conn.close()


class _SecurePool(_Pool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_Manager = TypeVar("_Manager", bound=urllib3.PoolManager)


def _with_our_pools(manager: _Manager) -> _Manager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return manager


class _Adapter(HTTPAdapter):
    """requests' adapter on our connections; it never retries."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager = _with_our_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> urllib3.ProxyManager:
        manager: urllib3.ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        return _with_our_pools(manager)


class Transport:
    """Sends requests below one base URL; safe to share between threads."""

    def __init__(
        self, base_url: str, headers: dict[str, str], network: Network, connect: float
    ) -> None:
        self._base_url = base_url
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
            **headers,
        }
        self._verify: bool | str = network.ca_bundle or True
        self._proxies = {"https": network.proxy} if network.proxy else {}
        self._connect = connect
        self._adapter = _Adapter()

    def close(self) -> None:
        """Forget the pools; connections are closed after each answer."""
        self._adapter.close()

    def exchange(self, request: Request) -> Answer:
        """Send it once and read the whole answer, whatever its status; redirects included.

        Raises TransportError, or the DiagnosticError that reading the request's body raised.
        """
        call = _Call(request)
        token = _call.set(call)
        try:
            return self._exchange(request)
        except DiagnosticError:
            raise
        except Exception as error:
            # Everything, because whatever a server makes the libraries stumble over, the
            # request may have been executed, and that has to be said.
            raise _explain(error, call) from error
        finally:
            _call.reset(token)

    def _exchange(self, request: Request) -> Answer:
        response = self._adapter.send(
            self._prepare(request),
            stream=True,
            timeout=(self._connect, request.total),
            verify=self._verify,
            proxies=self._proxies,
        )
        try:
            body = _read(response, request.longest)
        except BaseException:
            response.raw.close()
            raise
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body)

    def _prepare(self, request: Request) -> requests.PreparedRequest:
        prepared = requests.PreparedRequest()
        prepared.prepare(request.method, self._base_url + request.path, headers=self._headers)
        if request.body is not None:
            # Set afterwards, so that `requests` neither measures the body nor reads it.
            prepared.headers["Content-Type"] = request.content_type
            prepared.headers["Content-Length"] = str(request.length)
            prepared.body = cast("bytes", request.body)
        return prepared


class _RefusedAnswerError(Exception):
    """An answer that is not read on: too long, or compressed."""


def _read(response: requests.Response, longest: int) -> bytes:
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise _RefusedAnswerError("the answer is compressed, which was not asked for")
    body = bytearray()
    while block := response.raw.read(_BLOCK, decode_content=False):
        body += block
        if len(body) > longest:
            raise _RefusedAnswerError(f"the answer is longer than {longest} bytes")
    return bytes(body)


def _explain(error: Exception, call: _Call) -> TransportError:
    causes = _causes(error)
    if not call.sent:
        return _explain_unsent(causes)
    if isinstance(error, _RefusedAnswerError):
        return TransportError(Failure.UNREADABLE, str(error), sent=True)
    if _any(causes, TimeoutError):
        return TransportError(Failure.LATE, "there was no complete answer in time", sent=True)
    if _any(causes, http.client.IncompleteRead, urllib3.exceptions.IncompleteRead):
        reason = "the answer was cut short"
    elif _any(causes, ConnectionError, ssl.SSLError):
        reason = "the connection was closed before the answer was complete"
    else:
        reason = f"the answer is not valid HTTP ({type(causes[-1]).__name__})"
    return TransportError(Failure.LOST, reason, sent=True)


def _explain_unsent(causes: list[BaseException]) -> TransportError:
    innermost = causes[-1]
    failure = Failure.UNREACHABLE
    if isinstance(innermost, ssl.SSLCertVerificationError):
        failure, reason = Failure.UNTRUSTED, innermost.verify_message.lower()
    elif _any(causes, socket.gaierror):
        reason = "its name could not be resolved"
    elif _any(causes, ConnectionRefusedError):
        reason = "the connection was refused"
    elif _any(causes, TimeoutError):
        reason = "the connection could not be made in time"
    elif isinstance(innermost, ssl.SSLError):
        reason = f"TLS failed ({innermost.reason or type(innermost).__name__})"
    elif isinstance(innermost, OSError) and innermost.strerror:
        reason = innermost.strerror.lower()
    else:
        reason = str(innermost) or type(innermost).__name__
    return TransportError(failure, printable(reason), sent=False)


def _any(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(cause, kinds) for cause in causes)


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it came from, outermost first; urllib3 has some in `args` only."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        wrapped = next((arg for arg in current.args if isinstance(arg, BaseException)), None)
        current = current.__cause__ or current.__context__ or wrapped
    return causes
