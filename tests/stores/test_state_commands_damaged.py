"""A damaged state is replaced by a good copy: on purpose, with the command that the error says."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from reconciler.state import encode_state
from reconciler.stores import open_store
from tests.state.samples import rich
from tests.stores.commands import FILE, Project, overwrite
from tests.stores.conftest import SHARED, Serve
from tests.stores.contender import info

GOOD = encode_state(rich())
TORN = GOOD[: len(GOOD) // 2]
COPY = "copy.json"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.keep(rich(), COPY)
    return made


@pytest.fixture(params=SHARED)
def damaged(project: Project, request: pytest.FixtureRequest, serve: Serve) -> str:
    """The address of a damaged state."""
    address = f"{serve(request.param).prefix}{uuid.uuid4()}"
    project.store(rich(), address)
    overwrite(address, TORN)
    return address


def test_what_the_error_says_puts_a_good_copy_back(project: Project, damaged: str) -> None:
    said = project.run("state", "list", "--state", damaged, code=1)
    assert "error[R402]" in said
    said = project.follow(said)
    assert f"{damaged} has serial 7 now, in place of a damaged state." in said
    assert project.stored(damaged) == rich()
    # It is a state like any other: work goes on with it.
    project.run("state", "rm", "plain", "--state", damaged)
    assert project.run("state", "list", "--state", damaged).count("plain") == 0


def test_a_push_without_the_flag_writes_nothing_and_says_the_whole_command(
    project: Project, damaged: str
) -> None:
    project.keep(rich(), "other copy.json")
    said = project.run("state", "push", "other copy.json", "--state", damaged, code=1)
    assert "error[R402]" in said
    assert "push 'other copy.json' --replace-damaged --state" in said
    assert "error[R402]" in project.run("state", "list", "--state", damaged, code=1)
    project.follow(said)
    assert project.stored(damaged) == rich()


@pytest.mark.parametrize("damaged", ["s3", "postgresql", "http"], indirect=True)
def test_only_the_holder_of_the_lock_replaces_it(project: Project, damaged: str) -> None:
    with open_store(damaged, project.root).lock(info("ada@runner"), 0):
        arguments = ("state", "push", COPY, "--replace-damaged", "--state", damaged)
        assert "R408" in project.run(*arguments, code=1)
    assert "error[R402]" in project.run("state", "list", "--state", damaged, code=1)


@pytest.mark.parametrize("damaged", ["s3", "postgresql", "http"], indirect=True)
def test_a_migration_does_not_replace_it(project: Project, damaged: str) -> None:
    project.keep(rich())
    said = project.run("state", "migrate", "--to", damaged, code=1)
    assert "error[R402]" in said
    assert "error[R402]" in project.run("state", "list", "--state", damaged, code=1)
    project.follow(said)
    project.run("state", "migrate", "--to", damaged)


@pytest.mark.parametrize("kind", ["s3", "postgresql", "http"])
def test_the_flag_replaces_no_state_that_can_be_read(
    project: Project, kind: str, serve: Serve
) -> None:
    address = f"{serve(kind).prefix}{uuid.uuid4()}"
    newer = rich().following(rich().finetunes, rich().pending)
    project.store(newer, address)
    arguments = ("state", "push", COPY, "--replace-damaged", "--state", address)
    assert "R423" in project.run(*arguments, code=1)
    assert project.stored(address) == newer


# A file


def test_a_damaged_file_is_kept_beside_the_copy_that_replaces_it(project: Project) -> None:
    (project.root / FILE).write_bytes(TORN)
    older = project.keep(rich(), f"{FILE}.backup")
    said = project.follow(project.run("state", "list", code=1))
    assert f"kept as {FILE}.damaged" in said
    assert project.file() == GOOD
    assert (project.root / f"{FILE}.damaged").read_bytes() == TORN
    # The backup may have been the only good copy; a damaged one never takes its place.
    assert (project.root / f"{FILE}.backup").read_bytes() == older
    project.run("state", "rm", "plain")
    assert (project.root / f"{FILE}.backup").read_bytes() == GOOD


def test_a_file_that_is_damaged_is_not_pushed(project: Project) -> None:
    project.keep(rich())
    (project.root / COPY).write_bytes(TORN)
    said = project.run("state", "push", COPY, "--replace-damaged", code=1)
    assert "Take another copy." in said
    assert project.file() == GOOD
