"""The rate limiter that all threads share: a sliding window, and pauses the server asks for."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

WINDOW = 300.0
"""Seconds in which Cloudflare counts requests a token (API limits page, 2026-04-20)."""

LONGEST_PAUSE = 300.0
"""Past the limit all calls are refused for up to five minutes; nothing sensible is longer."""

_SHORTEST_WAIT = 0.001
_SECONDS = re.compile(r"\s*(\d{1,20}(?:\.\d{1,20})?)\s*\Z", re.ASCII)
_RATELIMIT_ITEM = re.compile(r'(?:"[^"]*"|[^",;]+)((?:;[^",;]*)*)')
_PARAMETER = re.compile(r"\s*([rt])\s*=\s*(\d{1,20})\s*\Z", re.ASCII)
_LONGEST_HEADER = 1000


class RateLimiter:
    """Lets `requests` requests through in any `window` seconds, for all threads together.

    requests=None has no window (a loopback address), only the pauses. clock gives seconds
    that never go backwards, sleep waits that many seconds; both are for tests.
    """

    def __init__(
        self,
        requests: int | None = None,
        window: float = WINDOW,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        if requests is not None and requests < 1:
            raise ValueError("a rate limit lets at least one request through")
        self._requests = requests
        self._window = window
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._taken: deque[float] = deque()
        self._not_before = -math.inf

    def acquire(self, stop: threading.Event | None = None) -> bool:
        """Wait for a place; False when `stop` was set while waiting, and no place was taken."""
        while (seconds := self._take()) > 0:
            if self.wait(max(seconds, _SHORTEST_WAIT), stop):
                return False
        return True

    def wait(self, seconds: float, stop: threading.Event | None = None) -> bool:
        """Wait that long, or until `stop` is set; tell whether it is."""
        if self._sleep is None and stop is not None:
            return stop.wait(seconds)
        if stop is None or not stop.is_set():
            (self._sleep or time.sleep)(seconds)
        return stop is not None and stop.is_set()

    def pause(self, seconds: float) -> None:
        """Let nobody through for so long, five minutes at most."""
        if seconds > 0:
            with self._lock:
                until = self._clock() + min(seconds, LONGEST_PAUSE)
                self._not_before = max(self._not_before, until)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Obey an answer's `Ratelimit` header: pause where nothing remains.

        `Ratelimit-Policy` only repeats the quota that `Ratelimit` counts down.
        """
        self.pause(exhausted_seconds(headers.get("ratelimit", "")))

    def _take(self) -> float:
        """Take a place and return 0, or return the seconds after which to ask again."""
        with self._lock:
            now = self._clock()
            if now < self._not_before:
                return self._not_before - now
            if self._requests is None:
                return 0.0
            while self._taken and self._taken[0] <= now - self._window:
                self._taken.popleft()
            if len(self._taken) < self._requests:
                self._taken.append(now)
                return 0.0
            return max(self._taken[0] + self._window - now, _SHORTEST_WAIT)


def exhausted_seconds(header: str) -> float:
    """Seconds until the quota is renewed, 0 where some remains or the header says nothing.

    Cloudflare sends a list of `"name";r=REMAINING;t=SECONDS` (changelog of 2025-09-03).
    """
    longest = 0.0
    for item in _RATELIMIT_ITEM.finditer(header[:_LONGEST_HEADER]):
        found = (_PARAMETER.match(part) for part in item[1].split(";"))
        values = {match[1]: int(match[2]) for match in found if match}
        if values.get("r") == 0:
            longest = max(longest, min(float(values.get("t", 0)), LONGEST_PAUSE))
    return longest


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Read `retry-after`, seconds or an HTTP date, as 0 to 300 seconds; None if it is neither.

    now: seconds since the epoch. A date in the past is 0.
    """
    text = (header or "")[:_LONGEST_HEADER]
    if match := _SECONDS.match(text):
        return min(float(match[1]), LONGEST_PAUSE)
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp() - now
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE)
