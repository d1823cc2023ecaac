"""What a service or the network can do to a store of objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import StateStore, encode_state
from reconciler.stores import object_client
from tests.state.samples import empty, rich
from tests.stores.conformance import Place, locking, refused
from tests.stores.conftest import SHARED, Serve
from tests.stores.contender import info
from tests.stores.http_proxy import Proxy, tampering
from tests.stores.places import BUCKET
from tests.stores.test_object_storage import keep

OBJECTS = [kind for kind in SHARED if kind.values[0] in ("s3", "r2", "gs", "az")]


@pytest.fixture
def kind() -> str:
    return "s3"


@pytest.fixture
def place(serve: Serve, kind: str, tmp_path: Path) -> Place:
    return keep(serve(kind), tmp_path)


@pytest.fixture
def proxy(
    place: Place, serve: Serve, kind: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    served = serve(kind)
    origin, path = (
        urlsplit(served.endpoint)._replace(path="").geturl(),
        urlsplit(served.endpoint).path,
    )
    with tampering(origin) as proxy:
        monkeypatch.setenv(served.variable, f"{proxy.url}{path}")
        yield proxy


def run(store: StateStore) -> None:
    with store.lock(info(), 0) as lock:
        version = store.save(empty(), "")
        lock.check()
        store.save(rich(), version)


# Azure's requests are signed with their conditions, so that no proxy can drop them unnoticed.
@pytest.mark.parametrize("kind", ["s3", "r2", "gs"])
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


# A connection that is lost at a step is part of what every store must pass.
@pytest.mark.parametrize("fault", ["500 InternalError", "429 SlowDown"])
@pytest.mark.parametrize("step", range(1, 9))
@pytest.mark.parametrize("kind", OBJECTS)
def test_one_fault_at_any_step_is_overcome(
    place: Place, proxy: Proxy, step: int, fault: str
) -> None:
    proxy.decide = lambda method, number: fault if number == step else ""
    store = place.open()
    run(store)
    assert len(proxy.requests) > 8
    assert place.read() == encode_state(rich())
    assert place.open().holder() is None


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


# R2 and Cloud Storage


def test_r2_is_spoken_to_as_its_documentation_says(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Region `auto`; a write of the same object within a second is 429; no conditional delete."""
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    served = serve("r2")
    throttled: set[str] = set()

    with tampering(served.endpoint) as r2:

        def too_soon(method: str, number: int) -> str:
            path = r2.requests[-1][1]
            if method != "PUT":
                return ""
            # Every write but the first is too early, and in time when it is tried again.
            throttled.symmetric_difference_update({path})
            return "" if path in throttled else "429 TooManyRequests"

        r2.decide = too_soon
        monkeypatch.setenv("AWS_ENDPOINT_URL", r2.url)
        place = keep(served, tmp_path)
        run(place.open())
        sent = list(r2.requests)
        assert place.read() == encode_state(rich())
    for method, path, headers in sent:
        conditions = [name for name in headers if name.lower().startswith("if-")]
        assert path.startswith((f"/{BUCKET}/", f"/{BUCKET}?delete"))
        assert "/auto/s3/aws4_request" in headers["authorization"]
        assert len(conditions) == (1 if method == "PUT" else 0), (method, headers)


# Conflicts that are none of ours


@pytest.mark.parametrize("kind", OBJECTS)
def test_another_conflict_is_not_taken_for_a_lock_or_a_newer_state(
    place: Place, proxy: Proxy
) -> None:
    proxy.decide = lambda method, number: "409 ContainerBeingDeleted" if method == "PUT" else ""
    with pytest.raises(DiagnosticError, match=r"R424 .*ContainerBeingDeleted"):
        locking(place.open())
    with pytest.raises(DiagnosticError, match=r"R424 .*ContainerBeingDeleted"):
        place.open().save(empty(), "")


def test_a_lock_that_is_there_and_is_not_is_not_asked_for_ever(place: Place, proxy: Proxy) -> None:
    proxy.decide = lambda method, number: "412 PreconditionFailed" if method == "PUT" else ""
    assert refused(lambda: locking(place.open())) == "R408"


def test_a_lock_that_may_not_be_deleted_is_told(place: Place, proxy: Proxy) -> None:
    proxy.decide = lambda method, number: "keep" if method == "POST" else ""
    with pytest.raises(DiagnosticError, match=r"R425 .*may not do this"):
        locking(place.open())
