"""A wire between a client and a server on this machine: it counts, and it can be cut."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) \S+ HTTP/1\.1\r\n")


class Wire:
    """Forwards connections to a port until it is cut; from then on nothing gets through.

    sent, received: bytes so far, as the client sees it. requests: of HTTP, by their method.
    blocks: how many the client has sent; cut_at: the block that is not passed on any more.
    unanswered_from: the block whose answer is the first that does not come back.
    before: called with the number of each block of the client's before it is passed on.
    """

    unanswered_from = 0

    def __init__(self, target: int, cut_at: int = 0) -> None:
        self.sent = self.received = 0
        self.connections = self.blocks = 0
        self.before: Callable[[int], None] = lambda number: None
        self._cut_at = cut_at
        self.requests: Counter[str] = Counter()
        self._target = target
        self._socks: list[socket.socket] = []
        self._guard = threading.Lock()
        self._is_cut = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        with self._guard:
            self._is_cut = True
            for sock in (self._listener, *self._socks):
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            with self._guard:
                if self._is_cut:
                    near.close()
                    far.close()
                    return
                self._socks += [near, far]
                self.connections += 1
            for sock in (near, far):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for passing in (self._there, self._back):
                threading.Thread(target=self._pass, args=(passing, near, far), daemon=True).start()

    def _pass(self, passing: object, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            passing(near, far)  # type: ignore[operator]
        for sock in (near, far):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        with self._guard:
            if near in self._socks:
                self._socks.remove(near)
                self._socks.remove(far)
                near.close()
                far.close()

    def _there(self, near: socket.socket, far: socket.socket) -> None:
        while block := near.recv(64 * 1024):
            with self._guard:
                self.sent += len(block)
                # A request's first line comes whole, with its head.
                self.requests.update(found.decode() for found in _REQUEST.findall(block))
                self.blocks += 1
                number = self.blocks
            if number == self._cut_at:
                self.cut()
                return
            self.before(number)
            far.sendall(block)

    def _back(self, near: socket.socket, far: socket.socket) -> None:
        while block := far.recv(64 * 1024):
            with self._guard:
                self.received += len(block)
                is_lost = 0 < self.unanswered_from <= self.blocks
            if is_lost:
                self.cut()
                return
            near.sendall(block)


@contextmanager
def wire(target: int, cut_at: int = 0) -> Iterator[Wire]:
    """Lay a wire to a port of this machine."""
    made = Wire(target, cut_at)
    try:
        yield made
    finally:
        made.cut()
