"""Locks over HTTP: what is said to be free is free, and what may be left is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.state import encode_state
from tests.faults.server import unused_port
from tests.state.samples import rich
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


# A lock that may have been taken, though nobody said so


def push(proxy: Proxy, capture: pytest.CaptureFixture[str]) -> tuple[int, str]:
    Path("copy.json").write_bytes(encode_state(rich()))
    code = run(["state", "push", "copy.json", "--state", f"{proxy.url}{PATH}"])
    return code, " ".join("".join(capture.readouterr()).split())


TAKING = [push, unlock]
"""Both take the lock: one to save, the other to see whether somebody has it."""


@pytest.mark.parametrize("taking", TAKING)
def test_a_lock_whose_answers_were_lost_is_released(
    http_backend: Backend,
    proxy: Proxy,
    capsys: pytest.CaptureFixture[str],
    taking: Callable[[Proxy, pytest.CaptureFixture[str]], tuple[int, str]],
) -> None:
    proxy.decide = lambda method, number: "swallow" if method == "LOCK" else ""
    code, said = taking(proxy, capsys)
    assert code == 1
    assert "error[R413]" in said
    assert "R425" not in said
    assert http_backend.locks == {}


@pytest.mark.parametrize("taking", TAKING)
def test_a_lock_whose_answers_were_lost_is_told_where_it_stays(
    http_backend: Backend,
    proxy: Proxy,
    capsys: pytest.CaptureFixture[str],
    taking: Callable[[Proxy, pytest.CaptureFixture[str]], tuple[int, str]],
) -> None:
    proxy.decide = lambda method, number: "swallow" if method == "LOCK" else "cut"
    code, said = taking(proxy, capsys)
    assert code == 1
    assert "error[R413]" in said
    assert "error[R425]" in said
    assert "may still be there" in said
    # What it left can be seen for what it is, and freed.
    proxy.decide = lambda method, number: ""
    code, said = unlock(proxy, capsys)
    shown = re.search(r"since \d{4}-\d\d-\d\dT\S+, lock (\S+)\.", said)
    assert shown, said
    assert unlock(proxy, capsys, "--force", shown[1])[0] == 0
    assert http_backend.locks == {}


@pytest.mark.parametrize("taking", TAKING)
@pytest.mark.parametrize("fault", ["429 busy", "500 no", "502 no", "503 no", "504 no"])
@pytest.mark.parametrize("terse", [False, True])
def test_a_failure_that_passes_fails_no_command(
    http_backend: Backend,
    proxy: Proxy,
    capsys: pytest.CaptureFixture[str],
    taking: Callable[[Proxy, pytest.CaptureFixture[str]], tuple[int, str]],
    fault: str,
    terse: bool,
) -> None:
    """Once for each method: a server that restarts, or a gateway that lost it."""
    http_backend.terse = terse
    failed: set[str] = set()

    def decide(method: str, number: int) -> str:
        if method in failed:
            return ""
        failed.add(method)
        return fault

    proxy.decide = decide
    code, said = taking(proxy, capsys)
    assert code == 0, said
    assert {"LOCK", "UNLOCK"} <= failed
    assert http_backend.locks == {}


@pytest.mark.parametrize("taking", TAKING)
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_lock_that_a_gateway_did_not_answer_for_is_told_where_it_stays(
    proxy: Proxy,
    capsys: pytest.CaptureFixture[str],
    taking: Callable[[Proxy, pytest.CaptureFixture[str]], tuple[int, str]],
    status: int,
) -> None:
    proxy.decide = lambda method, number: f"{status} no"
    code, said = taking(proxy, capsys)
    assert code == 1
    assert "error[R424]" in said
    assert "error[R425]" in said
    assert [method for method, _, _ in proxy.requests] == ["LOCK"] * 3 + ["UNLOCK"] * 3


def test_what_is_refused_is_not_asked_for_again(
    proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.decide = lambda method, number: "403 no"
    code, said = push(proxy, capsys)
    assert code == 1
    assert "error[R414]" in said
    assert [method for method, _, _ in proxy.requests] == ["LOCK"]


def test_a_server_that_throttles_has_taken_no_lock(
    proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.decide = lambda method, number: "429 busy"
    code, said = push(proxy, capsys)
    assert code == 1
    assert "error[R424]" in said
    assert "Try again" in said
    assert "R425" not in said
    assert [method for method, _, _ in proxy.requests] == ["LOCK"] * 3


def test_a_server_that_was_never_reached_has_no_lock_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["state", "rm", "bot", "--state", f"http://127.0.0.1:{unused_port()}{PATH}"]) == 1
    said = "".join(capsys.readouterr())
    assert "error[R413]" in said
    assert "R425" not in said


# What is asked for again


def first(method: str, then: Callable[[], str]) -> Callable[[str, int], str]:
    """Do something at the first request of a method."""
    done: list[int] = []

    def decide(asked: str, number: int) -> str:
        if asked != method or done:
            return ""
        done.append(number)
        return then()

    return decide


def test_a_save_is_not_sent_again_over_what_another_saved(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    """As by a run with a lock that was freed by force, on a server that looks at no id."""
    others = encode_state(rich()) + b" "

    def another_saves() -> str:
        http_backend.states[PATH] = others
        return "502 no"

    proxy.decide = first("POST", another_saves)
    code, said = push(proxy, capsys)
    assert code == 1
    assert "error[R405]" in said
    assert http_backend.states[PATH] == others


def test_a_save_that_was_executed_late_is_no_failure(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first is executed after it was looked for, and the second refused as one too many."""
    posts: list[int] = []

    def decide(method: str, number: int) -> str:
        if method != "POST":
            return ""
        posts.append(number)
        if len(posts) == 1:
            return "504 no"
        http_backend.states[PATH] = Path("copy.json").read_bytes()
        return "422 no"

    proxy.decide = decide
    code, said = push(proxy, capsys)
    assert code == 0, said
    assert len(posts) == 2
    assert http_backend.locks == {}


