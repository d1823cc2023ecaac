from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cloudflare import RateLimiter
from reconciler.cloudflare.limiter import (
    LONGEST_PAUSE,
    exhausted_seconds,
    retry_after_seconds,
)
from tests.cloudflare.conftest import FakeTime

NOW = 1_767_225_600.0


def limiter_of(time: FakeTime, requests: int | None, window: float = 300.0) -> RateLimiter:
    return RateLimiter(requests, window, clock=time.clock, sleep=time.sleep)


def test_requests_within_the_limit_do_not_wait(time: FakeTime) -> None:
    limiter = limiter_of(time, 3)
    assert all(limiter.acquire() for _ in range(3))
    assert time.slept == []


def test_one_too_many_waits_until_the_first_leaves_the_window(time: FakeTime) -> None:
    limiter = limiter_of(time, 2)
    limiter.acquire()
    time.now += 100
    limiter.acquire()
    limiter.acquire()
    assert time.slept == [200.0]


@given(
    requests=st.integers(1, 5),
    gaps=st.lists(st.floats(0, 50, allow_nan=False), min_size=1, max_size=40),
)
def test_no_window_ever_holds_more_than_the_limit(requests: int, gaps: list[float]) -> None:
    time = FakeTime()
    limiter = limiter_of(time, requests, window=30.0)
    sent = []
    for gap in gaps:
        time.now += gap
        assert limiter.acquire()
        sent.append(time.now)
    for earlier, later in zip(sent, sent[requests:], strict=False):
        assert later - earlier >= 30.0 - 1e-6


def test_no_limit_never_waits(time: FakeTime) -> None:
    limiter = limiter_of(time, None)
    assert all(limiter.acquire() for _ in range(5000))
    assert time.slept == []


def test_threads_share_the_limit(time: FakeTime) -> None:
    limiter = limiter_of(time, 1000)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: limiter.acquire(), range(1000)))
    assert time.slept == []
    limiter.acquire()
    assert time.slept == [300.0]


def test_pause_holds_for_everyone(time: FakeTime) -> None:
    limiter = limiter_of(time, None)
    limiter.pause(7)
    limiter.pause(3)
    limiter.acquire()
    assert time.slept == [7.0]


def test_pause_is_five_minutes_at_most(time: FakeTime) -> None:
    limiter = limiter_of(time, None)
    limiter.pause(999_999_999)
    limiter.acquire()
    assert time.slept == [300.0]


def test_exhausted_quota_pauses_until_it_is_renewed(time: FakeTime) -> None:
    limiter = limiter_of(time, None)
    limiter.observe({"ratelimit": '"default";r=0;t=30', "ratelimit-policy": '"default";q=1;w=60'})
    limiter.acquire()
    assert time.slept == [30.0]


def test_stop_cuts_a_wait_short_and_takes_no_place() -> None:
    limiter = RateLimiter(1)
    stop = threading.Event()
    assert limiter.acquire(stop)
    stop.set()
    assert not limiter.acquire(stop)


def test_stop_wakes_a_thread_that_waits() -> None:
    limiter = RateLimiter(1)
    stop = threading.Event()
    limiter.acquire(stop)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(limiter.acquire, stop)
        stop.set()
        assert waiting.result(timeout=30) is False


def test_stop_does_not_hinder_what_need_not_wait() -> None:
    stop = threading.Event()
    stop.set()
    assert RateLimiter(1).acquire(stop)


def test_limit_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        RateLimiter(0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ('"default";r=50;t=30', 0),
        ('"default";r=0;t=30', 30),
        ('"default"; r=0; t=30', 30),
        ('"burst";r=0;t=5, "default";r=0;t=40', 40),
        ('"burst";r=3;t=50, "default";r=0;t=4', 4),
        ('"a,b;r=0;t=9";r=1;t=2', 0),
        ("default;r=0;t=12", 12),
        ('"default";r=0', 0),
        ('"default";r=0;t=99999999', 300),
        ('"default";r=-1;t=30', 0),
        ("limit=10, remaining=0, reset=5", 0),
        ("", 0),
    ],
)
def test_ratelimit_header(header: str, seconds: float) -> None:
    assert exhausted_seconds(header) == seconds


@given(st.text(alphabet='"defaultrt=;, 0123456789\\\u0663', max_size=200))
def test_any_ratelimit_header_is_a_bounded_pause(header: str) -> None:
    assert 0 <= exhausted_seconds(header) <= LONGEST_PAUSE


def test_long_ratelimit_header_is_read_in_no_time() -> None:
    assert exhausted_seconds(";" * 60_000 + '"' * 60_000) == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        (" 5 ", 5.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("999999999", 300.0),
        ("9" * 5000, None),
        ("-5", None),
        ("abc", None),
        ("", None),
        (None, None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("0x10", None),
        ("\u0665", None),
        (formatdate(NOW + 42, usegmt=True), 42.0),
        (formatdate(NOW - 42, usegmt=True), 0.0),
        (formatdate(NOW + 86_400, usegmt=True), 300.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        ("Thu, 99 Jan 2026 00:00:00 GMT", None),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text(max_size=60))
def test_any_retry_after_is_a_bounded_wait(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE


@given(st.integers(-(10**6), 10**6))
def test_http_date_is_the_time_until_then(offset: int) -> None:
    seconds = retry_after_seconds(formatdate(NOW + offset, usegmt=True), NOW)
    assert seconds == min(max(offset, 0), LONGEST_PAUSE)
