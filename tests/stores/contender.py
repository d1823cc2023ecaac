"""A process of its own that uses a store: `python -m tests.stores.contender MODE ADDRESS ROOT`.

It says `ready`, waits for a line, and does what its mode says. The exit code is 0, or 100
and the last two digits of the code it was refused with (R407: 107).
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from reconciler.diagnostics import DiagnosticError
from reconciler.state import LockInfo, StateStore, new_state
from reconciler.stores import open_store

TOKEN = "0123456789abcdef"
"""What the names of temporary files are made with here, so that a tracer can wait for them."""
PATIENCE = 120.0


def info(who: str = "") -> LockInfo:
    who = who or f"tester@here (process {os.getpid()})"
    return LockInfo(str(uuid.uuid4()), "apply", who, "2026-08-01T12:00:00+00:00", "state")


def hold(store: StateStore) -> None:
    """Take the lock at once and keep it until standard input ends."""
    with store.lock(info(), 0):
        say("held")
        sys.stdin.read()
    say("released")


def wait(store: StateStore) -> None:
    """As `hold`, but wait for the lock."""
    with store.lock(info(), PATIENCE):
        say("held")
        sys.stdin.read()


def count(store: StateStore) -> None:
    """Under the lock, be alone and save once."""
    with store.lock(info(), PATIENCE) as lock, alone(Path(sys.argv[3])):
        lock.check()
        snapshot = store.load()
        assert snapshot is not None
        store.save(snapshot.state.following({}, {}), snapshot.version)


def swap(store: StateStore) -> None:
    """Without a lock, replace what was loaded before the line came."""
    snapshot = store.load()
    say("loaded")
    sys.stdin.readline()
    state = snapshot.state if snapshot else new_state("account")
    store.save(state.following({}, {}), snapshot.version if snapshot else "")


def save(store: StateStore) -> None:
    """Lock, load and save once; nothing is said, so that every write is the store's."""
    with store.lock(info(), 0) as lock:
        snapshot = store.load()
        lock.check()
        state = snapshot.state if snapshot else new_state("account")
        store.save(state.following({}, {}), snapshot.version if snapshot else "")


MODES: dict[str, Callable[[StateStore], None]] = {
    mode.__name__: mode for mode in (hold, wait, count, swap, save)
}


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Fail where another process is inside."""
    inside = root / "inside"
    os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
    yield
    inside.unlink()


def say(word: str) -> None:
    print(word, flush=True)


def main(mode: str, address: str, root: str) -> NoReturn:
    store = open_store(address, Path(root))
    try:
        if mode == "save":
            secrets.token_hex = lambda nbytes=None: TOKEN
        else:
            say("ready")
            sys.stdin.readline()
        MODES[mode](store)
    except DiagnosticError as error:
        print(error.diagnostics[0].detail, file=sys.stderr)
        sys.exit(100 + int(error.diagnostics[0].code[-2:]))
    sys.exit(0)


# For the tests


def arguments(mode: str, address: str, root: Path) -> list[str]:
    return [sys.executable, "-B", "-m", "tests.stores.contender", mode, address, str(root)]


@dataclass(frozen=True, slots=True)
class Contender:
    process: subprocess.Popen[str]

    def hear(self) -> str:
        """Wait for its next word, "" where it ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        """Let it come to its end; returns the exit code and what it complained of."""
        _, complaint = self.process.communicate()
        return self.process.returncode, complaint.strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def contenders(number: int, mode: str, address: str, root: Path) -> Iterator[list[Contender]]:
    """Start processes that are all ready."""
    with ExitStack() as stack:
        started = []
        for _ in range(number):
            process = subprocess.Popen(
                arguments(mode, address, root),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            started.append(Contender(process))
        for contender in started:
            assert contender.hear() == "ready"
        yield started


if __name__ == "__main__":
    main(*sys.argv[1:])
