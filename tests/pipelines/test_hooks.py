"""The hooks, with the real pre-commit and without a network."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.pipelines.support import COMMANDS, REPOSITORY, Completed, offline_pip, run, succeeded

INSTALLED = ("reconciler", "schemas", "pyproject.toml", "README.md", "LICENSE")
EXAMPLE = REPOSITORY / "examples" / "gitops"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a repository of the hooks, and pre-commit's cache of their environment."""
    folder = tmp_path_factory.mktemp("hooks")
    hooks = folder / "hooks"
    hooks.mkdir()
    for name in INSTALLED:
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, hooks / name)
    shutil.copy(REPOSITORY / ".pre-commit-hooks.yaml", hooks)
    commit(hooks, folder)
    return folder


def git(folder: Path, home: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    return succeeded(
        run(["git", *identity, *arguments], folder=folder, environment=settings(home))
    ).strip()


def commit(folder: Path, home: Path) -> None:
    git(folder, home, "init", "--quiet")
    git(folder, home, "add", "--all", "--force")
    git(folder, home, "commit", "--quiet", "--message", "x")


def settings(home: Path) -> dict[str, str]:
    path = f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(home), **offline_pip()}


def pre_commit(folder: Path, home: Path) -> Completed:
    command: list[str | Path] = [COMMANDS / "pre-commit", "run", "--all-files", "--verbose"]
    return run(command, folder=folder, environment=settings(home))


def test_the_hooks_of_the_example_check_what_is_committed(home: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    config = tmp_path / ".pre-commit-config.yaml"
    revision = git(home / "hooks", home, "rev-parse", "HEAD")
    text = config.read_text().replace("https://GIT-HOST/OWNER/finetune-reconciler", f"{home}/hooks")
    config.write_text(text.replace("rev: v1", f"rev: {revision}"))
    commit(tmp_path, home)

    done = pre_commit(tmp_path, home)

    assert succeeded(done).count("Valid. 1 finetune declared.") == 2

    manifest = tmp_path / "production" / "finetunes" / "support.yaml"
    manifest.write_text(manifest.read_text().replace("model:", "mdoel:"))
    (tmp_path / "staging" / "reconciler.state.json").write_text("{}")
    git(tmp_path, home, "add", "--all", "--force")

    done = pre_commit(tmp_path, home)

    assert done.returncode == 1
    assert done.stdout.count("Valid. 1 finetune declared.") == 1, done.stdout
    assert "finetunes/support.yaml:5:5" in done.stdout
    assert "staging/reconciler.state.json" in done.stdout
