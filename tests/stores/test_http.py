from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.diagnostics import DiagnosticError
from reconciler.state import StateStore, encode_state
from reconciler.stores import http_exchange, open_store
from tests.state.samples import empty, rich
from tests.stores.backend_server import Backend, digest
from tests.stores.contender import info
from tests.stores.http_proxy import Proxy, tampering
from tests.stores.place import Place, locking, refused

PATH = "/state/prod"


def keep(server: Backend, root: Path, path: str = PATH) -> Place:
    return Place(
        f"{server.url}{path}",
        root,
        lambda: server.states[path],
        lambda raw: server.states.update({path: raw}),
    )


@pytest.fixture
def place(http_backend: Backend, tmp_path: Path) -> Place:
    return keep(http_backend, tmp_path)


def run(store: StateStore) -> None:
    with store.lock(info(), 0) as lock:
        version = store.save(empty(), "")
        lock.check()
        store.save(rich(), version)


def test_gitlabs_own_methods_are_used_at_its_addresses(
    http_backend: Backend, tmp_path: Path
) -> None:
    path = "/api/v4/projects/7/terraform/state/prod"
    run(keep(http_backend, tmp_path, path).open())
    methods = [method for method, url, _ in http_backend.log if url.endswith("/lock")]
    assert methods == ["POST", "DELETE"]
    assert http_backend.states[path] == encode_state(rich())


