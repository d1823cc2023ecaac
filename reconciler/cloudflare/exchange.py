"""One HTTP exchange as the client sees it: what goes out, what comes back, what can fail.

Imports nothing of `requests`, so that everything but the transport can do without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from reconciler.model import SLOWEST


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds; every call has a total, whatever the server does.

    connect: one attempt at one IP address, TLS included. total: a list or create, from
    the first attempt to connect to the last byte of the answer. stall: an upload in which
    not one block leaves. answer: from an upload's last byte to the end of its answer.
    slowest: bytes a second below which an upload as a whole is given up.
    """

    connect: float = 10.0
    total: float = 60.0
    stall: float = 60.0
    answer: float = 120.0
    slowest: float = SLOWEST


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. path: below the base URL, with its query. length: of the body, in bytes.

    total, stall, answer: as in Timeouts. longest: bytes of the answer's body that are read.
    """

    method: str
    path: str
    total: float
    stall: float
    answer: float
    body: bytes | Iterable[bytes] | None = None
    length: int = 0
    content_type: str = ""
    longest: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. headers: names in lower case. body: never compressed."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Failure(Enum):
    """Why there is no complete answer."""

    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    LATE = "late"
    UNREADABLE = "unreadable"


class TransportError(Exception):
    """There is no complete answer.

    failure: why. sent: whether a byte of the request was sent; where it is False, nothing
    can have been executed. reason: half a sentence for people, without secrets.
    """

    def __init__(self, failure: Failure, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.failure = failure
        self.reason = reason
        self.sent = sent
