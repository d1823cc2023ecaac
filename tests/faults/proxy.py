"""A forward proxy that records what it is asked, and tunnels CONNECT."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from tests.faults.server import shut


class TunnelProxy:
    """Serves on 127.0.0.1. refuse: answer 407 instead of tunnelling."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.heads: list[str] = []
        self.seen = bytearray()
        self._refuse = refuse
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._socks: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self.url = f"http://user:hunter2@127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> TunnelProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for sock in list(self._socks):
            shut(sock)
        for thread in list(self._threads):
            thread.join(10)
        for sock in self._socks:
            sock.close()

    def _start(self, target: object, *args: object) -> None:
        assert callable(target)
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self._socks.append(sock)
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            block = sock.recv(65536)
            if not block:
                return
            data += block
        head = data.decode("latin-1")
        self.heads.append(head)
        if self._refuse or not head.startswith("CONNECT "):
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            shut(sock)
            return
        host, _, port = head.split(" ")[1].partition(":")
        target = socket.create_connection((host, int(port)))
        self._socks.append(target)
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._start(self._pump, target, sock)
        self._pump(sock, target)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                self.seen += block
                sink.sendall(block)
        shut(sink)
