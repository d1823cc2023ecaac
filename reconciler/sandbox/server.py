"""The sandbox: an emulated account behind real HTTP on this machine's loopback address."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import logging
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from reconciler.sandbox.account import Account, RequestRecord, SandboxError
from reconciler.sandbox.handler import Handler, Service
from reconciler.sandbox.routes import BASE_PATH
from reconciler.sandbox.settings import SandboxSettings

STOP_SECONDS = 5.0
"""How long `stop` waits for requests under way."""

log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())


class Listener(ThreadingHTTPServer):
    """The listening socket; a thread a connection, all of them known so that they can be ended."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, handler: Callable[..., Handler]) -> None:
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without the look-up of the host's name that http.server does: it can take long."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a new connection in a thread of its own."""
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection that is done."""
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def handle_error(self, *connection: Any) -> None:
        """Print nothing about a connection that broke."""
        log.debug("connection broke: %s", connection, exc_info=True)

    def end_connections(self) -> None:
        """Read no more from any connection, and wait until what was read is answered."""
        with self._changed:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            self._changed.wait_for(lambda: not self._connections, STOP_SECONDS)


class Sandbox:
    """An emulated account, served from `start` to `stop`; also a context manager.

    data_folder: where the account is kept across restarts; made with mode 0700.
    host: a loopback address. port: 0 picks a free one.
    on_request: called with every request, in the order in which they end in each connection,
    from that connection's thread and before the answer is sent.
    """

    def __init__(
        self,
        data_folder: Path,
        settings: SandboxSettings | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        on_request: Callable[[RequestRecord], None] | None = None,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self._data_folder = data_folder
        self._host = _loopback(host)
        self._port = port
        self._on_request = on_request
        self._stopping = threading.Event()
        self._account: Account | None = None
        self._listener: Listener | None = None

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def account(self) -> Account:
        """The account, to look into and to change behind the API's back."""
        if self._account is None:
            raise SandboxError("The sandbox is not running.")
        return self._account

    @property
    def base_url(self) -> str:
        """The API's base URL, such as `http://127.0.0.1:8787/client/v4`."""
        if self._listener is None:
            raise SandboxError("The sandbox is not running.")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._listener.server_address[1]}{BASE_PATH}"

    def start(self) -> None:
        """Open the account and serve it, from threads of this process. Raises SandboxError."""
        account = Account(self._data_folder, self.settings.account_id)
        self._stopping.clear()
        service = Service(account, self.settings, self._on_request, self._stopping)
        try:
            listener = Listener(self._host, self._port, functools.partial(Handler, service))
        except (OSError, OverflowError) as error:
            account.close()
            raise SandboxError(
                f"The sandbox can't listen on {self._host} port {self._port}: {_reason(error)}.",
                hint="Choose another port: --port 0 picks a free one.",
            ) from error
        self._account, self._listener = account, listener
        threading.Thread(
            target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def stop(self) -> None:
        """Answer what has arrived, end every connection, close the account; harmless twice."""
        if self._listener is None or self._account is None:
            return
        self._stopping.set()
        self._listener.shutdown()
        self._listener.end_connections()
        self._listener.server_close()
        self._account.close()
        self._listener = self._account = None


def _loopback(host: str) -> str:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        if ipaddress.ip_address(address).is_loopback:
            return address
    except ValueError:
        pass
    raise SandboxError(
        f"The sandbox listens on this machine only, and {host} is not a loopback address.",
        hint="Use 127.0.0.1 or ::1.",
    )


def _reason(error: OSError | OverflowError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error).rstrip(".")
