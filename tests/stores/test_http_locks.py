"""`state unlock` over HTTP: what it says is free is free."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.cli.main import run
from tests.stores.backend_server import Backend
from tests.stores.http_proxy import Proxy, tampering

PATH = "/state/prod"


@pytest.fixture
def proxy(
    http_backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    monkeypatch.chdir(tmp_path)
    with tampering(http_backend.url) as proxy:
        yield proxy


def held_by(server: Backend, id_: str) -> None:
    server.locks[PATH] = json.dumps({"ID": id_, "Who": "ada@ci"}).encode()


def unlock(proxy: Proxy, capture: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    code = run(["state", "unlock", "--state", f"{proxy.url}{PATH}", *options])
    return code, " ".join("".join(capture.readouterr()).split())


@pytest.mark.parametrize("terse", [False, True])
def test_a_lock_is_freed_by_its_own_id_alone(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str], terse: bool
) -> None:
    http_backend.terse = terse
    held_by(http_backend, "of-a-dead-run")
    code, said = unlock(proxy, capsys)
    assert code == 0
    assert "is held by" in said
    for other in ("unknown", "another"):
        code, said = unlock(proxy, capsys, "--force", other)
        assert code == 1
        assert "error[R422]" in said
        assert http_backend.locks
    code, said = unlock(proxy, capsys, "--force", "of-a-dead-run")
    assert (code, http_backend.locks) == (0, {})
    assert said.endswith("is free.")


@pytest.mark.parametrize("status", [404, 405, 500])
def test_a_server_that_does_not_unlock_did_not_free_it(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    held_by(http_backend, "of-a-dead-run")
    proxy.decide = lambda method, number: f"{status} no" if method == "UNLOCK" else ""
    code, said = unlock(proxy, capsys, "--force", "of-a-dead-run")
    assert code == 1
    assert "error[R424]" in said
    assert f"the server answered {status} when asked to release the lock" in said


@pytest.mark.parametrize("status", [404, 409, 423])
def test_a_lock_that_was_freed_meanwhile_is_free(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    """Such as GitLab, which answers 409 to an id that holds nothing any more."""
    held_by(http_backend, "of-a-dead-run")

    def decide(method: str, number: int) -> str:
        if method != "UNLOCK" or not http_backend.locks.pop(PATH, b""):
            return ""
        return f"{status} no"

    proxy.decide = decide
    code, said = unlock(proxy, capsys, "--force", "of-a-dead-run")
    assert code == 0
    assert said.endswith("is free.")


def test_a_probe_that_cannot_be_taken_back_is_told(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.decide = lambda method, number: "500 no" if method == "UNLOCK" else ""
    code, said = unlock(proxy, capsys)
    assert code == 1
    assert "error[R425]" in said
    assert http_backend.locks
