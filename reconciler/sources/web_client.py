"""https, carefully: no address inside the network, redirects by hand, nothing from netrc.

A credential goes to the host that it is meant for, and to no other that a redirect names.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import unquote, urljoin, urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPSConnection

from reconciler.cloudflare.network import CA_BUNDLES, Network
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes import sources as codes
from reconciler.diagnostics.text import printable
from reconciler.sources.guard import CONNECT_SECONDS, Guard
from reconciler.sources.patience import Patience, PatientResponse, current
from reconciler.sources.source import BLOCK, BrokenError

Result = TypeVar("Result")

MOST_REDIRECTS = 5
STALL_SECONDS = 30.0
"""In which the whole head of an answer has to come, and then each block."""
_REDIRECTS = (301, 302, 303, 307, 308)
_HOST = re.compile(r"[A-Za-z0-9._-]+\Z|[0-9A-Fa-f:.]+\Z")
_VISIBLE_ASCII = re.compile(r"[!-~]+\Z")


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer, and its body to read. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    response: urllib3.HTTPResponse
    patience: Patience

    def blocks(self) -> Iterator[bytes]:
        """Read the body, each block as it comes; BrokenError where it breaks off."""
        while block := self._next():
            yield block

    def _next(self) -> bytes:
        self.patience.begin(STALL_SECONDS)
        return _reading(lambda: self.response.read1(BLOCK, decode_content=False))


class WebClient:
    """Gets files over https; safe to share between threads.

    Once `stop` is set, whatever is waited for ends with StoppedError.
    """

    def __init__(self, environment: Mapping[str, str], stop: threading.Event) -> None:
        self._environment = environment
        self._stop = stop
        self._guard = Guard(environment)
        self._pools: dict[str, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all idle connections."""
        for pool in self._pools.values():
            pool.clear()

    @contextmanager
    def get(
        self, url: str, headers: Mapping[str, str], authorization: str = ""
    ) -> Iterator[Answer]:
        """Ask for a URL and follow its redirects; `authorization` is meant for its host alone.

        Raises BrokenError where there is no answer, DiagnosticError where none is wanted.
        """
        meant_for = _origin(url)
        for _ in range(MOST_REDIRECTS + 1):
            _check_url(url)
            sent = {"Accept-Encoding": "identity", "User-Agent": "reconciler", **headers}
            if authorization and _origin(url) == meant_for:
                sent["Authorization"] = authorization
            patience = Patience(self._stop)
            response = self._send(url, sent, patience)
            try:
                location = response.headers.get("location", "")
                if response.status not in _REDIRECTS or not location:
                    yield _answer(response, patience)
                    return
                url = urljoin(url, location)
            finally:
                response.close()
        raise _bad_redirect(f"There are more than {MOST_REDIRECTS} redirects, one after the other.")

    def _send(self, url: str, headers: dict[str, str], patience: Patience) -> urllib3.HTTPResponse:
        pool = self._pool(url)
        token = current.set(patience)
        patience.begin(STALL_SECONDS)
        try:
            response = _reading(
                lambda: pool.request(
                    "GET",
                    url,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
            )
        finally:
            current.reset(token)
        return cast("urllib3.HTTPResponse", response)

    def _pool(self, url: str) -> urllib3.PoolManager:
        network = Network.from_environment(self._environment, url)
        if network.proxy:
            self._guard.check_name(urlsplit(url).hostname or "")
        with self._lock:
            if network.proxy not in self._pools:
                self._pools[network.proxy] = self._make_pool(network)
            return self._pools[network.proxy]

    def _make_pool(self, network: Network) -> urllib3.PoolManager:
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=STALL_SECONDS)
        context = _tls(network.ca_bundle)
        manager: urllib3.PoolManager
        if network.proxy:
            manager = urllib3.ProxyManager(
                network.proxy,
                timeout=timeout,
                ssl_context=context,
                maxsize=64,
                proxy_headers=_proxy_headers(network.proxy),
            )
            manager.pool_classes_by_scheme = {**manager.pool_classes_by_scheme, "https": _Pool}
        else:
            manager = urllib3.PoolManager(timeout=timeout, ssl_context=context, maxsize=64)
            manager.pool_classes_by_scheme = {"https": _guarded(self._guard)}
        return manager


def _proxy_headers(proxy: str) -> dict[str, str]:
    """What the proxy alone gets: the user name and password of its URL."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return {}
    user, password = unquote(parts.username), unquote(parts.password or "")
    return dict(urllib3.make_headers(proxy_basic_auth=f"{user}:{password}"))


def _tls(bundle: str) -> ssl.SSLContext:
    trusted = bundle or certifi.where()
    folder = Path(trusted).is_dir()
    return ssl.create_default_context(
        cafile=None if folder else trusted, capath=trusted if folder else None
    )


class _Connection(HTTPSConnection):
    response_class = PatientResponse


class _Pool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Connection


def _guarded(guard: Guard) -> type[urllib3.HTTPSConnectionPool]:
    class Connection(_Connection):
        def _new_conn(self) -> socket.socket:
            return guard.connect(self._dns_host, self.port or 443)

    class Pool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool


def _origin(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or 443


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _bad_redirect("It leads to something that is no URL.") from None
    if parts.scheme != "https" or not parts.hostname:
        raise _bad_redirect(f"It leads to {printable(parts.scheme, 20)}://, and not to https://.")
    if "@" in parts.netloc or not (_HOST.match(parts.hostname) and _VISIBLE_ASCII.match(url)):
        raise _bad_redirect("It leads to a URL with a user name or unusual characters in it.")


def _bad_redirect(detail: str) -> DiagnosticError:
    return DiagnosticError(
        codes.BAD_REDIRECT.error(detail, hint="Name the place that the files are really at.")
    )


def _answer(response: urllib3.HTTPResponse, patience: Patience) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise DiagnosticError(
            codes.BAD_ANSWER.error("The answer is compressed, which was not asked for.")
        )
    return Answer(response.status, headers, response, patience)


def _reading(action: Callable[[], Result]) -> Result:
    try:
        return action()
    except DiagnosticError:
        raise
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise BrokenError(_reason(error)) from None


def _reason(error: BaseException) -> str:
    """Say what happened; what the server or a library wrote is not repeated."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        wrapped = next((arg for arg in current.args if isinstance(arg, BaseException)), None)
        current = current.__cause__ or current.__context__ or wrapped
    for cause in causes:
        # What a proxy answers is in no attribute of any exception.
        if found := _TUNNEL.match(str(cause)):
            return _PROXY_WANTS if found[1] == "407" else f"the proxy refused it ({found[1]})"
    for kind, reason in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return reason
    return "the connection broke"


_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")
_PROXY_WANTS = (
    "the proxy wants a user name and a password (407), which HTTPS_PROXY holds as "
    "http://USER:PASSWORD@HOST:PORT"
)
_REASONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (
        ssl.SSLCertVerificationError,
        f"its certificate is not trusted ({' or '.join(CA_BUNDLES)} names other authorities)",
    ),
    (socket.gaierror, "its name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    ((TimeoutError, urllib3.exceptions.TimeoutError), "nothing came in time"),
    (urllib3.exceptions.IncompleteRead, "it ended before it was complete"),
    (ssl.SSLError, "TLS failed"),
)
