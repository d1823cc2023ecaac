"""One planted bug, and the copy of the project that it is planted into."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[3]
_COPIED = ("reconciler", "tests", "schemas", "examples")
_NOT_COPIED = shutil.ignore_patterns("__pycache__")
_FAILED = re.compile(r"^FAILED (.+?)(?: - |$)", re.MULTILINE)


class NotPlantedError(Exception):
    """The text that a bug replaces is not there just once any more: the bug has to be renewed."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace a text, which is in the file just once. file: below reconciler/."""

    file: str
    old: str
    new: str

    def of(self, text: str) -> str:
        """Return a file's text with the edit made; raises NotPlantedError."""
        if text.count(self.old) != 1:
            raise NotPlantedError(f"{self.file} has {text.count(self.old)} times: {self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Bug:
    """name: what is done wrong. caught_by: tests (pytest's ids), each of which must fail."""

    name: str
    caught_by: tuple[str, ...]
    edits: tuple[Edit, ...]

    def plant(self, package: Path) -> None:
        """Change a copy of the package; what is left must still compile."""
        for edit in self.edits:
            path = package / edit.file
            text = edit.of(path.read_text(encoding="utf-8"))
            compile(text, edit.file, "exec")
            path.write_text(text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Caught:
    """What one test said of one bug. by: those of its cases that failed. output: pytest's."""

    bug: str
    asked: str
    by: tuple[str, ...]
    output: str


@contextmanager
def copied() -> Iterator[Path]:
    """Copy what the tests need into a folder of its own."""
    with TemporaryDirectory(prefix="planted-") as name:
        folder = Path(name)
        for part in _COPIED:
            shutil.copytree(ROOT / part, folder / part, ignore=_NOT_COPIED)
        shutil.copy(ROOT / "pyproject.toml", folder)
        yield folder


def run_tests(folder: Path, *tests: str) -> tuple[int, tuple[str, ...], str]:
    """Run tests against a copy; returns the exit code, the tests that failed, and the output."""
    # Before everything else that has the package, in the processes that tests start too.
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line"]
    options += ["--basetemp", str(folder / "temporary")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, tuple(_FAILED.findall(done.stdout)), done.stdout + done.stderr


def catch(bug: Bug) -> list[Caught]:
    """Plant a bug and ask each of its tests."""
    with copied() as folder:
        bug.plant(folder / "reconciler")
        _, failed, output = run_tests(folder, *bug.caught_by)
    return [Caught(bug.name, test, _cases(test, failed), output) for test in bug.caught_by]


def _cases(test: str, failed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(case for case in failed if case == test or case.startswith(f"{test}["))
