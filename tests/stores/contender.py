"""Processes of their own that use a store at the same time, as `contenders` starts them.

Each is forked from a process that has everything loaded: twenty are there in a moment, and
share nothing but that. `python -m tests.stores.contender ADDRESS ROOT` saves once and says
nothing, so that every system call is the store's. The exit code is 0, or 100 and the last two
digits of the code it was refused with (R407: 107).
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import NoReturn

from reconciler.diagnostics import DiagnosticError
from reconciler.state import LockInfo, StateStore, new_state
from reconciler.stores import file_lock, open_store, waiting

TOKEN = "0123456789abcdef"
"""What the names of temporary files are made with here, so that a tracer can wait for them."""
PATIENCE = 120.0
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "__main__",
        "tests.stores.contender",
        "reconciler.stores.http_backend",
        "reconciler.stores.object_client",
        "reconciler.stores.object_storage",
        "reconciler.stores.postgresql_session",
    ]
)


def info(who: str = "") -> LockInfo:
    who = who or f"tester@here (process {os.getpid()})"
    return LockInfo(str(uuid.uuid4()), "apply", who, "2026-08-01T12:00:00+00:00", "state")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a contender acts on. say, listen: to and from whoever started it."""

    store: StateStore
    root: Path
    say: Callable[[str], None]
    listen: Callable[[], str]


def hold(stage: Stage) -> None:
    """Take the lock at once and keep it until told."""
    with stage.store.lock(info(), 0):
        stage.say("held")
        stage.listen()


def wait(stage: Stage) -> None:
    """As `hold`, but wait for the lock."""
    with stage.store.lock(info(), PATIENCE):
        stage.say("held")
        stage.listen()


def count(stage: Stage) -> None:
    """Under the lock, be alone and save once."""
    with stage.store.lock(info(), PATIENCE) as lock, alone(stage.root):
        lock.check()
        snapshot = stage.store.load()
        assert snapshot is not None
        stage.store.save(snapshot.state.following({}, {}), snapshot.version)


def swap(stage: Stage) -> None:
    """Without a lock, replace what was loaded before the word came."""
    _replace_what_was_loaded(stage)


def swap_locked(stage: Stage) -> None:
    """As `swap`, but save under the lock, which it waits for."""
    _replace_what_was_loaded(stage, lambda: stage.store.lock(info(), PATIENCE))


def _replace_what_was_loaded(
    stage: Stage, lock: Callable[[], AbstractContextManager[object]] = nullcontext
) -> None:
    snapshot = stage.store.load()
    stage.say("loaded")
    stage.listen()
    state = snapshot.state if snapshot else new_state("account")
    with lock():
        stage.store.save(state.following({}, {}), snapshot.version if snapshot else "")


MODES: dict[str, Callable[[Stage], None]] = {
    mode.__name__: mode for mode in (hold, wait, count, swap, swap_locked)
}


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Fail where another process is inside."""
    inside = root / "inside"
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    yield
    inside.unlink()


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    complaint: str


def _contend(
    mode: str, address: str, root: Path, environment: dict[str, str], ear: Connection
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    ask_often()
    store = open_store(address, root)
    ear.send("ready")
    ear.recv()
    try:
        MODES[mode](Stage(store, root, ear.send, ear.recv))
    except DiagnosticError as error:
        ear.send(Ended(_exit_code(error), error.diagnostics[0].detail))
    else:
        ear.send(Ended(0, ""))


def ask_often() -> None:
    """Ask for a lock more often than a run should, so that little of a contest is waiting."""
    waiting.FIRST_PAUSE = waiting.LONGEST_PAUSE = file_lock.POLL_SECONDS = 0.02


def _exit_code(error: DiagnosticError) -> int:
    return 100 + int(error.diagnostics[0].code[-2:])


def main(address: str, root: str) -> NoReturn:
    store = open_store(address, Path(root))
    secrets.token_hex = lambda nbytes=None: TOKEN
    try:
        with store.lock(info(), 0) as lock:
            snapshot = store.load()
            lock.check()
            state = snapshot.state if snapshot else new_state("account")
            store.save(state.following({}, {}), snapshot.version if snapshot else "")
    except DiagnosticError as error:
        print(error.diagnostics[0].detail, file=sys.stderr)
        sys.exit(_exit_code(error))
    sys.exit(0)


# For the tests


def arguments(address: str, root: Path) -> list[str]:
    return [sys.executable, "-B", "-m", "tests.stores.contender", address, str(root)]


@dataclass(slots=True)
class Contender:
    process: ForkServerProcess
    pid: int
    ear: Connection
    ended: Ended | None = None

    def hear(self) -> str:
        """Wait for its next word, "" where it ended."""
        word = self.ear.recv()
        if isinstance(word, Ended):
            self.ended = word
            return ""
        return str(word)

    def go(self) -> None:
        self.ear.send("go")

    def end(self) -> tuple[int, str]:
        """Let it come to its end; returns its code and what it complained of."""
        with suppress(OSError):
            self.ear.send("end")
        while self.ended is None:
            self.hear()
        self.process.join()
        return self.ended.code, self.ended.complaint

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@contextmanager
def contenders(number: int, mode: str, address: str, root: Path) -> Iterator[list[Contender]]:
    """Start processes that are all ready."""
    with ExitStack() as stack:
        started = []
        for _ in range(number):
            ear, mouth = _FORKS.Pipe()
            process = _FORKS.Process(
                target=_contend, args=(mode, address, root, dict(os.environ), mouth)
            )
            process.start()
            mouth.close()
            contender = Contender(process, process.pid or 0, ear)
            for last in (process.close, ear.close, contender.kill):
                stack.callback(last)
            started.append(contender)
        for contender in started:
            assert contender.hear() == "ready"
        yield started


if __name__ == "__main__":
    main(*sys.argv[1:])
