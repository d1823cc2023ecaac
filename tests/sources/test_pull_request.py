"""The whole way: weights in Git LFS and on the hub, planned where there are none of them,
applied where they can be had, and the same plan in both places.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.model import WEIGHTS_FILE
from tests.adapters.support import edit, ready
from tests.cli.conftest import MODEL, Project
from tests.cli.test_verify import break_weights
from tests.sources.conftest import pins, uploaded
from tests.sources.servers import Hub

pytestmark = pytest.mark.skipif(
    shutil.which("git-lfs") is None, reason="git-lfs is not installed (apt-get install git-lfs)"
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@example.com")


class Repository:
    """git with LFS; its server is a bare repository in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            **os.environ,
            "HOME": str(folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
        }

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *AUTHOR, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def server(tmp_path: Path, hub: Hub) -> Path:
    """A repository with one adapter in LFS and one that the hub has; returns its server."""
    bare, folder = tmp_path / "server.git", tmp_path / "author"
    folder.mkdir()
    author = Repository(folder)
    author.git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    author.git("init", "--quiet", "--initial-branch=main")
    author.git("lfs", "install", "--local", "--skip-smudge")
    author.git("lfs", "track", "*.safetensors")
    (folder / "adapters").mkdir()
    shutil.move(ready(tmp_path), folder / "adapters" / "support")
    elsewhere = ready(tmp_path / "hub-author")
    commit = hub.commit("acme/sales", elsewhere)
    (folder / "reconciler.yaml").write_text("version: 1\nsources: {allow: [hf://acme]}\n")
    digests = "".join(f"        {name}: {digest}\n" for name, digest in pins(elsewhere).items())
    (folder / "finetunes.yaml").write_text(
        "version: 1\nfinetunes:\n"
        f'  support:\n    model: "{MODEL}"\n    adapter: adapters/support\n'
        f'  sales:\n    model: "{MODEL}"\n    adapter:\n'
        f"      source: hf://acme/sales@{commit}\n      sha256:\n{digests}"
    )
    author.git("add", ".")
    author.git("commit", "--quiet", "-m", "Two finetunes")
    author.git("remote", "add", "origin", f"file://{bare}")
    author.git("push", "--quiet", "origin", "main")
    return bare


def checkout(project: Project, server: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Clone without the weights, and work there."""
    count = len(list(project.folder.parent.glob("clone-*")))
    folder = project.folder.parent / f"clone-{count}"
    Repository(project.folder.parent).git("clone", "--quiet", f"file://{server}", str(folder))
    project.folder = folder
    monkeypatch.chdir(folder)
    return Repository(folder)


def test_a_pull_request_without_the_weights_and_an_apply_with_them(
    project: Project, server: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The pull request: a machine that has neither.
    hub.log.clear()
    checkout(project, server, monkeypatch)
    assert (project.folder / "adapters/support" / WEIGHTS_FILE).read_text().startswith("version ")
    validated = project.run("validate")
    assert validated.code == 0, validated.err
    assert "R306" in validated.err
    assert "git lfs pull" in validated.err
    planned = project.run("plan")
    assert planned.code == 0, planned.err
    digest = DIGEST.findall(planned.out)[-1]
    assert not hub.log

    # Applied there all the same, it is refused with the command to run.
    refused = project.run("apply", "--plan-digest", digest)
    assert refused.code == 1
    assert "R306" in refused.err
    assert f'git lfs pull --include "*{WEIGHTS_FILE}"' in " ".join(refused.err.split())
    assert project.creates() == 0
    assert not hub.log

    # After the merge, elsewhere: a machine that fetches both.
    merged = checkout(project, server, monkeypatch)
    merged.git("lfs", "install", "--local", "--skip-smudge")
    merged.git("lfs", "pull", "--include", f"*{WEIGHTS_FILE}")
    assert DIGEST.findall(project.run("plan").out)[-1] == digest
    applied = project.run("apply", "--plan-digest", digest, "--verify")
    assert applied.code == 0, applied.out + applied.err
    assert uploaded(project, "support") == pins(project.folder / "adapters/support")
    assert project.names == ["sales", "support"]
    project.is_converged()
    answers = json.loads(project.run("output", "--format", "json").out)
    assert [answers[name]["verification"]["outcome"] for name in project.names] == ["answered"] * 2


def test_an_adapter_broken_on_purpose_is_stopped_before_it_is_created(
    project: Project, server: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    broken = ready(tmp_path / "broken")
    edit(broken, r=16)
    hub.commit("acme/sales", broken)
    repository = checkout(project, server, monkeypatch)
    text = (project.folder / "finetunes.yaml").read_text()
    project.write(re.sub(r"sales@[0-9a-f]{40}", "sales@main", text))
    assert project.run("adapter", "pin", "sales").code == 0
    digest = DIGEST.findall(project.run("plan").out)[-1]
    repository.git("lfs", "install", "--local", "--skip-smudge")
    repository.git("lfs", "pull")

    result = project.run("apply", "--plan-digest", digest)

    assert result.code == 1
    assert "R337" in result.err
    assert project.creates() == 0
    assert project.names == []


def test_one_that_only_inference_reveals_is_stopped_by_verify(
    project: Project, server: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "diverged").mkdir()
    diverged = ready(tmp_path / "diverged")
    break_weights(diverged)
    hub.commit("acme/sales", diverged)
    checkout(project, server, monkeypatch)
    text = (project.folder / "finetunes.yaml").read_text()
    project.write(re.sub(r"sales@[0-9a-f]{40}", "sales@main", text))
    assert project.run("adapter", "pin", "sales").code == 0

    flags = ("--target", "sales", "--verify", "--answer-timeout", "0")
    result = project.run("apply", "--auto-approve", *flags)

    assert result.code == 1
    assert "R801" in result.err
    assert uploaded(project, "sales") == pins(diverged)
    answers = json.loads(project.run("output", "--format", "json").out)
    assert answers["sales"]["verification"]["outcome"] == "silent"
    again = project.run("plan", "--target", "sales", "--detailed-exitcode")
    assert (again.code, "R805" in again.err) == (0, True)
