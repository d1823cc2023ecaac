from __future__ import annotations

import uuid
from pathlib import Path

import obstore
import pytest
from obstore.store import AzureStore, GCSStore, ObjectStore, S3Store

from reconciler.diagnostics import DiagnosticError
from reconciler.stores import object_client, open_store
from tests.state.samples import empty
from tests.stores.conftest import Serve
from tests.stores.contender import info
from tests.stores.place import Place, locking, refused
from tests.stores.places import BUCKET, Served


def bucket(kind: str = "s3") -> ObjectStore:
    """The bucket of a service, behind the store's back."""
    opened = {"gs": GCSStore, "az": AzureStore}.get(kind, S3Store)
    return opened(BUCKET, client_options={"allow_http": True})


def keep(served: Served, root: Path) -> Place:
    key = f"{uuid.uuid4()}/prod/reconciler.state.json"
    store = bucket(served.prefix.partition(":")[0])
    return Place(
        f"{served.prefix}{key}",
        root,
        lambda: bytes(obstore.get(store, key).bytes()),
        lambda raw: obstore.put(store, key, raw) and None,
    )


@pytest.fixture
def place(serve: Serve, tmp_path: Path) -> Place:
    return keep(serve("s3"), tmp_path)


def lock_key(place: Place) -> str:
    return place.address.removeprefix(f"s3://{BUCKET}/") + ".tflock"


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
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store = place.open()
    assert refused(store.load) == "R413"
    assert refused(lambda: locking(store)) == "R413"
    assert refused(lambda: store.save(empty(), "")) == "R413"
