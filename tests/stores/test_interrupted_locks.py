"""A signal at any request of a command: the lock is free afterwards, or it is told as left."""

from __future__ import annotations

import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from reconciler.cli.main import run
from reconciler.stores import object_client, open_store
from tests.faults.server import ACCOUNT_ID, Account, FaultServer
from tests.state.samples import empty
from tests.stores.conftest import Serve
from tests.stores.contender import info
from tests.stores.http_proxy import tampering
from tests.stores.places import Served
from tests.stores.wire import wire

PLAN = ("plan",)
APPLY = ("apply", "--auto-approve", "--settle-timeout", "0")
UNLOCK = ("state", "unlock")
MIGRATE = ("state", "migrate", "--to")
LONG_ENOUGH = 0.05
"""Seconds from a signal to the request's execution; whoever does not wait is gone by then."""


@dataclass(slots=True)
class Runner:
    """Runs commands here, on a way to their state on which something can happen to them."""

    served: Served
    account: Account
    capture: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    code: int = 0
    said: str = ""

    def run(self, command: tuple[str, ...], address: str) -> None:
        if command == MIGRATE:
            open_store("here.json", Path.cwd()).save(empty(), "")
            arguments = [*command, address, "--state", "here.json"]
        else:
            arguments = [*command, "--state", address]
        self.account.finetunes.clear()
        self.capture.readouterr()
        self.code = run(arguments)
        self.said = "".join(self.capture.readouterr())
        Path("here.json").unlink(missing_ok=True)
        assert "R001" not in self.said
        assert "Traceback" not in self.said

    @contextmanager
    def through(self, port: int, address: str) -> Iterator[str]:
        """Go through another port than the server's own; yields the state's address."""
        own = urlsplit(self.served.endpoint).port
        with self.monkeypatch.context() as patch:
            if self.served.variable:
                patch.setenv(
                    self.served.variable, self.served.endpoint.replace(str(own), str(port))
                )
                yield address
            else:
                yield address.replace(f":{own}/", f":{port}/")


@pytest.fixture
def runner(
    kind: str,
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Runner]:
    monkeypatch.chdir(tmp_path)
    Path("finetunes.yaml").write_text(
        'version: 1\nfinetunes:\n  bot:\n    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"\n'
    )
    monkeypatch.setattr(object_client, "FIRST_PAUSE", 0.01)
    served = serve(kind)
    # Should a signal come too late for a command, it must not end the tests.
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    with FaultServer() as server:
        monkeypatch.setenv("CLOUDFLARE_API_BASE_URL", server.base_url)
        monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", ACCOUNT_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "a-token")
        yield Runner(served, server.account, capsys, monkeypatch)
    signal.signal(signal.SIGTERM, before)


def terminate() -> None:
    """As the system does when a job is cancelled."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    time.sleep(LONG_ENOUGH)


def is_free(address: str) -> bool:
    return open_store(address, Path.cwd()).holder() is None


@pytest.mark.parametrize(
    ("kind", "command", "least"),
    [
        ("s3", PLAN, 5),
        ("s3", APPLY, 10),
        ("s3", MIGRATE, 8),
        ("http", PLAN, 3),
        ("http", APPLY, 8),
        ("http", MIGRATE, 5),
        ("http", UNLOCK, 2),
    ],
)
def test_a_signal_at_any_request_leaves_no_lock_behind(
    runner: Runner, command: tuple[str, ...], least: int
) -> None:
    origin = urlsplit(runner.served.endpoint)._replace(path="").geturl()
    for step in range(1, 100):
        address = f"{runner.served.prefix}{uuid.uuid4()}"
        with tampering(origin) as proxy:

            def decide(method: str, number: int, step: int = step) -> str:
                if number == step:
                    terminate()
                return ""

            proxy.decide = decide
            with runner.through(urlsplit(proxy.url).port or 0, address) as near:
                runner.run(command, near)
            reached = len(proxy.requests)
        if reached < step:
            assert step > least
            assert runner.code == 0, runner.said
            return
        # What was broken off is carried out by the server all the same.
        time.sleep(2 * LONG_ENOUGH)
        assert is_free(address), (step, proxy.requests[step - 1][:2], runner.said)
        assert runner.code == 130 or command == APPLY, (step, runner.said)
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("kind", ["s3", "http"])
@pytest.mark.parametrize("command", [PLAN, APPLY])
def test_a_lock_that_a_signal_left_no_way_to_release_is_told(
    runner: Runner, command: tuple[str, ...]
) -> None:
    """The network goes with the signal, as where a machine is shut down."""
    origin = urlsplit(runner.served.endpoint)._replace(path="").geturl()
    for step in (1, 2):
        address = f"{runner.served.prefix}{uuid.uuid4()}"
        with tampering(origin) as proxy:

            def decide(method: str, number: int, step: int = step) -> str:
                if number == step:
                    terminate()
                return "cut" if number > step else ""

            proxy.decide = decide
            with runner.through(urlsplit(proxy.url).port or 0, address) as near:
                runner.run(command, near)
        assert not is_free(address)
        assert "error[R425]" in runner.said
        assert runner.code == 130


@pytest.mark.parametrize("kind", ["http"])
def test_a_second_signal_does_not_wait_for_the_lock(runner: Runner) -> None:
    over = threading.Event()

    def decide(method: str, number: int) -> str:
        if number > 1:
            return ""
        terminate()
        terminate()
        over.wait(20)
        return "cut"

    with tampering(runner.served.endpoint) as proxy:
        proxy.decide = decide
        began = time.monotonic()
        with runner.through(urlsplit(proxy.url).port or 0, f"{runner.served.prefix}x") as near:
            runner.run(PLAN, near)
        took = time.monotonic() - began
        over.set()
    assert runner.code == 130
    assert took < 10


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("command", [PLAN, APPLY])
def test_a_signal_at_any_message_ends_the_connection_and_so_the_lock(
    runner: Runner, command: tuple[str, ...]
) -> None:
    # The first use makes the tables.
    _messages(runner, command, 0)
    messages = _messages(runner, command, 0)
    assert messages > 15
    # The last one says good-bye, and nobody waits for an answer to it.
    for step in range(1, messages):
        assert _messages(runner, command, step) >= step
        assert runner.code == 130 or command == APPLY, (step, runner.said)


def _messages(runner: Runner, command: tuple[str, ...], signalled: int) -> int:
    """Run a command with a signal at one of its messages; returns how many it sent."""
    address = f"{runner.served.prefix}{uuid.uuid4()}"
    with wire(urlsplit(runner.served.endpoint).port or 0) as cable:
        cable.before = lambda number: terminate() if number == signalled else None
        with runner.through(cable.port, address) as near:
            runner.run(command, near)
        sent = cable.blocks
    with open_store(address, Path.cwd()).lock(info(), 5):
        return sent
