"""A repository's folder, an account over real HTTP, and commands as a pipeline runs them."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.sandbox import Sandbox, SandboxSettings
from tests.adapters.support import ready

REPOSITORY = Path(__file__).parents[2]
COMMANDS = Path(sys.executable).parent
MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
LLAMA = "@cf/meta-llama/llama-2-7b-chat-hf-lora"

needs_curl_and_jq = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")),
    reason="needs curl and jq: apt install curl jq",
)

Completed = subprocess.CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Project:
    """A working folder whose account is `box`; every command is a process of its own."""

    folder: Path
    box: Sandbox

    @property
    def environment(self) -> dict[str, str]:
        """What a pipeline's job has: little, and the account."""
        return {
            "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "CLOUDFLARE_API_BASE_URL": self.box.base_url,
            "CLOUDFLARE_ACCOUNT_ID": self.box.settings.account_id,
            "CLOUDFLARE_API_TOKEN": self.box.settings.token,
        }

    def run(self, *arguments: str | Path, **environment: str) -> Completed:
        """Run `reconciler`; the environment is added to that of the job."""
        return run(
            [COMMANDS / "reconciler", *arguments],
            folder=self.folder,
            environment=self.environment | environment,
        )

    def plan(self, path: str, *arguments: str) -> Path:
        """Write a plan as JSON, as a pipeline would for a policy."""
        made = self.run("plan", "--format", "json", *arguments)
        target = self.folder / path
        target.write_text(made.stdout)
        return target

    def write(self, text: str, name: str = "finetunes.yaml") -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def declare(self, entries: Mapping[str, str], more: str = "") -> None:
        """Write the one manifest: fields in YAML's flow style by name, the model where missing."""
        lines = ["version: 1", "finetunes:" if entries else "finetunes: {}"]
        for name, fields in entries.items():
            model = "" if "model:" in fields else f'model: "{MISTRAL}"'
            lines.append(f"  {name}: {{{', '.join(part for part in (model, fields) if part)}}}")
        self.write("\n".join([*lines, more, ""]))

    def add_adapter(self, family: str) -> None:
        """Put an adapter of PEFT's into adapters/FAMILY: mistral has rank 8, llama 4."""
        ready(self.folder / "adapters", family)

    def create_outside(self, name: str, description: str = "") -> str:
        """Create a finetune as somebody else would; returns its id."""
        return self.box.account.create(
            name=name, model=MISTRAL, description=description, public=False
        ).id

    @property
    def names(self) -> list[str]:
        """The names in the account."""
        return sorted(finetune.name for finetune in self.box.account.finetunes())

    @property
    def writes(self) -> int:
        """How many requests the account got that create or upload."""
        return sum(request.method == "POST" for request in self.box.account.requests())


@contextmanager
def a_project(folder: Path, settings: SandboxSettings | None = None) -> Iterator[Project]:
    """Make an empty project with an empty account."""
    (folder / "project").mkdir(parents=True)
    with Sandbox(folder / "account", settings or SandboxSettings()) as box:
        yield Project(folder / "project", box)


def run(
    command: list[str | Path], *, folder: Path, environment: Mapping[str, str], text: str = ""
) -> Completed:
    """Run a command with just this environment and nothing to ask on."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=dict(environment),
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def offline_pip() -> dict[str, str]:
    """Return an environment in which pip takes the requirements from this one and no index."""
    return {
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # In the environment a 0 says: no isolation.
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": os.pathsep.join(site.getsitepackages()),
    }


def can(project: Project, command: Path) -> None:
    """Write a command that answers as `reconciler` just did, without the time that it takes.

    For tests of what is around it. Its plan has changes, and its apply does nothing.
    """
    command.parent.mkdir(parents=True, exist_ok=True)
    plan = command.parent / "canned.json"
    succeeded(project.run("plan", "--out", plan))
    for format_ in ("markdown", "gitlab"):
        text = succeeded(project.run("show", plan, "--format", format_))
        (command.parent / f"canned.{format_}").write_text(text)
    command.unlink(missing_ok=True)
    command.write_text(f"""#!/bin/sh
while [ $# -gt 1 ]; do
  case "$1" in
    validate|apply) exit 0 ;;
    --out) cp "{plan}" "$2"; exit 2 ;;
    --format) exec /bin/cat "{command.parent}/canned.$2" ;;
  esac
  shift
done
exit 1
""")
    command.chmod(0o755)


def succeeded(done: Completed) -> str:
    """Return the standard output of what must have succeeded."""
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
