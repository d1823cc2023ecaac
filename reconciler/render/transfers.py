"""How far downloads and uploads are: bytes, speed, time left. Pure, but for a clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.apply.events import (
    Event,
    Failed,
    FetchDone,
    FetchProgress,
    FetchStarted,
    InDoubt,
    UploadDone,
    UploadProgress,
    UploadStarted,
)
from reconciler.model import Address
from reconciler.plan import Plan
from reconciler.render.text import size

Clock = Callable[[], float]
"""Seconds that never go backwards, such as time.monotonic."""

File: TypeAlias = tuple[Address, str]
"""A finetune and the name of one of its files."""

_WINDOW = 10.0
_SAMPLE_EVERY = 0.25
_SHORTEST = 0.5


class Throttle:
    """Lets a key through at most once in `seconds`."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._not_before: dict[Hashable, float] = {}

    def is_due(self, key: Hashable) -> bool:
        """Tell whether it is time for this key, and if so begin to wait anew."""
        if self._clock() < self._not_before.get(key, -math.inf):
            return False
        self.begin(key)
        return True

    def begin(self, key: Hashable) -> None:
        """Wait from now on."""
        self._not_before[key] = self._clock() + self._seconds

    def end(self, key: Hashable) -> None:
        """Forget a key."""
        self._not_before.pop(key, None)


class Speed:
    """Bytes a second over the last ten seconds, so that it follows a line that slows down."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def note(self, now: float, total: int) -> None:
        """Take a total into account; one that shrank begins anew."""
        if self._samples and total < self._samples[-1][1]:
            self._samples.clear()
        if self._samples and now - self._samples[-1][0] < _SAMPLE_EVERY:
            return
        self._samples.append((now, total))
        while len(self._samples) > 2 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()

    def rate(self, now: float, total: int) -> float | None:
        """Return bytes a second, None while it is too early to tell."""
        while len(self._samples) > 1 and self._samples[1][0] <= now - _WINDOW:
            self._samples.popleft()
        if not self._samples:
            return None
        began, first = self._samples[0]
        seconds = now - began
        return max(total - first, 0) / seconds if seconds >= _SHORTEST else None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a transfer is, or all of them: sent, size in bytes; rate in bytes a second."""

    sent: int
    size: int
    rate: float | None

    @property
    def seconds_left(self) -> float | None:
        """How long it takes at this rate; None where nobody knows."""
        return (self.size - self.sent) / self.rate if self.rate else None

    @property
    def percent(self) -> int:
        """How much is sent; 100 only when all is."""
        return self.sent * 100 // self.size if self.size else 100


@dataclass(frozen=True, slots=True)
class Way:
    """A direction, and the events that tell of it. noun: what is moved that way."""

    noun: str
    started: type[FetchStarted | UploadStarted]
    progress: type[FetchProgress | UploadProgress]
    done: type[FetchDone | UploadDone]


DOWN = Way("downloads", FetchStarted, FetchProgress, FetchDone)
UP = Way("uploads", UploadStarted, UploadProgress, UploadDone)


class Transfers:
    """Follows the transfers of one apply in one way. sizes: every planned one, in bytes; 0
    where it is not known yet.
    """

    def __init__(self, sizes: Mapping[File, int], clock: Clock, way: Way = UP) -> None:
        self.way = way
        self._sizes = dict(sizes)
        self._clock = clock
        self._finished: set[File] = set()
        self._finished_bytes = 0
        self._under_way: dict[File, tuple[int, Speed]] = {}
        self._speed = Speed()

    def take(self, event: Event) -> None:
        """Take an event into account."""
        if isinstance(event, FetchDone) and (event.address, event.file_name) in self._sizes:
            self._sizes[event.address, event.file_name] = event.size
        if isinstance(event, self.way.started):
            self._sizes[event.address, event.file_name] = event.size
            self._move(event.address, event.file_name, 0)
        elif isinstance(event, self.way.progress):
            self._move(event.address, event.file_name, event.sent)
        elif isinstance(event, self.way.done):
            self._finish((event.address, event.file_name))
        elif isinstance(event, Failed | InDoubt):
            self._drop(event.address)

    def standing(self, file: File) -> Standing:
        """Tell how far a transfer is that is under way."""
        sent, speed = self._under_way[file]
        return Standing(sent, self._sizes[file], speed.rate(self._clock(), sent))

    @property
    def under_way(self) -> tuple[File, ...]:
        """The transfers under way, the oldest first."""
        return tuple(self._under_way)

    @property
    def whole(self) -> Standing:
        """How far all planned transfers are together."""
        sent, now = self._sent(), self._clock()
        self._speed.note(now, sent)
        return Standing(sent, sum(self._sizes.values()), self._speed.rate(now, sent))

    @property
    def counted(self) -> tuple[int, int]:
        """How many files are there, of how many."""
        return len(self._finished), len(self._sizes)

    def _sent(self) -> int:
        return self._finished_bytes + sum(sent for sent, _ in self._under_way.values())

    def _move(self, address: Address, file_name: str, sent: int) -> None:
        file = (address, file_name)
        _, speed = self._under_way.get(file) or (0, Speed())
        now = self._clock()
        speed.note(now, sent)
        self._under_way[file] = (sent, speed)
        self._speed.note(now, self._sent())

    def _finish(self, file: File) -> None:
        self._under_way.pop(file, None)
        self._finished.add(file)
        self._finished_bytes += self._sizes.setdefault(file, 0)

    def _drop(self, address: Address) -> None:
        """Leave out what will not be sent any more, so that the rest adds up to the whole."""
        for file in [file for file in self._sizes if file[0] == address]:
            if file not in self._finished:
                del self._sizes[file]
                self._under_way.pop(file, None)


class Traffic:
    """Both ways of one apply: first all downloads, then the uploads."""

    def __init__(
        self, uploads: Mapping[File, int], downloads: Mapping[File, int], clock: Clock
    ) -> None:
        self._ways = (Transfers(downloads, clock, DOWN), Transfers(uploads, clock, UP))

    def take(self, event: Event) -> None:
        """Take an event into account."""
        for transfers in self._ways:
            transfers.take(event)

    def of(self, event: FetchProgress | UploadProgress) -> Transfers:
        """Return the transfers that an event is about."""
        downloads, uploads = self._ways
        return downloads if isinstance(event, FetchProgress) else uploads

    @property
    def current(self) -> Transfers | None:
        """The way that something is moved; None where nothing is."""
        for transfers in self._ways:
            finished, planned = transfers.counted
            if transfers.under_way or 0 < finished < planned:
                return transfers
        return None


def planned_downloads(plan: Plan) -> dict[File, int]:
    """Return every file that is fetched before the plan is carried out; sizes are unknown."""
    return {
        (change.address, asset.file_name): 0
        for change in plan.changes
        if change.uploads
        for asset in change.assets
        if asset.size is None
    }


def planned_uploads(plan: Plan) -> dict[File, int]:
    """Return the size in bytes of every file that a plan is going to upload."""
    return {
        (change.address, asset.file_name): asset.size or 0
        for change in plan.changes
        for asset in change.assets
        if asset.file_name in change.uploads
    }


def progress_line(file: File, standing: Standing) -> str:
    """Write a line for a log."""
    address, file_name = file
    sent, whole = size(standing.sent), size(standing.size)
    parts = [f"{address}: {file_name} {sent} of {whole} ({standing.percent}%)"]
    if standing.rate is not None:
        parts.append(f"{size(int(standing.rate))}/s")
    if standing.seconds_left is not None:
        parts.append(f"{duration(standing.seconds_left)} left")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Write "14 s", "2 min 5 s", "1 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
