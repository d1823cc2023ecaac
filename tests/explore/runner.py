"""Runs the command under the tracer, warm: a process that has it imported forks a copy a run.

Starting Python and importing takes longer than an apply, so that a run of its own for every
point would be most of the exploration. The fork runs the very command line, in a process of
its own, which is killed for real; `exact=True` starts a new interpreter instead.

Run as `python -m tests.explore.runner` it answers requests, a line of JSON each, so that
nothing else (threads of a server, above all) lives in the process that forks.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from tests.explore.blows import Blow
from tests.explore.tracer import Trail, follow, simply_run
from tests.uncovered import without_coverage

_NO_END = 124
"""The exit code of a command that had to be ended, as timeout(1) has it."""


@dataclass(frozen=True, slots=True)
class Command:
    """One run. blow: what it is dealt; without one it is not traced, unless asked.

    exact: in a new interpreter.
    """

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    blow: Blow | None = None
    traced: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """How it ended. status: the exit code, or minus the signal that ended it."""

    status: int
    fired: bool
    calls: list[tuple[int, str, str]] = field(repr=False)
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
            cwd=Path(__file__).parents[2],
            env=_environment(),
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


@cache
def this_runner() -> Runner:
    """One for each process, as long as the process lives."""
    runner = Runner()
    atexit.register(runner.__exit__, None, None, None)
    return runner


def _environment() -> dict[str, str]:
    """Measured, it would be slow, and what is killed measures nothing."""
    return {**without_coverage(), "PYTHONDONTWRITEBYTECODE": "1"}


def main() -> None:
    """Answer requests until standard input ends."""
    _warm_up()
    gc.freeze()
    # Neither stream may reach a child: it has its own.
    requests = os.fdopen(os.dup(0), "r")
    answers = os.fdopen(os.dup(1), "w")
    folder = Path(tempfile.mkdtemp(prefix="explore-"))
    for line in requests:
        answers.write(json.dumps(asdict(_run(_read(line), folder))) + "\n")
        answers.flush()
    # In no `finally`: a forked child that exits comes by there, too.
    folder.rmdir()


def _read(line: str) -> Command:
    content = json.loads(line)
    blow = content.pop("blow")
    return Command(**content, blow=Blow(**blow) if blow else None)


def _warm_up() -> None:
    """Do once all that a run does, so that everything is imported; its threads end with it."""
    from reconciler.cli.main import run
    from tests.explore.world import SCENARIOS, World

    folder = Path(tempfile.mkdtemp(prefix="explore-"))
    here, environment = Path.cwd(), dict(os.environ)
    with World(folder / "project", SCENARIOS[3]) as world, Path(os.devnull).open("w") as nowhere:
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


def _run(command: Command, folder: Path) -> Finished:
    # Not in the project's folder, whose file system may be gone afterwards.
    out, err = folder / "out", folder / "err"

    def child() -> NoReturn:
        _redirect(out, err)
        os.chdir(command.folder)
        if command.exact:
            program = [sys.executable, "-m", "reconciler", *command.arguments]
            os.execve(sys.executable, program, command.environment)
        os.environ.clear()
        os.environ.update(command.environment)
        _main(command.arguments)

    is_traced = command.traced or command.blow is not None
    try:
        trail = follow(child, command.blow) if is_traced else simply_run(child)
    except TimeoutError as error:
        err.write_text(f"{error}\n")
        trail = Trail(status=_NO_END)
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
    from reconciler.cli.main import run_to_the_end

    # Found out in the warm process already, from another environment.
    tempfile.tempdir = None
    run_to_the_end(arguments)


if __name__ == "__main__":
    main()
