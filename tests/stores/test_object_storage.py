from __future__ import annotations

import uuid
from pathlib import Path
from typing import ClassVar

import obstore
import pytest
from obstore.store import S3Store

from reconciler.diagnostics import DiagnosticError
from reconciler.stores import open_store
from tests.state.samples import empty, rich
from tests.stores.conformance import Place, StoreConformance, locking, refused
from tests.stores.conftest import BUCKET
from tests.stores.contender import info


def bucket() -> S3Store:
    return S3Store(BUCKET, client_options={"allow_http": True})


def keep(prefix: str, root: Path) -> Place:
    key = f"{uuid.uuid4()}/prod/reconciler.state.json"
    store = bucket()
    return Place(
        f"{prefix}{BUCKET}/{key}",
        root,
        lambda: bytes(obstore.get(store, key).bytes()),
        lambda raw: obstore.put(store, key, raw) and None,
    )


@pytest.fixture
def place(s3: str, tmp_path: Path) -> Place:
    return keep("s3://", tmp_path)


def lock_key(place: Place) -> str:
    return place.address.removeprefix(f"s3://{BUCKET}/") + ".tflock"


class TestS3(StoreConformance):
    frees_on_death: ClassVar[bool] = False

    @pytest.fixture
    def place(self, s3: str, tmp_path: Path) -> Place:
        return keep("s3://", tmp_path)


def test_r2_is_the_same_with_the_account_in_front(s3: str, tmp_path: Path) -> None:
    place = keep("r2://023e105f4ecef8ad9ca31a8372d0c353/", tmp_path)
    store = place.open()
    with store.lock(info(), 0) as lock:
        version = store.save(empty(), "")
        lock.check()
        store.save(rich(), version)
    snapshot = place.open().load()
    assert snapshot is not None
    assert snapshot.state == rich()
    assert store.location == place.address


# Lock


def test_the_lock_of_a_dead_holder_is_freed_by_its_id_alone(place: Place) -> None:
    dead = info("dead@runner")
    obstore.put(bucket(), lock_key(place), dead.to_json().encode())
    store = place.open()
    assert refused(lambda: store.break_lock("another")) == "R422"
    assert store.holder() == dead
    store.break_lock(dead.id)
    assert store.holder() is None
    locking(store)


def test_a_holder_whose_lock_was_freed_notices(place: Place) -> None:
    holder, store = info(), place.open()
    with store.lock(holder, 0) as lock:
        place.open().break_lock(holder.id)
        assert refused(lock.check) == "R410"


def test_a_holder_whose_lock_another_has_notices_and_leaves_it(place: Place) -> None:
    first, second = info("first"), info("second")
    with place.open().lock(first, 0) as lock:
        obstore.put(bucket(), lock_key(place), second.to_json().encode())
        with pytest.raises(DiagnosticError, match="now second, apply"):
            lock.check()
    assert place.open().holder() == second


def test_a_lock_that_cannot_be_read_is_held(place: Place) -> None:
    obstore.put(bucket(), lock_key(place), b"\xff not JSON")
    assert refused(lambda: locking(place.open())) == "R408"


# What can be wrong


def test_a_missing_bucket_is_not_an_empty_state(s3: str, tmp_path: Path) -> None:
    store = open_store("s3://no-such-bucket/state.json", tmp_path)
    assert refused(store.load) == "R415"
    assert refused(lambda: locking(store)) == "R415"
    assert refused(lambda: store.save(empty(), "")) == "R415"


def test_an_unreachable_service(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = place.open()
    assert refused(store.load) == "R413"
    assert refused(lambda: locking(store)) == "R413"
    assert refused(lambda: store.save(empty(), "")) == "R413"