def test_other_methods_lock_save_and_unlock(
    http_backend: Backend, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, method in (("LOCK", "PUT"), ("UNLOCK", "PATCH"), ("UPDATE", "PUT")):
        monkeypatch.setenv(f"TF_HTTP_{name}_METHOD", method)
    run(place.open())
    assert {method for method, _, _ in http_backend.log} == {"GET", "PUT", "PATCH"}
    assert http_backend.states[PATH] == encode_state(rich())
    assert not http_backend.locks


def test_a_lock_is_freed_by_its_id_and_its_holder_can_no_longer_save(place: Place) -> None:
    holder, store, other = info("first@runner"), place.open(), place.open()
    with store.lock(holder, 0):
        version = store.save(empty(), "")
        assert other.holder() == holder
        assert refused(lambda: other.break_lock("another")) == "R422"
        other.break_lock(holder.id)
        assert other.holder() is None
        with other.lock(info("second@runner"), 0):
            with pytest.raises(DiagnosticError, match=r"R410 .*Now second@runner, apply"):
                store.save(rich(), version)
            other.save(empty().following({}, {}), version)


# What can be wrong


def test_wrong_credentials(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_HTTP_PASSWORD", "hunter3")
    store = place.open()
    assert refused(store.load) == "R414"
    assert refused(lambda: locking(store)) == "R414"


def test_a_token_is_sent_instead_of_a_name_and_a_password(
    http_backend: Backend, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    http_backend.authorization = "Bearer a-token"
    assert refused(lambda: run(place.open())) == "R414"
    monkeypatch.setenv("RECONCILER_HTTP_TOKEN", "another-token")
    assert refused(lambda: run(place.open())) == "R414"
    monkeypatch.setenv("RECONCILER_HTTP_TOKEN", "a-token")
    run(place.open())
    assert place.read() == encode_state(rich())


def test_an_answer_that_does_not_fit_its_digest_is_no_state(
    http_backend: Backend, place: Place
) -> None:
    run(place.open())
    http_backend.digests = lambda body: digest(body[:-1])
    assert refused(place.open().load) == "R402"


def test_a_server_without_locks(tmp_path: Path, proxy: Proxy) -> None:
    proxy.decide = lambda method, number: "405 no" if method == "LOCK" else ""
    assert refused(lambda: locking(open_store(f"{proxy.url}{PATH}", tmp_path))) == "R409"


@pytest.fixture
def proxy(http_backend: Backend) -> Iterator[Proxy]:
    with tampering(http_backend.url) as proxy:
        yield proxy


@pytest.mark.parametrize("status", [301, 302, 307, 308, 418, 429, 500, 502])
def test_what_is_not_an_answer_is_a_failure(tmp_path: Path, proxy: Proxy, status: int) -> None:
    proxy.decide = lambda method, number: f"{status} no"
    store = open_store(f"{proxy.url}{PATH}", tmp_path)
    assert refused(store.load) == "R424"
    assert refused(lambda: locking(store)) == "R424"
    assert refused(lambda: store.save(empty(), "")) == "R424"


def test_an_answer_that_does_not_come_is_not_waited_for(
    tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()

    def stall(method: str, number: int) -> str:
        release.wait(20)
        return "cut"

    proxy.decide = stall
    monkeypatch.setattr(http_exchange, "TOTAL_SECONDS", 0.2)
    with pytest.raises(DiagnosticError, match="in time"):
        open_store(f"{proxy.url}{PATH}", tmp_path).load()
    release.set()


@contextmanager
def dripping(seconds: float) -> Iterator[tuple[int, list[str]]]:
    """A server whose answers take so long, though every piece of them comes soon; whom it had."""
    listener = socket.create_server(("127.0.0.1", 0))
    callers: list[str] = []
    body, pieces = encode_state(empty()), 20

    def drip(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            sock.recv(64 * 1024)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
            for piece in range(pieces):
                time.sleep(seconds / pieces)
                sock.sendall(body[piece * len(body) // pieces : (piece + 1) * len(body) // pieces])

    def serve() -> None:
        with suppress(OSError):
            while True:
                sock, caller = listener.accept()
                callers.append(str(caller))
                threading.Thread(target=drip, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], callers
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_an_answer_that_drips_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(2) as (port, callers):
        store = open_store(f"http://127.0.0.1:{port}{PATH}", tmp_path)
        assert store.load() is not None
        monkeypatch.setattr(http_exchange, "TOTAL_SECONDS", 0.4)
        with pytest.raises(DiagnosticError, match="no whole answer came in time"):
            store.load()
        # What took all of its time is not asked for again.
        assert len(callers) == 1 + 1


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    assert refused(open_store("http://127.0.0.1:9/state", tmp_path).load) == "R413"


# Terraform on the same server


TERRAFORM = shutil.which("terraform")


WRITES = {"Authorization", "Content-Type", "Content-Md5"}
"""What Terraform's client sends with each LOCK, POST and UNLOCK."""


def spoken(server: Backend, path: str) -> list[tuple[str, str, bool]]:
    """What a client said that counts: the method, the address, and whether WRITES came along."""
    return [
        (method, url.partition("=")[0], {name.title() for name in headers} >= WRITES)
        for method, url, headers in server.log
        if url.startswith(path)
    ]


def test_ours_says_what_terraforms_client_says(http_backend: Backend, tmp_path: Path) -> None:
    store = keep(http_backend, tmp_path).open()
    with store.lock(info(), 0):
        assert store.load() is None
        store.save(empty(), "")
    said = spoken(http_backend, PATH)
    assert said[0] == ("LOCK", f"{PATH}/lock", True)
    assert set(said[1:-2]) == {("GET", PATH, False)}
    assert said[-2:] == [("POST", f"{PATH}?ID", True), ("UNLOCK", f"{PATH}/lock", True)]


@pytest.mark.optional_peer
@pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")
def test_terraforms_client_and_ours_use_the_same_server(
    http_backend: Backend, tmp_path: Path
) -> None:
    place = keep(http_backend, tmp_path)
    address = f"{http_backend.url}/state/terraform"
    (tmp_path / "main.tf").write_text(
        'terraform {\n  backend "http" {}\n}\nresource "terraform_data" "x" {}\n'
    )
    environment = {
        **os.environ,
        "TF_HTTP_ADDRESS": address,
        "TF_HTTP_LOCK_ADDRESS": f"{address}/lock",
        "TF_HTTP_UNLOCK_ADDRESS": f"{address}/lock",
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": os.devnull,
    }

    def terraform(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(TERRAFORM), *arguments, "-no-color"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )

    assert terraform("init").returncode == 0
    applied = terraform("apply", "-auto-approve")
    assert applied.returncode == 0, applied.stderr
    told = spoken(http_backend, "/state/terraform")
    assert {line for line in told if line[0] != "GET"} == {
        ("LOCK", "/state/terraform/lock", True),
        ("POST", "/state/terraform?ID", True),
        ("UNLOCK", "/state/terraform/lock", True),
    }
    run(place.open())
    assert json.loads(http_backend.states["/state/terraform"])["resources"]
    # Terraform is kept out by our lock, and its state is not taken for ours.
    store = open_store(address, tmp_path)
    ours = info()
    with store.lock(ours, 0):
        blocked = terraform("apply", "-auto-approve")
    assert blocked.returncode == 1
    assert ours.id in blocked.stderr
    assert refused(store.load) == "R427"
