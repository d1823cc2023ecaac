"""One HTTP request and its whole answer: within a deadline, within a size, never elsewhere.

Redirects are answers like others, so that no credential follows one. Nothing is taken from
netrc. A watchdog shuts the connection down at the deadline, however slowly an answer drips.
"""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import certifi

from reconciler.state import MAX_BYTES
from reconciler.stores.addresses import LOOPBACK

CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 60.0
WAIT_SECONDS = (1.0, 2.0)
"""Between the tries of what failed: about as long as a gateway needs to find another server."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ExchangeError(Exception):
    """There is no whole answer, or one that says to try again.

    sent: whether the request may have been executed. status: of the answer, 0 where none is there.
    lasting: whether trying again would end the same way.
    """

    def __init__(self, reason: str, *, sent: bool, status: int = 0, lasting: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.status = status
        self.lasting = lasting


def repeated(request: Callable[[], _Result]) -> _Result:
    """Call it again where it raises ExchangeError, a few times; the last one is raised.

    What took as long as a request may take is not asked for again.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    for seconds in WAIT_SECONDS:
        try:
            return request()
        except ExchangeError as error:
            if error.lasting or time.monotonic() + seconds > deadline:
                raise
            time.sleep(seconds)
    return request()


def exchange(url: str, method: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
    """Send a request once. Raises ExchangeError; its words hold no header and no address."""
    if sys.is_finalizing():
        # The watchdog would never start, and be waited for without an end.
        raise ExchangeError("this process is ending", sent=False, lasting=True)
    parts = urlsplit(url)
    connection = _connection(parts)
    sent = False
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(TOTAL_SECONDS, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.connect()
        if connection.sock is not None:
            connection.sock.settimeout(TOTAL_SECONDS)
        sent = True
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request(method, target, body, dict(headers))
        answer = _read(connection.getresponse())
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = "no whole answer came in time" if late.is_set() else _reason(error, sent)
        lasting = isinstance(error, ssl.SSLCertVerificationError | ValueError)
        raise ExchangeError(reason, sent=sent, lasting=lasting) from None
    finally:
        watchdog.cancel()
        connection.close()
    _check(answer.status)
    return answer


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    context = ssl.create_default_context(cafile=_authorities())
    proxy = "" if host in LOOPBACK else _proxy(host)
    if not proxy:
        return http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=context)
    through = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = http.client.HTTPSConnection(
        through.hostname or "", through.port or 3128, timeout=CONNECT_SECONDS, context=context
    )
    # The proxy is asked for a tunnel; it sees neither the credentials nor the state.
    connection.set_tunnel(host, port or 443, _proxy_headers(through))
    return connection


def _authorities() -> str:
    bundles = (os.environ.get("REQUESTS_CA_BUNDLE"), os.environ.get("SSL_CERT_FILE"))
    return next(filter(None, bundles), None) or certifi.where()


def _proxy(host: str) -> str:
    return "" if proxy_bypass(host) else getproxies_environment().get("https", "")


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _read(response: http.client.HTTPResponse) -> Answer:
    body = bytearray()
    while block := response.read(64 * 1024):
        body += block
        if len(body) > MAX_BYTES:
            raise ValueError("the answer is too long")
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, bytes(body))


def _check(status: int) -> None:
    # A gateway that waited in vain, or a server that failed halfway, may have done it.
    is_failure = status >= 500 and status != 501
    if is_failure or status == 429:
        raise ExchangeError(f"the server answered {status}", sent=is_failure, status=status)


def _reason(error: Exception, sent: bool) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, socket.gaierror):
        return "its name could not be resolved"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, TimeoutError):
        return "there was no answer in time"
    if sent:
        return "the connection was closed before the answer was whole"
    return f"the connection could not be made ({type(error).__name__})"
