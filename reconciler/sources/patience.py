"""Waiting for what a server sends: for so long, and no longer than the run goes on.

A timeout of a socket is one for each read, so that a server that sends a byte now and then
could hold a run forever. Here the time is one for all the reads that a step takes.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import ContextVar
from typing import Any, TypeVar

from reconciler.sources.source import StoppedError

Result = TypeVar("Result")

NOTICE_SECONDS = 0.25
"""After so long a run that is to end is noticed."""


class Patience:
    """The time that is left for one step of an answer: its head, or its next block."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._expires = 0.0

    def begin(self, seconds: float) -> None:
        """Give the next step that long."""
        self._expires = time.monotonic() + seconds

    def receive(self, sock: socket.socket, buffer: Any) -> int:
        """Read what is there, as recv_into does. Raises TimeoutError, StoppedError."""
        before = sock.gettimeout()
        try:
            while not self._stop.is_set():
                left = self._expires - time.monotonic()
                if left <= 0:
                    raise TimeoutError("nothing came in time")
                sock.settimeout(min(left, NOTICE_SECONDS))
                try:
                    return sock.recv_into(buffer)
                except TimeoutError:
                    continue
            raise StoppedError
        finally:
            sock.settimeout(before)


def waiting(action: Callable[[], Result], stop: threading.Event) -> Result:
    """Do what cannot be interrupted, in a thread; StoppedError once the run is to end.

    The thread is left to itself then: the libraries that need this have timeouts.
    """
    outcome: Future[Result] = Future()

    def act() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:  # noqa: BLE001 - an answer is owed, whatever happens
            outcome.set_exception(error)

    threading.Thread(target=act, daemon=True).start()
    while not wait([outcome], NOTICE_SECONDS).done:
        if stop.is_set():
            raise StoppedError
    return outcome.result()


current: ContextVar[Patience] = ContextVar("current")
"""That of the request that this thread is sending."""


class _Reader(io.RawIOBase):
    """The reading side of a socket, with a patience."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, patience: Patience) -> None:
        self._sock = sock
        self._raw = raw
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._patience.receive(self._sock, buffer)

    def close(self) -> None:
        # The raw file holds the socket open: http.client closes its own handle early.
        self._raw.close()
        super().close()


class PatientResponse(http.client.HTTPResponse):
    """Reads status line, headers and body with the patience of its request."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(sock, self.fp.detach(), current.get()))
