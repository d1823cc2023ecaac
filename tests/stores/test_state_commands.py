"""`reconciler state` over real stores, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.state import encode_state
from reconciler.stores import open_store
from tests.state.samples import rich
from tests.stores.conftest import SHARED, Serve
from tests.stores.contender import info
from tests.stores.places import BUCKET

FILE = "reconciler.state.json"


@dataclass(frozen=True, slots=True)
class Project:
    root: Path

    def run(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Run `reconciler` here; returns everything that it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.root,
            input=stdin,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def file(self) -> bytes:
        return (self.root / FILE).read_bytes()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / FILE).write_bytes(encode_state(rich()))
    return Project(tmp_path)


@pytest.mark.parametrize("kind", SHARED)
def test_a_state_moves_to_a_shared_place_and_back_by_one_command_each(
    project: Project, kind: str, serve: Serve
) -> None:
    address = f"{serve(kind).prefix}{uuid.uuid4()}"
    before = project.file()
    assert f"state: {address}" in project.run("state", "migrate", "--to", address)
    assert project.run("state", "pull", "--state", address).encode() == before
    # Work goes on there, and comes back with the same lineage.
    (name,) = list(rich().finetunes)[:1]
    project.run("state", "mv", str(name), "renamed", "--state", address)
    project.run("state", "migrate", "--state", address, "--to", FILE)
    document = json.loads(project.file())
    assert document["lineage"] == rich().lineage
    assert document["serial"] == rich().serial + 1
    assert "finetune.renamed" in document["finetunes"]


def test_an_older_state_is_not_pushed(project: Project) -> None:
    newer = rich().following(rich().finetunes, rich().pending)
    (project.root / "older.json").write_bytes(project.file())
    (project.root / FILE).write_bytes(encode_state(newer))
    assert "R423" in project.run("state", "push", "older.json", code=1)
    assert project.file() == encode_state(newer)


def test_a_newer_state_is_pushed_from_standard_input(project: Project) -> None:
    newer = rich().following({}, {})
    project.run("state", "push", "-", stdin=encode_state(newer).decode())
    assert project.file() == encode_state(newer)


@pytest.mark.parametrize("change", [{"lineage": str(uuid.uuid4())}, {"account_id": "0" * 32}])
def test_a_state_of_another_project_is_not_pushed(project: Project, change: dict[str, str]) -> None:
    other = encode_state(replace(rich(), serial=99, **change)).decode()
    before = project.file()
    assert "R423" in project.run("state", "push", "-", code=1, stdin=other)
    assert project.file() == before


def test_what_was_changed_apart_is_not_migrated_over(project: Project) -> None:
    apart = encode_state(rich().following({}, {}))
    (project.root / "other.json").write_bytes(apart)
    (project.root / FILE).write_bytes(encode_state(rich().following(rich().finetunes, {})))
    said = project.run("state", "migrate", "--to", "other.json", code=1)
    assert "R423" in said
    assert "same serial" in said
    assert (project.root / "other.json").read_bytes() == apart


def test_rm_forgets_and_says_what_stays(project: Project) -> None:
    name = next(a for a in rich().finetunes if a not in rich().pending)
    assert "stays in the account" in project.run("state", "rm", name.name)
    assert str(name) not in json.loads(project.file())["finetunes"]


def test_mv_never_covers_another_record(project: Project) -> None:
    names = [a.name for a in rich().finetunes if a not in rich().pending]
    before = project.file()
    assert "R426" in project.run("state", "mv", names[0], names[0], code=1)
    assert project.file() == before


def test_unlock_shows_the_holder_and_frees_it_by_its_id(project: Project, s3: str) -> None:
    address = f"s3://{BUCKET}/{uuid.uuid4()}"
    holder = info("ada@runner")
    with open_store(address, project.root).lock(holder, 0):
        said = project.run("state", "unlock", "--state", address)
        assert "ada@runner" in said
        assert f"reconciler state unlock --force {holder.id}" in said
        assert "R422" in project.run("state", "unlock", "--state", address, "--force", "x", code=1)
        project.run("state", "unlock", "--state", address, "--force", holder.id)
        assert "is not locked" in project.run("state", "unlock", "--state", address)


def test_the_lock_of_a_file_is_its_process(project: Project) -> None:
    holder = info("ada@laptop")
    with open_store(FILE, project.root).lock(holder, 0):
        said = project.run("state", "unlock", "--force", holder.id, code=1)
    assert "End that process" in said
    assert "is not locked" in project.run("state", "unlock")
