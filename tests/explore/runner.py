"""Runs the command under the tracer, warm: a process that has it imported forks a copy a run.

Starting Python and importing takes longer than an apply, so that a run of its own for every
point would be most of the exploration. The fork runs the very command line, in a process of
its own, which is killed for real; `exact=True` starts a new interpreter instead.

Run as `python -m tests.explore.runner` it answers requests, a line of JSON each, so that
nothing else (threads of a server, above all) lives in the process that forks.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from tests.explore.tracer import follow, simply_run


@dataclass(frozen=True, slots=True)
class Command:
    """One run. at, with_signal: as for tracer.follow; without `at` it is not traced, unless asked.

    exact: in a new interpreter.
    """

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    at: int = 0
    with_signal: int = 9
    traced: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """How it ended. status: the exit code, or minus the signal that ended it."""

    status: int
    fired: bool
    calls: list[tuple[int, str]] = field(repr=False)
    out: str = ""
    err: str = ""

    @property
    def text(self) -> str:
        return self.out + self.err


class Runner:
    """A warm process to run commands by, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.explore.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def run(self, command: Command) -> Finished:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(command)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the runner ended; see its message above")
        return Finished(**json.loads(line))


def main() -> None:
    """Answer requests until standard input ends."""
    _warm_up()
    gc.freeze()
    # Neither stream may reach a child: it has its own.
    requests = os.fdopen(os.dup(0), "r")
    answers = os.fdopen(os.dup(1), "w")
    for line in requests:
        answers.write(json.dumps(asdict(_run(Command(**json.loads(line))))) + "\n")
        answers.flush()


def _warm_up() -> None:
    """Do once all that a run does, so that everything is imported; its threads end with it."""
    from reconciler.cli.main import run
    from tests.explore.world import SCENARIOS, World

    folder = Path(tempfile.mkdtemp(prefix="explore-"))
    here, environment = Path.cwd(), dict(os.environ)
    with World(folder / "project", SCENARIOS[-1]) as world, Path(os.devnull).open("w") as nowhere:
        os.chdir(world.folder)
        os.environ.update(world.environment)
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            for arguments in (
                ["apply", "--auto-approve"],
                ["plan"],
                ["resolve", "--all", "--retry"],
            ):
                run(arguments)
        os.chdir(here)
    os.environ.clear()
    os.environ.update(environment)
    folder.rmdir()


def _run(command: Command) -> Finished:
    out, err = Path(command.folder, ".out"), Path(command.folder, ".err")

    def child() -> NoReturn:
        _redirect(out, err)
        os.chdir(command.folder)
        if command.exact:
            program = [sys.executable, "-m", "reconciler", *command.arguments]
            os.execve(sys.executable, program, command.environment)
        os.environ.clear()
        os.environ.update(command.environment)
        _main(command.arguments)

    if command.at or command.traced:
        trail = follow(child, at=command.at, with_signal=command.with_signal)
    else:
        trail = simply_run(child)
    texts = [path.read_text(errors="replace") for path in (out, err)]
    out.unlink()
    err.unlink()
    return Finished(trail.status, trail.fired, trail.calls, *texts)


def _redirect(out: Path, err: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for number, descriptor in enumerate(
        (os.open(os.devnull, os.O_RDONLY), os.open(out, flags, 0o600), os.open(err, flags, 0o600))
    ):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _main(arguments: list[str]) -> NoReturn:
    from reconciler.cli.main import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
