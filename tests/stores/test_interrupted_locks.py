"""A signal at any request of a command: the lock is free afterwards, or it is told as left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import pytest

from reconciler.cli.main import run
from reconciler.state import encode_state
from reconciler.stores import holding, object_client, open_store
from tests.faults.server import ACCOUNT_ID, Account, FaultServer
from tests.internal import failed_internally
from tests.state.samples import empty
from tests.stores.backend_server import Backend
from tests.stores.conftest import Serve
from tests.stores.contender import info
from tests.stores.http_proxy import tampering
from tests.stores.places import Served
from tests.stores.wire import wire

PLAN = ("plan",)
APPLY = ("apply", "--auto-approve", "--settle-timeout", "0")
UNLOCK = ("state", "unlock")
PUSH = ("state", "push", "copy.json")
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
        assert not failed_internally(self.said)

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


@pytest.mark.parametrize("kind", ["http"])
def test_a_signal_at_any_line_of_holding_a_lock_leaves_none_behind(
    runner: Runner, http_backend: Backend
) -> None:
    """Between two requests, too, and where signals are only just held back, or let through."""
    Path("copy.json").write_bytes(encode_state(empty()))
    address = f"{http_backend.url}/state/traced"
    open_store(address, Path.cwd()).save(empty(), "")
    for line in range(1, 1000):
        http_backend.log.clear()
        with signalled_at(line, lambda: bool(http_backend.log)) as passed:
            runner.run(PUSH, address)
        assert http_backend.locks == {}, (line, passed[-1], runner.said)
        if len(passed) < line:
            assert line > 100
            assert runner.code == 0, runner.said
            return
        assert runner.code in (0, 130), (line, passed[-1], runner.said)
        assert "R425" not in runner.said, (line, passed[-1])
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("kind", ["http"])
def test_a_lock_that_is_held_at_the_very_end_does_not_keep_the_process(
    runner: Runner, http_backend: Backend
) -> None:
    """No thread is started any more then, and so nobody would wait for it."""
    code = (
        "import sys; from pathlib import Path; from reconciler.stores import open_store\n"
        "from tests.stores.contender import info\n"
        "held = open_store(sys.argv[1], Path.cwd()).lock(info(), 0)\n"
        "held.__enter__()\n"
    )
    address = f"{http_backend.url}/state/held"
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", code, address],
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=20,
        check=False,
    )
    assert ended.returncode == 0
    assert [method for method, _, _ in http_backend.log][:1] == ["LOCK"]


@contextmanager
def signalled_at(line: int, is_locked: Callable[[], bool]) -> Iterator[list[str]]:
    """Send a signal at one of the lines that hold a lock; yields those that were passed by then."""
    passed: list[str] = []
    files = (holding.__file__, signal.__file__)

    def trace(frame: FrameType, event: str, argument: object) -> Callable[..., object] | None:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line" and len(passed) < line and is_locked():
            passed.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
            if len(passed) == line:
                signal.raise_signal(signal.SIGTERM)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield passed
    finally:
        sys.settrace(before)


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
