"""What a service or the network can do to a store of objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import StateStore, encode_state
from reconciler.stores import object_client
from tests.state.samples import empty, rich
from tests.stores.conformance import Place, locking, refused
from tests.stores.contender import info
from tests.stores.http_proxy import Proxy, tampering
from tests.stores.test_object_storage import keep


@pytest.fixture
def place(s3: str, tmp_path: Path) -> Place:
    return keep("s3://", tmp_path)


@pytest.fixture
def proxy(place: Place, s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    with tampering(s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield proxy


def run(store: StateStore) -> None:
    with store.lock(info(), 0) as lock:
        version = store.save(empty(), "")
        lock.check()
        store.save(rich(), version)


def test_a_server_that_ignores_conditions_is_refused(place: Place, proxy: Proxy) -> None:
    proxy.decide = lambda method, number: "ignore"
    with pytest.raises(DiagnosticError) as caught:
        locking(place.open())
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code == "R416"
    assert "ignores If-None-Match and If-Match" in diagnostic.detail


def test_a_server_that_ignores_if_match_alone_is_refused(place: Place, proxy: Proxy) -> None:
    # The lock, the proof of If-None-Match, the proof of If-Match.
    proxy.decide = lambda method, number: "ignore" if number == 3 else ""
    with pytest.raises(DiagnosticError, match="ignores If-Match"):
        locking(place.open())


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("403 AccessDenied", "R414", "may not do this (AccessDenied)"),
        ("400 ExpiredToken", "R414", "have expired"),
        ("403 ExpiredToken", "R414", "have expired"),
        ("403 InvalidAccessKeyId", "R414", "does not accept the credentials"),
        ("403 SignatureDoesNotMatch", "R414", "does not accept the credentials"),
        ("404 NoSuchBucket", "R415", "there is no bucket"),
        ("301 PermanentRedirect", "R415", "another region"),
        ("503 SlowDown", "R424", "SlowDown"),
        ("500 InternalError", "R424", "InternalError"),
        ("418 Teapot", "R424", "Teapot"),
    ],
)
@pytest.mark.parametrize("operation", ["load", "save", "lock"])
def test_every_refusal_is_told_without_a_credential(
    place: Place, proxy: Proxy, operation: str, answer: str, code: str, words: str
) -> None:
    proxy.decide = lambda method, number: answer
    store = place.open()
    act = {
        "load": store.load,
        "save": lambda: store.save(empty(), ""),
        "lock": lambda: locking(store),
    }[operation]
    with pytest.raises(DiagnosticError) as caught:
        act()
    diagnostic = caught.value.diagnostics[0]
    assert diagnostic.code == code
    assert words in diagnostic.detail
    everything = f"{diagnostic!r} {caught.value} {caught.value.__cause__!r}"
    assert "hunter2" not in everything
    assert "AKIA" not in everything


@pytest.mark.parametrize("fault", ["cut", "swallow", "500 InternalError", "409 OperationAborted"])
@pytest.mark.parametrize("step", range(1, 9))
def test_one_fault_at_any_step_is_overcome(
    place: Place, proxy: Proxy, step: int, fault: str
) -> None:
    proxy.decide = lambda method, number: fault if number == step else ""
    store = place.open()
    run(store)
    assert len(proxy.requests) > 8
    assert place.read() == encode_state(rich())
    assert place.open().holder() is None


@pytest.mark.parametrize("step", range(1, 9))
@pytest.mark.parametrize("fault", ["cut", "swallow"])
def test_a_network_that_is_gone_from_some_step_on_is_an_error_and_tears_nothing(
    place: Place, proxy: Proxy, step: int, fault: str
) -> None:
    proxy.decide = lambda method, number: fault if number >= step else ""
    store = place.open()
    with pytest.raises(DiagnosticError) as caught:
        run(store)
    assert caught.value.diagnostics[0].code in ("R413", "R425")
    proxy.decide = lambda method, number: ""
    snapshot = place.open().load()
    assert snapshot is None or snapshot.state in (empty(), rich())


def test_what_was_written_by_another_after_a_lost_answer_is_not_taken_for_ours(
    place: Place, proxy: Proxy
) -> None:
    version = place.open().save(empty(), "")
    theirs = encode_state(empty().following({}, {}))

    def lose_then_let_another_write(method: str, number: int) -> str:
        if method == "PUT":
            place.write(theirs)
            return "cut"
        return ""

    proxy.requests.clear()
    proxy.decide = lose_then_let_another_write
    store = place.open()
    assert refused(lambda: store.save(rich(), version)) in ("R405", "R413")
    assert place.read() == theirs
