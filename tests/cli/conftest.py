"""A project folder, an emulated account over real HTTP, and the command line in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.sandbox import Sandbox, SandboxSettings

MODEL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


@dataclass
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@dataclass
class Project:
    """A working folder whose account is `box`."""

    folder: Path
    box: Sandbox
    capture: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, text: str, name: str = "finetunes.yaml") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def declare(self, *entries: str, more: str = "") -> None:
        """Write the one manifest; an entry is `NAME` or `NAME: {field: value}`."""
        lines = ["version: 1", "finetunes:" if entries else "finetunes: {}"]
        for entry in entries:
            name, _, rest = entry.partition(":")
            fields = rest.strip().removeprefix("{").removesuffix("}")
            model = "" if "model:" in fields else f'model: "{MODEL}"'
            body = ", ".join(part for part in (model, fields) if part)
            lines.append(f"  {name}: {{{body}}}")
        self.write("\n".join([*lines, more, ""]))

    def run(self, *arguments: str) -> Result:
        """Run a command in this process."""
        self.capture.readouterr()
        code = run(arguments)
        out, err = self.capture.readouterr()
        return Result(code, out, err)

    def spawn(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            text=True,
            stdin=subprocess.DEVNULL,
            **{**pipes, **options},  # type: ignore[call-overload]
        )

    def apply(self, *arguments: str) -> Result:
        """Apply without asking; then the next plan must have no changes."""
        result = self.run("apply", "--auto-approve", *arguments)
        if result.code == 0:
            self.is_converged()
        return result

    def is_converged(self) -> None:
        after = self.run("plan", "--detailed-exitcode")
        assert after.code == 0, after.out + after.err
        assert "No changes." in after.out

    @property
    def names(self) -> list[str]:
        """The names in the account."""
        return sorted(finetune.name for finetune in self.box.account.finetunes())

    def creates(self) -> int:
        """How many creates the account has got."""
        return sum(
            request.method == "POST" and request.path.endswith("/finetunes")
            for request in self.box.account.requests()
        )


Serve = Callable[..., Sandbox]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start an account with other settings."""
    boxes: list[Sandbox] = []

    def start(**settings: object) -> Sandbox:
        chosen = replace(SandboxSettings(), **settings)  # type: ignore[arg-type]
        box = Sandbox(tmp_path / f"account-{len(boxes)}", chosen)
        box.start()
        boxes.append(box)
        return box

    yield start
    for box in boxes:
        box.stop()


def use(project: Project, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a box the project's account."""
    project.box = box
    project.environment = {
        "CLOUDFLARE_API_BASE_URL": box.base_url,
        "CLOUDFLARE_ACCOUNT_ID": box.settings.account_id,
        "CLOUDFLARE_API_TOKEN": box.settings.token,
    }
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def project(
    tmp_path: Path,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Project:
    """An empty project with an empty account."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    made = Project(folder, serve(), capsys)
    use(made, made.box, monkeypatch)
    return made


def lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client's pauses before another attempt take no time."""
    monkeypatch.setattr("reconciler.cloudflare.client._backoff", lambda attempt: 0.0)