def test_a_lock_that_another_took_meanwhile_is_not_released_again(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    def another_locks() -> str:
        held_by(http_backend, "of-another-run")
        return "502 no"

    proxy.decide = first("UNLOCK", another_locks)
    code, said = push(proxy, capsys)
    assert code == 0, said
    assert b"of-another-run" in http_backend.locks[PATH]


# A server that does not say who holds a lock


@pytest.mark.parametrize("taking", TAKING)
def test_a_run_does_not_wait_for_itself(
    http_backend: Backend,
    proxy: Proxy,
    capsys: pytest.CaptureFixture[str],
    taking: Callable[[Proxy, pytest.CaptureFixture[str]], tuple[int, str]],
) -> None:
    http_backend.terse = True
    proxy.decide = lambda method, number: "swallow" if number == 1 else ""
    code, said = taking(proxy, capsys)
    assert code == 0, said
    assert http_backend.locks == {}


@pytest.mark.parametrize("lost", ["cut", "swallow"])
def test_a_lock_of_another_is_not_freed_after_a_lost_answer(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str], lost: str
) -> None:
    http_backend.terse = True
    held_by(http_backend, "of-another-run")
    proxy.decide = lambda method, number: lost if number == 1 else ""
    code, said = push(proxy, capsys)
    assert code == 1
    assert "error[R408]" in said
    assert "R425" not in said
    assert b"of-another-run" in http_backend.locks[PATH]


@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_lock_that_nobody_is_named_for_is_told_where_it_may_be_ours(
    http_backend: Backend, proxy: Proxy, capsys: pytest.CaptureFixture[str], step: int
) -> None:
    """LOCK, again, UNLOCK by our id, LOCK: the network goes after any of them."""
    http_backend.terse = True

    def decide(method: str, number: int) -> str:
        return "swallow" if number in (1, step) else "cut" if number > step else ""

    proxy.decide = decide
    code, said = push(proxy, capsys)
    assert code == 1
    assert "error[R413]" in said
    assert "error[R425]" in said
