"""Every kind of store passes the one suite."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest

from reconciler.state import StateLock
from tests.state.samples import empty, rich
from tests.stores import test_http, test_local, test_object_storage, test_postgresql
from tests.stores.abilities import CANNOT
from tests.stores.backend_server import Backend
from tests.stores.conformance import StoreConformance
from tests.stores.conftest import Serve
from tests.stores.contender import info
from tests.stores.http_proxy import tampering
from tests.stores.place import Place, locking, refused
from tests.stores.places import SERVERS, Served


class TestFile(StoreConformance):
    kind: ClassVar[str] = "file"

    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        return test_local.keep(tmp_path)


class Objects(StoreConformance):
    @pytest.fixture
    def place(self, serve: Serve, tmp_path: Path) -> Place:
        served = serve(self.kind)
        return replace(test_object_storage.keep(served, tmp_path), served=served)

    def test_a_lock_that_a_late_release_deletes_is_noticed(self, place: Place) -> None:
        """No service is asked to delete under a condition, because R2 cannot."""
        first, second, begun = info("first@runner"), info("second@runner"), threading.Event()
        assert place.served is not None
        with ExitStack() as late, tampering(f"http://127.0.0.1:{place.served.port}") as proxy:
            locks: list[StateLock] = []

            def decide(method: str, number: int) -> str:
                if method in ("DELETE", "POST") and not begun.is_set():
                    begun.set()
                    place.open().break_lock(first.id)
                    locks.append(late.enter_context(place.open().lock(second, 0)))
                return ""

            proxy.decide = decide
            with place.through(urlsplit(proxy.url).port or 0) as store:
                locking(store, holder=first)
            (lock,) = locks
            assert refused(lock.check) == "R410"
            # Who comes in now and who lost it cannot save over one another.
            version = place.open().save(empty(), "")
            with place.open().lock(info(), 0):
                place.open().save(rich(), version)
            assert refused(lambda: place.open().save(empty(), version)) == "R405"


class TestS3(Objects):
    kind: ClassVar[str] = "s3"


class TestR2(Objects):
    kind: ClassVar[str] = "r2"


class TestGoogle(Objects):
    kind: ClassVar[str] = "gs"


@pytest.mark.needs_system
class TestAzure(Objects):
    kind: ClassVar[str] = "az"


class TestPostgresql(StoreConformance):
    kind: ClassVar[str] = "postgresql"

    @pytest.fixture
    def place(self, serve: Serve, tmp_path: Path) -> Place:
        served = serve(self.kind)
        return replace(test_postgresql.keep(served.endpoint, tmp_path), served=served)


class TestHttp(StoreConformance):
    kind: ClassVar[str] = "http"

    @pytest.fixture
    def place(self, http_backend: Backend, tmp_path: Path) -> Place:
        served = Served(f"{http_backend.url}/", http_backend.url, "", {})
        return replace(test_http.keep(http_backend, tmp_path), served=served)


def test_no_kind_of_store_is_left_out() -> None:
    classes = [*StoreConformance.__subclasses__(), *Objects.__subclasses__()]
    kinds = {each.kind for each in classes if each.kind}
    assert kinds == {"file", *SERVERS}
    assert {kind for reasons in CANNOT.values() for kind in reasons} <= kinds
