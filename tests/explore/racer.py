"""A process that runs the command again and again, to race another one.

`python -m tests.explore.racer` answers requests, a line of JSON each: the arguments of a
command, or an address to count at. Starting Python a thousand times would be most of a race.
Nothing else is shared: every command opens its own store and its own connections.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from reconciler.cli.main import run
from reconciler.diagnostics import DiagnosticError
from reconciler.diagnostics.codes.state import STATE_MOVED_ON
from reconciler.state import StateStore
from reconciler.stores import open_store
from tests.stores.contender import ask_often, info


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended. status: its exit code."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Counted:
    """saved: how many saves were acknowledged. refused: how many met a newer state."""

    saved: int
    refused: int


class Racer:
    """A process that does one thing after another; `send` and `receive` take turns."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.explore.racer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def receive(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("a racer ended; see its message above")
        return json.loads(line)

    def run(self, arguments: list[str], environment: dict[str, str]) -> Ran:
        self.send({"arguments": arguments, "environment": environment})
        return Ran(**self.receive())

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Pair:
    """Two processes that are told to begin at the same moment."""

    def __init__(self) -> None:
        self._racers = Racer(), Racer()

    def __enter__(self) -> Pair:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for racer in self._racers:
            racer.end()

    def run(self, arguments: list[str], environment: dict[str, str]) -> list[Ran]:
        answers = self._ask({"arguments": arguments, "environment": environment})
        return [Ran(**answer) for answer in answers]

    def count(
        self, address: str, times: int, locked: bool, environment: dict[str, str]
    ) -> list[Counted]:
        """Each adds so many to the serial of a state, which is there already."""
        request = {"address": address, "times": times, "locked": locked}
        answers = self._ask({**request, "environment": environment})
        return [Counted(**answer) for answer in answers]

    def _ask(self, request: dict[str, Any]) -> list[Any]:
        for racer in self._racers:
            racer.send(request)
        return [racer.receive() for racer in self._racers]


def main() -> None:
    """Answer requests until standard input ends."""
    ask_often()
    for line in sys.stdin:
        request = json.loads(line)
        os.environ.update(request["environment"])
        answer = _run(request) if "arguments" in request else _count(request)
        print(json.dumps(answer), flush=True)


def _run(request: dict[str, Any]) -> dict[str, Any]:
    stream = io.TextIOWrapper(io.BytesIO(), write_through=True)
    with redirect_stdout(stream), redirect_stderr(stream):
        status = run(request["arguments"])
    stream.seek(0)
    return {"status": status, "text": stream.read()}


def _count(request: dict[str, Any]) -> dict[str, Any]:
    saved = refused = 0
    while saved < request["times"]:
        try:
            _add_one(open_store(request["address"], Path()), request["locked"])
            saved += 1
        except DiagnosticError as error:
            if error.diagnostics[0].code != STATE_MOVED_ON.id:
                raise
            refused += 1
    return {"saved": saved, "refused": refused}


def _add_one(store: StateStore, locked: bool) -> None:
    with store.lock(info(), 60) if locked else nullcontext():
        snapshot = store.load()
        assert snapshot is not None
        store.save(snapshot.state.following({}, {}), snapshot.version)


if __name__ == "__main__":
    main()
